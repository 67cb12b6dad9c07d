/**
 * Frames on a byte stream: a length of four bytes, big-endian, then the payload.
 * A frame of length 0 is a ping, or the answer to one. Pure: knows no socket,
 * and nothing of what a payload means.
 */
import { assert } from "../base/assert.ts";

/** Bytes before every payload. */
export const FRAME_HEADER_BYTES = 4;

/** The bytes that arrive are no frames; the stream cannot be read any further. */
export class FrameLengthError extends Error {
  override readonly name = "FrameLengthError";
}

/** A ping, or the answer to one. */
export function encodePing(): Uint8Array {
  return new Uint8Array(FRAME_HEADER_BYTES);
}

/** The first `count` frames as one buffer of `byteLength` bytes, headers included, for one write. */
export function encodeFrames(
  frames: readonly Uint8Array[],
  count: number,
  byteLength: number,
): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let at = 0;
  for (let index = 0; index < count; index++) {
    const frame = frames[index]!;
    const length = frame.length;
    bytes[at] = length >>> 24;
    bytes[at + 1] = length >>> 16;
    bytes[at + 2] = length >>> 8;
    bytes[at + 3] = length;
    bytes.set(frame, at + FRAME_HEADER_BYTES);
    at += FRAME_HEADER_BYTES + length;
  }
  assert(at === byteLength, "The frames of a write must fill it");
  return bytes;
}

/**
 * Cuts a stream of chunks into frames. Every byte is copied at most once: a
 * frame that lies within one chunk is a view of it, a frame that spans chunks
 * is gathered in a buffer of its final size.
 */
export class FrameSplitter {
  readonly #frameBytesMax: number;
  readonly #onFrame: (frame: Uint8Array) => boolean;
  /** Length bytes seen of a header that was cut by the end of a chunk. */
  #headerBytes = 0;
  #length = 0;
  /** The frame that is being gathered, when its first bytes came in an earlier chunk. */
  #partial: Uint8Array | undefined;
  #partialBytes = 0;

  /** `onFrame` gets each frame in order and returns whether it wants more of them. */
  constructor(frameBytesMax: number, onFrame: (frame: Uint8Array) => boolean) {
    this.#frameBytesMax = frameBytesMax;
    this.#onFrame = onFrame;
  }

  /**
   * Takes the next bytes of the stream and keeps views of them. Throws
   * `FrameLengthError` at a length above the maximum, and what `onFrame`
   * throws; it must not be called again after either.
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#partial !== undefined) {
        at = this.#gather(this.#partial, chunk, at);
      } else {
        at = this.#readHeader(chunk, at);
        if (this.#headerBytes < FRAME_HEADER_BYTES) return;
        this.#headerBytes = 0;
        if (this.#length <= chunk.length - at) {
          const frame = chunk.subarray(at, at + this.#length);
          at += this.#length;
          this.#length = 0;
          if (!this.#onFrame(frame)) return;
          continue;
        }
        this.#partial = new Uint8Array(this.#length);
        this.#length = 0;
        at = this.#gather(this.#partial, chunk, at);
      }
      if (this.#partialBytes === this.#partial.length) {
        const frame = this.#partial;
        this.#partial = undefined;
        this.#partialBytes = 0;
        if (!this.#onFrame(frame)) return;
      }
    }
  }

  #readHeader(chunk: Uint8Array, start: number): number {
    let at = start;
    while (this.#headerBytes < FRAME_HEADER_BYTES && at < chunk.length) {
      this.#length = this.#length * 256 + chunk[at]!;
      this.#headerBytes++;
      at++;
    }
    if (this.#headerBytes === FRAME_HEADER_BYTES && this.#length > this.#frameBytesMax) {
      throw new FrameLengthError(
        `Expected a frame of at most ${this.#frameBytesMax} bytes, found a length of ${this.#length}`,
      );
    }
    return at;
  }

  #gather(partial: Uint8Array, chunk: Uint8Array, start: number): number {
    const missing = partial.length - this.#partialBytes;
    const end = Math.min(chunk.length, start + missing);
    partial.set(chunk.subarray(start, end), this.#partialBytes);
    this.#partialBytes += end - start;
    return end;
  }
}
