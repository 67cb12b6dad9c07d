/**
 * What a connection sends, as frames, within the windows that the peer gives (RFC 9113
 * §5.2 and §6.9). What doesn't fit waits at its stream, and goes on in turns with others.
 */
import { FIRST_WINDOW, Flag, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, FrameType } from "./frame.ts";
import { WINDOW_MAX, writeFrameHead, writeUint32 } from "./frame.ts";
import { HpackEncoder } from "./hpack_encoder.ts";
import type { Output } from "./output.ts";
import type { Fields } from "./stream.ts";

/** Above that the system has enough, and the rest waits at its stream, where it can be taken back. */
const UNSENT_ENOUGH = 512 * 1024;

/** The sending half of a stream, as far as the sender has to know it. */
export interface SendingStream {
  readonly id: number;
  /** What the peer still takes of this stream; below zero after it has made its windows smaller. */
  sendWindow: number;
  /** Where its last DATA frame begins and ends in the output's buffer, and in which one. */
  lastDataAt: number;
  lastDataEnd: number;
  lastDataGeneration: number;
  /** Sends of what waits, one frame at most; false when nothing waits any longer. */
  sendQueued(): boolean;
}

/** The sending half of a connection. */
export class Sender {
  readonly output: Output;
  readonly encoder: HpackEncoder = new HpackEncoder();
  /** What the peer takes of all streams together. */
  #window = FIRST_WINDOW;
  /** Of streams to come. */
  initialWindow = FIRST_WINDOW;
  /** Frames of HEADERS and DATA so far: what the peer wants of us. */
  usefulFrames = 0;
  /** What waits at all streams. */
  queuedBytes = 0;
  readonly #blocked = new Set<SendingStream>();

  constructor(output: Output) {
    this.output = output;
  }

  /** Streams with something that waits. */
  get blocked(): ReadonlySet<SendingStream> {
    return this.#blocked;
  }

