/**
 * One time-out for many things that all may take equally long. A timer for each
 * would cost a request more than the rest of its bookkeeping, so one interval
 * looks after all; it runs only while something is due.
 *
 * A linked list, and not a Map: the tables that a Map leaves behind as it is
 * rehashed keep what was in them alive until the next full garbage collection,
 * which made every request outlive several scavenges (a tenth of the throughput).
 */

/** How finely lateness is measured: an item is late after 1 to 1 + 1/STEPS of the time-out. */
const STEPS = 8;

/** The place of an item in the list, for `delete`. */
export interface Deadline<T> {
  readonly item: T;
  /** The step in which it was added. */
  readonly step: number;
  /** Neighbours in the order of adding; undefined once it is out of the list. */
  before: Deadline<T> | Ends<T> | undefined;
  after: Deadline<T> | Ends<T> | undefined;
}

/** Closes the list to a ring: `after` is the oldest, `before` the newest. */
interface Ends<T> {
  before: Deadline<T> | Ends<T>;
  after: Deadline<T> | Ends<T>;
}

export class Deadlines<T> {
  readonly #stepMs: number;
  readonly #onLate: (item: T) => void;
  readonly #ends: Ends<T>;
  #step = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `onLate` is called once for each item that was not deleted within `timeoutMs`. */
  constructor(timeoutMs: number, onLate: (item: T) => void) {
    this.#stepMs = timeoutMs / STEPS;
    this.#onLate = onLate;
    this.#ends = makeEnds();
  }

  /** The item is late unless what this returns is deleted in time. */
  add(item: T): Deadline<T> {
    const newest = this.#ends.before;
    const added: Deadline<T> = { item, step: this.#step, before: newest, after: this.#ends };
    newest.after = added;
    this.#ends.before = added;
    this.#timer ??= setInterval(() => this.#advance(), this.#stepMs);
    return added;
  }

  /** Whether the item is still waited for. */
  has(deadline: Deadline<T>): boolean {
    return deadline.before !== undefined;
  }

  /** False when the item was late, or is out of the list already. */
  delete(deadline: Deadline<T>): boolean {
    const { before, after } = deadline;
    if (before === undefined || after === undefined) return false;
    before.after = after;
    after.before = before;
    deadline.before = deadline.after = undefined;
    return true;
  }

  /** Forgets all items, which are returned, and stops the timer. */
  close(): T[] {
    const items: T[] = [];
    for (let oldest = this.#oldest; oldest !== undefined; oldest = this.#oldest) {
      this.delete(oldest);
      items.push(oldest.item);
    }
    this.#stopTimer();
    return items;
  }

  get #oldest(): Deadline<T> | undefined {
    const { after } = this.#ends;
    return "item" in after ? after : undefined;
  }

  #advance(): void {
    this.#step++;
    for (let oldest = this.#oldest; oldest !== undefined; oldest = this.#oldest) {
      if (this.#step - oldest.step <= STEPS) return;
      this.delete(oldest);
      this.#onLate(oldest.item);
    }
    this.#stopTimer();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function makeEnds<T>(): Ends<T> {
  const ends: Partial<Ends<T>> = {};
  ends.before = ends.after = ends as Ends<T>;
  return ends as Ends<T>;
}
