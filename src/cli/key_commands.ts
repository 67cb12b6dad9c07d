/** The rows of the commands that read and write keys. */
import type { Command } from "./command.ts";
import { CONNECTION_FLAGS, OUTPUT_FLAG } from "./connection_flags.ts";

const STALE_FLAG = {
  name: "stale",
  kind: "boolean",
  initial: false,
  help: "read what the server knows by now, without asking the others",
} as const;

/** In the order of the help text. */
export const KEY_COMMANDS: readonly Command[] = [
  {
    name: "get",
    group: "Keys",
    summary: "print the value of a key",
    operands: [{ name: "KEY" }],
    flags: [STALE_FLAG, OUTPUT_FLAG, ...CONNECTION_FLAGS],
    examples: [
      { line: "etcd get message", says: "the value, and nothing else" },
      { line: "etcd get -o json message", says: "all that the server says, as it says it" },
    ],
    load: async () => (await import("./keys.ts")).runGet,
  },
];
