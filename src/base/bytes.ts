/**
 * Integers, strings and bytes in buffers: the one alphabet of commands, images, log
 * files, consensus messages and frames. Knows no meaning. A reader never looks past
 * its input, and never allocates by a length that it has not checked against what is
 * left; whoever reads says how a fault is told.
 *
 * Two spellings of an integer from 0 to 2^53 - 1: `integer` in base 128, little-endian
 * with a continuation bit (LEB128), for what there is much of; `u53` in eight bytes,
 * big-endian, for what stands in a fixed place. A `text` has its length as an
 * `integer` before it, a `string` as a `u16`; both are UTF-8.
 */
import { Buffer } from "node:buffer";
import { assert } from "./assert.ts";

/** The bytes end too early or cannot mean what they should. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

const TWO_32 = 2 ** 32;

const encoder = new TextEncoder();
/** Takes half the time of a `TextDecoder`, and no view; it keeps a byte order mark, which is content here. */
const toText = Buffer.prototype.toString;
const strictDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Most bytes that an integer takes: 8 groups of 7 bits hold 2^53. */
export const INTEGER_BYTES_MAX = 8;

/** Up to this length a loop over ASCII is faster than the encoder and the view that it needs. */
const LOOP_LENGTH_MAX = 64;

/** Writes `text` as UTF-8 at `at`, where there is room for it; returns the count of bytes. */
export function encodeTextInto(text: string, bytes: Uint8Array, at: number): number {
  assert(at + text.length <= bytes.length, "A string must fit into the buffer");
  if (text.length <= LOOP_LENGTH_MAX && writeAscii(text, bytes, at)) return text.length;
  const { read, written } = encoder.encodeInto(text, bytes.subarray(at));
  assert(read === text.length, "A string must fit into the buffer");
  return written;
}

/** False, with some of it written, when `text` is not all ASCII. */
function writeAscii(text: string, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return false;
    bytes[at + i] = unit;
  }
  return true;
}

/** The string whose UTF-8 is in `bytes` from `start` to `end`; shares no memory with them. */
function decodeText(bytes: Uint8Array, start: number, end: number): string {
  return toText.call(bytes as Buffer, "utf8", start, end);
}

/** Writes from `offset` on into `bytes`, which the caller has made large enough. */
export class ByteWriter<B extends Uint8Array = Uint8Array<ArrayBuffer>> {
  readonly bytes: B;
  offset: number;

  constructor(bytes: B, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  byte(value: number): void {
    assert(this.offset < this.bytes.length, "A byte must fit into the buffer");
    this.bytes[this.offset++] = value;
  }

  copy(bytes: Uint8Array): void {
    assert(this.offset + bytes.length <= this.bytes.length, "Bytes must fit into the buffer");
    this.bytes.set(bytes, this.offset);
    this.offset += bytes.length;
  }

  /** Two bytes, big-endian. */
  u16(value: number): void {
    assert(value >= 0 && value < 2 ** 16, "Value must fit 16 bits");
    this.byte(value >>> 8);
    this.byte(value & 0xff);
  }

  /** Four bytes, big-endian. */
  u32(value: number): void {
    assert(value >= 0 && value < TWO_32, "Value must fit 32 bits");
    const { bytes, offset } = this;
    assert(offset + 4 <= bytes.length, "Four bytes must fit into the buffer");
    bytes[offset] = value >>> 24;
    bytes[offset + 1] = value >>> 16;
    bytes[offset + 2] = value >>> 8;
    bytes[offset + 3] = value;
    this.offset = offset + 4;
  }

  /** An integer from 0 to 2^53 - 1, in eight bytes, big-endian. */
  u53(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "Value must fit 53 bits");
    this.u32(Math.floor(value / TWO_32));
    this.u32(value % TWO_32);
  }

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** `length` is the string's own, by `utf8Length`. */
  string(value: string, length: number): void {
    this.u16(length);
    const written = encodeTextInto(value, this.bytes, this.offset);
    assert(written === length, "String must be as long as it was counted");
    this.offset += length;
  }

  /** Zeros up to `end`. */
  zerosTo(end: number): void {
    this.bytes.fill(0, this.offset, end);
    this.offset = end;
  }

  /** The buffer, which must be full by now. */
  finish(): B {
    assert(this.offset === this.bytes.length, "What is written must be as long as it was counted");
    return this.bytes;
  }

