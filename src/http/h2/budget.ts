/**
 * Bounds on what costs us more than the peer: frames that ask for work and bring
 * nothing (RFC 9113 §10.5). A well-behaved client stays far below.
 */

import { Http2Error } from "./errors.ts";
import { ErrorCode } from "./stream.ts";

/** So many at once, and so many a second in the long run. */
interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** Frames that bring nothing. */
const IDLE_FRAMES: Allowance = { burst: 2_000, perSecond: 500 };
/** Requests that are taken back as soon as they have come (CVE-2023-44487). */
const RESETS: Allowance = { burst: 200, perSecond: 100 };

/**
 * A request that was open for so long took one of the connection's `streamsMax` places all
 * that time. So a client can't take back more of them in a second than it may have answered.
 * Calls that run out of time are older, and a client may give up all of its own.
 */
const RAPID_MS = 100;

/** What a window update is worth: for each frame that we send a peer may send so many … */
const UPDATES_A_FRAME = 2;
/** … and with each request: gRPC's C core begins a call so. */
const UPDATES_A_REQUEST = 2;

/** A bucket that fills with time. */
class Budget {
  readonly #allowance: Allowance;
  #left: number;
  #atMs = performance.now();

  constructor(allowance: Allowance) {
    this.#allowance = allowance;
    this.#left = allowance.burst;
  }

  /** False when there is not so much left. */
  spend(count: number): boolean {
    if (this.#left < count) this.#refill();
    this.#left -= count;
    return this.#left >= 0;
  }

  /** Something useful has been done. */
  earn(count: number): void {
    this.#left = Math.min(this.#left + count, this.#allowance.burst);
  }

  #refill(): void {
    const nowMs = performance.now();
    this.earn((nowMs - this.#atMs) / 1000 * this.#allowance.perSecond);
    this.#atMs = nowMs;
  }
}

/** What a peer may still waste on one connection. */
export class Patience {
  readonly #frames = new Budget(IDLE_FRAMES);
  readonly #resets = new Budget(RESETS);
  readonly #sender: { readonly usefulFrames: number };
  #earned = 0;
  /** Requests so far. */
  requests = 0;
  #rapidResets = 0;
  // Of each, what was borne because of requests.
  #freeUpdates = 0;
  #freeResets = 0;
  #freeLateResets = 0;

  /** `sender` knows what the peer has been sent: what it got, it has asked for. */
  constructor(sender: { readonly usefulFrames: number }) {
    this.#sender = sender;
  }

  /** A frame has come that is as much work as `cost` small ones. Throws `Http2Error` when it is one too many. */
  frame(cost = 1): void {
    const { usefulFrames } = this.#sender;
    this.#frames.earn((usefulFrames - this.#earned) * UPDATES_A_FRAME);
    this.#earned = usefulFrames;
    if (this.#frames.spend(cost)) return;
    throw new Http2Error(ErrorCode.enhanceYourCalm, "too many frames that bring nothing");
  }

  /** A window has been widened. Throws `Http2Error` when it is one too many. */
  windowUpdate(): void {
    if (this.#freeUpdates < this.requests * UPDATES_A_REQUEST) this.#freeUpdates++;
    else this.frame();
  }

  /**
   * A request was taken back unanswered, `ageMs` after it had been read. Throws `Http2Error`
   * when it is one too many.
   */
  reset(ageMs: number): void {
    if (ageMs >= RAPID_MS) return;
    this.#rapidResets++;
    // As many as there were other requests: when we are late, calls are read with their ends.
    if (this.#freeResets < this.requests - this.#rapidResets) this.#freeResets++;
    else if (!this.#resets.spend(1)) {
      throw new Http2Error(ErrorCode.enhanceYourCalm, "too many resets");
    }
  }

  /** A request was taken back that has ended. Throws `Http2Error` when it is one too many. */
  lateReset(): void {
    // Each may be once: a call that runs out of time does so at both ends.
    if (this.#freeLateResets < this.requests) this.#freeLateResets++;
    else this.frame();
  }
}

/** Pings in excess that are forgiven before the connection is given up. */
const STRIKES_MAX = 2;
/** What a client may do that has no call under way. */
const IDLE_PING_MS = 2 * 60 * 60 * 1000;

/**
 * How often a client may ping, as gRPC's servers see it (gRPC proposal A8 and the text
 * on keepalive): not more often than `minTimeMs`, and hardly ever without a stream.
 * Pings after we have sent something measure bandwidth and are forgiven.
 */
export class PingPolicy {
  readonly #minTimeMs: number;
  #lastMs = -Infinity;
  #strikes = 0;
  #sent = 0;

  constructor(minTimeMs: number) {
    this.#minTimeMs = minTimeMs;
  }

  /** A ping has come; false when it is one too many. `sent`: heads and data so far, in frames. */
  admit(nowMs: number, hasStreams: boolean, sent: number): boolean {
    const sinceMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (sent !== this.#sent) {
      this.#sent = sent;
      this.#strikes = 0;
      return true;
    }
    if (sinceMs < (hasStreams ? this.#minTimeMs : Math.max(this.#minTimeMs, IDLE_PING_MS))) {
      this.#strikes++;
    }
    return this.#strikes <= STRIKES_MAX;
  }
}

/** How many ended streams a connection remembers. */
const REMEMBERED = 256;

/** The streams of a connection that have ended last, and whether we have broken them off. */
export class EndedStreams {
  /** The number of a stream, twice, and one more if it was us: numbers have 31 bits. */
  readonly #ends = new Uint32Array(REMEMBERED);
  #at = 0;

  add(id: number, byUs: boolean): void {
    this.#ends[this.#at] = id * 2 + (byUs ? 1 : 0);
    this.#at = (this.#at + 1) % REMEMBERED;
  }

  /** How stream `id` has ended; undefined when it was never there, or long ago. */
  endOf(id: number): "byUs" | "whole" | undefined {
    if (this.#ends.includes(id * 2 + 1)) return "byUs";
    return this.#ends.includes(id * 2) ? "whole" : undefined;
  }
}
