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

const CAPACITY_MIN = 64;

export class Waiters<R, W extends Waiter<R> = Waiter<R>> {
  readonly #options: WaitersOptions<W>;
  /** Who waits under an id is at its remainder by the length. No Map, for the reason of `Proposals`. */
  #slots: (W | undefined)[] = new Array(CAPACITY_MIN).fill(undefined);
  #size = 0;
  /** Nobody waits under a lower id, nor under one above the newest. */
  #oldestId = 1;
  #newestId = 0;
  #closed: Failure | undefined;

  constructor(options: WaitersOptions<W>) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** In the order in which they came, those that come meanwhile included. */
  *[Symbol.iterator](): Generator<[id: number, waiter: W]> {
    for (let id = this.#oldestId; id <= this.#newestId; id++) {
      const waiter = this.get(id);
      if (waiter !== undefined) yield [id, waiter];
    }
  }

  /** Under which id it waits, greater than those before; 0 when it may not, and was told so. */
  add(waiter: W): number {
    const refusal = this.#closed ?? (this.size >= this.#options.max ? OVERLOADED : undefined);
    if (refusal !== undefined) {
      waiter.done(refusal);
      return 0;
    }
    const id = ++this.#newestId;
    if (id - this.#oldestId === this.#slots.length) this.#grow();
    this.#slots[this.#slotOf(id)] = waiter;
    this.#size++;
    return id;
  }

  get(id: number): W | undefined {
    return id < this.#oldestId || id > this.#newestId ? undefined : this.#slots[this.#slotOf(id)];
  }

  /** Whose callback the caller will see to; undefined when it waits no longer. */
  take(id: number): W | undefined {
    const waiter = this.get(id);
    if (waiter === undefined) return undefined;
    this.#slots[this.#slotOf(id)] = undefined;
    this.#size--;
    while (this.#oldestId <= this.#newestId && this.get(this.#oldestId) === undefined) {
      this.#oldestId++;
    }
    return waiter;
  }

  /** Nothing when it waits no longer. */
  end(id: number, outcome: Outcome<R>): void {
    this.take(id)?.done(outcome);
  }

  endAll(ids: readonly number[], outcome: Outcome<R>): void {
    for (const id of ids) this.end(id, outcome);
  }

  /** Until when the last one of `ids` waits; 0 when none does. */
  deadlineOf(ids: readonly number[]): number {
    return ids.reduce((tick, id) => Math.max(tick, this.get(id)?.deadlineTick ?? 0), 0);
  }

  expire(tick: number): void {
    // Once a tick, and many may wait: no pair is made of each.
    for (let id = this.#oldestId; id <= this.#newestId; id++) {
      const waiter = this.get(id);
      if (waiter !== undefined && waiter.deadlineTick <= tick) {
        this.#fail(id, waiter, this.#options.late);
      }
    }
  }

  /** Ends all, and whoever comes later. */
  close(failure: Failure): void {
    this.#closed = failure;
    for (const [id, waiter] of this) this.#fail(id, waiter, failure);
  }

  #fail(id: number, waiter: W, failure: Failure): void {
    this.end(id, this.#options.failureOf?.(waiter, failure) ?? failure);
  }

  #slotOf(id: number): number {
    return id % this.#slots.length;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array(2 * old.length).fill(undefined);
    for (let id = this.#oldestId; id < this.#newestId; id++) {
      this.#slots[this.#slotOf(id)] = old[id % old.length];
    }
  }
}
