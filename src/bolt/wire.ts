/**
 * The wire format of Protocol Buffers, as far as etcd's records on disk need it:
 * varints and byte strings. Fields that are not known are passed over.
 */
import { assert } from "../base/assert.ts";

/** Says what was expected and what was found instead. */
export type Refuse = (expected: string, found: string) => never;

const VARINT_BYTES_MAX = 10;
const [VARINT, FIXED_64, BYTES, FIXED_32] = [0, 1, 2, 5];

/** The tag of a field that is an integer. */
export function integerTag(field: number): number {
  return field << 3 | VARINT!;
}

/** The tag of a field that is bytes, text or a message. */
export function bytesTag(field: number): number {
  return field << 3 | BYTES!;
}

/** Reads a message from front to back. */
export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #refuse: Refuse;
  #at = 0;

  constructor(bytes: Uint8Array, refuse: Refuse) {
    this.#bytes = bytes;
    this.#refuse = refuse;
  }

  /** The tag of the next field, or undefined at the end. */
  tag(): number | undefined {
    return this.#at === this.#bytes.length ? undefined : this.integer();
  }

  /** An integer from 0 to 2^53 - 1. */
  integer(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        return value <= Number.MAX_SAFE_INTEGER
          ? value
          : this.#refuse("an integer from 0 to 2^53 - 1", "another one");
      }
      scale *= 0x80;
    }
    return this.#refuse("an integer of at most 10 bytes", "a longer one");
  }

  /** All 64 bits of an integer, unsigned. */
  bits(): bigint {
    let value = 0n;
    for (let i = 0n; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << (7n * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return this.#refuse("an integer of at most 10 bytes", "a longer one");
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const length = this.integer();
    const start = this.#at;
    this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Passes over the field whose tag was read. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.bits();
        return;
      case FIXED_64:
        return this.#skip(8);
      case BYTES:
        this.bytes();
        return;
      case FIXED_32:
        return this.#skip(4);
      default:
        this.#refuse("a field of a known type", `the tag ${tag}`);
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return this.#refuse("another byte", "the end of the record");
    this.#at++;
    return byte;
  }

  #skip(length: number): void {
    const left = this.#bytes.length - this.#at;
    if (length > left) this.#refuse(`${length} more bytes`, `${left}`);
    this.#at += length;
  }
}

/** Most bytes of a field's tag and the varint behind it. */
export const FIELD_BYTES_MAX = 1 + VARINT_BYTES_MAX;

/** What is left over of a slab at most; larger records have memory of their own. */
const SLAB_BYTES = 16 * 1024;

/**
 * Writes records one after the other. They share slabs of memory, since an array
 * each costs more than all the rest; none is ever overwritten.
 */
export class WireWriter {
  #slab = new Uint8Array(0);
  #start = 0;
  #at = 0;

  /** Begins a record of `bytesMax` at most. */
  begin(bytesMax: number): void {
    if (this.#slab.length - this.#at < bytesMax) {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, bytesMax));
      this.#at = 0;
    }
    this.#start = this.#at;
  }

  /** What was written since `begin`. */
  end(): Uint8Array {
    return this.#slab.subarray(this.#start, this.#at);
  }

  /** A field with an integer from 0 to 2^53 - 1; left out when it is 0, as proto3 has it. */
  integer(field: number, value: number): void {
    if (value === 0) return;
    this.#byte(integerTag(field));
    this.#varint(value);
  }

  /** A field with the 64 bits of `value`, signed or not; left out when they are all 0. */
  bits(field: number, value: bigint): void {
    if (value === 0n) return;
    this.#byte(integerTag(field));
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
    this.#byte(Number(rest));
  }

  /** A field with bytes, even when there are none. */
  bytes(field: number, value: Uint8Array): void {
    this.#byte(bytesTag(field));
    this.#varint(value.length);
    assert(this.#at + value.length <= this.#slab.length, "A record must fit into its bound");
    this.#slab.set(value, this.#at);
    this.#at += value.length;
  }

  #varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "An integer must be within 0 and 2^53 - 1");
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#byte((rest & 0x7f) | 0x80);
    this.#byte(rest);
  }

  #byte(value: number): void {
    assert(this.#at < this.#slab.length, "A record must fit into its bound");
    this.#slab[this.#at++] = value;
  }
}
