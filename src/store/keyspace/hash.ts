/**
 * A fast hash that is no defence against anybody who seeks collisions: it tells
 * members apart that should be alike, and damaged images from whole ones. The
 * steps are those of FNV-1a, four bytes at a time, in two 32-bit lanes with
 * different constants, since no JavaScript number holds 64 bits; the finish is
 * that of MurmurHash3.
 */

const LOW_START = 0x811c9dc5 | 0;
const LOW_FACTOR = 0x01000193;
const HIGH_START = 0x9747b28c | 0;
const HIGH_FACTOR = 0x5bd1e995;

/** A hash in two signed 32-bit lanes. */
export interface Hash {
  readonly low: number;
  readonly high: number;
}

/** The state of `pathHash` before the first character. */
export const PATH_HASH_START = LOW_START;

/** One more code unit: the hash of a path's prefix is a state on the way to that of the path. */
export function pathHash(state: number, codeUnit: number): number {
  return Math.imul(state ^ codeUnit, LOW_FACTOR);
}

/** The state after all of `text`. */
export function pathHashOf(text: string): number {
  let state = PATH_HASH_START;
  for (let i = 0; i < text.length; i++) state = pathHash(state, text.charCodeAt(i));
  return state;
}

/** Takes bytes and integers in; `finish` leaves 64 bits in `low` and `high`, signed 32-bit integers. */
export class Hasher {
  low = LOW_START;
  high = HIGH_START;

  start(): this {
    this.low = LOW_START;
    this.high = HIGH_START;
    return this;
  }

  /** An integer of up to 53 bits. */
  integer(value: number): this {
    return this.#word(value | 0).#word(Math.floor(value / 0x1_0000_0000) | 0);
  }

  /** The bytes from `start` to `end`. Portions count: the same bytes in other portions have another hash. */
  bytes(bytes: Uint8Array, start = 0, end = bytes.length): this {
    const length = end - start;
    this.#word(length);
    let low = this.low;
    let high = this.high;
    const wordsEnd = end - length % 4;
    for (let i = start; i < wordsEnd; i += 4) {
      const word = bytes[i]! | bytes[i + 1]! << 8 | bytes[i + 2]! << 16 | bytes[i + 3]! << 24;
      // A product only carries upwards; the turn lets high bits reach low ones.
      low = Math.imul(turn(low, 13) ^ word, LOW_FACTOR);
      high = Math.imul(turn(high, 15) ^ word, HIGH_FACTOR);
    }
    this.low = low;
    this.high = high;
    for (let i = wordsEnd; i < end; i++) this.#word(bytes[i]!);
    return this;
  }

  finish(): this {
    this.low = avalanche(this.low);
    this.high = avalanche(this.high);
    return this;
  }

  /** 16 hexadecimal digits. */
  hex(): string {
    return hex32(this.high) + hex32(this.low);
  }

  #word(word: number): this {
    this.low = Math.imul(turn(this.low, 13) ^ word, LOW_FACTOR);
    this.high = Math.imul(turn(this.high, 15) ^ word, HIGH_FACTOR);
    return this;
  }
}

function turn(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Every bit of the argument sways every bit of the result. */
function avalanche(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function hex32(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
