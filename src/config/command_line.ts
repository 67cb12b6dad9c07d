/**
 * Reads Go-style flags by the table in `flags.ts`: one or two dashes,
 * `-flag value` or `-flag=value`, booleans bare, the last of a repeated flag
 * wins, `--` ends the flags. Knows nothing of what the settings mean.
 *
 * `parseArgs` of `@std/cli` does not fit: to it `-cl` is two flags, `-c` and
 * `-l`, and it neither refuses unknown flags nor proposes the one that was meant.
 */
import { type Flag, type FlagName, FLAGS } from "./flags.ts";
import { printable, UsageError } from "./usage_error.ts";

type Value = string | number | boolean;

/** Where a setting came from. */
export type Source = "flag" | "environment" | "default";

/** The settings by flag name, each checked against its row and no further. */
export class Settings {
  readonly #values = new Map<string, { readonly value: Value; readonly source: Source }>();

  set(flag: Flag, value: Value, source: Source): void {
    this.#values.set(flag.name, { value, source });
  }

  text(name: FlagName<"text">): string {
    return String(this.#values.get(name)?.value);
  }

  integer(name: FlagName<"integer">): number {
    return Number(this.#values.get(name)?.value);
  }

  boolean(name: FlagName<"boolean">): boolean {
    return this.#values.get(name)?.value === true;
  }

  /** Whether somebody chose the value, by a flag or a variable. */
  isGiven(name: FlagName): boolean {
    return this.#values.get(name)?.source !== "default";
  }

  /** What to call the setting in a message: the flag or variable that it came from. */
  label(name: FlagName): string {
    const flag = findFlag(name);
    const fromEnvironment = this.#values.get(name)?.source === "environment";
    return fromEnvironment && flag?.env !== undefined ? flag.env : `-${name}`;
  }
}

/**
 * Settings from the flags, else from the environment, else the defaults. Throws
 * `UsageError` at the first thing that is wrong.
 */
export function readSettings(
  args: readonly string[],
  environment: (name: string) => string | undefined,
): Settings {
  const settings = new Settings();
  for (const flag of FLAGS as readonly Flag[]) {
    const raw = flag.env === undefined ? undefined : environment(flag.env);
    // An empty variable is an unset one, as everywhere in shell scripts.
    if (flag.env === undefined || raw === undefined || raw === "") {
      settings.set(flag, flag.initial, "default");
    } else {
      settings.set(flag, parseValue(flag, raw, flag.env), "environment");
    }
  }
  readFlags(args, settings);
  return settings;
}

function readFlags(args: readonly string[], settings: Settings): void {
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--" && rest.length === 0) return;
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg);
    if (match === null) throw unexpectedArgument(arg);
    const [, name = "", inline] = match;
    const flag = findFlag(name);
    if (flag === undefined) throw unknownFlag(name);
    settings.set(flag, parseValue(flag, inline ?? takeValue(flag, rest), `-${flag.name}`), "flag");
  }
}

/** The value that follows `flag` in `rest`, which it is taken from. */
function takeValue(flag: Flag, rest: string[]): string {
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
  if (/^--?\w+$/.test(value) && findFlag(value.replace(/^--?/, "")) !== undefined) {
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
      if (raw !== "" && !/\p{Cc}/u.test(raw)) return raw;
      throw new UsageError(`${label} expects a value, found "${printable(raw)}"`);
  }
}

function findFlag(name: string): Flag | undefined {
  const wanted = name === "help" ? "h" : name;
  return (FLAGS as readonly Flag[]).find((flag) => flag.name === wanted);
}

function unknownFlag(name: string): UsageError {
  const nearest = nearestFlag(name);
  const hint = nearest === undefined ? "" : `did you mean "-${nearest}"? `;
  return new UsageError(`Unknown flag "-${printable(name)}", ${hint}see "etcd -h"`);
}

function unexpectedArgument(arg: string): UsageError {
  return new UsageError(
    `Unexpected argument "${printable(arg)}": every setting is a flag, see "etcd -h"`,
  );
}

/** The flag that was most likely meant, or undefined when none is close. */
export function nearestFlag(name: string): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const flag of FLAGS) {
    const distance = editDistance(name.toLowerCase(), flag.name.toLowerCase());
    // More than a third wrong is a guess, not a slip.
    const allowed = Math.max(1, Math.floor(Math.max(name.length, flag.name.length) / 3));
    if (distance <= allowed && (best === undefined || distance < best.distance)) {
      best = { name: flag.name, distance };
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
