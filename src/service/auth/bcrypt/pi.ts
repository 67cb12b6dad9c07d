/** The binary digits of π, from which Blowfish's tables begin. */

/** Guards the last digits against what the divisions round off. */
const SPARE_BITS = 64n;

/** The first `count` words of 32 bits behind the point of π. */
export function wordsOfPi(count: number): Uint32Array {
  const bits = 32n * BigInt(count) + SPARE_BITS;
  const digits = ((pi(bits) - (3n << bits)) >> SPARE_BITS).toString(16).padStart(8 * count, "0");
  return Uint32Array.from(
    { length: count },
    (_, i) => parseInt(digits.slice(8 * i, 8 * i + 8), 16),
  );
}

/** π times 2^bits, by the series of the brothers Chudnovsky: 47 bits a term. */
function pi(bits: bigint): bigint {
  let term = 1n << bits;
  let sum = 0n;
  for (let k = 1n; term !== 0n; k++) {
    sum += term * (13_591_409n + 545_140_134n * (k - 1n));
    term *= -(6n * k - 5n) * (2n * k - 1n) * (6n * k - 1n);
    term /= k ** 3n * (640_320n ** 3n / 24n);
  }
  return (426_880n * squareRoot(10_005n << (2n * bits)) << bits) / sum;
}

/** By Newton's method, from above. */
function squareRoot(square: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(square.toString(16).length * 2));
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
