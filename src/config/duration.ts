/** Times as Go writes them, for flags that have come from there. */

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/** Above it a number of milliseconds would lose some: 285 years. */
const MS_MAX = 9e12;

/** Milliseconds of `1h30m`, `1.5s` or `0`; undefined when it is none, or below zero. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/.test(text) || text.length > 64) return undefined;
  let ms = 0;
  let rest = text;
  while (rest !== "") {
    const [part, amount = "", unit = ""] = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/.exec(rest) ??
      [];
    const unitMs = UNIT_MS.get(unit);
    if (part === undefined || unitMs === undefined) return undefined;
    ms += Number(amount) * unitMs;
    rest = rest.slice(part.length);
  }
  return ms <= MS_MAX ? ms : undefined;
}
