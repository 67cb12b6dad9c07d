/**
 * The ids of members and clusters: integers from 1 to 2^53 - 1, written in hexadecimal
 * without leading zeros. 0 stands for none.
 */

/** An id as the logs print it. */
export function formatId(id: number): string {
  return id.toString(16);
}

/** An id as `formatId` writes it; undefined for anything else. */
export function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9a-f][0-9a-f]{0,13}$/.test(text)) return undefined;
  const id = Number.parseInt(text, 16);
  return Number.isSafeInteger(id) ? id : undefined;
}

/** A new id; `random` gives numbers in [0, 1) that nobody can guess or meet. */
export function randomId(random: () => number): number {
  return Math.floor(random() * (2 ** 53 - 1)) + 1;
}

/** In [0, 1), with 53 bits that nobody can guess. */
export function randomFraction(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}
