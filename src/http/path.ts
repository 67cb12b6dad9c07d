/**
 * From the raw path of a request to the clean one that is routed: decoded once,
 * then cleaned, so that no spelling (`%5Fx`, `a/../_x`, `//_x`) passes a
 * check that another would fail.
 */

/** Why a path can't be taken. */
export interface BadPath {
  readonly cause: string;
}

/** What needs work: an escape, an empty or dotted segment, a NUL. */
const UNCLEAN = /%|\/\/|\/\.|\0/;

/**
 * The clean path: absolute, decoded, without empty, `.` and `..` segments (`..`
 * stays at the root) and without a slash at its end, "/" for the root. Refuses
 * bad percent-encoding, bytes that are no UTF-8, and NUL.
 */
export function cleanPath(raw: string): string | BadPath {
  if (!UNCLEAN.test(raw)) {
    return raw.endsWith("/") && raw.length > 1 ? raw.slice(0, -1) : raw;
  }
  let decoded: string;
  try {
    decoded = decodeURIComponent(raw);
  } catch {
    return { cause: `Expected UTF-8 in percent-encoding, found "${raw}"` };
  }
  if (decoded.includes("\0")) return { cause: `Expected no NUL in the path, found "${raw}"` };
  const segments: string[] = [];
  for (const segment of decoded.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}`;
}

/** The bytes of `text` as UTF-8 are more than `max`. */
export function longerThan(text: string, max: number): boolean {
  // A UTF-16 unit makes at most three bytes: most keys are told apart without counting.
  if (text.length * 3 <= max) return false;
  return text.length > max || new TextEncoder().encode(text).length > max;
}