  integer(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "An integer must be within 0 and 2^53 - 1");
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /**
   * The length goes before the bytes but is known after them: it gets as many
   * bytes as the worst case needs and is padded, which saves a second pass.
   */
  text(text: string): void {
    const width = integerBytes(text.length * 3);
    const start = this.offset + width;
    const length = encodeTextInto(text, this.bytes, start);
    let rest = length;
    for (let i = 1; i < width; i++) {
      this.byte((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
    this.offset = start + length;
  }
}

/** Bytes of `value` in UTF-8; a lone surrogate takes three, as the encoder replaces it. */
export function utf8Length(value: string): number {
  let length = 0;
  for (const character of value) {
    const code = character.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

/** Tells what the bytes should have been, and what they are instead. */
export type Fail = (expected: string, found: string) => never;

const failDecoding: Fail = (expected, found) => {
  throw new DecodeError(`Expected ${expected}, found ${found}`);
};

/** Reads `bytes` from the start; throws `DecodeError`, or by `fail`, on anything that is not whole. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #fail: Fail;
  #offset = 0;

  constructor(bytes: Uint8Array, fail: Fail = failDecoding) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  byte(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) this.fail("another byte", "the end");
    this.#offset++;
    return value;
  }

  /** Two bytes, big-endian. */
  u16(): number {
    return this.byte() * 256 + this.byte();
  }

  /** Four bytes, big-endian. */
  u32(): number {
    const at = this.#advance(4);
    const bytes = this.#bytes;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) |
      bytes[at + 3]!) >>> 0;
  }

  /** An integer below 2^53 in eight bytes, big-endian. */
  u53(): number {
    const high = this.u32();
    if (high >= 2 ** 21) this.fail("an integer below 2^53", `one whose upper half is ${high}`);
    return high * TWO_32 + this.u32();
  }

  bool(): boolean {
    const value = this.byte();
    if (value > 1) this.fail("0 or 1", `${value}`);
    return value === 1;
  }

  /** A view of the next `length` bytes, not a copy. */
  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** UTF-8 behind its length in a `u16`. */
  string(): string {
    const bytes = this.take(this.u16());
    try {
      return strictDecoder.decode(bytes);
    } catch {
      return this.fail("a string in UTF-8", "other bytes");
    }
  }

  /** A count of items that take `itemBytes` each at least, so that it is safe to allocate by. */
  count(count: number, itemBytes: number): number {
    const left = this.remaining;
    if (count * itemBytes > left) {
      this.fail(`${count} items of ${itemBytes} bytes or more`, `${left} bytes left`);
    }
    return count;
  }

  /** What was read can't be right. */
  fail(expected: string, found: string): never {
    return this.#fail(expected, found);
  }

  integer(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < INTEGER_BYTES_MAX; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value <= Number.MAX_SAFE_INTEGER) return value;
        break;
      }
      scale *= 0x80;
    }
    return this.fail("an integer below 2^53", "a larger one");
  }

  /** Bytes behind their length, in the memory of what is read. */
  bytes(): Uint8Array {
    return this.take(this.integer());
  }

  /** Bytes behind their length, one character each. */
  byteString(): string {
    const length = this.integer();
    const at = this.#advance(length);
    return toText.call(this.#bytes as Buffer, "latin1", at, at + length);
  }

  /** Six bytes, little-endian. */
  fixed48(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < 6; i++, scale *= 0x100) value += this.byte() * scale;
    return value;
  }

  /** 64 bits with a sign, little-endian. */
  bigint(): bigint {
    let value = 0n;
    for (let i = 0n; i < 64n; i += 8n) value |= BigInt(this.byte()) << i;
    return BigInt.asIntN(64, value);
  }

  text(): string {
    const length = this.integer();
    const at = this.#advance(length);
    const text = decodeText(this.#bytes, at, at + length);
    // The strict decoder takes twice the time, so it only looks at the suspects.
    if (text.includes("\uFFFD") && !isUtf8(this.#bytes.subarray(at, at + length))) {
      this.fail("UTF-8", "other bytes");
    }
    return text;
  }

  /** Nothing may follow what was read. */
  end(): void {
    const left = this.remaining;
    if (left > 0) this.fail("the end", `${left} more bytes`);
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  #advance(length: number): number {
    const at = this.#offset;
    const left = this.#bytes.length - at;
    if (length > left) this.fail(`${length} more bytes`, `${left} left`);
    this.#offset = at + length;
    return at;
  }
}

function integerBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strictDecoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
