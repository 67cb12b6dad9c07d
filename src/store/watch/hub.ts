/**
 * Who waits for which events: watches of paths (v1, v2) and of ranges (v3). A watch is
 * *synced* when it is told of events as they are applied, else it reads them from the
 * versions list at its own pace: one that begins in the past, or whose client is slow.
 * So nobody needs a queue.
 *
 * An event finds watches of paths by the hash of each path above its key, computed in
 * one pass, and watches of ranges by `RangeIndex`: its cost does not depend on how many
 * watch elsewhere.
 *
 * Invariant: a synced watch has been told of every event that it sees.
 */
import { assert } from "../../base/assert.ts";
import type { ByteString } from "../byte_string.ts";
import type { Event } from "../event.ts";
import { PATH_HASH_START, pathHash, pathHashOf } from "../keyspace/hash.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { contentAt, headAt, type Numbers } from "../keyspace/versions.ts";
import { isWithin } from "../kv/range.ts";
import { ROOT } from "../path.ts";
import { RangeIndex } from "./range_index.ts";
import { numberOf, seenBy, type View } from "./view.ts";

/** What is told to a watch; called within apply, so it must not throw, and may watch and cancel. */
export interface WatchCallbacks {
  /** The events of one entry of the log, in order; at least one. Shared by all who see the same. */
  readonly onEvents: (events: readonly Event[]) => void;
  /** A restored state jumped over events: read on, or learn that some are gone. */
  readonly onBehind: () => void;
  /** Users or roles may have changed: whether its client may still watch is to be judged again. */
  readonly onAuthChange?: () => void;
}

/** What reading from the list gives. */
export type Reading =
  /**
   * Events of whole entries of the log, maybe none, of how many of the list that were looked
   * at, and whether the watch is synced now.
   */
  | {
    readonly kind: "events";
    readonly events: readonly Event[];
    readonly scanned: number;
    readonly isSynced: boolean;
  }
  /** Some that the watch may have seen are gone. */
  | { readonly kind: "cleared" };

const SLASH = 0x2f;

/** Watches of one path hash. */
type Bucket = Set<Watch>;

export class WatchHub {
  readonly #keys: () => Keyspace;
  readonly #lookBackEvents: number;
  readonly #paths = new Map<number, Bucket>();
  readonly #ranges = new RangeIndex<Watch>();
  readonly #unsynced = new Set<Watch>();
  /** Who sees something of the entry that is being published. */
  readonly #toTell: Watch[] = [];
  /** Where the list was searched last by an entry of the log: many watches pause at the same. */
  #searched = { logIndex: 0, end: 0, place: 0 };
  #size = 0;
  #synced = 0;

  /**
   * `keys` gives the key space of the state that is in effect. Watches of paths can look
   * back `lookBackEvents`, however much more the list has.
   */
  constructor(keys: () => Keyspace, lookBackEvents: number) {
    this.#keys = keys;
    this.#lookBackEvents = lookBackEvents;
  }

  /** How many watches there are. */
  get size(): number {
    return this.#size;
  }

  /** Watches that are behind. */
  get unsyncedCount(): number {
    return this.#unsynced.size;
  }

  /**
   * Watches what `view` sees: from now on, or, with `since`, from that number on, which
   * may lie in the past (the watch then has to `read`) or in the future.
   */
  watch(view: View, since: number | undefined, callbacks: WatchCallbacks): Watch {
    const { versions } = this.#keys();
    // Nothing has the number 0: from 0 on is from 1 on.
    const first = Math.max(since ?? versions.newest[numberOf(view)] + 1, 1);
    const watch = new Watch(this, view, first, callbacks);
    this.#size++;
    const place = since === undefined
      ? versions.end
      : versions.lowerBound(numberOf(view), watch.since);
    watch.isCleared = since !== undefined && !this.#reachesBackTo(watch);
    if (place < versions.end || watch.isCleared) this.#leaveSynced(watch, place);
    else this.#enterSynced(watch);
    return watch;
  }

