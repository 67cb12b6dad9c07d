/** The completion of zsh, by `_arguments` of its own system. */
import {
  type CommandModel,
  type CompletionModel,
  type FlagModel,
  secondOf,
  type Values,
} from "./completion_model.ts";
import { quote } from "./shell_word.ts";

/** A script to be sourced after `compinit`, or put as `_etcd` where `fpath` points. */
export function zshCompletion({ commands, firsts, families }: CompletionModel): string {
  const seconds = [...families].map(([first, members]) =>
    `    ${first}) commands=(${
      members.map(({ name, summary }) => described(secondOf(name), summary)).join(" ")
    }) ;;\n`
  );
  const [node, ...named] = commands;
  return `\
#compdef etcd
# zsh completion for etcd, made by "etcd completion zsh"

_etcd() {
  local -a commands
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    commands=(
${[...firsts].map(([name, summary]) => `      ${described(name, summary)}\n`).join("")}    )
  elif (( CURRENT == 3 )); then
    case $words[2] in
${seconds.join("")}    esac
  fi
  if (( $#commands )); then
    _describe command commands
    return
  fi
  case "$words[2] $words[3]" in
${named.map(commandCase).join("")}    -*)
${argumentsOf(node!)}      ;;
  esac
}

if [[ $funcstack[1] == _etcd ]]; then _etcd "$@"; else compdef _etcd etcd; fi
`;
}

function commandCase(command: CommandModel): string {
  const { length } = command.name.split(" ");
  const pattern = length === 1 ? `${quote(`${command.name} `)}*` : quote(command.name);
  return `    ${pattern})\n      shift ${length} words; (( CURRENT -= ${length} ))\n` +
    `${argumentsOf(command)}      ;;\n`;
}

function argumentsOf({ flags, places }: CommandModel): string {
  const specs = [
    ...flags.map(flagSpec),
    ...places.map(({ name, repeated, values }, i) =>
      quote(`${repeated ? "*" : i + 1}:${name}:${action(values)}`)
    ),
  ];
  return `      _arguments -S \\\n${specs.map((spec) => `        ${spec}`).join(" \\\n")}\n`;
}

function flagSpec({ name, help, values }: FlagModel): string {
  const value = values === undefined ? "" : `:value:${action(values)}`;
  return quote(`-${name}[${help.replaceAll(/[[\]\\]/g, "\\$&")}]${value}`);
}

function described(name: string, summary: string): string {
  return quote(`${name}:${summary.replaceAll(":", "\\:")}`);
}

function action(values: Values): string {
  switch (values.kind) {
    case "files":
      return "_files";
    case "directories":
      return "_files -/";
    case "words":
      return `(${values.words.join(" ")})`;
    case "unknown":
      return " ";
  }
}
