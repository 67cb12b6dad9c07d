/** Bytes that are nearly right: where decoders go wrong. */
import type { SeededRandom } from "../sim/random.ts";

/** Bytes that mean something somewhere: zeros, ones, signs, delimiters. */
const TELLING = [
  0,
  1,
  2,
  3,
  0x0a,
  0x0d,
  0x20,
  0x25,
  0x26,
  0x2e,
  0x2f,
  0x3d,
  0x7f,
  0x80,
  0xc0,
  0xff,
];
/** Lengths and numbers at the edge of what fits. */
const EDGES = [0, 1, 2 ** 16 - 1, 2 ** 16, 2 ** 21, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** One to four small changes of a copy of `bytes`. */
export function mutated(bytes: Uint8Array, random: SeededRandom): Uint8Array<ArrayBuffer> {
  let result = new Uint8Array(bytes);
  for (let left = random.skewed(1, 4); left > 0; left--) result = changed(result, random);
  return result;
}

function changed(bytes: Uint8Array<ArrayBuffer>, random: SeededRandom): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0) return Uint8Array.of(random.pick(TELLING));
  const at = random.integer(0, bytes.length - 1);
  const length = random.skewed(1, Math.min(64, bytes.length - at));
  switch (random.integer(0, 8)) {
    case 0:
      bytes[at]! ^= 1 << random.integer(0, 7);
      return bytes;
    case 1:
      bytes[at] = random.pick(TELLING);
      return bytes;
    case 2:
      bytes[at] = random.integer(0, 255);
      return bytes;
    case 3:
      return joined(bytes.subarray(0, at), bytes.subarray(at + length));
    case 4:
      return joined(bytes.subarray(0, at + length), bytes.subarray(at));
    case 5:
      return bytes.slice(0, at);
    case 6: {
      const edge = random.pick(EDGES);
      if (at + 4 <= bytes.length) new DataView(bytes.buffer).setUint32(at, edge);
      return bytes;
    }
    case 7:
      return joined(bytes.subarray(0, at), randomBytes(random, length), bytes.subarray(at));
    default:
      bytes.copyWithin(random.integer(0, bytes.length - 1), at, at + length);
      return bytes;
  }
}

export function randomBytes(random: SeededRandom, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random.integer(0, 255);
  return bytes;
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** An integer in [0, 2^53): small, or at an edge. */
export function anyInteger(random: SeededRandom): number {
  return random.chance(0.2)
    ? random.pick([0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, 2 ** 53 - 1])
    : random.skewed(0, 2 ** 40);
}

const CHARACTERS = ["a", "b", "Z", "0", "9", "-", ".", "_", "~", "/", " ", "+", "%", "&", "=", "é"];
const STRANGE = ["☃", "𝄞", "\u0000", "\uFEFF", "\uFFFF", "\r", "\n", '"', "\\", "\u007f", "#", "?"];

/** Mostly plain, now and then strange; up to `max` characters. */
export function anyText(random: SeededRandom, max: number): string {
  const strange = random.chance(0.3) ? 0.3 : 0.02;
  let text = "";
  for (let left = random.skewed(0, max); left > 0; left--) {
    text += random.pick(random.chance(strange) ? STRANGE : CHARACTERS);
  }
  return text;
}
