/**
 * Integers and strings as bytes, for commands and images. Knows no meaning and
 * no error but its own; whoever decodes turns `DecodeError` into a typed error
 * that says what was being read.
 *
 * Integers are little-endian base 128 with a continuation bit (LEB128), at most
 * 2^53 - 1. A string is its length in bytes and its UTF-8.
 */
import { Buffer } from "node:buffer";
import { assert } from "../base/assert.ts";

/** The bytes end too early or cannot mean what they should. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

const encoder = new TextEncoder();
/** Takes half the time of a `TextDecoder`, and no view; it keeps a byte order mark, which is content here. */
const toText = Buffer.prototype.toString;
const strictDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Most bytes that an integer takes: 8 groups of 7 bits hold 2^53. */
export const INTEGER_BYTES_MAX = 8;

/** Most bytes that `text` takes, length included: a UTF-16 unit needs up to three. */
export function textBytesMax(text: string): number {
  return INTEGER_BYTES_MAX + text.length * 3;
}

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
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  return toText.call(bytes as Buffer, "utf8", start, end);
}

/** Writes from `offset` on into `bytes`, which the caller has made large enough. */
export class ByteWriter {
  readonly bytes: Uint8Array<ArrayBuffer>;
  offset: number;

  constructor(bytes: Uint8Array<ArrayBuffer>, offset = 0) {
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

  /** Four bytes, little-endian, for what is filled in afterwards. */
  uint32At(offset: number, value: number): void {
    assert(offset + 4 <= this.bytes.length, "Four bytes must fit into the buffer");
    for (let i = 0; i < 4; i++) this.bytes[offset + i] = value >>> (8 * i);
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

/** Reads `bytes` from the start; throws `DecodeError` on anything that is not whole. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) throw new DecodeError("Expected another byte, found the end");
    this.#offset++;
    return value;
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
    throw new DecodeError("Expected an integer below 2^53, found a larger one");
  }

  /** Bytes behind their length, in the memory of what is read. */
  bytes(): Uint8Array {
    const length = this.integer();
    const end = this.#offset + length;
    if (end > this.#bytes.length) {
      throw new DecodeError(`Expected ${length} bytes, found the end`);
    }
    const bytes = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }

  /** Bytes behind their length, one character each. */
  byteString(): string {
    const length = this.integer();
    const end = this.#offset + length;
    if (end > this.#bytes.length) {
      throw new DecodeError(`Expected ${length} bytes, found the end`);
    }
    const text = toText.call(this.#bytes as Buffer, "latin1", this.#offset, end);
    this.#offset = end;
    return text;
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
    const end = this.#offset + length;
    if (end > this.#bytes.length) {
      throw new DecodeError(`Expected a string of ${length} bytes, found the end`);
    }
    const text = decodeText(this.#bytes, this.#offset, end);
    // The strict decoder takes twice the time, so it only looks at the suspects.
    if (text.includes("\uFFFD")) assertUtf8(this.#bytes.subarray(this.#offset, end));
    this.#offset = end;
    return text;
  }

  /** Nothing may follow what was read. */
  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) throw new DecodeError(`Expected the end, found ${left} more bytes`);
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }
}

function integerBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}

function assertUtf8(bytes: Uint8Array): void {
  try {
    strictDecoder.decode(bytes);
  } catch (error) {
    throw new DecodeError("Expected UTF-8, found other bytes", { cause: error });
  }
}
