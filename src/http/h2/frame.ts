/** The frames of HTTP/2 (RFC 9113 §4 and §6): numbers, and how a reader cuts them out of what comes. */
import { Buffer } from "node:buffer";

/** RFC 9113 §6 */
export const FrameType = {
  data: 0x0,
  headers: 0x1,
  priority: 0x2,
  rstStream: 0x3,
  settings: 0x4,
  pushPromise: 0x5,
  ping: 0x6,
  goAway: 0x7,
  windowUpdate: 0x8,
  continuation: 0x9,
} as const;

/** Each means something for some types only (RFC 9113 §6). */
export const Flag = {
  /** Of SETTINGS and PING. */
  ack: 0x1,
  endStream: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

/** RFC 9113 §6.5.2 */
export const Setting = {
  headerTableSize: 0x1,
  enablePush: 0x2,
  maxConcurrentStreams: 0x3,
  initialWindowSize: 0x4,
  maxFrameSize: 0x5,
  maxHeaderListSize: 0x6,
} as const;

/** RFC 9113 §4.1 */
export const FRAME_HEAD_BYTES = 9;
/** The most that everybody has to take, and the most that we take and send (RFC 9113 §4.2). */
export const FRAME_BYTES_MAX = 16_384;
/** RFC 9113 §6.9.1 */
export const WINDOW_MAX = 2 ** 31 - 1;
/** Of a connection, and of a stream until SETTINGS say otherwise (RFC 9113 §6.9.2). */
export const FIRST_WINDOW = 65_535;

/** What a client begins with (RFC 9113 §3.4). */
export const PREFACE: Uint8Array = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Where frames go. */
export interface FrameSink {
  /** The payload is `bytes` from `start` to `end`, valid during the call. False when no more are wanted. */
  onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean;
  /** A frame is longer than allowed: nothing behind it can be read. */
  onFrameTooLong(): void;
}

/** For frames that come in pieces; few are needed at once, and an idle connection holds none. */
const SPARE_MAX = 16;
const spare: Buffer[] = [];

function takeBuffer(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafe(FRAME_HEAD_BYTES + FRAME_BYTES_MAX);
}

/** Cuts bytes into frames. Only a frame that comes in pieces is copied. */
export class FrameReader {
  #partial: Buffer | undefined;
  #length = 0;

  /** A part of a frame has come, and not all of it. */
  get isWithin(): boolean {
    return this.#partial !== undefined;
  }

  /** Hands over each frame that is whole with `chunk`. */
  push(chunk: Buffer, from: number, sink: FrameSink): void {
    let at = from;
    if (this.#partial !== undefined) {
      at = this.#complete(this.#partial, chunk, at, sink);
      if (at < 0) return;
    }
    while (chunk.length - at >= FRAME_HEAD_BYTES) {
      const end = at + FRAME_HEAD_BYTES + lengthAt(chunk, at);
      if (end - at > FRAME_HEAD_BYTES + FRAME_BYTES_MAX) return sink.onFrameTooLong();
      if (end > chunk.length) break;
      if (!handOver(chunk, at, end, sink)) return;
      at = end;
    }
    if (at === chunk.length) return;
    this.#partial = takeBuffer();
    this.#length = chunk.copy(this.#partial, 0, at);
  }

  /** Gives back what a partial frame holds. */
  close(): void {
    if (this.#partial !== undefined && spare.length < SPARE_MAX) spare.push(this.#partial);
    this.#partial = undefined;
    this.#length = 0;
  }

  /** Returns where the next frame begins in `chunk`, or -1 when that is all for now. */
  #complete(partial: Buffer, chunk: Buffer, from: number, sink: FrameSink): number {
    let at = this.#fill(partial, chunk, from, FRAME_HEAD_BYTES);
    if (this.#length < FRAME_HEAD_BYTES) return -1;
    const total = FRAME_HEAD_BYTES + lengthAt(partial, 0);
    if (total > FRAME_HEAD_BYTES + FRAME_BYTES_MAX) {
      sink.onFrameTooLong();
      return -1;
    }
    at = this.#fill(partial, chunk, at, total);
    if (this.#length < total) return -1;
    const goesOn = handOver(partial, 0, total, sink);
    this.close();
    return goesOn ? at : -1;
  }

  #fill(partial: Buffer, chunk: Buffer, at: number, total: number): number {
    const end = Math.min(chunk.length, at + Math.max(0, total - this.#length));
    this.#length += chunk.copy(partial, this.#length, at, end);
    return end;
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  return bytes[at]! << 16 | bytes[at + 1]! << 8 | bytes[at + 2]!;
}

function handOver(bytes: Buffer, at: number, end: number, sink: FrameSink): boolean {
  const streamId = readUint31(bytes, at + 5);
  return sink.onFrame(bytes[at + 3]!, bytes[at + 4]!, streamId, bytes, at + FRAME_HEAD_BYTES, end);
}

/** The first bit is reserved and has no meaning (RFC 9113 §4.1). */
export function readUint31(bytes: Uint8Array, at: number): number {
  return (bytes[at]! & 0x7f) << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
}

/** Four bytes, big end first. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** The head of a frame (RFC 9113 §4.1). */
export function writeFrameHead(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  writeUint32(bytes, at + 5, streamId);
}
