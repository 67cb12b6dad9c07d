/**
 * A fast hash that is no defence against anybody who seeks collisions: it tells
 * members apart that should be alike, and damaged images from whole ones.
 * FNV-1a over UTF-16 code units with the finishing steps of MurmurHash3, in two
 * 32-bit lanes with different constants, because numbers hold no 64 bits.
 */

const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;
const HIGH_OFFSET = 0x9747b28c | 0;
const HIGH_PRIME = 0x5bd1e995;

/** The state of `pathHash` before the first character. */
export const PATH_HASH_START = FNV_OFFSET;

/** One more code unit: the hash of a path's prefix is a state on the way to the whole. */
export function pathHash(state: number, codeUnit: number): number {
  return Math.imul(state ^ codeUnit, FNV_PRIME);
}

/** Takes values in; `finish` leaves 64 bits in `low` and `high`, as signed 32-bit integers. */
export class Hasher {
  low = FNV_OFFSET;
  high = HIGH_OFFSET;

  start(): this {
    this.low = FNV_OFFSET;
    this.high = HIGH_OFFSET;
    return this;
  }

  /** An integer of up to 53 bits, or a signed 32-bit one. */
  integer(value: number): this {
    return this.#word(value | 0).#word(Math.floor(value / 0x1_0000_0000) | 0);
  }

  text(text: string): this {
    // The length first, so that ("ab", "c") and ("a", "bc") differ.
    this.#word(text.length);
    let low = this.low;
    let high = this.high;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      low = Math.imul(low ^ unit, FNV_PRIME);
      high = Math.imul(high ^ unit, HIGH_PRIME);
    }
    this.low = low;
    this.high = high;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.#word(bytes.length);
    let low = this.low;
    let high = this.high;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      low = Math.imul(low ^ byte, FNV_PRIME);
      high = Math.imul(high ^ byte, HIGH_PRIME);
    }
    this.low = low;
    this.high = high;
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
    // A whole word at once leaves FNV's low bits alone, hence the turns.
    this.low = Math.imul(rotate(this.low, 13) ^ word, FNV_PRIME);
    this.high = Math.imul(rotate(this.high, 15) ^ word, HIGH_PRIME);
    return this;
  }
}

function rotate(word: number, bits: number): number {
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
