/**
 * Slows whoever guesses passwords: one place has a hundred wrong ones of a user in a row
 * (NIST SP 800-63B, 5.2.2), and one a second after that. The others, wherever else they
 * are, log in as that user meanwhile: by name alone, anybody could lock out anybody. Tokens
 * and connections that are logged in are not touched by that. Each member counts for itself.
 */
import { Recent } from "./recent.ts";

/** Wrong passwords that one place may try at once. */
const TRIES = 100;
/** After so long one of them is forgotten. */
const TRY_MS = 1_000;

/** Users, each at a place, that are remembered. */
const TRIERS_MAX = 10_000;

export class LoginPace {
  /** When all of somebody's tries are forgotten (the "theoretical arrival time" of ITU-T I.371), in ms. */
  readonly #untilMs = new Recent<string, number>(TRIERS_MAX);

  /**
   * Whether `who`, a user at a place, may try a password, which counts as wrong from now on:
   * many that are sent at once are as many. Users that do not exist count as well, so that
   * nobody can tell by it which do.
   */
  take(who: string, nowMs: number): boolean {
    const aheadMs = (this.#untilMs.get(who) ?? 0) - nowMs;
    // More than all of them was counted by a clock that has been set back.
    const spentMs = aheadMs > 0 && aheadMs <= TRIES * TRY_MS ? aheadMs : 0;
    if (spentMs + TRY_MS > TRIES * TRY_MS) return false;
    this.#untilMs.set(who, nowMs + spentMs + TRY_MS);
    return true;
  }

  /** What was taken was not tried. */
  giveBack(who: string): void {
    const untilMs = this.#untilMs.get(who);
    if (untilMs !== undefined) this.#untilMs.set(who, untilMs - TRY_MS);
  }

  /** What was taken was right. */
  succeeded(who: string): void {
    this.#untilMs.delete(who);
  }
}

/**
 * Who counts as one: an address, or the network of one subscriber, which has at least 64 bits of
 * an IPv6 address to choose from (RFC 6177). Short forms of networks with zeros in them fall together.
 */
export function placeOf(address: string): string {
  const [start = ""] = address.replace(/^::ffff:/i, "").split("::", 1);
  return start.split(":", 4).join(":");
}
