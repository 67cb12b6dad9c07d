/** Numbers in forms, by the rules of Go's `strconv`, which the original used. */

/** The last moment that RFC 3339 can name: the end of the year 9999. */
const LATEST_DEADLINE_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const SIGNED = /^[+-]?[0-9]+$/;
const UNSIGNED = /^[0-9]+$/;

/**
 * Whole seconds, as `Atoi` takes them: a sign, decimal digits, nothing else.
 * Undefined for anything else, beyond 2^53, or when the deadline, counted from
 * `nowMs`, has no RFC 3339 text.
 */
export function parseTtl(text: string, nowMs: number): number | undefined {
  if (!SIGNED.test(text)) return undefined;
  // The sum makes a zero of "-0".
  const seconds = Number(text) + 0;
  return Number.isSafeInteger(seconds) && hasDeadline(seconds, nowMs) ? seconds : undefined;
}

/** Whether the deadline `ttlSeconds` after `nowMs` can be written down. */
function hasDeadline(ttlSeconds: number, nowMs: number): boolean {
  return nowMs + ttlSeconds * 1000 <= LATEST_DEADLINE_MS;
}

/** An index as `ParseUint` takes it: decimal digits only. Undefined for anything else, or beyond 2^53. */
export function parseIndex(text: string): number | undefined {
  if (!UNSIGNED.test(text)) return undefined;
  const index = Number(text);
  return Number.isSafeInteger(index) ? index : undefined;
}
