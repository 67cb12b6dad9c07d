/**
 * Spreads answers over turns of the event loop. One event may answer ten thousand
 * watches, at some 15 µs each; done at once they would hold up the heartbeats.
 */
import type { ReplyOrFault } from "../../http/exchange.ts";

/** Answers that may leave within one window. */
const PORTION = 500;
const WINDOW_MS = 10;

interface Outgoing {
  readonly resolve: (reply: ReplyOrFault) => void;
  readonly reply: ReplyOrFault;
}

export class Outbox {
  #queue: Outgoing[] = [];
  /** How many of the queue have left. */
  #sent = 0;
  #windowEndMs = 0;
  #leftInWindow = 0;

  /** Answers that still wait for their turn. */
  get size(): number {
    return this.#queue.length - this.#sent;
  }

  /** Resolves with `reply`: now if few have just been answered, else soon. */
  send(resolve: (reply: ReplyOrFault) => void, reply: ReplyOrFault): void {
    if (this.size === 0 && this.#admit()) return resolve(reply);
    this.#queue.push({ resolve, reply });
    if (this.size === 1) this.#schedule();
  }

  #admit(): boolean {
    const now = performance.now();
    if (now >= this.#windowEndMs) {
      this.#windowEndMs = now + WINDOW_MS;
      this.#leftInWindow = PORTION;
    }
    return this.#leftInWindow-- > 0;
  }

  #schedule(): void {
    setTimeout(() => this.#sendPortion(), 0);
  }

  #sendPortion(): void {
    const end = Math.min(this.#queue.length, this.#sent + PORTION);
    while (this.#sent < end) {
      const { resolve, reply } = this.#queue[this.#sent++]!;
      resolve(reply);
    }
    if (this.size > 0) return this.#schedule();
    this.#queue = [];
    this.#sent = 0;
  }
}
