/** The rows of the commands about a node's data: backup, restore, recovery and diagnosis. */
import type { Command } from "./command.ts";

/** In the order of the help text. */
export const DATA_COMMANDS: readonly Command[] = [];