  /** The numbers of the newest event that is gone for watches of a kind: they can begin after it. */
  clearedOf(kind: View["kind"]): Numbers {
    const keys = this.#keys();
    const { versions } = keys;
    if (kind === "range" || versions.count <= this.#lookBackEvents) return keys.cleared;
    // To v1 and v2 a change is one event, however many entries it has: a recursive delete has
    // one for each key, and a new file one for each directory that is made for it.
    const firstChange = versions.newest.changeIndex - this.#lookBackEvents + 1;
    const place = Math.min(
      versions.fromEnd(this.#lookBackEvents),
      versions.lowerBound("changeIndex", firstChange),
    );
    return place <= keys.oldestPlace ? keys.cleared : versions.numbersBefore(place);
  }

  /** Tells the events of one entry to all synced watches that see them; the list has them already. */
  publish(events: readonly Event[]): void {
    if (this.#synced === 0 || events.length === 0) return;
    let top: Event | undefined;
    for (const event of events) {
      if (event.isDirectory && !event.isCovered) top = event;
      this.#collectPaths(event, top);
      if (!event.isDirectory) {
        this.#ranges.visit(event.key, (watches) => this.#collectAll(watches, event));
      }
    }
    for (const watch of this.#toTell) {
      const seen = watch.untold;
      watch.untold = undefined;
      // An earlier callback may have paused it, or ended it.
      if (seen !== undefined && watch.isSynced) watch.callbacks.onEvents(seen);
    }
    this.#toTell.length = 0;
  }

  /** Tells every watch that users or roles may have changed. */
  authChanged(): void {
    for (const watch of [...this.#allSynced(), ...this.#unsynced]) {
      if (!watch.isOver) watch.callbacks.onAuthChange?.();
    }
  }

  /** Remembers, before the state is replaced, how far each watch has come. */
  beforeRestore(appliedIndex: number): Map<Watch, number> {
    const reached = new Map<Watch, number>();
    const { newest } = this.#keys().versions;
    for (const watch of this.#allSynced()) {
      watch.hasReached(newest);
      reached.set(watch, appliedIndex);
    }
    for (const watch of this.#unsynced) {
      watch.isCleared = watch.isCleared || this.#hasLost(watch);
      reached.set(watch, this.#entryBefore(watch));
    }
    return reached;
  }

  /** After that: each watch goes on from there by the list of the new state. */
  afterRestore(reached: ReadonlyMap<Watch, number>): void {
    const { versions, cleared } = this.#keys();
    const synced = [...this.#allSynced()];
    for (const [watch, logIndex] of reached) {
      if (watch.isOver) continue;
      this.#leaveSynced(watch, versions.lowerBound("logIndex", logIndex + 1));
      const mayHaveMissed = logIndex < cleared.logIndex &&
        watch.since <= cleared[numberOf(watch.view)];
      watch.isCleared = watch.isCleared || mayHaveMissed;
    }
    // Only now: what a callback watches must not be taken for one of these.
    for (const watch of synced) if (!watch.isOver) watch.callbacks.onBehind();
  }

  /** For `Watch.read`. */
  read(watch: Watch, entriesMax: number): Reading {
    if (watch.isSynced || watch.isOver) {
      return { kind: "events", events: [], scanned: 0, isSynced: true };
    }
    const keys = this.#keys();
    const { versions } = keys;
    if (watch.isCleared || this.#hasLost(watch)) return { kind: "cleared" };
    const events: Event[] = [];
    let place = Math.max(watch.place, keys.oldestPlace);
    let scanned = 0;
    let entry = -1;
    let told: Event | undefined;
    let last: Numbers | undefined;
    while (place < versions.end) {
      const at = versions.entryAt(place);
      const head = headAt(at);
      const { logIndex, changeIndex } = head;
      // The events of one entry of the log belong together.
      if (logIndex !== entry && scanned >= entriesMax) break;
      entry = logIndex;
      last = head;
      scanned++;
      if (mayBeSeen(watch.view, contentAt(at).key)) {
        const event = keys.eventAt(place);
        const top = event.isCovered
          ? keys.eventAt(Math.max(versions.lowerBound("changeIndex", changeIndex), versions.first))
          : undefined;
        const seen = seenBy(watch.view, event, top);
        const isDue = event[numberOf(watch.view)] >= watch.since;
        if (seen !== undefined && isDue && !isSame(seen, told)) {
          told = seen;
          events.push(seen);
        }
      }
      place = versions.after(place);
    }
    if (last !== undefined) watch.hasReached(last);
    watch.place = place;
    const isSynced = place >= versions.end;
    if (isSynced) this.#enterSynced(watch);
    return { kind: "events", events, scanned, isSynced };
  }

  /** For `Watch.pause`. */
  pause(watch: Watch, unsent: Event | undefined): void {
    if (!watch.isSynced) return;
    const { versions } = this.#keys();
    const first = unsent ?? watch.untold?.[0];
    watch.untold = undefined;
    // Another's callback may pause it before it is told of the same entry.
    if (first === undefined) watch.hasReached(versions.newest);
    const place = first === undefined ? versions.end : this.#placeOf(first.logIndex);
    this.#leaveSynced(watch, place);
  }

  #placeOf(logIndex: number): number {
    const { versions } = this.#keys();
    const { end } = versions;
    if (this.#searched.logIndex !== logIndex || this.#searched.end !== end) {
      this.#searched = { logIndex, end, place: versions.lowerBound("logIndex", logIndex) };
    }
    return this.#searched.place;
  }

  /** For `Watch.cancel`. */
  drop(watch: Watch): void {
    if (watch.isOver) return;
    watch.isOver = true;
    this.#size--;
    if (watch.isSynced) this.#forget(watch);
    else this.#unsynced.delete(watch);
    watch.isSynced = false;
  }

  /** Whether nothing is gone of what has the number that the watch begins by, or a higher one. */
  #reachesBackTo({ view, since }: Watch): boolean {
    return since > this.clearedOf(view.kind)[numberOf(view)];
  }

  /** Whether something is gone that an unsynced watch may have seen and has not read. */
  #hasLost({ view, since, place }: Watch): boolean {
    const { oldestPlace, cleared } = this.#keys();
    return place < oldestPlace && since <= cleared[numberOf(view)];
  }

  /** The last entry of the log of which an unsynced watch may have read something. */
  #entryBefore({ place }: Watch): number {
    const { versions, oldestPlace } = this.#keys();
    const next = Math.max(place, oldestPlace);
    if (next >= versions.end) return versions.numbersBefore(versions.end).logIndex;
    return headAt(versions.entryAt(next)).logIndex - 1;
  }

  #allSynced(): Set<Watch> {
    const all = new Set<Watch>();
    for (const bucket of this.#paths.values()) bucket.forEach((watch) => all.add(watch));
    for (const watch of this.#ranges.all()) all.add(watch);
    return all;
  }

  #enterSynced(watch: Watch): void {
    this.#unsynced.delete(watch);
    watch.isSynced = true;
    this.#synced++;
    const { view } = watch;
    if (view.kind === "range") return this.#ranges.add(view.range, watch);
    const bucket = this.#paths.get(watch.hash);
    if (bucket === undefined) this.#paths.set(watch.hash, new Set([watch]));
    else bucket.add(watch);
  }

  #leaveSynced(watch: Watch, place: number): void {
    if (watch.isSynced) this.#forget(watch);
    watch.isSynced = false;
    watch.place = place;
    this.#unsynced.add(watch);
  }

  #forget(watch: Watch): void {
    this.#synced--;
    const { view } = watch;
    if (view.kind === "range") return this.#ranges.remove(view.range, watch);
    const bucket = this.#paths.get(watch.hash);
    assert(bucket !== undefined, "A synced watch must be where it says it is");
    bucket.delete(watch);
    if (bucket.size === 0) this.#paths.delete(watch.hash);
  }

  #collectPaths(event: Event, top: Event | undefined): void {
    if (this.#paths.size === 0 || !event.isFile || event.isQuiet) return;
    const { key } = event;
    let hash = PATH_HASH_START;
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      if (unit === SLASH && i > 0) this.#collectPath(hash, event, top);
      hash = pathHash(hash, unit);
      if (i === 0 && key !== ROOT) this.#collectPath(hash, event, top);
    }
    this.#collectPath(hash, event, top);
  }

