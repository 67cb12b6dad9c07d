/**
 * Who waits for which entry of the log. An entry is known by index *and* term:
 * a new leader may put another entry at the same index, and the first proposer
 * must then hear that its own never happened.
 */
import { NOT_COMMITTED, SUPERSEDED } from "./failures.ts";
import type { Done, Failure } from "./ports.ts";

interface Waiter<R> {
  readonly term: number;
  readonly deadlineTick: number;
  readonly done: Done<R>;
}

export class Proposals<R> {
  /** By index; insertion order is also deadline order, because every proposal waits equally long. */
  readonly #waiters = new Map<number, Waiter<R>>();

  get size(): number {
    return this.#waiters.size;
  }

  /** `done` hears of the entry at `index` and `term`, at the latest when `expire` passes `deadlineTick`. */
  add(index: number, term: number, deadlineTick: number, done: Done<R>): void {
    const replaced = this.#waiters.get(index);
    if (replaced !== undefined) {
      // Deleted first: `set` on a present key would keep its old place in the deadline order.
      this.#waiters.delete(index);
      replaced.done(SUPERSEDED);
    }
    this.#waiters.set(index, { term, deadlineTick, done });
  }

  /** The entry at `index` and `term` was applied with `value`. */
  applied(index: number, term: number, value: R): void {
    const waiter = this.#take(index);
    if (waiter === undefined) return;
    waiter.done(waiter.term === term ? { ok: true, value } : SUPERSEDED);
  }

  /** The entry at `index` and `term` was applied, and it is no command. */
  appliedOther(index: number): void {
    this.#take(index)?.done(SUPERSEDED);
  }

  /** A snapshot took the place of every entry up to `index`: their fate can't be told apart. */
  skippedTo(index: number): void {
    for (const [waiting, waiter] of this.#waiters) {
      if (waiting > index) continue;
      this.#waiters.delete(waiting);
      waiter.done(NOT_COMMITTED);
    }
  }

  expire(tick: number): void {
    for (const [index, waiter] of this.#waiters) {
      if (waiter.deadlineTick > tick) return;
      this.#waiters.delete(index);
      waiter.done(NOT_COMMITTED);
    }
  }

  failAll(failure: Failure): void {
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.done(failure);
  }

  #take(index: number): Waiter<R> | undefined {
    const waiter = this.#waiters.get(index);
    if (waiter !== undefined) this.#waiters.delete(index);
    return waiter;
  }
}
