/**
 * Bounded reading and writing of bytes for the codec: big-endian integers,
 * length-prefixed strings. A reader never looks past its input and never
 * allocates by a length that it has not checked against what is left.
 */
import { assert } from "../base/assert.ts";

/** The bytes are not what the sender must have meant: they are dropped, nothing else. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

const TWO_32 = 2 ** 32;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Fills a frame whose exact size was counted before. */
export class ByteWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #offset = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  u8(value: number): void {
    this.#view.setUint8(this.#offset, value);
    this.#offset += 1;
  }

  u16(value: number): void {
    assert(value < 2 ** 16, "Value must fit 16 bits");
    this.#view.setUint16(this.#offset, value);
    this.#offset += 2;
  }

  u32(value: number): void {
    assert(value < TWO_32, "Value must fit 32 bits");
    this.#view.setUint32(this.#offset, value);
    this.#offset += 4;
  }

  /** An integer from 0 to 2^53 - 1, in eight bytes. */
  u53(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "Value must fit 53 bits");
    this.#view.setUint32(this.#offset, Math.floor(value / TWO_32));
    this.#view.setUint32(this.#offset + 4, value % TWO_32);
    this.#offset += 8;
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#offset);
    this.#offset += value.length;
  }

  /** `length` is the string's own, by `utf8Length`. */
  string(value: string, length: number): void {
    this.u16(length);
    const target = this.#bytes.subarray(this.#offset, this.#offset + length);
    const { written } = utf8Encoder.encodeInto(value, target);
    assert(written === length, "String must be as long as it was counted");
    this.#offset += length;
  }

  /** The frame, which must be full by now. */
  finish(): Uint8Array<ArrayBuffer> {
    assert(this.#offset === this.#bytes.length, "Frame must be as long as it was counted");
    return this.#bytes;
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

/** Reads `bytes` from the front; every method throws `DecodeError` when they do not suffice. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u53(): number {
    const at = this.#take(8);
    const high = this.#view.getUint32(at);
    if (high >= 2 ** 21) {
      this.fail(`an integer below 2^53`, `one whose upper half is ${high}`);
    }
    return high * TWO_32 + this.#view.getUint32(at + 4);
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) this.fail("0 or 1", `${value}`);
    return value === 1;
  }

  /** A view of the input, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  string(): string {
    const bytes = this.bytes(this.u16());
    try {
      return utf8Decoder.decode(bytes);
    } catch (cause) {
      throw new DecodeError("Expected a string in UTF-8", { cause });
    }
  }

  /** A count of items that take `itemBytes` each at least, so that it is safe to allocate by. */
  count(count: number, itemBytes: number): number {
    const left = this.#bytes.length - this.#offset;
    if (count * itemBytes > left) {
      this.fail(`${count} items of ${itemBytes} bytes or more`, `${left} bytes left`);
    }
    return count;
  }

  /** Call when all is read: what is left over was not understood. */
  finish(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) this.fail("the end", `${left} bytes left`);
  }

  fail(expected: string, found: string): never {
    throw new DecodeError(`Expected ${expected} before offset ${this.#offset}, found ${found}`);
  }

  #take(length: number): number {
    const at = this.#offset;
    const left = this.#bytes.length - at;
    if (length > left) this.fail(`${length} bytes more`, `${left} left`);
    this.#offset = at + length;
    return at;
  }
}
