/**
 * Large values, noted short: a value's last letter says how long it is on the
 * wire, where it is filled up. So a history of gigabytes stays small, and a value
 * that comes back changed is still found.
 */

const LENGTHS: Readonly<Record<string, number>> = {
  /** Fills logs. */
  L: 24_000,
  /** Fills disks. */
  X: 400_000,
};

/** Stands for itself in a form. */
const FILLING = "*";

/** The value as a node is sent it. */
export function padded(value: string): string {
  return value.padEnd(LENGTHS[value.at(-1) ?? ""] ?? 0, FILLING);
}

/** What was padded; undefined when it is not as it was sent. */
export function unpadded(value: string): string | undefined {
  const end = value.indexOf(FILLING);
  const short = end < 0 ? value : value.slice(0, end);
  return padded(short) === value ? short : undefined;
}
