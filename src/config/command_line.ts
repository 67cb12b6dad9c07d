/**
 * Reads Go-style flags by a table, the node's in `flags.ts` or a command's: one
 * or two dashes, `-flag value` or `-flag=value`, booleans bare, the last of a
 * repeated flag wins, `--` ends the flags. Knows nothing of what the settings mean.
 *
 * `parseArgs` of `@std/cli` does not fit: to it `-cl` is two flags, `-c` and
 * `-l`, and it neither refuses unknown flags nor proposes the one that was meant.
 */
import { assert } from "../base/assert.ts";
import { parseDuration } from "./duration.ts";
import { dashed, type Flag, variableOf } from "./flag.ts";
import { NODE_FLAGS } from "./flags.ts";
import { printable, UsageError } from "./usage_error.ts";

type Value = string | number | boolean;

/** Where a setting came from. */
export type Source = "flag" | "environment" | "file" | "default";

/** Whose name was used for it: of 2013's flags, of etcd 3's, or one that both have. */
export type Family = "ours" | "etcd" | "both";

/** A setting, and what it is called where somebody chose it. */
interface Setting {
  readonly value: Value;
  readonly source: Source;
  readonly label: string;
  readonly family: Family;
}

/** A spelling of a row: by one of its names, or by one of its variables. */
interface Spelling {
  readonly flag: Flag;
  readonly label: string;
  readonly family: Family;
}

/** The names of the flags of one kind in a table of `Row`. */
type NameOf<Row extends Flag, K extends Flag["kind"]> = Extract<Row, { kind: K }>["name"];

/** The settings by flag name, each checked against its row and no further. */
export class Settings<Row extends Flag = typeof NODE_FLAGS[number]> {
  readonly #values = new Map<string, Setting>();

  constructor(table: readonly Flag[]) {
    for (const { name, initial } of table) {
      const nobody = { source: "default", label: dashed(name), family: "both" } as const;
      this.#values.set(name, { value: initial, ...nobody });
    }
  }

  /** A flag wins over a variable, and the last of one spelling; two spellings must agree. Throws `UsageError`. */
  set({ flag, label, family }: Spelling, value: Value, source: Source): void {
    const before = this.#of(flag.name);
    if (before.source === source && before.label !== label && before.value !== value) {
      throw new UsageError(
        `${before.label} and ${label} are one setting, found "${printable(`${before.value}`)}" ` +
          `and "${printable(`${value}`)}": give one of them`,
      );
    }
    this.#values.set(flag.name, { value, source, label, family });
  }

