/**
 * Reads Go-style flags by a table, the node's in `flags.ts` or a command's: one
 * or two dashes, `-flag value` or `-flag=value`, booleans bare, the last of a
 * repeated flag wins, `--` ends the flags. Knows nothing of what the settings mean.
 *
 * `parseArgs` of `@std/cli` does not fit: to it `-cl` is two flags, `-c` and
 * `-l`, and it neither refuses unknown flags nor proposes the one that was meant.
 */
import { assert } from "../base/assert.ts";
import { type Flag, FLAGS } from "./flags.ts";
import { printable, UsageError } from "./usage_error.ts";

type Value = string | number | boolean;

/** Where a setting came from. */
export type Source = "flag" | "environment" | "default";

/** The names of the flags of one kind in a table of `Row`. */
type NameOf<Row extends Flag, K extends Flag["kind"]> = Extract<Row, { kind: K }>["name"];

/** The settings by flag name, each checked against its row and no further. */
export class Settings<Row extends Flag = typeof FLAGS[number]> {
  readonly #table: readonly Flag[];
  readonly #values = new Map<string, { readonly value: Value; readonly source: Source }>();

  constructor(table: readonly Flag[]) {
    this.#table = table;
  }

  set(flag: Flag, value: Value, source: Source): void {
    this.#values.set(flag.name, { value, source });
  }

  text(name: NameOf<Row, "text">): string {
    return String(this.#of(name).value);
  }

  integer(name: NameOf<Row, "integer">): number {
    return Number(this.#of(name).value);
  }

  boolean(name: NameOf<Row, "boolean">): boolean {
    return this.#of(name).value === true;
  }

  /** Whether somebody chose the value, by a flag or a variable. */
  isGiven(name: Row["name"]): boolean {
    return this.#of(name).source !== "default";
  }

  /** What to call the setting in a message: the flag or variable that it came from. */
  label(name: Row["name"]): string {
    const flag = findFlag(this.#table, name);
    const fromEnvironment = this.#of(name).source === "environment";
    return fromEnvironment && flag?.env !== undefined ? flag.env : `-${name}`;
  }

  #of(name: string): { readonly value: Value; readonly source: Source } {
    const setting = this.#values.get(name);
    assert(setting !== undefined, `no flag "${name}" in the table`);
    return setting;
  }
}

type Environment = (name: string) => string | undefined;

/**
 * The node's settings from the flags, else from the environment, else the
 * defaults. Throws `UsageError` at the first thing that is wrong.
 */
export function readSettings(args: readonly string[], environment: Environment): Settings {
  const { settings, operands } = readTable(FLAGS, args, environment, "etcd -h");
  const [first] = operands;
  if (first !== undefined) throw unexpectedArgument(first);
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
    const raw = flag.env === undefined ? undefined : readVariable(environment, flag.env);
    // An empty variable is an unset one, as everywhere in shell scripts.
    if (flag.env === undefined || raw === undefined || raw === "") {
      settings.set(flag, flag.initial, "default");
    } else {
      settings.set(flag, parseValue(flag, raw, flag.env), "environment");
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
    const flag = findFlag(table, name);
    if (flag === undefined) throw unknownFlag(table, name, seeHelp);
    const value = inline ?? takeValue(table, flag, rest);
    settings.set(flag, parseValue(flag, value, `-${flag.name}`), "flag");
  }
  return { settings, operands };
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
function takeValue(table: readonly Flag[], flag: Flag, rest: string[]): string {
  if (flag.kind === "boolean") {
    const next = rest[0];
    if (next === "true" || next === "false") {
      throw new UsageError(
        `-${flag.name} takes its value after "=": write "-${flag.name}=${next}"`,
      );
    }
    return "true";
  }
  const value = rest.shift();
  if (value === undefined) {
    throw new UsageError(`-${flag.name} expects a value: write "-${flag.name} ${flag.value}"`);
  }
  if (/^--?\w+$/.test(value) && findFlag(table, value.replace(/^--?/, "")) !== undefined) {
    throw new UsageError(
      `-${flag.name} expects a value, found the flag "${value}": write "-${flag.name} ${flag.value}"`,
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
      const value = /^\d{1,15}$/.test(raw) ? Number(raw) : NaN;
      if (value >= flag.min && value <= flag.max) return value;
      throw new UsageError(
        `${label} expects a number from ${flag.min} to ${flag.max}, found "${printable(raw)}"`,
      );
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

function findFlag(table: readonly Flag[], name: string): Flag | undefined {
  const wanted = name === "help" ? "h" : name;
  return table.find((flag) => flag.name === wanted);
}

function unknownFlag(table: readonly Flag[], name: string, seeHelp: string): UsageError {
  const close = nearest(name, table.map((flag) => flag.name));
  const hint = close === undefined ? "" : `did you mean "-${close}"? `;
  return new UsageError(`Unknown flag "-${printable(name)}", ${hint}see "${seeHelp}"`);
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
