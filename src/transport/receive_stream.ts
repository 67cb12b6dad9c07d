/**
 * A stream that a peer dialled: cuts it into frames, answers pings, and closes
 * at whatever is no frame. Knows nothing of who may dial.
 */
import { messageOf } from "../base/errors.ts";
import type { Socket } from "node:net";
import { InvariantError } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { PeerCounters } from "./counters.ts";
import { encodePing, FrameSplitter } from "./frame.ts";

/** Answers to pings that may wait in the socket for a peer that does not read them. */
const PONG_BYTES_MAX = 1024;

export interface ReceiveStreamOptions {
  readonly frameBytesMax: number;
  readonly silenceMsMax: number;
  readonly clock: Clock;
  readonly counters: PeerCounters;
  /** Gets every frame in order, as a view that stays valid. May throw to have the stream closed. */
  readonly receive: (frame: Uint8Array) => void;
  /** Called once when the socket is closed; `fault` when the peer sent what no member sends. */
  readonly onClose: (reason: string, fault: boolean) => void;
}

export class ReceiveStream {
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #options: ReceiveStreamOptions;
  readonly #splitter: FrameSplitter;
  #open = true;
  #reason = "The connection broke";
  #fault = false;
  #lastHeardMs: number;

  constructor(socket: Socket, options: ReceiveStreamOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#lastHeardMs = options.clock.monotonicMs();
    this.#splitter = new FrameSplitter(options.frameBytesMax, (frame) => this.#take(frame));
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#open = false;
        options.onClose(this.#reason, this.#fault);
        resolve();
      });
    });
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.read(chunk));
    socket.on("error", (error: Error) => this.destroy(error.message));
    socket.on("end", () => this.destroy("The peer closed the connection"));
  }

  /** Takes bytes of the peer, those that came with its handshake first. */
  read(chunk: Uint8Array): void {
    if (!this.#open) return;
    const { counters, clock } = this.#options;
    this.#lastHeardMs = clock.monotonicMs();
    counters.lastHeardMs = this.#lastHeardMs;
    counters.receivedBytes += chunk.length;
    try {
      // A plain view: the `slice` of node's Buffer does not copy, which receivers would trip over.
      this.#splitter.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    } catch (error) {
      // A broken invariant is this member's own and ends the process.
      if (error instanceof InvariantError) throw error;
      this.#fault = true;
      this.destroy(messageOf(error));
    }
  }

  /** Called once a ping interval: a peer pings more often than `silenceMsMax`. */
  tick(): void {
    const silenceMs = this.#options.clock.monotonicMs() - this.#lastHeardMs;
    if (silenceMs > this.#options.silenceMsMax) {
      this.destroy(`The peer sent nothing for ${Math.round(silenceMs)} ms`);
    }
  }

  /** Forgives the silence so far: it was this process that slept. */
  forgive(): void {
    this.#lastHeardMs = this.#options.clock.monotonicMs();
  }

  /** Closes at once; no frame is delivered after this call. */
  destroy(reason: string): void {
    if (this.#open) {
      this.#open = false;
      this.#reason = reason;
    }
    this.#socket.destroy();
  }

  #take(frame: Uint8Array): boolean {
    if (frame.length > 0) {
      this.#options.receive(frame);
    } else if (this.#socket.writableLength < PONG_BYTES_MAX) {
      this.#socket.write(encodePing());
    }
    return this.#open;
  }
}
