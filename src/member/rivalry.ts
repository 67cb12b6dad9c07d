/**
 * What a node does that is refused because another process is heard under its id: a
 * data directory was copied, and each copy would vote and acknowledge for the same
 * member. Both nodes say so; the one that started later ends, once it is certain that
 * the other is no remainder of its own past.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";

export interface RivalryOptions {
  /** Of this process; those that start later have larger ones. */
  readonly session: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a rival is heard that is alive: several times what a dead one's stream lasts. */
  readonly patienceMs: number;
  /** Called when a rival is first heard of. */
  readonly onRival: () => void;
  /** Ends this node. */
  readonly onLost: (error: Error) => void;
}

/** Another node runs with a copy of this data directory. */
class RivalError extends Error {
  override readonly name = "RivalError";
}

/** Refusals further apart are two stories. */
const GAP_MS = 5_000;

/** From one line about a rival to the next. */
const REPORT_MS = 60_000;

/** Hears every refusal that names a rival. */
export class Rivalry {
  readonly #options: RivalryOptions;
  #rival: number | undefined;
  #sinceMs = 0;
  #lastMs = -Infinity;
  #reportedMs = -Infinity;

  constructor(options: RivalryOptions) {
    this.#options = options;
  }

  /** A member does not take this node's stream because it hears `rival`. */
  refused(reason: string, rival: number): void {
    const { session, clock, logger, patienceMs, onRival, onLost } = this.#options;
    const now = clock.monotonicMs();
    if (rival !== this.#rival || now - this.#lastMs > GAP_MS) {
      this.#rival = rival;
      this.#sinceMs = now;
      this.#reportedMs = -Infinity;
      onRival();
    }
    if (now - this.#reportedMs >= REPORT_MS) {
      this.#reportedMs = now;
      logger.error("Another node runs as this member", { cause: reason });
    }
    this.#lastMs = now;
    if (rival < session && now - this.#sinceMs > patienceMs) onLost(new RivalError(reason));
  }
}

/** Of a process that starts now, by the wall clock: later ones have larger numbers, below 2^53. */
export function newSession(nowMs: number, random: () => number): number {
  return Math.floor(nowMs) * 1024 + Math.floor(random() * 1024);
}