  text(name: NameOf<Row, "text">): string {
    return String(this.#of(name).value);
  }

  integer(name: NameOf<Row, "integer">): number {
    return Number(this.#of(name).value);
  }

  /** In milliseconds. */
  duration(name: NameOf<Row, "duration">): number {
    return Number(this.#of(name).value);
  }

  boolean(name: NameOf<Row, "boolean">): boolean {
    return this.#of(name).value === true;
  }

  /** Whether somebody chose the value, by a flag, a variable or a file. */
  isGiven(name: Row["name"]): boolean {
    return this.#of(name).source !== "default";
  }

  /** Whose name was used for a setting that somebody chose. */
  familyOf(name: Row["name"]): Family | undefined {
    const { source, family } = this.#of(name);
    return source === "default" ? undefined : family;
  }

  /** What to call the setting in a message: the flag or variable that it came from. */
  label(name: Row["name"]): string {
    return this.#of(name).label;
  }

  /** The value of any row as text. */
  shown(name: Row["name"]): string {
    return String(this.#of(name).value);
  }

  /** The value of any row. */
  valueOf(flag: Flag): Value {
    return this.#of(flag.name).value;
  }

  #of(name: string): Setting {
    const setting = this.#values.get(name);
    assert(setting !== undefined, `no flag "${name}" in the table`);
    return setting;
  }
}

type Environment = (name: string) => string | undefined;

/** What a configuration file says: names of flags, and their values as one would type them. */
export interface ConfigFile {
  readonly path: string;
  readonly entries: readonly { readonly name: string; readonly value: string }[];
}

/**
 * The node's settings from the flags, else from the environment, else the defaults;
 * from `file` and the defaults alone when there is one. Throws `UsageError` at the
 * first thing that is wrong.
 */
export function readSettings(
  args: readonly string[],
  environment: Environment,
  file?: ConfigFile,
): Settings {
  const { settings, operands } = readTable(NODE_FLAGS, args, environment, "etcd -h");
  const [first] = operands;
  if (first !== undefined) throw unexpectedArgument(first);
  return file === undefined ? settings : readFile(file);
}

function readFile({ path, entries }: ConfigFile): Settings {
  const settings = new Settings<typeof NODE_FLAGS[number]>(NODE_FLAGS);
  for (const { name, value } of entries) {
    const found = spellingOf(NODE_FLAGS, name);
    const label = `"${printable(name)}" in "${printable(path)}"`;
    if (found === undefined) {
      throw new UsageError(`${label} is no setting${hintOf(NODE_FLAGS, name)}`);
    }
    // As in etcd's own sample: a key without a value is one that nobody set.
    if (value === "") continue;
    // There a time is Go's number of nanoseconds.
    const text = found.flag.kind === "duration" && /^\d+$/.test(value) ? `${value}ns` : value;
    settings.set({ ...found, label }, parseValue(found.flag, text, label), "file");
  }
  return settings;
}

/** What a command line says by some table. */
export interface CommandLine<Row extends Flag = Flag> {
  readonly settings: Settings<Row>;
  /** The arguments that are no flags, in their order. */
  readonly operands: readonly string[];
}

/**
 * Reads flags and operands, which may stand among each other; everything after
 * `--` and a lone `-` are operands. `seeHelp` is the command that shows the help,
 * for messages. Throws `UsageError` at the first thing that is wrong.
 */
export function readTable<Row extends Flag>(
  table: readonly Row[],
  args: readonly string[],
  environment: Environment,
  seeHelp: string,
): CommandLine<Row> {
  const settings = new Settings<Row>(table);
  for (const flag of table) {
    for (const spelling of variablesOf(flag)) {
      const raw = readVariable(environment, spelling.label);
      // An empty variable is an unset one, as everywhere in shell scripts.
      if (raw === undefined || raw === "") continue;
      settings.set(spelling, parseValue(flag, raw, spelling.label), "environment");
    }
  }
  args.forEach(checkText);
  const operands: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--") return { settings, operands: [...operands, ...rest] };
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg);
    if (match === null) {
      operands.push(arg);
      continue;
    }
    const [, name = "", inline] = match;
    const spelling = spellingOf(table, name);
    if (spelling === undefined) throw unknownFlag(table, name, seeHelp);
    const value = inline ?? takeValue(table, spelling, rest);
    settings.set(spelling, parseValue(spelling.flag, value, spelling.label), "flag");
  }
  return { settings, operands };
}

/** The variables that give a flag's setting, by the names of both families. */
function variablesOf(flag: Flag): Spelling[] {
  const { env, etcd } = flag;
  const ofEtcd = "stance" in flag
    ? variableOf(flag.name)
    : etcd === undefined
    ? undefined
    : variableOf(etcd);
  if (env === ofEtcd) return env === undefined ? [] : [{ flag, label: env, family: "both" }];
  return [
    ...(env === undefined ? [] : [{ flag, label: env, family: "ours" } as const]),
    ...(ofEtcd === undefined ? [] : [{ flag, label: ofEtcd, family: "etcd" } as const]),
  ];
}

/** Throws `UsageError` for a variable whose bytes are no UTF-8. */
function readVariable(environment: Environment, name: string): string | undefined {
  try {
    return environment(name);
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) {
      throw new UsageError(`${name} expects UTF-8, found other bytes`);
    }
    throw error;
  }
}

/**
 * The runtime puts U+FFFD where an argument is no UTF-8. What would then be set,
 * deleted or opened is not what was typed, so nothing is.
 */
function checkText(arg: string): void {
  if (!arg.includes("\u{FFFD}")) return;
  throw new UsageError(
    `Expected UTF-8 in the argument "${printable(arg)}", found other bytes; ` +
      "a value that does hold U+FFFD can come from standard input only",
  );
}

