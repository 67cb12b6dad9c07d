/**
 * Serves HTTP/1.1 on sockets that a listener hands over: plain ones, and TLS ones whose
 * handshake is done. A parser of our own, because `node:https` costs 84 to 170 µs a
 * request under mutual TLS and this one 20 to 29 (`docs/performance.md`).
 *
 * What is not understood is refused: there is no Upgrade (the header is ignored, as
 * RFC 9110 §7.8 allows) and no transfer encoding but chunks.
 */
import type { Socket } from "node:net";
import type { Logger } from "../../base/logger.ts";
import type { HttpLimits } from "../endpoint.ts";
import type { Handler } from "../exchange.ts";
import type { RenderFault } from "../fault.ts";
import { Answers } from "./answer.ts";
import { Http1Connection, LINGER_MS } from "./connection.ts";
import { FedBodies } from "./fed_body.ts";
import { Head } from "./head.ts";
import { Output } from "./output.ts";
import type { Port } from "./port.ts";

/** What a port's listener tells its HTTP/1.1. */
export interface Http1Options {
  readonly limits: HttpLimits;
  readonly logger: Logger;
  /** The form of what is refused, and of the faults that handlers return. */
  readonly renderFault: RenderFault;
  /** Called at each request, before its handler: whoever counts connections may want to know. */
  readonly onRequest?: (socket: Socket) => void;
}

/** How often a connection is looked at within the shortest of its time-outs. */
const LOOKS = 8;

/** The HTTP/1.1 of one port. */
export class Http1Server implements Port {
  readonly limits: HttpLimits;
  readonly logger: Logger;
  readonly handler: Handler;
  readonly renderFault: RenderFault;
  readonly output = new Output();
  readonly answers = new Answers(this.output);
  readonly fedBodies = new FedBodies();
  readonly head = new Head();
  readonly #onRequest: (socket: Socket) => void;
  readonly #connections = new Map<Socket, Http1Connection>();
  /** One for all connections: a timer a request would cost more than the rest of its bookkeeping. */
  #timer: ReturnType<typeof setInterval> | undefined;
  #nowMs = 0;
  #arrivingBytes = 0;
  #isClosing = false;

  constructor({ limits, logger, renderFault, onRequest }: Http1Options, handler: Handler) {
    this.limits = limits;
    this.logger = logger;
    this.renderFault = renderFault;
    this.handler = handler;
    this.#onRequest = onRequest ?? (() => {});
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /**
   * Takes over an open socket that nobody else reads. `firstBytes` are what somebody has
   * read of it already, to see which protocol it speaks.
   */
  serve(socket: Socket, firstBytes?: Uint8Array): void {
    if (this.#timer === undefined) {
      this.#nowMs = performance.now();
      this.#timer = setInterval(() => this.#look(), this.#periodMs);
    }
    const connection = new Http1Connection(this, socket);
    this.#connections.set(socket, connection);
    if (socket.destroyed) return this.closed(socket);
    if (firstBytes !== undefined) connection.take(firstBytes);
    if (socket.readableEnded) connection.end();
  }

  /** Whether a request of this socket has begun to arrive whose answer is not out. */
  isAnswering(socket: Socket): boolean {
    return this.#connections.get(socket)?.isAnswering ?? false;
  }

  /**
   * From here on every answer ends its connection: bodies that still arrive are answered
   * 503, and connections without a request are closed at once.
   */
  close(): void {
    this.#isClosing = true;
    for (const connection of this.#connections.values()) connection.shutDown();
  }

  /** See `Port`. */
  reserve(bytes: number): boolean {
    if (this.#arrivingBytes + bytes > this.limits.arrivingBytesMax) return false;
    this.#arrivingBytes += bytes;
    return true;
  }

  /** See `Port`. */
  release(bytes: number): void {
    this.#arrivingBytes -= bytes;
  }

  /** See `Port`. */
  used(socket: Socket): void {
    this.#onRequest(socket);
  }

  /** See `Port`. */
  closed(socket: Socket): void {
    this.#connections.delete(socket);
    if (this.#connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  get #periodMs(): number {
    const { headerTimeoutMs, bodyTimeoutMs, idleTimeoutMs, stallTimeoutMs } = this.limits;
    const timeouts = [headerTimeoutMs, bodyTimeoutMs, idleTimeoutMs, stallTimeoutMs, LINGER_MS];
    return Math.min(...timeouts) / LOOKS;
  }

  #look(): void {
    const before = this.#nowMs;
    this.#nowMs = performance.now();
    // What began since the last look has that one's time.
    const slackMs = this.#nowMs - before;
    for (const connection of this.#connections.values()) connection.check(this.#nowMs, slackMs);
  }
}
