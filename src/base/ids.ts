/**
 * The ids of members and clusters: integers from 1 to 2^53 - 1; 0 stands for none. Whoever
 * is told of one sees 64 bits, the highest of them set: etcd's tools print ids in 16 columns,
 * and scripts look for 16 hexadecimal digits.
 */

const HIGHEST_BIT = 1n << 63n;

/** An id as v3's messages have it. */
export function wideId(id: number): bigint {
  return id === 0 ? 0n : HIGHEST_BIT | BigInt(id);
}

/** The id that `wideId` makes `wide` of; undefined when there is none. */
export function narrowId(wide: bigint): number | undefined {
  const id = Number(wide - HIGHEST_BIT);
  return id > 0 && Number.isSafeInteger(id) ? id : undefined;
}

/** An id in hexadecimal digits, as texts and logs have it. */
export function formatId(id: number): string {
  return id === 0 ? "0" : `80${id.toString(16).padStart(14, "0")}`;
}

/** An id as `formatId` writes it; undefined for anything else. */
export function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9a-f]{16}$/.test(text)) return undefined;
  return narrowId(BigInt(`0x${text}`));
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
