/**
 * One watch of a stream. While the client keeps up it is told of events as they are
 * applied; else it reads them from the store's list of versions, a slice a turn.
 */
import type { Event } from "../../../store/event.ts";
import { rangeOf } from "../../../store/kv/range.ts";
import type { Watch } from "../../../store/watch/hub.ts";
import type { RangeView } from "../../../store/watch/view.ts";
import { assert } from "../../../base/assert.ts";
import type { Who } from "../../../service/auth/credentials.ts";
import type { Service } from "../../../service/service.ts";
import type { Event as EventMessage } from "../messages/kv.ts";
import type { WatchId } from "../messages/scalars.ts";
import type { Draft } from "../messages/table.ts";
import type { WatchCreateRequest } from "../messages/watch.ts";
import { type EventView, type SharedEvents, sizeOf, type Telling, toMessages } from "./events.ts";

/** Steps of a slice, and entries of the list that are looked at in each. */
export const STEPS_PER_SLICE = 128;
const ENTRIES_PER_STEP = 4;

/**
 * What a slice weighs at most when it has many events, so that ordinary ones fit the 4 MiB
 * that most clients of gRPC take. A few large events are told together all the same: etcd
 * tells a thousand revisions in one message, and its clients count on that.
 */
const SLICE_BYTES = 512 * 1024;
const EVENTS_TOGETHER = 16;

/** What a slice may weigh, give or take one step. */
const SLICE_BYTES_MAX = 16 * 1024 * 1024;

/** What a message may weigh that tells of several revisions. */
const TOGETHER_BYTES_MAX = 64 * 1024;

/** What a watcher needs of its stream. */
export interface WatcherOwner {
  readonly service: Service;
  readonly shared: SharedEvents;
  /** Sends events to the client; there is one at least. */
  told(watcher: Watcher, events: readonly Draft<EventMessage>[]): void;
  /** The watcher has `untold` events, and had none. */
  hasUntold(watcher: Watcher): void;
  /** The watcher has to read. */
  behind(watcher: Watcher): void;
  /** Its client may no longer see what it watches. */
  denied(watcher: Watcher): void;
  /** Says whose stream it is. */
  readonly who: Who;
}

/** What came of reading a slice. */
export interface Slice {
  readonly outcome: "synced" | "more" | "cleared";
  /** What it took of `STEPS_PER_SLICE`. */
  readonly steps: number;
}

export class Watcher implements EventView {
  readonly id: WatchId;
  readonly puts: boolean;
  readonly deletes: boolean;
  readonly previous: boolean;
  readonly fragments: boolean;
  readonly wantsProgress: boolean;
  /** The first revision of interest; 0: those from now on. */
  readonly startRevision: number;
  /** Something was sent since the last progress was told. */
  hasSent = false;
  readonly #owner: WatcherOwner;
  readonly #watch: Watch;
  /** It began before what is kept for v3. */
  readonly #isTooLate: boolean;
  /** What is to be sent when all has been applied that is committed, and its first event. */
  #untold: Telling | undefined;
  #firstUntold: Event | undefined;

  constructor(owner: WatcherOwner, id: WatchId, request: WatchCreateRequest) {
    const { filters, startRevision } = request;
    const { service } = owner;
    this.id = id;
    this.puts = !filters.includes("NOPUT");
    this.deletes = !filters.includes("NODELETE");
    this.previous = request.prevKv;
    this.fragments = request.fragment;
    this.wantsProgress = request.progressNotify;
    this.startRevision = startRevision;
    this.#owner = owner;
    const view = viewOf(request);
    const since = startRevision === 0 ? undefined : Math.max(1, startRevision);
    const watch = service.watch(view, since, {
      onEvents: (events) => this.#onEvents(events),
      onBehind: () => owner.behind(this),
      onAuthChange: service.auth.watchGuard(owner.who, view, () => owner.denied(this)),
    });
    // Streams are ended before anything more is asked of them.
    assert(!("ok" in watch), "A stream is served by a member that serves");
    this.#watch = watch;
    // What is kept for v1 and v2 alone is gone for v3; but who has begun may go on with it.
    this.#isTooLate = since !== undefined && since < service.compactedRevision;
    // What another program has compacted may have left no gap in the list.
    if (this.#isTooLate) watch.pause();
  }

  /** It has been told of everything that it sees. */
  get isSynced(): boolean {
    return this.#watch.isSynced;
  }

  /** From here on it has to read, what it has not sent included: the client doesn't keep up. */
  pause(): void {
    const first = this.#untold === undefined ? undefined : this.#firstUntold;
    this.#untold = undefined;
    this.#watch.pause(first);
  }

  cancel(): void {
    this.#untold = undefined;
    this.#watch.cancel();
  }

  /** Sends what it has been told of. */
  tell(): void {
    const untold = this.#untold;
    this.#untold = undefined;
    if (untold !== undefined) this.#owner.told(this, untold.messages);
  }

  /** Reads on and sends what there is. */
  readSlice(): Slice {
    if (this.#isTooLate) return { outcome: "cleared", steps: 1 };
    const { service } = this.#owner;
    const messages: Draft<EventMessage>[] = [];
    let bytes = 0;
    let outcome: Slice["outcome"] = "more";
    let steps = 0;
    while (steps < STEPS_PER_SLICE) {
      const reading = this.#watch.read(ENTRIES_PER_STEP);
      if (reading.kind === "cleared") {
        outcome = "cleared";
        steps++;
        break;
      }
      // One entry of the log may have hundreds.
      steps += Math.max(1, Math.ceil(reading.scanned / ENTRIES_PER_STEP));
      for (const message of toMessages(reading.events, this, service.compactedRevision)) {
        messages.push(message);
        bytes += sizeOf(message);
      }
      if (reading.isSynced) {
        outcome = "synced";
        break;
      }
      if (bytes >= SLICE_BYTES_MAX) break;
      if (bytes >= SLICE_BYTES && messages.length >= EVENTS_TOGETHER) break;
    }
    if (messages.length > 0) this.#owner.told(this, messages);
    return { outcome, steps };
  }

  /** Many entries may be applied at once, and one message costs hardly more than one event. */
  #onEvents(events: readonly Event[]): void {
    const { shared, service } = this.#owner;
    const next = shared.tellingOf(events, this, service.compactedRevision);
    if (next.messages.length === 0) return;
    const before = this.#untold;
    if (before !== undefined && before.bytes + next.bytes <= TOGETHER_BYTES_MAX) {
      this.#untold = before.with(next);
      return;
    }
    // Before anything is sent: who turns out to be slow has to read all that is not.
    this.#untold = next;
    this.#firstUntold = events[0];
    if (before === undefined) this.#owner.hasUntold(this);
    else this.#owner.told(this, before.messages);
  }
}

/** What is to be watched; an empty key is the first of all keys. */
export function viewOf({ key, rangeEnd }: WatchCreateRequest): RangeView {
  return { kind: "range", range: rangeOf(key === "" ? "\0" : key, rangeEnd) };
}

/** Whether no key can be in the range that is asked for. */
export function isEmptyRange(request: WatchCreateRequest): boolean {
  const { start, end } = viewOf(request).range;
  return end !== undefined && end <= start;
}
