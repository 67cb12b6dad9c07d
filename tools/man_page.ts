/** The text of `etcd(1)`, made from the tables of flags and commands, in the `man` macros of roff. */
import { type Command, COMMAND_GROUPS, operandsText } from "../src/cli/command.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { EXIT_TEXT } from "../src/cli/help.ts";
import { type Flag, FLAGS, GROUPS } from "../src/config/flags.ts";
import { ETCD_INTRODUCTION, etcdRest, etcdRows, EXAMPLES } from "../src/config/help.ts";
import { VERSION } from "../src/version.ts";

/** The same for the same tables: no date, no machine. */
export function manPage(): string {
  return [
    '.\\" Made by "deno task man" from the tables of flags and commands. Change those instead.\n',
    `.TH ETCD 1 "" "etcd ${VERSION}" "User Commands"\n`,
    section("NAME", "etcd \\- a distributed, durable key\\-value store\n"),
    section(
      "SYNOPSIS",
      ".B etcd\n[\\fIflags\\fR]\n.br\n.B etcd\n\\fICOMMAND\\fR [\\fIflags\\fR] [\\fIarguments\\fR]\n",
    ),
    section(
      "DESCRIPTION",
      text(
        "A key-value store for shared configuration and service discovery: HTTP and JSON, " +
          "replicated by Raft, durable on a majority of disks before a write is acknowledged. " +
          "Without a command it runs a node.",
      ) + ".PP\n" + text(
        'Flags take one or two dashes, "-flag value" or "-flag=value". A flag wins over its ' +
          'variable. After "--" nothing is a flag.',
      ),
    ),
    section(
      "FLAGS OF A NODE",
      GROUPS.map((group) =>
        `.SS ${group}\n${FLAGS.filter((flag) => flag.group === group).map(flagText).join("")}`
      ).join(""),
    ),
    section("FLAGS OF ETCD 3", etcdFlags()),
    section(
      "COMMANDS",
      COMMAND_GROUPS.map((group) => {
        const commands = COMMANDS.filter((command) => command.group === group);
        if (commands.length === 0) return "";
        return `.SS ${group}\n${commands.map(commandText).join("")}`;
      }).join(""),
    ),
    section("EXIT STATUS", text(EXIT_TEXT.replaceAll("\n", " ").trim())),
    section("EXAMPLES", verbatim(EXAMPLES.replace(/^Examples:\n/, "").replaceAll(/^ {2}/gm, ""))),
  ].join("");
}

function etcdFlags(): string {
  const rows = etcdRows().map(({ usage, help, initial }) => {
    const [name = "", ...value] = usage.split(" ");
    const shown = value.length === 0 ? "" : ` \\fI${escape(value.join(" "))}\\fR`;
    const note = initial === "" ? "" : ` (${initial})`;
    return `.TP\n\\fB${escape(name)}\\fR${shown}\n${text(help + note)}`;
  });
  const rest = (stance: "ignore" | "refuse") =>
    [...etcdRest(stance)].map(([why, names]) =>
      `.TP\n\\fB${escape(names.map((name) => `--${name}`).join(", "))}\\fR\n${text(why)}`
    ).join("");
  return `${text(ETCD_INTRODUCTION)}${rows.join("")}` +
    `.SS Without effect\n${rest("ignore")}` +
    `.SS Refused, when they ask for more than nothing\n${rest("refuse")}`;
}

function section(title: string, body: string): string {
  return `.SH ${title.includes(" ") ? `"${title}"` : title}\n${body}`;
}

function flagText(flag: Flag): string {
  const value = flag.kind === "boolean" ? "" : ` \\fI${escape(flag.value)}\\fR`;
  const initial = flag.shown ??
    (flag.kind === "boolean" ? flag.initial ? "on" : "" : String(flag.initial));
  const notes = [
    ...(initial === "" ? [] : [`default: ${initial}`]),
    ...(flag.env === undefined ? [] : [flag.env]),
  ];
  const note = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
  return `.TP\n\\fB\\-${escape(flag.name)}\\fR${value}\n${text(flag.help + note)}`;
}

function commandText(command: Command): string {
  const operands = operandsText(command);
  const usage = `\\fBetcd ${escape(command.name)}\\fR [\\fIflags\\fR]` +
    (operands === "" ? "" : ` \\fI${escape(operands)}\\fR`);
  const { summary, description = [], flags, examples } = command;
  return [
    `.TP\n${usage}\n`,
    text(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`),
    ...description.map((paragraph) => `.IP\n${text(paragraph)}`),
    ...(flags.length === 0 ? [] : [`.RS\n${flags.map(flagText).join("")}.RE\n`]),
    ...examples.map(({ line, says }) => `.IP\n\\fB${escape(line)}\\fR\n.br\n${text(says)}`),
  ].join("");
}

function verbatim(lines: string): string {
  return `.nf\n${lines.trimEnd().split("\n").map(text).join("")}.fi\n`;
}

/** One input line; what would begin a request is disarmed (groff(7), "Control characters"). */
function text(line: string): string {
  return `${/^[.']/.test(line) ? "\\&" : ""}${escape(line)}\n`;
}

/** A minus to be copied is not a hyphen; neither are a grave accent and a tilde their letters. */
function escape(line: string): string {
  return line.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("~", "\\(ti")
    .replaceAll("`", "\\(ga").replaceAll("^", "\\(ha").replaceAll("'", "\\(aq");
}
