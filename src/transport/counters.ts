/** What is counted of a peer while it is known, across its streams. */
import { Histogram } from "../base/histogram.ts";

/** Bounds of etcd's own histogram of round trips. */
const FIRST_BOUND_SECONDS = 0.0001;
const BUCKETS = 16;

/** Of pings that were answered. */
export class RoundTrips {
  readonly histogram = new Histogram(FIRST_BOUND_SECONDS, BUCKETS);
  latestMs = 0;
  /** Infinite until one was answered. */
  minimumMs = Infinity;
  maximumMs = 0;
  #sumOfSquares = 0;

  observe(ms: number): void {
    this.histogram.observe(ms / 1000);
    this.latestMs = ms;
    this.minimumMs = Math.min(this.minimumMs, ms);
    this.maximumMs = Math.max(this.maximumMs, ms);
    this.#sumOfSquares += ms * ms;
  }

  get averageMs(): number {
    const { sum, count } = this.histogram;
    return count === 0 ? 0 : (sum * 1000) / count;
  }

  get standardDeviationMs(): number {
    const { count } = this.histogram;
    if (count === 0) return 0;
    // Rounding may leave a little less than nothing.
    return Math.sqrt(Math.max(0, this.#sumOfSquares / count - this.averageMs ** 2));
  }
}

export interface PeerCounters {
  /** Bytes handed to the socket, headers of frames included. */
  sentBytes: number;
  receivedBytes: number;
  /** Frames that were queued for a stream. */
  sent: number;
  /** Frames that were not sent: no stream, or no room in the queue. */
  dropped: number;
  /** Monotonic time at which anything last came from the peer. */
  lastHeardMs: number | undefined;
  /** Of the last ping that was answered. */
  roundTripMs: number | undefined;
  readonly roundTrips: RoundTrips;
}

/** All zero: nothing sent, nothing heard yet. */
export function newCounters(): PeerCounters {
  return {
    sentBytes: 0,
    receivedBytes: 0,
    sent: 0,
    dropped: 0,
    lastHeardMs: undefined,
    roundTripMs: undefined,
    roundTrips: new RoundTrips(),
  };
}
