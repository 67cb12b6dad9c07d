/**
 * Who waits for which entry of the log. An entry is known by index *and* term:
 * a new leader may put another entry at the same index, and once that is committed
 * the first proposer must hear that its own never happened.
 *
 * A ring by index, and not the Map of `Waiters`: indexes are contiguous, and the
 * tables that a Map leaves behind as it is rehashed keep the requests that were in
 * them alive until the next full garbage collection.
 */
import type { NodeCounters } from "../counters.ts";
import { NOT_COMMITTED, REPLACED, SUPERSEDED } from "../failures.ts";
import type { Done, Failure } from "../ports.ts";

interface Waiter<R> {
  readonly index: number;
  readonly term: number;
  readonly deadlineTick: number;
  readonly done: Done<R>;
}

const CAPACITY_MIN = 256;

export class Proposals<R> {
  /** The waiter for an index is at its remainder by the length, a power of two. */
  #slots: (Waiter<R> | undefined)[] = new Array(CAPACITY_MIN).fill(undefined);
  #size = 0;
  readonly #counters: NodeCounters;

  constructor(counters: NodeCounters) {
    this.#counters = counters;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether somebody waits for an entry of `term` or of one before. */
  hasThrough(term: number): boolean {
    return this.#size > 0 &&
      this.#slots.some((waiter) => waiter !== undefined && waiter.term <= term);
  }

  /** `done` hears of the entry at `index` and `term`, at the latest when `expire` passes `deadlineTick`. */
  add(index: number, term: number, deadlineTick: number, done: Done<R>): void {
    const waiter: Waiter<R> = { index, term, deadlineTick, done };
    let other = this.#slots[this.#slotOf(index)];
    while (other !== undefined && other.index !== index) {
      this.#grow();
      other = this.#slots[this.#slotOf(index)];
    }
    // The word of a leader of before may come late.
    if (other !== undefined && other.term > term) return this.#fail(waiter, REPLACED);
    // In its place before the other one is told, whose callback may make the ring grow.
    this.#slots[this.#slotOf(index)] = waiter;
    if (other === undefined) this.#size++;
    else this.#fail(other, REPLACED);
  }

  /** The entry at `index` and `term` was applied with `value`. */
  applied(index: number, term: number, value: R): void {
    const waiter = this.#take(index);
    if (waiter === undefined) return;
    if (waiter.term === term) waiter.done({ ok: true, value });
    else this.#fail(waiter, SUPERSEDED);
  }

  /** The entry at `index` was applied, and it is no command. */
  appliedOther(index: number): void {
    const waiter = this.#take(index);
    if (waiter !== undefined) this.#fail(waiter, SUPERSEDED);
  }

  /** A snapshot took the place of every entry up to `index`: their fate can't be told apart. */
  skippedTo(index: number): void {
    this.#end((waiter) => waiter.index <= index, NOT_COMMITTED);
  }

  /** Ends what is late. Looks at every slot: not for every tick. */
  expire(tick: number): void {
    this.#end((waiter) => waiter.deadlineTick <= tick, NOT_COMMITTED);
  }

  failAll(failure: Failure): void {
    this.#end(() => true, failure);
  }

  #take(index: number): Waiter<R> | undefined {
    const slot = this.#slotOf(index);
    const waiter = this.#slots[slot];
    if (waiter?.index !== index) return undefined;
    this.#free(slot);
    return waiter;
  }

  #end(ends: (waiter: Waiter<R>) => boolean, failure: Failure): void {
    if (this.#size === 0) return;
    const ending: Waiter<R>[] = [];
    for (const [slot, waiter] of this.#slots.entries()) {
      if (waiter === undefined || !ends(waiter)) continue;
      this.#free(slot);
      ending.push(waiter);
    }
    for (const waiter of ending) this.#fail(waiter, failure);
  }

  #fail({ done }: Waiter<R>, failure: Failure): void {
    this.#counters.proposalsFailed++;
    done(failure);
  }

  #slotOf(index: number): number {
    // A remainder, because indexes outgrow the 32 bits of a mask.
    return index % this.#slots.length;
  }

  #free(slot: number): void {
    this.#slots[slot] = undefined;
    this.#size--;
  }

  /** Two indexes a whole ring apart wait at once. */
  #grow(): void {
    const waiters = this.#slots.filter((waiter) => waiter !== undefined);
    let capacity = this.#slots.length;
    do {
      capacity *= 2;
    } while (new Set(waiters.map(({ index }) => index % capacity)).size < waiters.length);
    this.#slots = new Array(capacity).fill(undefined);
    for (const waiter of waiters) this.#slots[waiter.index % capacity] = waiter;
  }
}
