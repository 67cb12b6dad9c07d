/**
 * Protobuf's wire format, read (protobuf.dev/programming-guides/encoding). Knows
 * no message: numbers, lengths, and how to step over a field. Throws
 * `MessageError` on whatever is not whole.
 */
import { Buffer } from "node:buffer";
import { MessageError } from "./message_error.ts";

/** An integer of up to 64 bits. */
export const VARINT = 0;
/** A length and as many bytes. */
export const LENGTH = 2;
/** No field of ours has these; groups, 3 and 4, are refused. */
const FIXED64 = 1;
const FIXED32 = 5;

/** Messages in messages, as transactions may be nested; protobuf's own decoders stop there too. */
const DEPTH_MAX = 100;

const VARINT_BYTES_MAX = 10;
const TWO_32 = 2 ** 32;
/** The first high half of 64 bits that a number can't hold exactly. */
const HIGH_MAX = 2 ** 21;
const FIELD_NUMBER_MAX = 2 ** 29 - 1;

const toLatin1 = Buffer.prototype.latin1Slice;
const toText = Buffer.prototype.utf8Slice;
const strictDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
const halves = new DataView(new ArrayBuffer(8));

/**
 * Reads from `offset` up to `end`. What it returns as bytes are views of the
 * input: whoever keeps them beyond the input's life copies them.
 */
export class WireReader {
  readonly bytes: Uint8Array;
  offset: number;
  /** Where the message that is being read ends. */
  end: number;
  /** The halves of the last 64-bit varint, as signed 32-bit integers. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  /** Field number times 8 plus wire type; the number is valid, the type may be any. */
  tag(): number {
    if (this.offset < this.end) {
      const byte = this.bytes[this.offset]!;
      if (byte >= 8 && byte < 0x80) {
        this.offset++;
        return byte;
      }
    }
    return this.#longTag();
  }

  #longTag(): number {
    const tag = this.uint64();
    const number = Math.floor(tag / 8);
    if (number < 1 || number > FIELD_NUMBER_MAX) {
      throw new MessageError(`proto: illegal tag ${number} (wire type ${tag % 8})`);
    }
    return tag;
  }

  /** The length of what follows, which is all there. */
  length(): number {
    let length: number;
    if (this.offset < this.end && this.bytes[this.offset]! < 0x80) {
      length = this.bytes[this.offset++]!;
    } else {
      length = this.uint64();
    }
    if (length > this.end - this.offset) throw new MessageError("unexpected EOF");
    return length;
  }

  bool(): boolean {
    this.#varint();
    return (this.#low | this.#high) !== 0;
  }

  /** The low 32 bits, as protobuf truncates them; signed for enums. */
  int32(): number {
    this.#varint();
    return this.#low;
  }

  uint32(): number {
    this.#varint();
    return this.#low >>> 0;
  }

  /** Exact within ±(2^53 - 1); what is beyond becomes that bound, and is never rounded. */
  int64(): number {
    if (this.offset < this.end && this.bytes[this.offset]! < 0x80) {
      return this.bytes[this.offset++]!;
    }
    this.#varint();
    const high = this.#high;
    if (high >= HIGH_MAX) return Number.MAX_SAFE_INTEGER;
    if (high < -HIGH_MAX) return Number.MIN_SAFE_INTEGER;
    return Math.max(high * TWO_32 + (this.#low >>> 0), Number.MIN_SAFE_INTEGER);
  }

  /** As `int64`, without a sign. */
  uint64(): number {
    this.#varint();
    const high = this.#high >>> 0;
    return high >= HIGH_MAX ? Number.MAX_SAFE_INTEGER : high * TWO_32 + (this.#low >>> 0);
  }

  /** All 64 bits, signed. */
  bigInt64(): bigint {
    this.#varint();
    halves.setInt32(0, this.#high);
    halves.setInt32(4, this.#low);
    return halves.getBigInt64(0);
  }

  /** All 64 bits, unsigned. */
  bigUint64(): bigint {
    this.#varint();
    halves.setInt32(0, this.#high);
    halves.setInt32(4, this.#low);
    return halves.getBigUint64(0);
  }

  /** A view of bytes with their length before them. */
  view(): Uint8Array {
    const length = this.length();
    const start = this.offset;
    this.offset = start + length;
    return this.bytes.subarray(start, start + length);
  }

  /** Bytes with their length before them, as a string of one character a byte. */
  latin1(): string {
    const length = this.length();
    const start = this.offset;
    this.offset = start + length;
    return length === 0 ? "" : toLatin1.call(this.bytes as Buffer, start, start + length);
  }

  /** A string with its length before it; it must be UTF-8. */
  text(): string {
    const length = this.length();
    const start = this.offset;
    this.offset = start + length;
    const text = toText.call(this.bytes as Buffer, start, start + length);
    // The strict decoder takes far longer, so it only looks at the suspects.
    return text.includes("\uFFFD") ? strictText(this.bytes.subarray(start, start + length)) : text;
  }

  /** Steps over the value of a field that nobody asked for. */
  skip(tag: number): void {
    const wireType = tag % 8;
    switch (wireType) {
      case VARINT:
        this.#varint();
        return;
      case FIXED64:
        return this.#advance(8);
      case LENGTH:
        return this.#advance(this.length());
      case FIXED32:
        return this.#advance(4);
      default:
        throw new MessageError(`proto: illegal wireType ${wireType}`);
    }
  }

  #advance(count: number): void {
    if (count > this.end - this.offset) throw new MessageError("unexpected EOF");
    this.offset += count;
  }

  #varint(): void {
    const { bytes, end } = this;
    let at = this.offset;
    let low = 0;
    let high = 0;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      if (at >= end) throw new MessageError("unexpected EOF");
      const byte = bytes[at++]!;
      const bits = byte & 0x7f;
      if (i < 4) {
        low |= bits << (7 * i);
      } else if (i === 4) {
        low |= bits << 28;
        high = bits >> 4;
      } else {
        high |= bits << (7 * i - 32);
      }
      if (byte < 0x80) {
        this.offset = at;
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw new MessageError("proto: integer overflow");
  }
}

/** Refuses a known field that came with another wire type than it has. */
export function wrongWireType(tag: number, name: string): never {
  throw new MessageError(`proto: wrong wireType = ${tag % 8} for field ${name}`);
}

/** One level deeper; throws when messages are nested too deeply. */
export function deeper(depth: number): number {
  if (depth >= DEPTH_MAX) {
    throw new MessageError(`proto: more than ${DEPTH_MAX} messages are nested`);
  }
  return depth + 1;
}

function strictText(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch (error) {
    throw new MessageError("proto: string field contains invalid UTF-8", { cause: error });
  }
}
