/**
 * Callbacks that wait, each at most until a tick. Each is called exactly once, and has left
 * the list by then: so it may end others, add one, or end the node. A list that the node has
 * closed tells whoever comes later the same.
 */
import { OVERLOADED } from "./failures.ts";
import type { Done, Failure, Outcome } from "./ports.ts";

export interface Waiter<R> {
  readonly done: Done<R>;
  readonly deadlineTick: number;
}

export interface WaitersOptions<W> {
  /** How many may wait. */
  readonly max: number;
  /** For whom waits until its deadline. */
  readonly late: Failure;
  /** What `waiter` is told instead of `failure`: what it has asked for may still take effect. */
  readonly failureOf?: (waiter: W, failure: Failure) => Failure;
}

export class Waiters<R, W extends Waiter<R> = Waiter<R>> {
  readonly #options: WaitersOptions<W>;
  readonly #waiting = new Map<number, W>();
  #newestId = 0;
  #closed: Failure | undefined;

  constructor(options: WaitersOptions<W>) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** In the order in which they came, those that come meanwhile included. */
  [Symbol.iterator](): Iterator<[id: number, waiter: W]> {
    return this.#waiting.entries();
  }

  /** Under which id it waits, greater than those before; 0 when it may not, and was told so. */
  add(waiter: W): number {
    const refusal = this.#closed ?? (this.size >= this.#options.max ? OVERLOADED : undefined);
    if (refusal !== undefined) {
      waiter.done(refusal);
      return 0;
    }
    this.#waiting.set(++this.#newestId, waiter);
    return this.#newestId;
  }

  get(id: number): W | undefined {
    return this.#waiting.get(id);
  }

  /** Whose callback the caller will see to; undefined when it waits no longer. */
  take(id: number): W | undefined {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiter;
  }

  /** Nothing when it waits no longer. */
  end(id: number, outcome: Outcome<R>): void {
    this.take(id)?.done(outcome);
  }

  /** Until when the last one of `ids` waits; 0 when none does. */
  deadlineOf(ids: readonly number[]): number {
    return ids.reduce((tick, id) => Math.max(tick, this.get(id)?.deadlineTick ?? 0), 0);
  }

  expire(tick: number): void {
    for (const [id, waiter] of this.#waiting) {
      if (waiter.deadlineTick <= tick) this.#fail(id, waiter, this.#options.late);
    }
  }

  /** Ends all, and whoever comes later. */
  close(failure: Failure): void {
    this.#closed = failure;
    for (const [id, waiter] of this.#waiting) this.#fail(id, waiter, failure);
  }

  #fail(id: number, waiter: W, failure: Failure): void {
    this.end(id, this.#options.failureOf?.(waiter, failure) ?? failure);
  }
}
