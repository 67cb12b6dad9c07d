/**
 * Virtual time and what happens in it, in one order that depends on nothing but
 * the seed: a heap by time, ties broken by the order of scheduling.
 */

/** Whom an event belongs to: it is dropped with a dead owner and waits for a paused one. */
export interface Owner {
  readonly name: string;
  readonly isDead: boolean;
  readonly isPaused: boolean;
  /** Takes an event that came due while paused; to be scheduled again on resuming. */
  hold(event: SimEvent): void;
}

export interface SimEvent {
  readonly atMs: number;
  readonly order: number;
  /** What it is, for traces: one word. */
  readonly label: string;
  readonly owner: Owner | undefined;
  readonly run: () => void;
}

export class Schedule {
  readonly #heap: SimEvent[] = [];
  #nowMs = 0;
  #order = 0;

  /** Milliseconds since the start of the simulation. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Runs `run` after `delayMs`, unless `owner` is dead by then. */
  after(delayMs: number, label: string, owner: Owner | undefined, run: () => void): void {
    const event = { atMs: this.#nowMs + delayMs, order: this.#order++, label, owner, run };
    this.#push(event);
  }

  /** An event that was held, now. */
  again({ label, owner, run }: SimEvent): void {
    this.after(0, label, owner, run);
  }

  /** The next event whose owner can take it; moves the time to it. */
  next(): SimEvent | undefined {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return undefined;
      const { owner } = event;
      if (owner?.isDead) continue;
      this.#nowMs = event.atMs;
      if (!owner?.isPaused) return event;
      owner.hold(event);
    }
  }

  #push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent]!;
      if (!comesBefore(event, other)) break;
      heap[at] = other;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): SimEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && comesBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!comesBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function comesBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
