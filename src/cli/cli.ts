/** Finds the command that a command line names, and runs it. */
import { messageOf } from "../base/errors.ts";
import { nearest, readTable } from "../config/command_line.ts";
import { printable, UsageError } from "../config/usage_error.ts";
import { VERSION } from "../version.ts";
import { type Command, CommandError, EXIT, HELP_FLAG, operandsText } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { commandHelp, familyHelp, overview } from "./help.ts";
import {
  ClosedPipeError,
  InputError,
  InterruptedError,
  OutputError,
  type Terminal,
} from "./terminal.ts";

const HELP = /^--?h(elp)?$/;

/** Runs the command that `args` begin with; resolves with the exit status. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  let label = "etcd";
  try {
    if (args[0] === "help") return help(args.slice(1), terminal);
    const [first = "", second = ""] = args;
    if (familyOf([first]).length > 0 && HELP.test(second)) return help([first], terminal);
    const found = findCommand(args);
    label = `etcd ${found.command.name}`;
    return await run(found.command, found.rest, terminal);
  } catch (error) {
    return explain(error, label, terminal);
  }
}

/** Writes a text to standard output; the exit status. */
export function tell(text: string, terminal: Terminal): number {
  try {
    terminal.write(text);
    return EXIT.ok;
  } catch (error) {
    return explain(error, "etcd", terminal);
  }
}

function explain(error: unknown, label: string, terminal: Terminal): number {
  if (error instanceof ClosedPipeError) return EXIT.ok;
  const status = statusOf(error);
  if (status === undefined) throw error;
  terminal.say(`${label}: ${messageOf(error)}\n`);
  return status;
}

/** Undefined for a mistake of ours. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof UsageError || error instanceof InputError) return EXIT.usage;
  if (error instanceof OutputError) return EXIT.untold;
  if (error instanceof InterruptedError) return EXIT.interrupted;
  return error instanceof CommandError ? error.status : undefined;
}

async function run(
  command: Command,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const seeHelp = `etcd ${command.name} -h`;
  const table = [...command.flags, ...command.unlisted ?? [], HELP_FLAG];
  const { settings, operands } = readTable(table, args, terminal.environment, seeHelp);
  if (settings.boolean("h")) {
    terminal.write(commandHelp(command));
    return EXIT.ok;
  }
  checkOperands(command, operands, seeHelp);
  const start = await command.load();
  return await start({ settings, operands, terminal });
}

function checkOperands(command: Command, found: readonly string[], seeHelp: string): void {
  const { operands } = command;
  const least = operands.filter(({ optional }) => !optional).length;
  const most = operands.at(-1)?.repeated ? Infinity : operands.length;
  if (found.length < least) {
    throw new UsageError(
      `Expected ${operandsText(command)}, found ${
        found.length === 0 ? "nothing" : `only "${printable(found.join(" "))}"`
      }, see "${seeHelp}"`,
    );
  }
  const extra = found[most];
  if (extra === undefined) return checkChoices(command, found, seeHelp);
  const expected = most === 0 ? "no arguments" : `only ${operandsText(command)}`;
  throw new UsageError(
    `Expected ${expected}, found "${printable(extra)}" too: ` +
      `put quotes around what has blanks in it, see "${seeHelp}"`,
  );
}

function checkChoices({ operands }: Command, found: readonly string[], seeHelp: string): void {
  for (const [i, { name, choices }] of operands.entries()) {
    const word = found[i];
    if (choices === undefined || word === undefined || choices.includes(word)) continue;
    const quoted = choices.map((choice) => `"${choice}"`);
    const others = quoted.slice(0, -1).join(", ");
    const expected = others === "" ? quoted.join() : `${others} or ${quoted.at(-1)}`;
    throw new UsageError(
      `Expected for ${name} ${expected}, found "${printable(word)}", see "${seeHelp}"`,
    );
  }
}

/** The command with the longest name that `args` begin with. */
function findCommand(args: readonly string[]): {
  readonly command: Command;
  readonly rest: readonly string[];
} {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(" ");
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (command !== undefined) return { command, rest: args.slice(words) };
  }
  throw unknownCommand(args);
}

function unknownCommand(args: readonly string[]): UsageError {
  const [first = "", second = ""] = args;
  const family = familyOf([first]);
  if (family.length > 0) {
    const names = family.map(({ name }) => `"etcd ${name}"`).join(" or ");
    const found = second === "" ? "nothing after it" : `"${printable(second)}"`;
    return new UsageError(`Expected ${names}, found ${found}`);
  }
  const close = nearest(first, COMMANDS.map(({ name }) => name));
  const hint = close === undefined ? "" : `did you mean "${close}"? `;
  return new UsageError(`Unknown command "${printable(first)}", ${hint}see "etcd help"`);
}

function help(args: readonly string[], terminal: Terminal): number {
  const [first = "help"] = args;
  const family = familyOf(args);
  if (first === "help" || HELP.test(first)) terminal.write(overview(COMMANDS, VERSION));
  else if (family.length > 0) terminal.write(familyHelp(family));
  else terminal.write(commandHelp(findCommand(args).command));
  return EXIT.ok;
}

/** The commands that begin with the one word of `args`, which is none itself, as `certs`. */
function familyOf([first = "", ...rest]: readonly string[]): readonly Command[] {
  if (rest.length > 0 || COMMANDS.some(({ name }) => name === first)) return [];
  return COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
}
