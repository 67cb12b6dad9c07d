/**
 * One time-out for many things that all may take equally long. A timer for each
 * would cost a request more than the rest of its bookkeeping, so one interval
 * looks after all; it runs only while something is due.
 */

/** How finely lateness is measured: an item is late after 1 to 1 + 1/STEPS of the time-out. */
const STEPS = 8;

export class Deadlines<T> {
  readonly #stepMs: number;
  readonly #onLate: (item: T) => void;
  /** The step in which each was added; insertion order is the order of deadlines. */
  readonly #added = new Map<T, number>();
  #step = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `onLate` is called once for each item that was not deleted within `timeoutMs`. */
  constructor(timeoutMs: number, onLate: (item: T) => void) {
    this.#stepMs = timeoutMs / STEPS;
    this.#onLate = onLate;
  }

  add(item: T): void {
    this.#added.set(item, this.#step);
    this.#timer ??= setInterval(() => this.#advance(), this.#stepMs);
  }

  /** False when the item was late, or never added. */
  delete(item: T): boolean {
    return this.#added.delete(item);
  }

  /** Forgets all items, which are returned, and stops the timer. */
  close(): T[] {
    const items = [...this.#added.keys()];
    this.#added.clear();
    this.#stopTimer();
    return items;
  }

  #advance(): void {
    this.#step++;
    for (const [item, added] of this.#added) {
      if (this.#step - added <= STEPS) break;
      this.#added.delete(item);
      this.#onLate(item);
    }
    if (this.#added.size === 0) this.#stopTimer();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
