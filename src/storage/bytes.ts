/**
 * Big-endian integers in fixed places, the alphabet of every file here. Written
 * into room that the caller owns, so that a batch is encoded where it is framed;
 * read by a reader that knows how to refuse with the file and the offset.
 */
import { assert } from "../base/assert.ts";
import type { Refuse } from "./errors.ts";

const TWO_32 = 2 ** 32;

/** Writes fields one after the other into room that was measured before. */
export class ByteWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  /** An integer from 0 to 2^53 - 1, in eight bytes. */
  u53(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "Value must fit 53 bits");
    this.#view.setUint32(this.#at, Math.floor(value / TWO_32));
    this.#view.setUint32(this.#at + 4, value % TWO_32);
    this.#at += 8;
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Zeros up to `end`. */
  zerosTo(end: number): void {
    this.#bytes.fill(0, this.#at, end);
    this.#at = end;
  }
}

/** Reads fields one after the other; refuses to read past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #refuse: Refuse;
  #at = 0;

  constructor(bytes: Uint8Array, refuse: Refuse) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#refuse = refuse;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u53(): number {
    const at = this.#take(8);
    const high = this.#view.getUint32(at);
    if (high >= 2 ** 21) this.#refuse("an integer below 2^53", "a larger one");
    return high * TWO_32 + this.#view.getUint32(at + 4);
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.remaining) this.#refuse(`${length} more bytes`, `${this.remaining}`);
    this.#at += length;
    return at;
  }
}

/** True when every byte is zero. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
