/**
 * Writes what is encoded one after the other into shared blocks, because a buffer
 * of its own costs each command 0.7 µs. What was taken never changes.
 */
import { assert } from "../../base/assert.ts";
import { INTEGER_BYTES_MAX } from "../../base/bytes.ts";
import { type ByteString, writeByteString } from "../byte_string.ts";
import { encodeTextInto } from "../../base/bytes.ts";

const BLOCK_BYTES = 64 * 1024;

export class GrowingWriter {
  #bytes = new Uint8Array(BLOCK_BYTES);
  #start = 0;
  #offset = 0;

  /** Begins the next piece. */
  begin(): void {
    this.#start = this.#offset;
  }

  /** The bytes of the piece. */
  take(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#offset);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#offset++] = value;
  }

  /** Little-endian, in six bytes: below 2^48. */
  fixed48(value: number): void {
    this.#reserve(6);
    writeFixed48(this.#bytes, this.#offset, value);
    this.#offset += 6;
  }

  integer(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "An integer must be within 0 and 2^53 - 1");
    this.#reserve(INTEGER_BYTES_MAX);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#offset++] = (rest & 0x7f) | 0x80;
      rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 0x80);
    }
    this.#bytes[this.#offset++] = rest;
  }

  /** 64 bits, little-endian. */
  bigint(value: bigint): void {
    this.#reserve(8);
    let rest = BigInt.asUintN(64, value);
    for (let i = 0; i < 8; i++) {
      this.#bytes[this.#offset++] = Number(rest & 0xffn);
      rest >>= 8n;
    }
  }

  byteString(value: ByteString): void {
    this.integer(value.length);
    this.#reserve(value.length);
    writeByteString(value, this.#bytes, this.#offset);
    this.#offset += value.length;
  }

  /** Bytes, or a text as its UTF-8, behind their length. */
  value(value: Uint8Array | string): void {
    if (typeof value === "string") return this.#text(value);
    this.integer(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#offset);
    this.#offset += value.length;
  }

  /** The length is known after the bytes: it is padded to what the worst case needs. */
  #text(text: string): void {
    const width = integerBytes(text.length * 3);
    this.#reserve(width + text.length * 3);
    const start = this.#offset + width;
    const length = encodeTextInto(text, this.#bytes, start);
    let rest = length;
    for (let i = 1; i < width; i++) {
      this.#bytes[this.#offset++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#offset] = rest;
    this.#offset = start + length;
  }

  /** Makes room for `count` more bytes; the piece that was begun moves to a new block. */
  #reserve(count: number): void {
    if (this.#offset + count <= this.#bytes.length) return;
    const piece = this.#bytes.subarray(this.#start, this.#offset);
    const bytes = new Uint8Array(Math.max(BLOCK_BYTES, 2 * (piece.length + count)));
    bytes.set(piece);
    this.#bytes = bytes;
    this.#offset = piece.length;
    this.#start = 0;
  }
}

/** Six bytes, little-endian. */
export function writeFixed48(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
  bytes[at + 4] = high;
  bytes[at + 5] = high >>> 8;
}

/** What `writeFixed48` wrote. */
export function readFixed48(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16) + bytes[at + 3]! * 2 ** 24 +
    (bytes[at + 4]! | bytes[at + 5]! << 8) * 2 ** 32;
}

function integerBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}
