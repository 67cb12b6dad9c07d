/** Numbers and times as people read them. Pure. */

/** `12 s`, `5 min`, `3 h 20 min`, `4 d 2 h`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return join(hours, "h", minutes % 60, "min");
  return join(Math.floor(hours / 24), "d", hours % 24, "h");
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** What is left until a deadline: exact to the second below an hour, as a countdown. */
export function countdown(ms: number): string {
  const s = Math.max(0, Math.ceil(ms / 1000));
  if (s >= 3600) return duration(s);
  const rest = s % 60;
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${String(rest).padStart(2, "0")} s`;
}

/** `950`, `12,345`, `1.2 M`. */
export function count(value: number): string {
  if (value >= 10_000_000) return `${(value / 1_000_000).toFixed(1)} M`;
  return Math.round(value).toLocaleString("en-US");
}

/** A rate: one decimal while it is small. */
export function rate(value: number): string {
  return value > 0 && value < 10 ? value.toFixed(1) : count(value);
}

/** `0.42`, `3.1`, `128`: milliseconds with as many digits as mean something. */
export function milliseconds(value: number): string {
  if (value < 1) return value.toFixed(2);
  return value < 10 ? value.toFixed(1) : count(value);
}

/** `128 MB`, in powers of ten. */
export function bytes(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} GB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(value < 1e7 ? 1 : 0)} MB`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)} kB` : `${value} B`;
}

/** `1 character`, `12,345 characters`. */
export function characters(length: number): string {
  return `${count(length)} ${length === 1 ? "character" : "characters"}`;
}

/** The value on one line: what can't be seen is shown as a dot. */
export function oneLine(text: string): string {
  return text.replace(/[\p{C}\u2028\u2029]/gu, "·");
}

/** `value` indented if it is a JSON object or array, else undefined. */
export function prettyJson(value: string): string | undefined {
  if (!/^\s*[[{]/.test(value)) return undefined;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return undefined;
  }
}
