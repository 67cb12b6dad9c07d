/**
 * The newest events, for watches that look back. A ring of a fixed size; it
 * knows from which index on it is complete.
 *
 * Invariant: every event ever made with an index of `clearedBefore` or higher
 * is here, in ascending order.
 */
import { assert } from "../base/assert.ts";
import type { Event } from "./event.ts";

export class History {
  readonly #eventsMax: number;
  #events: Event[] = [];
  /** Where the oldest event is once the ring is full. */
  #oldest = 0;
  #clearedBefore = 0;

  constructor(eventsMax: number) {
    assert(
      Number.isInteger(eventsMax) && eventsMax >= 0,
      "historyMax must be an integer from 0 on",
    );
    this.#eventsMax = eventsMax;
  }

  get size(): number {
    return this.#events.length;
  }

  /** The lowest index that a watch can look back to; 0 while nothing was ever dropped. */
  get clearedBefore(): number {
    return this.#clearedBefore;
  }

  /** The index of the newest event; 0 when there is none. */
  get newestIndex(): number {
    return this.size === 0 ? 0 : this.#at(this.size - 1).index;
  }

  /** `event` is newer than all others. */
  push(event: Event): void {
    assert(event.index > this.newestIndex, "Events must come in ascending order");
    if (this.#events.length < this.#eventsMax) {
      this.#events.push(event);
      return;
    }
    const dropped = this.#events[this.#oldest] ?? event;
    this.#clearedBefore = dropped.index + 1;
    if (this.#eventsMax === 0) return;
    this.#events[this.#oldest] = event;
    this.#oldest = (this.#oldest + 1) % this.#eventsMax;
  }

  /** The events from `index` on, oldest first, as they are while nothing is pushed. */
  *since(index: number): Generator<Event, void> {
    for (let i = this.#lowerBound(index); i < this.size; i++) yield this.#at(i);
  }

  /** All events, oldest first, as a copy. */
  toArray(): Event[] {
    return this.#events.slice(this.#oldest).concat(this.#events.slice(0, this.#oldest));
  }

  /** Takes over `events`, complete from `clearedBefore` on; drops the oldest when they are too many. */
  replace(events: readonly Event[], clearedBefore: number): void {
    this.#events = [];
    this.#oldest = 0;
    this.#clearedBefore = clearedBefore;
    for (const event of events) this.push(event);
  }

  /** How many events are older than `index`. */
  #lowerBound(index: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#at(middle).index < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #at(position: number): Event {
    return this.#events[(this.#oldest + position) % this.size]!;
  }
}
