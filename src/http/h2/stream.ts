/**
 * What HTTP/2 gives to those who answer its streams: gRPC, which needs messages both
 * ways and trailers, and the adapter that serves ordinary requests. Transport only: it
 * knows frames' rules, and nothing of what is in the bytes.
 *
 *     const handler: StreamHandler = (stream) => ({
 *       onData: (bytes) => …,   // of the request's body, as they come
 *       onEnd: () => {
 *         stream.sendHeaders(200, HEADERS);
 *         stream.write(message);
 *         stream.end(TRAILERS);
 *       },
 *       onReset: () => …,       // the peer or the connection has gone
 *       onDrain: () => …,       // after a write that returned false
 *     });
 */
import type { ClientCertificate } from "../client_certificate.ts";

/** Name in lower case, and value: one header or trailer field. */
export type Field = readonly [name: string, value: string];

/**
 * Fields to send. Whoever sends the same ones often passes the same array: it is
 * encoded once a connection, and never changed then.
 */
export type Fields = readonly Field[];

/** Why a stream ends early (RFC 9113 §7). */
export const ErrorCode = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  settingsTimeout: 0x4,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  cancel: 0x8,
  compressionError: 0x9,
  connectError: 0xa,
  enhanceYourCalm: 0xb,
  inadequateSecurity: 0xc,
  http11Required: 0xd,
} as const;

/** A request, and the way to answer it. No method throws, and none does anything once the stream is closed. */
export interface ServerStream {
  readonly method: string;
  /** The request target as sent, not normalised: path and query, starts with `/`; or `*`. */
  readonly path: string;
  /** The fields of the request's head in their order, without `:method` and its like. */
  readonly fields: Fields;
  /** The client's verified certificate; undefined without one. */
  readonly clientCertificate: ClientCertificate | undefined;
  /** See `Exchange`. */
  readonly clientAddress: string;
  /** The peer has sent its whole request; `onEnd` says so, too. */
  readonly isRemoteEnded: boolean;
  /** Neither side sends any longer. */
  readonly isClosed: boolean;
  /** Bytes of the body that wait because the peer doesn't take them. */
  readonly queuedBytes: number;
  /** For how long the request had been there when it was given to its handler. */
  readonly waitedMs: number;

  /**
   * A field by its name in lower case; several of one name joined by ", " (`cookie`: "; ").
   * `host` is `:authority` where no such field was sent.
   */
  header(name: string): string | undefined;

  /** Sends the answer's head, once, before anything else of it. */
  sendHeaders(status: number, fields: Fields): void;

  /**
   * Sends bytes of the answer's body, which are copied or sent before this returns. False when
   * the caller had better wait for `onDrain` before the next: what it writes meanwhile is queued.
   */
  write(bytes: Uint8Array): boolean;

  /**
   * As `write`, for bytes that are made straight in the connection's buffer: `fill` puts at
   * most `bytesMax` bytes at `at` of `target` and returns where they end. It is called once,
   * before this returns, and writes nothing to any stream meanwhile.
   */
  writeInto(bytesMax: number, fill: (target: Uint8Array, at: number) => number): boolean;

  /** Ends the answer, after all that was written; with trailers if there are any. */
  end(trailers?: Fields): void;

  /** Sends the answer's head and ends it: the head is all there is (gRPC's "Trailers-Only", HEAD, 204). */
  endWithHeaders(status: number, fields: Fields): void;

  /** Breaks the stream off; `code` is one of `ErrorCode`. The receiver hears of it no more. */
  reset(code: number): void;

  /**
   * What comes from here on is thrown away, up to `bytesMax`, and the receiver hears of none
   * of it. An answer that ends before its request doesn't break the stream off then: some
   * clients never look at an answer whose stream is broken off (curl 7.88). Whoever calls
   * this resets the stream when its end stays away.
   */
  discard(bytesMax: number): void;

  /** From here on no `onData` and `onEnd` until `resume`; the peer is held back by its window. */
  pause(): void;

  /** Takes what has come since `pause`, and then goes on. */
  resume(): void;
}

/** Takes what comes of one request. A throw breaks the stream off, and is logged. */
export interface StreamReceiver {
  /** Bytes of the body. They are valid during the call only: copy what is to stay. */
  onData(bytes: Uint8Array): void;
  /** The request is whole. Its trailers, if it has any, come here. */
  onEnd(trailers?: Fields): void;
  /** The stream has ended before its answer was out: by the peer, or with the connection. */
  onReset(code: number): void;
  /** After a write that returned false: more is wanted. */
  onDrain(): void;
}

/**
 * Called with each request whose head has come, as soon as the peer has taken enough of what
 * it had asked for before; it may answer at once. `onData` and its like are called after it
 * has returned.
 */
export type StreamHandler = (stream: ServerStream) => StreamReceiver;
