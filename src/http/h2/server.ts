/** HTTP/2 on the sockets that a listener hands over, whatever they are: `node:net` or `node:tls`. */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Logger } from "../../base/logger.ts";
import { Connection, type ConnectionHost } from "./connection.ts";
import { PREFACE } from "./frame.ts";
import type { Http2Limits, Http2Options } from "./options.ts";
import type { StreamHandler } from "./stream.ts";

/** Time-outs are noticed late by this part of the shortest one … */
const LATE = 8;
/** … and need no more looks than this. */
const LOOK_MS_MIN = 10;
const LOOK_MS_MAX = 1_000;
/** Somebody waits for the end of all connections. */
const DRAINING_LOOK_MS = 50;

/** Whether a connection that begins with `bytes` may be HTTP/2 by prior knowledge (RFC 9113 §3.3). */
export function looksLikeHttp2(bytes: Uint8Array): "yes" | "no" | "perhaps" {
  const count = Math.min(bytes.length, PREFACE.length);
  for (let i = 0; i < count; i++) {
    if (bytes[i] !== PREFACE[i]) return "no";
  }
  return count === PREFACE.length ? "yes" : "perhaps";
}

export class Http2Server implements ConnectionHost {
  readonly limits: Http2Limits;
  readonly logger: Logger;
  readonly handler: StreamHandler;
  readonly used: (socket: Socket) => void;
  readonly #connections = new Map<Socket, Connection>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isDraining = false;
  #allClosed = Promise.withResolvers<void>();

  /** `used` is told of each request, by its socket. */
  constructor(
    { limits, logger }: Http2Options,
    handler: StreamHandler,
    used: (socket: Socket) => void = () => {},
  ) {
    this.limits = limits;
    this.logger = logger;
    this.handler = handler;
    this.used = used;
  }

  /** Serves a connection until it ends. `firstBytes` were read from the socket already. */
  serve(socket: Socket, firstBytes?: Buffer): void {
    if (socket.destroyed) return;
    const connection = new Connection(socket, this);
    this.#connections.set(socket, connection);
    if (this.#timer === undefined) this.#lookEvery(lookMs(this.limits));
    connection.start(firstBytes);
    if (this.#isDraining) connection.drain();
  }

  /** Whether `socket` is served here. */
  serves(socket: Socket): boolean {
    return this.#connections.has(socket);
  }

  /** Whether a request of `socket` has not been answered to its end. */
  isAnswering(socket: Socket): boolean {
    return this.#connections.get(socket)?.isAnswering ?? false;
  }

  /**
   * Ends all connections in order: clients are told, requests on their way and under way are
   * answered. Resolves when all have ended; who is in a hurry calls `destroy` then.
   */
  async drain(): Promise<void> {
    this.#isDraining = true;
    if (this.#timer !== undefined) this.#lookEvery(DRAINING_LOOK_MS);
    for (const connection of [...this.#connections.values()]) connection.drain();
    if (this.#connections.size > 0) await this.#allClosed.promise;
  }

  /** Cuts all connections. */
  destroy(): void {
    for (const connection of [...this.#connections.values()]) connection.destroy();
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection.socket);
    if (this.#connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#isDraining) this.#allClosed.resolve();
  }

  #lookEvery(ms: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(), ms);
  }

  #look(): void {
    const nowMs = performance.now();
    for (const connection of [...this.#connections.values()]) connection.check(nowMs);
  }
}

function lookMs(limits: Http2Limits): number {
  const shortest = Math.min(
    limits.headerTimeoutMs,
    limits.idleTimeoutMs,
    limits.stallTimeoutMs,
    limits.pingTimeoutMs,
  );
  return Math.max(LOOK_MS_MIN, Math.min(LOOK_MS_MAX, shortest / LATE));
}
