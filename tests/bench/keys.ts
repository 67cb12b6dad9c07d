/** The keys and values that all loads are made of. */

export const VALUE = "v".repeat(128);

/** A form of v2. */
export const FORM = `value=${VALUE}`;

export const KEYS = 1_000;

/** With ten digits behind it a key of 30 bytes, its slash included. */
export const PREFIX = "bench/of/thirty/key";

/** Of the key `number` in v2; "%010d" for `wrk`. */
export function keyPath(number: number | "%010d"): string {
  const digits = typeof number === "number" ? String(number).padStart(10, "0") : number;
  return `/v2/keys/${PREFIX}${digits}`;
}
