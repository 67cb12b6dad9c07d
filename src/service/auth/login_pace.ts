/**
 * Slows whoever guesses passwords: after a few failures in a row a user's next login is
 * not looked at before some time has passed, the longer the more failures there were.
 * Tokens and connections that are logged in are not touched by that. Each member
 * counts for itself.
 */
import type { ByteString } from "../../store/byte_string.ts";

/** Failures in a row that cost no time: people mistype. */
const FREE_FAILURES = 5;
const FIRST_PAUSE_MS = 250;
const PAUSE_MAX_MS = 15_000;

/** Names that are remembered; beyond that the one that failed least recently is forgotten. */
const NAMES_MAX = 10_000;

interface Failures {
  readonly count: number;
  /** Before it nothing is looked at. */
  readonly untilMs: number;
}

export class LoginPace {
  readonly #failures = new Map<ByteString, Failures>();

  /** Whether a login of `user` may be looked at. */
  isFree(user: ByteString, nowMs: number): boolean {
    const failures = this.#failures.get(user);
    return failures === undefined || nowMs >= failures.untilMs;
  }

  /** Users that do not exist count as well: nobody can tell by it which do. */
  failed(user: ByteString, nowMs: number): void {
    const count = (this.#failures.get(user)?.count ?? 0) + 1;
    const pauseMs = count < FREE_FAILURES
      ? 0
      : Math.min(PAUSE_MAX_MS, FIRST_PAUSE_MS * 2 ** Math.min(count - FREE_FAILURES, 20));
    this.#failures.delete(user);
    this.#failures.set(user, { count, untilMs: nowMs + pauseMs });
    if (this.#failures.size <= NAMES_MAX) return;
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      return;
    }
  }

  succeeded(user: ByteString): void {
    this.#failures.delete(user);
  }
}