  /** How many bytes of DATA may go out now, for `stream`, in one frame. */
  frameRoom(stream: SendingStream): number {
    if (this.output.unsentBytes >= UNSENT_ENOUGH) return 0;
    return Math.min(FRAME_BYTES_MAX, stream.sendWindow, this.#window);
  }

  /** Sends DATA; `fill` makes at most `bytesMax`, which there has to be `frameRoom` for. */
  dataInto(
    stream: SendingStream,
    bytesMax: number,
    fill: (target: Uint8Array, at: number) => number,
  ): void {
    const at = this.output.room(FRAME_HEAD_BYTES + bytesMax);
    const isMore = this.#continues(stream, at, bytesMax);
    const payload = isMore ? at : at + FRAME_HEAD_BYTES;
    const count = fill(this.output.bytes, payload) - payload;
    if (count > 0) this.#commitData(stream, at, count, isMore);
  }

  /** Sends as much of `bytes`, from `start` on, as one frame may have now; returns how much. */
  data(stream: SendingStream, bytes: Uint8Array, start: number): number {
    const count = Math.min(bytes.length - start, this.frameRoom(stream));
    if (count <= 0) return 0;
    const { output } = this;
    const at = output.room(FRAME_HEAD_BYTES + count);
    const isMore = this.#continues(stream, at, count);
    const isWhole = start === 0 && count === bytes.length;
    const part = isWhole ? bytes : bytes.subarray(start, start + count);
    output.bytes.set(part, isMore ? at : at + FRAME_HEAD_BYTES);
    this.#commitData(stream, at, count, isMore);
    return count;
  }

  /** Ends a stream without trailers: its last frame says so, if it can still be changed. */
  endData(stream: SendingStream): void {
    const { output } = this;
    if (stream.lastDataGeneration === output.generation) {
      output.bytes[stream.lastDataAt + 4]! |= Flag.endStream;
      return;
    }
    this.#frame(0, FrameType.data, Flag.endStream, stream.id);
  }

  /** Sends a head, or trailers when `status` is undefined. */
  headers(streamId: number, status: number | undefined, fields: Fields, isEnd: boolean): void {
    const block = this.encoder.encode(status, fields);
    let type: number = FrameType.headers;
    let flags = isEnd ? Flag.endStream : 0;
    let start = 0;
    this.usefulFrames++;
    do {
      const count = Math.min(FRAME_BYTES_MAX, block.length - start);
      if (start + count === block.length) flags |= Flag.endHeaders;
      const at = this.#frame(count, type, flags, streamId);
      const isWhole = count === block.length;
      this.output.bytes.set(isWhole ? block : block.subarray(start, start + count), at);
      start += count;
      type = FrameType.continuation;
      flags = 0;
    } while (start < block.length);
  }

  reset(streamId: number, code: number): void {
    const at = this.#frame(4, FrameType.rstStream, 0, streamId);
    writeUint32(this.output.bytes, at, code);
  }

  /** Lets the peer send `count` bytes more; `streamId` 0 means all streams together. */
  windowUpdate(streamId: number, count: number): void {
    const at = this.#frame(4, FrameType.windowUpdate, 0, streamId);
    writeUint32(this.output.bytes, at, count);
  }

  settings(settings: readonly (readonly [id: number, value: number])[]): void {
    let at = this.#frame(settings.length * 6, FrameType.settings, 0, 0);
    for (const [id, value] of settings) {
      this.output.bytes[at] = id >>> 8;
      this.output.bytes[at + 1] = id;
      writeUint32(this.output.bytes, at + 2, value);
      at += 6;
    }
  }

  settingsAck(): void {
    this.#frame(0, FrameType.settings, Flag.ack, 0);
  }

  /** `data` are eight bytes. */
  ping(data: Uint8Array, isAck: boolean): void {
    const at = this.#frame(8, FrameType.ping, isAck ? Flag.ack : 0, 0);
    this.output.bytes.set(data, at);
  }

  /** `text` is in ASCII. */
  goAway(lastStreamId: number, code: number, text: string): void {
    const debug = new TextEncoder().encode(text);
    const at = this.#frame(8 + debug.length, FrameType.goAway, 0, 0);
    writeUint32(this.output.bytes, at, lastStreamId);
    writeUint32(this.output.bytes, at + 4, code);
    this.output.bytes.set(debug, at + 8);
  }

  /** The peer takes more of all streams together. False when that is more than may be. */
  enlarge(count: number): boolean {
    this.#window += count;
    if (this.#window > WINDOW_MAX) return false;
    this.pump();
    return true;
  }

  /** `stream` has something that waits, from here on. */
  block(stream: SendingStream): void {
    this.#blocked.add(stream);
  }

  /** Nothing of `stream` waits from here on. */
  unblock(stream: SendingStream): void {
    this.#blocked.delete(stream);
  }

  /** Sends of what waits as much as there is room for, a frame of each stream in turn. */
  pump(): void {
    let isMoving = this.#blocked.size > 0;
    while (isMoving) {
      isMoving = false;
      for (const stream of this.#blocked) {
        if (this.output.unsentBytes >= UNSENT_ENOUGH || this.#window <= 0) return;
        if (stream.sendWindow > 0 && stream.sendQueued()) isMoving = true;
      }
    }
  }

  /**
   * Whether what comes at `at` can be a part of the stream's last frame. What a turn writes
   * to one stream is one frame then: a client pays for each.
   */
  #continues(stream: SendingStream, at: number, count: number): boolean {
    return stream.lastDataEnd === at && stream.lastDataGeneration === this.output.generation &&
      at + count - stream.lastDataAt <= FRAME_HEAD_BYTES + FRAME_BYTES_MAX;
  }

  #commitData(stream: SendingStream, at: number, count: number, isMore: boolean): void {
    const { output } = this;
    const begin = isMore ? stream.lastDataAt : at;
    const end = isMore ? at + count : at + FRAME_HEAD_BYTES + count;
    const length = end - begin - FRAME_HEAD_BYTES;
    writeFrameHead(output.bytes, begin, length, FrameType.data, 0, stream.id);
    output.commit(end - at);
    stream.sendWindow -= count;
    this.#window -= count;
    stream.lastDataAt = begin;
    stream.lastDataEnd = end;
    stream.lastDataGeneration = output.generation;
    if (!isMore) this.usefulFrames++;
  }

  /** Writes the head of a frame; returns where its payload goes, in what `output.bytes` is then. */
  #frame(length: number, type: number, flags: number, streamId: number): number {
    const { output } = this;
    const at = output.room(FRAME_HEAD_BYTES + length);
    writeFrameHead(output.bytes, at, length, type, flags, streamId);
    output.commit(FRAME_HEAD_BYTES + length);
    return at + FRAME_HEAD_BYTES;
  }
}