  #collectPath(hash: number, event: Event, top: Event | undefined): void {
    for (const watch of this.#paths.get(hash) ?? []) {
      const seen = seenBy(watch.view, event, top);
      if (seen === undefined || event[numberOf(watch.view)] < watch.since) continue;
      const events = watch.untold;
      if (events === undefined) this.#willTell(watch, [seen]);
      else if (events.at(-1) !== seen) events.push(seen);
    }
  }

  #collectAll(watches: ReadonlySet<Watch>, event: Event): void {
    // Those who see the same from the same event on share one list.
    let shared: Event[] | undefined;
    for (const watch of watches) {
      if (event.revision < watch.since) continue;
      const events = watch.untold;
      if (events === undefined) this.#willTell(watch, shared ??= [event]);
      else if (events.at(-1) !== event) events.push(event);
    }
  }

  #willTell(watch: Watch, events: Event[]): void {
    watch.untold = events;
    this.#toTell.push(watch);
  }
}

/** A watch of its client; see `WatchHub.watch`. */
export class Watch {
  readonly hash: number;
  isSynced = false;
  isOver = false;
  /** Some of what it may have seen is gone. */
  isCleared = false;
  /** While it is not synced: the next entry of the list that it has to look at. */
  place = 0;
  /** What it sees of the entry that is being published, until it is told. */
  untold: Event[] | undefined;

  constructor(
    readonly hub: WatchHub,
    readonly view: View,
    /** Events with a lower number are passed over, or were told. */
    public since: number,
    readonly callbacks: WatchCallbacks,
  ) {
    this.hash = view.kind === "path" ? pathHashOf(view.path) : 0;
  }

  /** It knows all up to the entry with these numbers. */
  hasReached(numbers: Numbers): void {
    this.since = Math.max(this.since, numbers[numberOf(this.view)] + 1);
  }

  /**
   * What comes next in the list, by looking at some `entriesMax` entries; until it is
   * synced, when it is told of what happens.
   */
  read(entriesMax: number): Reading {
    return this.hub.read(this, entriesMax);
  }

  /**
   * Stops being told: what happens from now on has to be read, and before that the events
   * from `unsent` on, which it was told of and has not passed on.
   */
  pause(unsent?: Event): void {
    this.hub.pause(this, unsent);
  }

  /** Ends it; does nothing when it is over. */
  cancel(): void {
    this.hub.drop(this);
  }
}

/** A quick look at the key before the whole entry is read. */
function mayBeSeen(view: View, key: ByteString): boolean {
  return view.kind === "range" ? isWithin(view.range, key) : key.startsWith(view.path);
}

/** Events that are read from the list are made at each reading. */
function isSame(a: Event, b: Event | undefined): boolean {
  return b !== undefined && a.changeIndex === b.changeIndex && a.key === b.key &&
    a.isDirectory === b.isDirectory;
}
