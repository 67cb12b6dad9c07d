/**
 * Holds an answer against what a case expects. Texts may have placeholders: `<NAME>`,
 * `<NAME+2>` and `<NAME+2:20>`, padded with zeros to 20 digits, for what was saved;
 * `<any>`, `<index>`, `<hex>`, `<3..5>`, `<time>` and `<time+N>` for what varies. An
 * object matches when it has the same fields in the same order.
 */
import type { Expectation, Json } from "./v2_cases.ts";

/** Placeholders that are known. */
export type Variables = Map<string, string | number>;
const PLACEHOLDER = /<(\w+?)([+-]\d+)?(?::(\d+))?>/g;

/** Puts the values of known placeholders into a text; others stay as they are. */
export function fill(text: string, variables: Variables): string {
  return text.replace(PLACEHOLDER, (all, name, shift, width) => {
    const value = variables.get(name);
    if (value === undefined) return all;
    if (!shift && !width) return String(value);
    return String(Number(value) + Number(shift ?? 0)).padStart(Number(width ?? 0), "0");
  });
}

/** The same within any value. */
export function fillAll<T>(value: T, variables: Variables): T {
  if (typeof value === "string") return fill(value, variables) as T;
  if (Array.isArray(value)) return value.map((v) => fillAll(v, variables)) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => [fill(k, variables), fillAll(v, variables)]),
  ) as T;
}

/** Seconds of a TTL that may pass while a busy machine plays a scenario. */
const LATE_SECONDS = 15;

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

function matchesText(want: string, got: Json, variables: Variables): boolean {
  if (want === "<any>") return got !== undefined;
  if (want === "<index>") return /^[1-9]\d*$/.test(String(got));
  if (want === "<hex>") return typeof got === "string" && /^[0-9a-f]+$/.test(got);
  const range = /^<(-?\d+)\.\.(-?\d+)>$/.exec(want);
  if (range) {
    return Number(got) >= Number(range[1]) - LATE_SECONDS && Number(got) <= Number(range[2]);
  }
  const time = /^<time(?:\+(\d+))?>$/.exec(want);
  if (time) {
    if (typeof got !== "string" || !TIME.test(got)) return false;
    const ahead = (Date.parse(got) - Date.now()) / 1000;
    return time[1] === undefined || Math.abs(ahead - Number(time[1])) < LATE_SECONDS;
  }
  const filled = fill(want, variables);
  if (typeof got === "number") return filled !== want && filled === String(got);
  if (!filled.includes("<any>") || typeof got !== "string") return filled === got;
  const parts = filled.split("<any>").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(got);
}

function matches(want: Json, got: Json, variables: Variables, unordered: boolean): boolean {
  const same = (w: Json, g: Json) => matches(w, g, variables, unordered);
  if (typeof want === "string") return matchesText(want, got, variables);
  if (Array.isArray(want)) {
    if (!Array.isArray(got) || got.length !== want.length) return false;
    if (!unordered) return want.every((w, i) => same(w, got[i]!));
    const left = [...got];
    return want.every((w) => {
      const at = left.findIndex((g) => same(w, g));
      if (at >= 0) left.splice(at, 1);
      return at >= 0;
    });
  }
  if (want !== null && typeof want === "object") {
    if (got === null || typeof got !== "object" || Array.isArray(got)) return false;
    const a = Object.keys(want);
    const b = Object.keys(got).filter((k) => k !== "ttl" || (got.ttl as number) >= 0);
    return a.length === b.length && a.every((k, i) => fill(k, variables) === b[i]) &&
      a.every((k, i) => same(want[k]!, got[b[i]!]!));
  }
  return want === got;
}

/** What came. */
export interface Got {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  body?: Json;
  lines?: Json[];
}

/** The value at a path such as `node.nodes.0.key`. */
export function at(body: Json | undefined, path: string): Json | undefined {
  return path.split(".").reduce<Json | undefined>(
    (value, part) => (value as Record<string, Json>)?.[part],
    body,
  );
}

/** What differs, in words; empty when nothing does. */
export function differences(
  want: Expectation,
  got: Got,
  variables: Variables,
  unordered: boolean,
): string[] {
  const found: string[] = [];
  const differ = (what: string, w: unknown, g: unknown) =>
    found.push(`${what}: want ${fill(JSON.stringify(w), variables)} got ${JSON.stringify(g)}`);
  if (want.status !== undefined && want.status !== got.status) {
    differ("status", want.status, got.status);
  }
  for (const [name, value] of Object.entries(want.headers ?? {})) {
    const has = got.headers.get(name);
    if (value === null ? has !== undefined : !matchesText(value, has ?? null, variables)) {
      differ(name, value, has ?? null);
    }
  }
  if (want.body !== undefined && !matches(want.body, got.body ?? null, variables, unordered)) {
    differ("body", want.body, got.body);
  }
  for (const [path, value] of Object.entries(want.has ?? {})) {
    const has = at(got.body, path);
    if (has === undefined || !matches(value, has, variables, unordered)) differ(path, value, has);
  }
  if (want.lines !== undefined && !matches(want.lines, got.lines ?? [], variables, unordered)) {
    differ("lines", want.lines, got.lines);
  }
  return found;
}