/** The value that follows `flag` in `rest`, which it is taken from. */
function takeValue(
  table: readonly Flag[],
  { flag, label }: Spelling,
  rest: string[],
): string {
  if (flag.kind === "boolean") {
    const next = rest[0];
    if (next === "true" || next === "false") {
      throw new UsageError(`${label} takes its value after "=": write "${label}=${next}"`);
    }
    return "true";
  }
  const value = rest.shift();
  if (value === undefined) {
    throw new UsageError(`${label} expects a value: write "${label} ${flag.value}"`);
  }
  if (/^--?[\w-]+$/.test(value) && spellingOf(table, value.replace(/^--?/, "")) !== undefined) {
    throw new UsageError(
      `${label} expects a value, found the flag "${value}": write "${label} ${flag.value}"`,
    );
  }
  return value;
}

function parseValue(flag: Flag, raw: string, label: string): Value {
  switch (flag.kind) {
    case "boolean":
      if (/^(1|t|true)$/i.test(raw)) return true;
      if (/^(0|f|false)$/i.test(raw)) return false;
      throw new UsageError(`${label} expects "true" or "false", found "${printable(raw)}"`);
    case "integer": {
      const value = /^-?\d{1,16}$/.test(raw) ? Number(raw) : NaN;
      if (value >= flag.min && value <= flag.max) return value;
      throw new UsageError(
        `${label} expects a number from ${flag.min} to ${flag.max}, found "${printable(raw)}"`,
      );
    }
    case "duration": {
      const value = parseDuration(raw);
      if (value !== undefined) return value;
      throw new UsageError(`${label} expects a time such as "30s", found "${printable(raw)}"`);
    }
    case "text":
      if (flag.choices !== undefined && !flag.choices.includes(raw)) {
        const choices = flag.choices.map((choice) => `"${choice}"`).join(" or ");
        throw new UsageError(`${label} expects ${choices}, found "${printable(raw)}"`);
      }
      if (raw !== "" && !/\p{Cc}/u.test(raw)) return raw;
      throw new UsageError(`${label} expects a value, found "${printable(raw)}"`);
  }
}

/** The row that `name` means, by one of its names. */
function spellingOf(table: readonly Flag[], name: string): Spelling | undefined {
  const wanted = name === "help" ? "h" : name;
  const own = table.find((flag) => flag.name === wanted);
  if (own !== undefined) {
    const family = ownFamilyOf(own);
    return { flag: own, label: family === "etcd" ? `--${wanted}` : dashed(wanted), family };
  }
  const base = wanted.replace(/^experimental-/, "");
  const named = table.find((flag) =>
    base === wanted ? flag.etcd === wanted : flag.name === base && "experimental" in flag
  );
  return named === undefined ? undefined : { flag: named, label: `--${wanted}`, family: "etcd" };
}

/** Names that mean the same in both families, or nothing of where the node is. */
const SHARED = ["cors", "metrics", "version", "h"];

function ownFamilyOf(flag: Flag): Family {
  if ("stance" in flag) return "etcd";
  return SHARED.includes(flag.name) ? "both" : "ours";
}

function unknownFlag(table: readonly Flag[], name: string, seeHelp: string): UsageError {
  const hint = hintOf(table, name).replace(/^: /, "");
  return new UsageError(
    `Unknown flag "${dashed(printable(name))}", ${hint === "" ? "" : `${hint} `}see "${seeHelp}"`,
  );
}

function hintOf(table: readonly Flag[], name: string): string {
  const names = table.flatMap(({ name, etcd }) => etcd === undefined ? [name] : [name, etcd]);
  const close = nearest(name, names);
  return close === undefined ? "" : `: did you mean "${dashed(close)}"?`;
}

function unexpectedArgument(arg: string): UsageError {
  return new UsageError(
    `Unexpected argument "${printable(arg)}": every setting is a flag, see "etcd -h"`,
  );
}

/** The one of `names` that was most likely meant, or undefined when none is close. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    // More than a third wrong is a guess, not a slip.
    const allowed = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3));
    if (distance <= allowed && (best === undefined || distance < best.distance)) {
      best = { name: candidate, distance };
    }
  }
  return best?.name;
}

/** Levenshtein's distance, one row of his table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
