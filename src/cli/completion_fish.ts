/** The completion of fish: a line for everything that can be completed. */
import { type CompletionModel, type FlagModel, secondOf, type Values } from "./completion_model.ts";

/** A script to be sourced, or put as `etcd.fish` into its folder of completions. */
export function fishCompletion({ commands, firsts, families }: CompletionModel): string {
  const line = (command: string, rest: string) =>
    `complete -c etcd -n ${quote(`__etcd_is ${quote(command)}`)} ${rest}\n`;
  return [
    HEAD.replace("FAMILIES", [...families.keys()].join(" ")),
    ...[...firsts].map(([name, summary]) => line("", `-a ${name} -d ${quote(summary)}`)),
    ...[...families].flatMap(([first, members]) =>
      members.map(({ name, summary }) => line(first, `-a ${secondOf(name)} -d ${quote(summary)}`))
    ),
    ...commands.flatMap(({ name, flags, places }) => [
      ...flags.map((flag) => line(name, flagOptions(flag))),
      ...places.filter(({ values }) => values.kind !== "unknown")
        .map(({ values }) => line(name, suggestions(values))),
    ]),
  ].join("");
}

const HEAD = `\
# fish completion for etcd, made by "etcd completion fish"

function __etcd_is -d "whether the line so far names this command"
  set -l words (commandline -opc)
  set -l command ""
  if set -q words[2]; and not string match -q -- '-*' $words[2]
    set command $words[2]
    if contains -- $words[2] FAMILIES; and set -q words[3]
      set command "$words[2] $words[3]"
    end
  end
  test "$command" = "$argv[1]"
end

complete -c etcd -f
`;

function flagOptions({ name, help, values }: FlagModel): string {
  // With -s fish would take what follows a letter for more flags of one letter.
  const option = `-o ${name} -d ${quote(help)}`;
  if (values === undefined) return option;
  return `${option} ${values.kind === "files" ? "-r" : "-x"} ${suggestions(values)}`.trimEnd();
}

function suggestions(values: Values): string {
  switch (values.kind) {
    case "files":
      return "-F";
    case "directories":
      return "-a '(__fish_complete_directories)'";
    case "words":
      return `-a ${quote(values.words.join(" "))}`;
    case "unknown":
      return "";
  }
}

/** In single quotes, in which fish knows a backslash. */
function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
