/**
 * Messages in the body of a gRPC call: each has a flag and its length before it
 * (gRPC over HTTP/2, "Length-Prefixed-Message"). Knows no message.
 */
import { gunzipSync } from "node:zlib";
import { assert } from "../../base/assert.ts";
import { messageOf } from "../../base/errors.ts";
import { prepare } from "./messages/codec.ts";
import type { Draft, MessageType } from "./messages/table.ts";
import { WireWriter } from "./messages/wire_writer.ts";
import { StatusCode, StatusError } from "./status.ts";

/** A flag and four bytes of length. */
export const PREFIX_BYTES = 5;

/** A message that is being received gets room as its bytes come, beginning with this. */
const ROOM_BYTES_MIN = 4_096;

/** Takes a message: `bytes` from `start` to `end`, valid during the call only. */
export type TakeMessage = (bytes: Uint8Array, start: number, end: number) => void;

/** Hears how many bytes are kept of a message that is not whole; 0 when it is. */
export type KeepBytes = (bytes: number) => void;

/** Finds the messages in a body that comes in pieces of any size. */
export class MessageFrames {
  readonly #bytesMax: number;
  readonly #encoding: string;
  readonly #take: TakeMessage;
  readonly #keep: KeepBytes;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixLength = 0;
  /** What has come of a message whose prefix is whole. */
  #body: Uint8Array = new Uint8Array(0);
  #bodyLength = 0;

  /**
   * `bytesMax` bounds a message, also after it has been decompressed; `encoding`
   * is the request's `grpc-encoding`, or undefined if it has none. What `keep` throws `push`
   * throws, too.
   */
  constructor(
    bytesMax: number,
    encoding: string | undefined,
    take: TakeMessage,
    keep: KeepBytes = () => {},
  ) {
    this.#bytesMax = bytesMax;
    this.#encoding = encoding ?? "identity";
    this.#take = take;
    this.#keep = keep;
  }

  /**
   * Hands over the messages that end within `piece`, in order. Throws
   * `StatusError`; the body is of no use after that.
   */
  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length) {
      at = this.#prefixLength === 0 && at + PREFIX_BYTES <= piece.length
        ? this.#whole(piece, at)
        : this.#part(piece, at);
    }
  }

  /** Whether a message has begun that has not ended: a body must not end then. */
  get isInMessage(): boolean {
    return this.#prefixLength > 0;
  }

  /** A message that begins here, and mostly ends here: its bytes are not copied. */
  #whole(piece: Uint8Array, at: number): number {
    const start = at + PREFIX_BYTES;
    const end = start + this.#lengthAt(piece, at);
    if (end > piece.length) return this.#part(piece, at);
    this.#deliver(piece[at]!, piece, start, end);
    return end;
  }

  /** Copies what there is of a message that ends in another piece than it began. */
  #part(piece: Uint8Array, at: number): number {
    while (this.#prefixLength < PREFIX_BYTES && at < piece.length) {
      this.#prefix[this.#prefixLength++] = piece[at++]!;
    }
    if (this.#prefixLength < PREFIX_BYTES) return at;
    const length = this.#lengthAt(this.#prefix, 0);
    const count = Math.min(length - this.#bodyLength, piece.length - at);
    this.#append(piece.subarray(at, at + count), length);
    if (this.#bodyLength === length) {
      const body = this.#body;
      this.#prefixLength = 0;
      this.#bodyLength = 0;
      this.#body = new Uint8Array(0);
      this.#keep(0);
      this.#deliver(this.#prefix[0]!, body, 0, length);
    }
    return at + count;
  }

  #append(bytes: Uint8Array, length: number): void {
    const needed = this.#bodyLength + bytes.length;
    if (needed > this.#body.length) {
      const room = Math.max(needed, this.#body.length * 2, ROOM_BYTES_MIN);
      this.#keep(Math.min(length, room));
      const larger = new Uint8Array(Math.min(length, room));
      larger.set(this.#body.subarray(0, this.#bodyLength));
      this.#body = larger;
    }
    this.#body.set(bytes, this.#bodyLength);
    this.#bodyLength = needed;
  }

  #lengthAt(bytes: Uint8Array, at: number): number {
    const length = (bytes[at + 1]! << 24 | bytes[at + 2]! << 16 | bytes[at + 3]! << 8 |
      bytes[at + 4]!) >>> 0;
    if (length > this.#bytesMax) throw tooLarge(length, this.#bytesMax);
    return length;
  }

  #deliver(flag: number, bytes: Uint8Array, start: number, end: number): void {
    if (flag === 0) return this.#take(bytes, start, end);
    if (flag !== 1) {
      const text = `grpc: received unexpected payload format ${flag}`;
      throw new StatusError(StatusCode.internal, text);
    }
    const message = decompressed(bytes.subarray(start, end), this.#encoding, this.#bytesMax);
    this.#take(message, 0, message.length);
  }
}

function decompressed(bytes: Uint8Array, encoding: string, bytesMax: number): Uint8Array {
  if (encoding === "identity") {
    throw new StatusError(
      StatusCode.internal,
      "grpc: compressed flag set with identity or empty encoding",
    );
  }
  if (encoding !== "gzip") {
    throw new StatusError(
      StatusCode.unimplemented,
      `grpc: Decompressor is not installed for grpc-encoding ${JSON.stringify(encoding)}`,
    );
  }
  // Zlib has no maximum of 0, and one byte more tells what is too large from what just fits.
  const result = gunzipped(bytes, bytesMax + 1);
  if (result.length > bytesMax) throw tooLarge(result.length, bytesMax);
  return result;
}

function gunzipped(bytes: Uint8Array, maxOutputLength: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(maxOutputLength, maxOutputLength - 1);
    const text = `grpc: failed to decompress the received message ${messageOf(error)}`;
    throw new StatusError(StatusCode.internal, text, { cause: error });
  }
}

/** A message that is not taken; in the words of gRPC for Go. */
export function tooLarge(length: number, bytesMax: number): StatusError {
  return new StatusError(
    StatusCode.resourceExhausted,
    `grpc: received message larger than max (${length} vs. ${bytesMax})`,
  );
}

/** A message that is ready to be sent: its size is known, its bytes are not written yet. */
export interface Frame {
  /** With the prefix. */
  readonly size: number;
  /** Writes `size` bytes at `at` of `target`, which has room for them; returns where they end. */
  writeTo(target: Uint8Array, at: number): number;
}

/**
 * `message` with its prefix, uncompressed. `message` is read when the frame is
 * written, so it must not change in between.
 */
export function frameOf<T extends object>(type: MessageType<T>, message: Draft<T>): Frame {
  const prepared = prepare(type, message);
  const size = PREFIX_BYTES + prepared.size;
  return {
    size,
    writeTo(target, at) {
      const writer = new WireWriter(target, at);
      writer.byte(0);
      writer.uint32BigEndian(prepared.size);
      prepared.write(writer);
      assert(writer.bytes === target && writer.offset === at + size, "A frame must keep its size");
      return writer.offset;
    },
  };
}
