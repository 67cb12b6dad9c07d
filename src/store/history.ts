/**
 * The newest events, for watches that look back: bounded in number and in size,
 * because a value may be a million times as long as another. It knows from which
 * index on it is complete.
 *
 * Invariant: every event ever made with an index of `clearedBefore` or higher
 * is here, in ascending order.
 */
import { assert } from "../base/assert.ts";
import type { Event } from "./event.ts";

/** Characters of keys and values that are kept, whatever the number of events: up to 64 MiB of memory. */
export const HISTORY_CHARS_MAX = 32 * 1024 * 1024;

/** So many dropped events may precede those that are kept before all move up. */
const SLACK_MIN = 64;

export class History {
  readonly #eventsMax: number;
  readonly #charsMax: number;
  /** Dropped ones, which are undefined, and then those that are kept. */
  #events: (Event | undefined)[] = [];
  #dropped = 0;
  #chars = 0;
  #clearedBefore = 0;

  constructor(eventsMax: number, charsMax = HISTORY_CHARS_MAX) {
    assert(
      Number.isInteger(eventsMax) && eventsMax >= 0,
      "historyMax must be an integer from 0 on",
    );
    this.#eventsMax = eventsMax;
    this.#charsMax = charsMax;
  }

  get size(): number {
    return this.#events.length - this.#dropped;
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
    this.#events.push(event);
    this.#chars += charsOf(event);
    while (this.size > this.#eventsMax || (this.#chars > this.#charsMax && this.size > 0)) {
      this.#dropOldest();
    }
  }

  /** The events from `index` on, oldest first, as they are while nothing is pushed. */
  *since(index: number): Generator<Event, void> {
    for (let i = this.#lowerBound(index); i < this.size; i++) yield this.#at(i);
  }

  /** All events, oldest first, as a copy. */
  toArray(): Event[] {
    return this.#events.slice(this.#dropped) as Event[];
  }

  /** Forgets all; complete again from `clearedBefore` on. */
  clear(clearedBefore: number): void {
    this.#events = [];
    this.#dropped = 0;
    this.#chars = 0;
    this.#clearedBefore = clearedBefore;
  }

  /** Becomes what `other` is, as far as there is room for it. */
  replace(other: History): void {
    this.clear(other.clearedBefore);
    for (const event of other.toArray()) this.push(event);
  }

  #dropOldest(): void {
    const oldest = this.#at(0);
    this.#clearedBefore = oldest.index + 1;
    this.#chars -= charsOf(oldest);
    this.#events[this.#dropped++] = undefined;
    if (this.#dropped < SLACK_MIN || this.#dropped < this.size) return;
    this.#events = this.#events.slice(this.#dropped);
    this.#dropped = 0;
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
    return this.#events[this.#dropped + position]!;
  }
}

function charsOf({ key, value = "", prevValue = "" }: Event): number {
  return key.length + value.length + prevValue.length;
}
