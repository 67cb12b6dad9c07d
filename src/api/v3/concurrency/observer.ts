/**
 * Who observes an election: hears of the leader, then of each of its proclamations in their
 * order, and of the next leader once the key of this one is gone. Of leaders that come and
 * go while the next one is looked for, nothing is told; etcd does the same.
 */
import { inLaterTurn } from "../../../base/turns.ts";
import type { ByteString } from "../../../store/byte_string.ts";
import { type Event, isRemoval } from "../../../store/event.ts";
import { rangeOf } from "../../../store/kv/range.ts";
import type { KeyValue } from "../../../store/result.ts";
import type { Watch } from "../../../store/watch/hub.ts";
import type { StreamCall, StreamListener } from "../call.ts";
import type { V3Context } from "../context.ts";
import { toKeyValue } from "../kv/responses.ts";
import type { LeaderResponse } from "../messages/concurrency.ts";
import { failureStatus } from "../refusal.ts";
import { whoCalls } from "../waist.ts";
import { below, first } from "./queue.ts";

/** Entries of the history that are looked at before it is seen whether the client keeps up, … */
const ENTRIES_AT_ONCE = 16;

/** … and how often in one turn of the event loop. */
const READINGS_PER_TURN = 64;

export class Observer implements StreamListener {
  readonly #v3: V3Context;
  readonly #name: ByteString;
  readonly #call: StreamCall<LeaderResponse>;
  /** Whose proclamations are told; undefined while nobody leads. */
  #leader: ByteString | undefined;
  /** Of the leader's key, or of all candidates' while nobody leads; undefined while that is looked up. */
  #watch: Watch | undefined;
  /** The revision that was told last. */
  #told = 0;
  #isStalled = false;

  constructor(v3: V3Context, name: ByteString, call: StreamCall<LeaderResponse>) {
    this.#v3 = v3;
    this.#name = name;
    this.#call = call;
    this.#look();
  }

  onDrain(): void {
    this.#isStalled = false;
    this.#read();
  }

  onGone(): void {
    this.#watch?.cancel();
  }

  /** Finds who leads now, and goes on from there. */
  async #look(): Promise<void> {
    this.#watch?.cancel();
    this.#watch = undefined;
    const found = await first(this.#v3, this.#call, this.#name);
    if (found === undefined || this.#call.isOver) return;
    const { kv, revision } = found;
    // One transaction may have made the keys of several, so the revision alone doesn't tell.
    const isTold = kv?.key === this.#leader && kv?.version.modRevision === this.#told;
    if (kv !== undefined && !isTold) this.#tell(kv, revision);
    this.#follow(kv?.key, revision + 1);
  }

  #follow(leader: ByteString | undefined, since: number): void {
    const { service } = this.#v3;
    const { key, rangeEnd } = leader === undefined
      ? below(this.#name)
      : { key: leader, rangeEnd: "" };
    const view = { kind: "range", range: rangeOf(key, rangeEnd) } as const;
    // To look again is refused then, in etcd's words.
    const guard = service.auth.watchGuard(whoCalls(this.#call), view, () => this.#look());
    const watch = service.watch(view, since, {
      onEvents: (events) => this.#onEvents(events),
      onBehind: () => inLaterTurn(() => this.#read()),
      onAuthChange: guard,
    });
    if ("reason" in watch) return this.#call.fail(failureStatus(watch));
    this.#leader = leader;
    this.#watch = watch;
    if (this.#isStalled) watch.pause();
    else if (!watch.isSynced) inLaterTurn(() => this.#read());
    // Rights may have changed since it was looked who leads.
    guard();
  }

  #onEvents(events: readonly Event[]): void {
    const watch = this.#watch;
    // A change of one entry has a key once: what is told of it is one event at most.
    if (this.#takeAll(events) && this.#isStalled) watch?.pause();
  }

  /** Reads what has passed, until it is told of what happens or the client is slow. */
  #read(): void {
    const watch = this.#watch;
    if (watch === undefined || watch.isOver) return;
    for (let left = READINGS_PER_TURN; left > 0 && !watch.isSynced && !this.#isStalled; left--) {
      const reading = watch.read(ENTRIES_AT_ONCE);
      // How the leader came to its value is not known any longer.
      if (reading.kind === "cleared") return void this.#look();
      if (!this.#takeAll(reading.events)) return;
    }
    if (this.#isStalled) watch.pause();
    else if (!watch.isSynced) inLaterTurn(() => this.#read());
  }

  /** Whether the watch that they come from goes on. */
  #takeAll(events: readonly Event[]): boolean {
    return events.every((event) => this.#take(event));
  }

  #take(event: Event): boolean {
    const { key, after, revision } = event;
    const isGone = after === undefined || isRemoval(event);
    if (this.#leader === undefined) {
      if (isGone) return true;
      this.#tell({ key, version: after }, revision);
      this.#watch?.cancel();
      this.#follow(key, revision + 1);
      return false;
    }
    if (isGone) {
      this.#look();
      return false;
    }
    this.#tell({ key, version: after }, revision);
    return true;
  }

  #tell(kv: KeyValue, revision: number): void {
    this.#told = kv.version.modRevision;
    const header = this.#v3.headers.at(revision);
    this.#isStalled = !this.#call.send({ header, kv: toKeyValue(kv) });
  }
}
