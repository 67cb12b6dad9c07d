/**
 * What a command is. A row tells help, completion and the man page everything;
 * the code that does the work is loaded when the command is run, so that nothing
 * slows down the start of a node.
 */
import type { Settings } from "../config/command_line.ts";
import type { Flag } from "../config/flags.ts";
import type { Terminal } from "./terminal.ts";

/** Exit statuses of all commands. */
export const EXIT = {
  ok: 0,
  /** The server, or the thing that was looked at, says no. */
  failed: 1,
  /** The command line cannot be followed. */
  usage: 2,
  /** No server could be reached, or it can't be known whether it has done what was asked. */
  unreachable: 3,
  /** Standard output took no result; what the command was to change is changed. */
  untold: 4,
  /** Somebody pressed Ctrl-C while a password was asked for: what a shell says of SIGINT. */
  interrupted: 130,
} as const;

/** The headings of the help text, in its order. */
export const COMMAND_GROUPS = [
  "Keys",
  "Cluster",
  "Users",
  "Certificates",
  "Data",
  "Shell",
] as const;

/** An argument that is no flag. */
export interface Operand {
  /** In capitals; completion knows `FILE`, `DIR` and those with `choices`. */
  readonly name: string;
  readonly optional?: boolean;
  /** May stand more than once; only of the last. */
  readonly repeated?: boolean;
  readonly choices?: readonly string[];
}

/** A line to copy, and what it does. */
export interface Example {
  readonly line: string;
  readonly says: string;
}

/** A row of the table of commands. */
export interface Command {
  /** One word, or two: `member remove`. */
  readonly name: string;
  readonly group: typeof COMMAND_GROUPS[number];
  /** One sentence without a full stop. */
  readonly summary: string;
  readonly operands: readonly Operand[];
  /** Paragraphs for `-h` and the man page: what the summary has no room for. */
  readonly description?: readonly string[];
  /** Its own; `-h` is added to every command. */
  readonly flags: readonly Flag[];
  /** Taken as well, and left out of help and completion. */
  readonly unlisted?: readonly Flag[];
  readonly examples: readonly Example[];
  /** Loads the code that runs it. */
  readonly load: () => Promise<Run>;
}

/** What a command is run with. */
export interface Invocation {
  readonly settings: Settings<Flag>;
  /** As many as the row allows. */
  readonly operands: readonly string[];
  readonly terminal: Terminal;
}

/**
 * Runs a command; resolves with the exit status. May throw `CommandError` and
 * `UsageError`, whose message is then the one line on standard error.
 */
export type Run = (invocation: Invocation) => Promise<number>;

/** A command cannot go on; the message is one line: what was expected, found, and what to do. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly status: number;

  constructor(message: string, status: number = EXIT.failed) {
    super(message);
    this.status = status;
  }
}

/** Added to the flags of every command. */
export const HELP_FLAG: Flag = {
  name: "h",
  kind: "boolean",
  initial: false,
  help: "print this help",
};

/** `KEY [VALUE]`, `FILE...` */
export function operandsText({ operands }: Command): string {
  return operands.map(({ name, optional, repeated }) => {
    const text = repeated ? `${name}...` : name;
    return optional ? `[${text}]` : text;
  }).join(" ");
}
