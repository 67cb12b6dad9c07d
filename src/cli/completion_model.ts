/** What can stand where on the command line, as the completion of every shell needs it. */
import { type Flag, FLAGS } from "../config/flags.ts";
import { etcdRows } from "../config/help.ts";
import { type Command, HELP_FLAG, type Operand } from "./command.ts";

/** What completes a value: names of files or directories, some words, or nothing that is known here. */
export type Values =
  | { readonly kind: "files" | "directories" | "unknown" }
  | { readonly kind: "words"; readonly words: readonly string[] };

/** The place of an argument that is no flag. */
export interface PlaceModel {
  readonly name: string;
  readonly repeated: boolean;
  readonly values: Values;
}

/** A flag; `values` is absent where it takes none. */
export interface FlagModel {
  readonly name: string;
  readonly help: string;
  readonly values?: Values;
}

/** A command; the node itself is the one without a name. */
export interface CommandModel {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagModel[];
  readonly places: readonly PlaceModel[];
}

export interface CompletionModel {
  readonly commands: readonly CommandModel[];
  /** First words of commands, each once, with what they are about. */
  readonly firsts: ReadonlyMap<string, string>;
  /** The second words of those that have some. */
  readonly families: ReadonlyMap<string, readonly CommandModel[]>;
}

/** The node and all `commands`, and `help`. */
export function completionModel(commands: readonly Command[]): CompletionModel {
  const models = commands.map(modelOf);
  const families = Map.groupBy(models.filter(({ name }) => name.includes(" ")), firstOf);
  const firsts = new Map(models.map((model) => [firstOf(model), model.summary]));
  for (const [first, members] of families) {
    firsts.set(first, members.map(({ name }) => secondOf(name)).join(", "));
  }
  const help = {
    name: "help",
    summary: "show all commands, or one",
    flags: [],
    places: [{ name: "COMMAND", repeated: true, values: words([...firsts.keys()]) }],
  };
  firsts.set(help.name, help.summary);
  const flags = [
    ...FLAGS.map(flagModel),
    ...etcdRows().map(({ name, flag, help }) => flagModel({ ...flag, name, help })),
  ];
  const node = { name: "", summary: "run a node", flags, places: [] };
  return { commands: [node, ...models, help], firsts, families };
}

/** `remove` of `member remove`. */
export function secondOf(name: string): string {
  return name.slice(name.indexOf(" ") + 1);
}

function firstOf({ name }: { readonly name: string }): string {
  return name.split(" ")[0]!;
}

function modelOf({ name, summary, flags, operands }: Command): CommandModel {
  return {
    name,
    summary,
    flags: [...flags, HELP_FLAG].map(flagModel),
    places: operands.map((operand) => ({
      name: operand.name,
      repeated: operand.repeated === true,
      values: valuesOf(operand),
    })),
  };
}

function flagModel(flag: Flag): FlagModel {
  const { name, help } = flag;
  if (flag.kind === "boolean") return { name, help };
  const choices = flag.kind === "text" && flag.choices !== undefined
    ? { choices: flag.choices }
    : {};
  return { name, help, values: valuesOf({ name: flag.value, ...choices }) };
}

function valuesOf({ name, choices }: Pick<Operand, "name" | "choices">): Values {
  if (choices !== undefined) return words(choices);
  if (name === "FILE") return { kind: "files" };
  return { kind: name === "DIR" ? "directories" : "unknown" };
}

function words(list: readonly string[]): Values {
  return { kind: "words", words: list };
}
