/**
 * Protobuf's wire format, written: into a buffer that grows, so that an answer
 * can be encoded straight into what a connection sends. Knows no message.
 */
import { Buffer } from "node:buffer";
import { assert } from "../../../base/assert.ts";

const TWO_32 = 2 ** 32;
const VARINT_BYTES_MAX = 10;
/** Up to this length a loop is faster than the call of a built-in. */
const KEY_LOOP_MAX = 64;
const COPY_LOOP_MAX = 32;
const BYTES_MIN = 256;

const writeLatin1 = Buffer.prototype.latin1Write;
const encoder = new TextEncoder();
const halves = new DataView(new ArrayBuffer(8));

/**
 * Appends at `offset`. `bytes` is replaced by a larger copy when what is written
 * does not fit, and only then; so take it when all is written.
 */
export class WireWriter {
  bytes: Uint8Array;
  offset: number;

  constructor(bytes: Uint8Array = new Uint8Array(BYTES_MIN), offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.offset + count;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2, BYTES_MIN));
    larger.set(this.bytes.subarray(0, this.offset));
    this.bytes = larger;
  }

  /** What was written from `start` on; a view. */
  written(start = 0): Uint8Array {
    return this.bytes.subarray(start, this.offset);
  }

  byte(value: number): void {
    if (this.offset === this.bytes.length) this.reserve(1);
    this.bytes[this.offset++] = value;
  }

  /** Four bytes, big-endian. */
  uint32BigEndian(value: number): void {
    this.reserve(4);
    const { bytes, offset } = this;
    bytes[offset] = value >>> 24;
    bytes[offset + 1] = value >>> 16;
    bytes[offset + 2] = value >>> 8;
    bytes[offset + 3] = value;
    this.offset = offset + 4;
  }

  /** A tag, a length, or any integer within ±(2^53 - 1); negative ones take ten bytes. */
  varint(value: number): void {
    if (value >= 0 && value < 0x80) return this.byte(value);
    if (this.offset + VARINT_BYTES_MAX > this.bytes.length) this.reserve(varintSize(value));
    // Both hold for negative numbers, too: they are two's complement by then.
    this.#varint(value >>> 0, Math.floor(value / TWO_32) >>> 0);
  }

  /** An integer of 64 bits, signed or not. */
  bigVarint(value: bigint): void {
    if (this.offset + VARINT_BYTES_MAX > this.bytes.length) this.reserve(bigVarintSize(value));
    halves.setBigInt64(0, value);
    this.#varint(halves.getUint32(4), halves.getUint32(0));
  }

  #varint(low: number, high: number): void {
    const { bytes } = this;
    let at = this.offset;
    while (high !== 0) {
      bytes[at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    while (low >= 0x80) {
      bytes[at++] = (low & 0x7f) | 0x80;
      low >>>= 7;
    }
    bytes[at++] = low;
    this.offset = at;
  }

  /** Bytes without their length. */
  raw(value: Uint8Array): void {
    const { length } = value;
    this.reserve(length);
    const { bytes, offset } = this;
    if (length <= COPY_LOOP_MAX) {
      for (let i = 0; i < length; i++) bytes[offset + i] = value[i]!;
    } else {
      bytes.set(value, offset);
    }
    this.offset = offset + length;
  }

  /** A string of one character a byte, without its length. */
  latin1(value: string): void {
    const { length } = value;
    this.reserve(length);
    const { bytes, offset } = this;
    let seen = 0;
    if (length <= KEY_LOOP_MAX) {
      for (let i = 0; i < length; i++) {
        const code = value.charCodeAt(i);
        seen |= code;
        bytes[offset + i] = code;
      }
    } else {
      writeLatin1.call(bytes as Buffer, value, offset);
      seen = isByteString(value) ? 0 : TWO_32 - 1;
    }
    assert((seen & ~0xff) === 0, "A character of a byte string must stand for one byte");
    this.offset = offset + length;
  }

  /** A string as UTF-8, without its length. */
  text(value: string): void {
    if (this.offset + value.length * 3 > this.bytes.length) this.reserve(textSize(value));
    const { written } = encoder.encodeInto(value, this.bytes.subarray(this.offset));
    this.offset += written;
  }
}

/** Whether every character stands for one byte, 0 to 255. */
function isByteString(value: string): boolean {
  return !/[\u0100-\uffff]/.test(value);
}

/** Bytes that `varint` takes. */
export function varintSize(value: number): number {
  if (value < 0) return VARINT_BYTES_MAX;
  if (value < 2 ** 7) return 1;
  if (value < 2 ** 14) return 2;
  if (value < 2 ** 21) return 3;
  if (value < 2 ** 28) return 4;
  if (value < 2 ** 35) return 5;
  if (value < 2 ** 42) return 6;
  return value < 2 ** 49 ? 7 : 8;
}

/** Bytes that `bigVarint` takes. */
export function bigVarintSize(value: bigint): number {
  halves.setBigInt64(0, value);
  const high = halves.getUint32(0);
  if (high === 0) return varintSize(halves.getUint32(4));
  if (high < 2 ** 3) return 5;
  if (high < 2 ** 10) return 6;
  if (high < 2 ** 17) return 7;
  if (high < 2 ** 24) return 8;
  return high < 2 ** 31 ? 9 : VARINT_BYTES_MAX;
}

/** Bytes that `length` bytes take with their length before them. */
export function delimitedSize(length: number): number {
  return varintSize(length) + length;
}

/** Bytes of `value` as UTF-8. */
export function textSize(value: string): number {
  return Buffer.byteLength(value);
}
