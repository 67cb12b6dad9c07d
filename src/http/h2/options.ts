/** What HTTP/2 is served with. */
import type { Logger } from "../../base/logger.ts";

/** The bounds of one connection. */
export interface Http2Limits {
  /** Streams at once; more are refused (RFC 9113 §5.1.2). */
  readonly streamsMax: number;
  /** A request's fields, as RFC 9113 §6.5.2 counts; longer ones are answered 431. */
  readonly headerListBytesMax: number;
  /** What the peer may send of one body, and of all together, before somebody takes it; 65,535 at least. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Above it nothing more is read: the peer takes too little of what it has asked for. */
  readonly unsentBytesMax: number;
  /** What may wait in all streams for the peer's windows; above it new streams wait, too. */
  readonly queuedBytesMax: number;
  /** For the first SETTINGS, for a frame and for a header block to arrive. */
  readonly headerTimeoutMs: number;
  /** Without a stream for so long, a connection is ended. */
  readonly idleTimeoutMs: number;
  /** The peer takes nothing for so long: then a stream whose answer waits is ended, or the connection. */
  readonly stallTimeoutMs: number;
  /** More pings than one in so long end the connection. */
  readonly pingMinTimeMs: number;
  /** After so long without a sign of the peer, it is asked for one … */
  readonly pingIntervalMs: number;
  /** … and has so long to answer. */
  readonly pingTimeoutMs: number;
}

export interface Http2Options {
  readonly limits: Http2Limits;
  readonly logger: Logger;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** What suits a real server, as far as no option says otherwise. */
export const HTTP2_LIMITS: Http2Limits = Object.freeze({
  streamsMax: 4096,
  headerListBytesMax: 16 * KiB,
  streamWindowBytes: 512 * KiB,
  connectionWindowBytes: 2 * MiB,
  unsentBytesMax: 1 * MiB,
  queuedBytesMax: 64 * MiB,
  headerTimeoutMs: 15_000,
  idleTimeoutMs: 10 * 60_000,
  stallTimeoutMs: 120_000,
  pingMinTimeMs: 5_000,
  pingIntervalMs: 2 * 60 * 60_000,
  pingTimeoutMs: 20_000,
});
