/**
 * A binary min-heap whose members know their place, so that any of them leaves
 * in O(log n) and nothing stale ever stays behind. Knows nothing of what it
 * orders.
 *
 * Invariants: `members[m.heapPosition] === m` for each member, OUTSIDE for all
 * others; no member comes before its parent.
 */
import { assert } from "../base/assert.ts";

/** The `heapPosition` of what is in no heap. */
export const OUTSIDE = -1;

export interface HeapMember {
  /** Written by the heap alone; OUTSIDE at first. In one heap at a time. */
  heapPosition: number;
}

export class IndexedHeap<T extends HeapMember> {
  readonly #members: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** `before(a, b)`: whether `a` leaves earlier than `b`; a strict order. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#members.length;
  }

  /** The first member in order. */
  peek(): T | undefined {
    return this.#members[0];
  }

  add(member: T): void {
    assert(member.heapPosition === OUTSIDE, "A member must be outside of every heap");
    this.#members.push(member);
    this.#rise(member, this.#members.length - 1);
  }

  remove(member: T): void {
    const position = member.heapPosition;
    assert(this.#members[position] === member, "A member must be where it says it is");
    const last = this.#members.pop()!;
    member.heapPosition = OUTSIDE;
    if (last === member) return;
    this.#sink(last, position);
    this.#rise(last, last.heapPosition);
  }

  /** The first member in order, taken out. */
  pop(): T | undefined {
    const first = this.#members[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** All members, in no order. */
  values(): Iterable<T> {
    return this.#members.values();
  }

  #rise(member: T, start: number): void {
    let position = start;
    while (position > 0) {
      const parent = this.#members[(position - 1) >> 1]!;
      if (!this.#before(member, parent)) break;
      const above = parent.heapPosition;
      this.#put(parent, position);
      position = above;
    }
    this.#put(member, position);
  }

  #sink(member: T, start: number): void {
    const members = this.#members;
    let position = start;
    for (;;) {
      const left = members[2 * position + 1];
      if (left === undefined) break;
      const right = members[2 * position + 2];
      const child = right !== undefined && this.#before(right, left) ? right : left;
      if (!this.#before(child, member)) break;
      const below = child.heapPosition;
      this.#put(child, position);
      position = below;
    }
    this.#put(member, position);
  }

  #put(member: T, position: number): void {
    this.#members[position] = member;
    member.heapPosition = position;
  }
}
