/** The completion of bash, by a function of plain bash: 3.2, as macOS has it, will do. */
import { type CompletionModel, secondOf, type Values } from "./completion_model.ts";
import { quote } from "./shell_word.ts";

/** A script to be sourced. */
export function bashCompletion({ commands, firsts, families }: CompletionModel): string {
  const seconds = [...families].map(([first, members]) =>
    `    ${first}) _etcd_words ${quote(members.map(({ name }) => secondOf(name)).join(" "))} ;;\n`
  );
  const values = commands.flatMap(({ name, flags }) =>
    flags.flatMap((flag) =>
      flag.values === undefined
        ? []
        : [`    ${quote(`${name}:-${flag.name}`)}) ${complete(flag.values)}; return ;;\n`]
    )
  );
  const flags = commands.map(({ name, flags }) =>
    `    ${quote(name)}) _etcd_words ${quote(flags.map((flag) => `-${flag.name}`).join(" "))} ;;\n`
  );
  const places = commands.flatMap(({ name, places }) => {
    const known = places.find(({ values }) => values.kind !== "unknown");
    return known === undefined ? [] : [`    ${quote(name)}) ${complete(known.values)} ;;\n`];
  });
  const names = [...families.keys()].join("|");
  return `\
# bash completion for etcd, made by "etcd completion bash"

_etcd_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }

_etcd_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$cur"))
}

_etcd() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 && $cur != -* ]]; then
    _etcd_words ${quote([...firsts.keys()].join(" "))}
    return
  fi
  [[ $COMP_CWORD -gt 1 && \${COMP_WORDS[1]} != -* ]] && command=\${COMP_WORDS[1]}
${names === "" ? "" : second(names, seconds.join(""))}
  case "$command:\${prev/#--/-}" in
${values.join("")}  esac
  if [[ $cur == -* ]]; then
    case $command in
${indent(flags)}    esac
    return
  fi
  case $command in
${places.join("")}  esac
}

complete -F _etcd etcd
`;
}

function second(names: string, cases: string): string {
  return `\
  case $command in
  ${names})
    if [[ $COMP_CWORD -eq 2 ]]; then
      case $command in
${cases.replaceAll(/^/gm, "    ").trimEnd()}
      esac
      return
    fi
    command="$command \${COMP_WORDS[2]}"
    ;;
  esac
`;
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("");
}

function complete(values: Values): string {
  switch (values.kind) {
    case "files":
      return "_etcd_paths -f";
    case "directories":
      return "_etcd_paths -d";
    case "words":
      return `_etcd_words ${quote(values.words.join(" "))}`;
    case "unknown":
      return ":";
  }
}
