/** The help texts, made from the table of commands so that they cannot be out of date. */
import type { Flag } from "../config/flags.ts";
import { type Command, COMMAND_GROUPS, HELP_FLAG, operandsText } from "./command.ts";

const WIDTH = 96;

/** The text of `etcd help`: every command, a line each. */
export function overview(commands: readonly Command[], version: string): string {
  const width = widthOf(commands);
  const groups = COMMAND_GROUPS.flatMap((group) => {
    const rows = commands.filter((command) => command.group === group);
    return rows.length === 0
      ? []
      : [`${group}:\n${rows.map((row) => describeCommand(row, width)).join("")}`];
  });
  return [
    `etcd ${version}: a distributed, durable key-value store\n`,
    `Usage: etcd [flags]                        runs a node, see "etcd -h"\n` +
    `       etcd COMMAND [flags] [arguments]    see "etcd COMMAND -h"\n`,
    ...groups,
    EXIT_TEXT,
  ].join("\n");
}

/** The text of `etcd certs -h`, and of other first words of commands. */
export function familyHelp(family: readonly Command[]): string {
  const width = widthOf(family);
  return `${family.map((command) => describeCommand(command, width)).join("")}\n` +
    `See "etcd ${family[0]?.name ?? "COMMAND"} -h"\n`;
}

function usageOf(command: Command): string {
  return `${command.name} ${operandsText(command)}`.trim();
}

function widthOf(commands: readonly Command[]): number {
  return Math.max(...commands.map((command) => usageOf(command).length));
}

function describeCommand(command: Command, width: number): string {
  return `  ${usageOf(command).padEnd(width)}  ${command.summary}\n`;
}

/** The text of `etcd COMMAND -h`. */
export function commandHelp(command: Command): string {
  const usage = ["etcd", command.name, "[flags]", operandsText(command)].join(" ").trim();
  const flags = [...command.flags, HELP_FLAG].map(describeFlag).join("");
  const examples = command.examples.map(({ line, says }) => `  ${line}\n      ${says}\n`).join("");
  return [
    `${command.summary[0]!.toUpperCase()}${command.summary.slice(1)}\n`,
    `Usage: ${usage}\n`,
    ...(command.description ?? []).map((paragraph) => wrap(paragraph)),
    `Flags:\n${flags}`,
    ...(examples === "" ? [] : [`Examples:\n${examples}`]),
    EXIT_TEXT,
  ].join("\n");
}

/** What the exit statuses mean, for everybody who writes scripts. */
export const EXIT_TEXT =
  "Exit status: 0 done, 1 the server says no or a check fails, 2 a wrong command line,\n" +
  "3 no server could be reached, or it is unknown whether it was done,\n" +
  "4 done, but the result could not be written to standard output,\n" +
  "130 interrupted while a password was asked for.\n";

function describeFlag(flag: Flag): string {
  const usage = flag.kind === "boolean" ? `-${flag.name}` : `-${flag.name} ${flag.value}`;
  const initial = flag.shown ?? (flag.kind === "boolean" ? "" : String(flag.initial));
  const notes = [
    ...(initial === "" ? [] : [`default: ${initial}`]),
    ...(flag.env === undefined ? [] : [flag.env]),
  ];
  const line = `  ${usage.padEnd(18)}  ${flag.help}\n`;
  return notes.length === 0 ? line : `${line}${" ".repeat(22)}(${notes.join("; ")})\n`;
}

function wrap(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => `${line}\n`).join("");
}
