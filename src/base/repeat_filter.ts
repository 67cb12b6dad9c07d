/** Keeps callers that repeat themselves from flooding the logger. */
import type { Clock } from "./clock.ts";

/** How long a text that was let through is held back, ms. */
const QUIET_MS = 60_000;

/** Texts remembered at once; callers choose them, so the memory is bounded. */
const TEXTS_MAX = 32;

export class RepeatFilter {
  readonly #clock: Clock;
  /** When each text was last let through, oldest first. */
  readonly #seenMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `text` is worth a line: it was not let through within the last minute. */
  isNews(text: string): boolean {
    const now = this.#clock.monotonicMs();
    for (const [seen, seenMs] of this.#seenMs) {
      if (now - seenMs < QUIET_MS) break;
      this.#seenMs.delete(seen);
    }
    if (this.#seenMs.has(text) || this.#seenMs.size >= TEXTS_MAX) return false;
    this.#seenMs.set(text, now);
    return true;
  }
}
