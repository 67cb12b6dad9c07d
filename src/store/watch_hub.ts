/**
 * Who waits for which event. A watch is for one event: the first at its path or
 * under it, by path segment (`/foo` covers `/foo/x`, not `/foobar`), from an
 * index on. Judges by the history and the events it is given; reads no tree.
 *
 * An event finds its watches by the hash of each path above its key, computed in
 * one pass, so that its cost depends on the length of the key, not on how many
 * watch elsewhere.
 *
 * Invariants:
 *   1. a watch in `#active` takes any next event that its path covers;
 *   2. a watch in `#future` waits for an index that no event has reached yet.
 */
import type { Event } from "./event.ts";
import { PATH_HASH_START, pathHash } from "./hash.ts";
import type { History } from "./history.ts";
import { type HeapMember, IndexedHeap, OUTSIDE } from "./indexed_heap.ts";
import { ROOT } from "./key.ts";

export interface Watch {
  /** Ends it without a callback; does nothing when the watch is over. */
  cancel(): void;
}

const SLASH = 0x2f;

/** Watches whose paths have the same hash, in the order they came. */
type Bucket = Set<Waiter>;

class Waiter implements Watch, HeapMember {
  heapPosition = OUTSIDE;
  /** Whether the hub still has it. */
  waits = false;
  /** Called back or cancelled. */
  over = false;

  constructor(
    readonly hub: WatchHub,
    readonly path: string,
    readonly hash: number,
    /** 0: any index. */
    readonly since: number,
    readonly callback: (event: Event) => void,
    readonly onCleared: ((clearedBefore: number) => void) | undefined,
  ) {}

  cancel(): void {
    this.hub.drop(this);
  }
}

export class WatchHub {
  readonly #history: History;
  readonly #active = new Map<number, Bucket>();
  readonly #future = new IndexedHeap<Waiter>((a, b) => a.since < b.since);
  #size = 0;

  constructor(history: History) {
    this.#history = history;
  }

  /** How many watches wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Waits for the next event at or under `path`; with `since`, for the first one
   * with that index or a higher one, from the history or from the future.
   *
   * `callback` is called exactly once unless the watch is cancelled: now, when
   * the history has the event, else while it is applied. It must not throw and
   * may watch and cancel. When the history no longer reaches back to `since`
   * nothing waits, and the lowest index to watch from is returned.
   *
   * `onCleared` is called instead of `callback` when a restored state jumped
   * over events that this watch may have waited for; without it the watch goes
   * on with what comes after them.
   */
  watch(
    path: string,
    since: number | undefined,
    callback: (event: Event) => void,
    onCleared?: (clearedBefore: number) => void,
  ): Watch | { readonly clearedBefore: number } {
    const waiter = new Waiter(this, path, hashOf(path), since ?? 0, callback, onCleared);
    if (since !== undefined) {
      const { clearedBefore } = this.#history;
      if (since < clearedBefore) return { clearedBefore };
      for (const event of this.#history.since(since)) {
        if (!covers(path, event.key)) continue;
        waiter.over = true;
        callback(event);
        return waiter;
      }
    }
    this.#enter(waiter);
    return waiter;
  }

  /** Tells all whom `event` concerns; the history has it already. */
  publish(event: Event): void {
    tell(this.#take(event), ({ callback }) => callback(event));
  }

  /**
   * After the history was replaced by that of a restored state: publishes what
   * happened after `index`, up to which events had been published, and ends the
   * watches for which the history leaves a gap.
   */
  catchUp(index: number): void {
    const { clearedBefore } = this.#history;
    const missed = clearedBefore > index + 1 ? this.#takeMissed(clearedBefore) : [];
    const taken = [...this.#history.since(index + 1)].map((event) =>
      [event, this.#take(event)] as const
    );
    // Only now: what a callback watches must see neither a gap nor an older event.
    tell(missed, ({ onCleared }) => onCleared?.(clearedBefore));
    for (const [event, waiters] of taken) tell(waiters, ({ callback }) => callback(event));
  }

  /** For `Watch.cancel`. */
  drop(waiter: Waiter): void {
    waiter.over = true;
    if (waiter.waits) this.#leave(waiter);
  }

  /** Takes out the watches that wait for `event`; whoever calls them back does so after it. */
  #take(event: Event): Waiter[] {
    const taken: Waiter[] = [];
    if (this.#size === 0) return taken;
    this.#ripen(event.index);
    if (this.#active.size === 0) return taken;
    const { key } = event;
    let hash = PATH_HASH_START;
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      if (unit === SLASH && i > 0) this.#collect(hash, key, taken);
      hash = pathHash(hash, unit);
      if (i === 0 && key !== ROOT) this.#collect(hash, key, taken);
    }
    this.#collect(hash, key, taken);
    return taken;
  }

  /** Takes out the watches that events below `clearedBefore` may have concerned, and that can be told. */
  #takeMissed(clearedBefore: number): Waiter[] {
    const missed: Waiter[] = [];
    for (const bucket of this.#active.values()) {
      for (const waiter of bucket) missed.push(waiter);
    }
    for (const waiter of this.#future.values()) {
      if (waiter.since < clearedBefore) missed.push(waiter);
    }
    const told = missed.filter(({ onCleared }) => onCleared !== undefined);
    for (const waiter of told) this.#leave(waiter);
    return told;
  }

  #enter(waiter: Waiter): void {
    waiter.waits = true;
    this.#size++;
    // The next event has a higher index than the newest one, so it will do.
    if (waiter.since <= this.#history.newestIndex + 1) this.#activate(waiter);
    else this.#future.add(waiter);
  }

  #leave(waiter: Waiter): void {
    waiter.waits = false;
    this.#size--;
    if (waiter.heapPosition !== OUTSIDE) {
      this.#future.remove(waiter);
      return;
    }
    const bucket = this.#active.get(waiter.hash)!;
    bucket.delete(waiter);
    if (bucket.size === 0) this.#active.delete(waiter.hash);
  }

  #activate(waiter: Waiter): void {
    const bucket = this.#active.get(waiter.hash);
    if (bucket === undefined) this.#active.set(waiter.hash, new Set([waiter]));
    else bucket.add(waiter);
  }

  /** Moves watches whose index has come to the active ones. */
  #ripen(index: number): void {
    for (let first = this.#future.peek(); first !== undefined; first = this.#future.peek()) {
      if (first.since > index) return;
      this.#future.remove(first);
      this.#activate(first);
    }
  }

  /** Takes out the watches with this hash that really cover `key`. */
  #collect(hash: number, key: string, taken: Waiter[]): void {
    for (const waiter of this.#active.get(hash) ?? []) {
      if (!covers(waiter.path, key)) continue;
      this.#leave(waiter);
      taken.push(waiter);
    }
  }
}

/** Calls the watches back, but for those that an earlier callback cancelled. */
function tell(waiters: readonly Waiter[], call: (waiter: Waiter) => void): void {
  for (const waiter of waiters) {
    if (waiter.over) continue;
    waiter.over = true;
    call(waiter);
  }
}

function hashOf(path: string): number {
  let hash = PATH_HASH_START;
  for (let i = 0; i < path.length; i++) hash = pathHash(hash, path.charCodeAt(i));
  return hash;
}

/** Whether `key` is `path` or under it. */
function covers(path: string, key: string): boolean {
  if (path === ROOT || path === key) return true;
  return key.startsWith(path) && key.charCodeAt(path.length) === SLASH;
}
