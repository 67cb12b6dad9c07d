/**
 * The stream that this member dialled: its bounded queue, one write for the
 * frames of a turn, and the pings that find a connection which is open here and
 * dead there. Does not reconnect.
 */
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { PeerCounters } from "./counters.ts";
import type { Dialled } from "./dial.ts";
import { encodeFrames, encodePing, FRAME_HEADER_BYTES, FrameSplitter } from "./frame.ts";

/**
 * Bytes given to the socket before the queue waits for it to drain. What is in
 * the socket cannot be taken back, so this is small against a queue; one frame
 * may exceed it.
 */
const WRITE_AHEAD_BYTES = 256 * 1024;

export interface SendStreamOptions {
  /** Queue and socket together, frame headers included. */
  readonly queueBytesMax: number;
  readonly silenceMsMax: number;
  readonly clock: Clock;
  readonly counters: PeerCounters;
}

export class SendStream {
  /** Resolves with the reason when the socket is closed. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #options: SendStreamOptions;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushScheduled = false;
  #open = true;
  #reason = "The connection broke";
  #pingSentMs: number | undefined;
  #lastAliveMs: number;
  /** Bytes ever written to the socket, and how many of them it had passed on at the last tick. */
  #writtenBytes = 0;
  #passedBytes = 0;
  #wasBackedUp = false;

  constructor(dialled: Dialled, options: SendStreamOptions) {
    const { socket } = dialled;
    this.#socket = socket;
    this.#options = options;
    this.#lastAliveMs = options.clock.monotonicMs();
    this.closed = new Promise((resolve) => {
      // It may have closed since it was dialled.
      if (socket.closed) resolve(this.#reason);
      else socket.on("close", () => resolve(this.#reason));
    });
    const splitter = new FrameSplitter(0, () => this.#hearPong());
    const read = (chunk: Uint8Array) => {
      try {
        splitter.push(chunk);
      } catch (error) {
        this.destroy(`Expected answers to pings only: ${String(error)}`);
      }
    };
    socket.setNoDelay(true);
    socket.on("data", read);
    socket.on("drain", this.#flush);
    socket.on("error", (error: Error) => this.destroy(error.message));
    socket.on("end", () => this.destroy("The peer closed the connection"));
    if (dialled.head.length > 0) read(dialled.head);
    if (this.#open) this.#ping();
  }

  /** Bytes that wait for the peer, the socket's own included. */
  get waitingBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  /**
   * Queues a frame, which must not change any longer. False when there is no room
   * for it; then it is not sent.
   */
  send(frame: Uint8Array): boolean {
    const byteLength = FRAME_HEADER_BYTES + frame.length;
    if (!this.#open || this.waitingBytes + byteLength > this.#options.queueBytesMax) return false;
    this.#options.counters.sent++;
    this.#queue.push(frame);
    this.#queuedBytes += byteLength;
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      queueMicrotask(this.#flush);
    }
    return true;
  }

  /** Called once a ping interval: judges the silence, then asks again. */
  tick(): void {
    if (!this.#open) return;
    const now = this.#options.clock.monotonicMs();
    this.#noticeProgress(now);
    const silenceMs = now - this.#lastAliveMs;
    if (silenceMs > this.#options.silenceMsMax) {
      return this.destroy(`The peer answered no ping for ${Math.round(silenceMs)} ms`);
    }
    if (this.#pingSentMs === undefined) this.#ping();
  }

  /** Forgives the silence so far: it was this process that slept. */
  forgive(): void {
    this.#lastAliveMs = this.#options.clock.monotonicMs();
  }

  /** Sends what is queued, then closes. Await `closed`. */
  end(): void {
    if (!this.#open) return;
    this.#reason = "Closed by this member";
    this.#flushScheduled = false;
    this.#write(this.#queue.length, this.#queuedBytes);
    this.#open = false;
    this.#socket.end();
  }

  /** Closes at once; what is queued is lost and counted as dropped. */
  destroy(reason: string): void {
    if (this.#open) {
      this.#open = false;
      this.#reason = reason;
      this.#options.counters.dropped += this.#queue.length;
      this.#queue = [];
      this.#queuedBytes = 0;
    }
    this.#socket.destroy();
  }

  /** Hands the queue to the socket, as far as it has room. */
  readonly #flush = (): void => {
    this.#flushScheduled = false;
    while (this.#open && this.#queue.length > 0) {
      const room = WRITE_AHEAD_BYTES - this.#socket.writableLength;
      if (room <= 0) return; // "drain" comes back here
      let count = 0;
      let byteLength = 0;
      while (count < this.#queue.length) {
        const frameBytes = FRAME_HEADER_BYTES + this.#queue[count]!.length;
        if (count > 0 && byteLength + frameBytes > room) break;
        byteLength += frameBytes;
        count++;
      }
      this.#write(count, byteLength);
    }
  };

  #write(count: number, byteLength: number): void {
    if (count === 0) return;
    const bytes = encodeFrames(this.#queue, count, byteLength);
    if (count === this.#queue.length) this.#queue.length = 0;
    else this.#queue.splice(0, count);
    this.#queuedBytes -= byteLength;
    this.#pass(bytes);
  }

  #pass(bytes: Uint8Array): void {
    this.#writtenBytes += bytes.length;
    this.#options.counters.sentBytes += bytes.length;
    this.#socket.write(bytes);
  }

  #ping(): void {
    this.#pingSentMs = this.#options.clock.monotonicMs();
    this.#pass(encodePing());
  }

  #hearPong(): boolean {
    const now = this.#options.clock.monotonicMs();
    const { counters } = this.#options;
    if (this.#pingSentMs !== undefined) {
      counters.roundTripMs = now - this.#pingSentMs;
      counters.roundTrips.observe(counters.roundTripMs);
    }
    this.#pingSentMs = undefined;
    this.#lastAliveMs = now;
    counters.lastHeardMs = now;
    return this.#open;
  }

  /**
   * A ping behind megabytes on a slow line is answered late, yet the peer lives:
   * a kernel that was full and takes more has had an acknowledgement from there.
   */
  #noticeProgress(now: number): void {
    const passedBytes = this.#writtenBytes - this.#socket.writableLength;
    if (this.#wasBackedUp && passedBytes > this.#passedBytes) this.#lastAliveMs = now;
    this.#passedBytes = passedBytes;
    this.#wasBackedUp = this.#socket.writableLength > 0;
  }
}
