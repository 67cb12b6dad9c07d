/**
 * One HTTP exchange, as small as every listener can fill it: `Deno.serve` on plain
 * client ports, `node:http(s)` and HTTP/2 of our own elsewhere. Handlers see neither
 * `Request` nor `IncomingMessage`.
 */
import type { ClientCertificate } from "./client_certificate.ts";

export interface Exchange {
  /** As sent; methods are case-sensitive (RFC 9110 §9.1). */
  readonly method: string;
  /** The origin-form target as sent, not normalised: path and query, starts with `/`. */
  readonly target: string;
  /** The whole body, decoded as UTF-8 when it is asked for; empty when there was none. */
  readonly body: string;
  /**
   * The whole body as it was sent. Of `Deno.serve`, which reads text faster than bytes, it
   * is `body` encoded again: what is no UTF-8 has become U+FFFD there.
   */
  readonly bytes: Uint8Array;
  /** The client's verified certificate; undefined without one. */
  readonly clientCertificate: ClientCertificate | undefined;
  /** The client's IP address, or that of a proxy between; empty when it is not known. */
  readonly clientAddress: string;
  /** A header's value by its lower-case name. */
  header(name: string): string | undefined;
  /** Calls back once if the client leaves before it is answered. */
  onGone(callback: () => void): void;
}

export interface Reply {
  readonly status: number;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string, or slices of one or portions of bytes that are written as the client takes them. */
  readonly body:
    | string
    | Iterable<string>
    | AsyncIterable<string>
    | Uint8Array
    | ByteStream
    | TextFeed;
}

/** Portions of bytes, each asked for when the client has taken the one before. A throw breaks the answer off. */
export interface ByteStream {
  readonly portions: AsyncIterable<Uint8Array>;
}

/**
 * A body that comes by itself: texts whenever something happens. Whoever sends it is told and
 * takes what is there, so that ten thousand which come at once cost no promise each.
 */
export interface TextFeed {
  /** The feed ends with what `take` still gives. */
  readonly isOver: boolean;
  /** Calls `onNews` from now on, whenever more has come and when the feed is over. `onNews` must not throw. */
  follow(onNews: () => void): void;
  /** What has come since the last call, in order; may be nothing. */
  take(): readonly string[];
  /** Nobody takes any longer. */
  cancel(): void;
}

/** What HTTP itself may have to say no with. */
export type FaultStatus =
  | 400
  | 403
  | 404
  | 405
  | 408
  | 409
  | 413
  | 414
  | 417
  | 421
  | 431
  | 500
  | 503;

/** Why a request can't be served; each API has its own form for it. See `fault.ts`. */
export interface Fault {
  readonly status: FaultStatus;
  /** For people: what was expected and what was found. */
  readonly problem: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type ReplyOrFault = Reply | Fault;

/** Must not throw; a rejection becomes a 500 and is logged. */
export type Handler = (exchange: Exchange) => ReplyOrFault | Promise<ReplyOrFault>;
