/**
 * The one table of commands: dispatch, help, completion and the man page are
 * made from it. A command is a row in the file of its group and a file with its
 * `run`, which the row loads. After a change `deno task man` makes the page again.
 */
import { AUTH_COMMANDS } from "./auth_commands.ts";
import { CERTS_COMMANDS } from "./certs_commands.ts";
import { CLUSTER_COMMANDS } from "./cluster_commands.ts";
import type { Command } from "./command.ts";
import { DATA_COMMANDS } from "./data_commands.ts";
import { KEY_COMMANDS } from "./key_commands.ts";
import { shellCommand } from "./shell_commands.ts";

/** Every command, in the order of the help text. */
export const COMMANDS: readonly Command[] = [
  ...KEY_COMMANDS,
  ...CLUSTER_COMMANDS,
  ...AUTH_COMMANDS,
  ...CERTS_COMMANDS,
  ...DATA_COMMANDS,
  shellCommand(() => COMMANDS),
];
