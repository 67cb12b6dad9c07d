/** Who watches a store while it is compared with the model: sees all, once, in order. */
import { assert, assertEquals } from "@std/assert";
import type { Event } from "../../src/store/event.ts";
import type { Store } from "../../src/store/store.ts";
import type { Watch } from "../../src/store/watch/hub.ts";
import { numberOf, type View } from "../../src/store/watch/view.ts";
import type { Model } from "./model.ts";
import type { Choices } from "./model_commands.ts";
import { toldOf } from "./model_watch.ts";
import { type PlainEvent, plainEvent } from "./plain.ts";

export class Follower {
  readonly #store: Store;
  readonly #model: Model;
  readonly #view: View;
  readonly #since: number;
  readonly #seen: PlainEvent[] = [];
  readonly #watch: Watch;
  isOver = false;

  constructor(store: Store, model: Model, view: View, choices: Choices) {
    this.#store = store;
    this.#model = model;
    this.#view = view;
    const now = numberNow(store, view);
    const isFromNow = choices.chance(0.4);
    const some = choices.chance(0.8) ? choices.integer(Math.max(1, now - 80), now) : now + 5;
    this.#since = isFromNow ? now + 1 : some;
    this.#watch = store.watches.watch(view, isFromNow ? undefined : some, {
      onEvents: (events) => this.#take(events, true),
      onBehind: () => {
        assert(!this.#watch.isSynced, "Who is told that it is behind has to read");
      },
    });
  }

  /** Reads on, takes a break or leaves. */
  go(choices: Choices): void {
    if (this.isOver) return;
    if (choices.chance(0.02)) return this.#leave();
    if (choices.chance(0.05)) this.#watch.pause();
    if (!this.#watch.isSynced && choices.chance(0.4)) this.#read(choices.integer(1, 20));
  }

  /** What it has seen is what it should have seen, all of it if it is synced. */
  check(): void {
    if (this.isOver) return;
    const applied = this.#store.appliedIndex;
    const happened = this.#model.events.filter(({ logIndex }) => logIndex <= applied);
    const expected = toldOf(this.#view, this.#since, happened);
    const until = this.#watch.isSynced ? expected.length : this.#seen.length;
    const story = `${JSON.stringify(this.#view)} from ${this.#since} on at ${applied}`;
    const brief = ({ changeIndex, key, action }: PlainEvent) => `${changeIndex} ${action} ${key}`;
    assertEquals(this.#seen.map(brief), expected.slice(0, until).map(brief), story);
    assertEquals(this.#seen, expected.slice(0, until), story);
  }

  /** Reads to the end. */
  finish(): void {
    while (!this.isOver && !this.#watch.isSynced) this.#read(7);
    this.check();
    if (!this.isOver) this.#leave();
  }

  #read(entries: number): void {
    const reading = this.#watch.read(entries);
    if (reading.kind === "events") {
      const [first] = reading.events;
      const isWhole = first === undefined || first.logIndex !== this.#seen.at(-1)?.logIndex;
      assert(isWhole, "All events of an entry come together");
      return this.#take(reading.events, false);
    }
    // It must be true that events are gone which it has not read.
    const lastGone = this.#model.events[this.#model.gone - 1];
    assert(lastGone !== undefined, "Nothing is gone");
    assert(lastGone[numberOf(this.#view)] >= this.#since, "What is gone it did not ask for");
    const last = this.#seen.at(-1);
    assert(last === undefined || last.logIndex < lastGone.logIndex);
    this.#leave();
  }

  #take(events: readonly Event[], isLive: boolean): void {
    if (isLive) {
      assert(this.#watch.isSynced && !this.isOver, "Who is not synced is not told");
      assert(events.length > 0);
      assertEquals(new Set(events.map(({ logIndex }) => logIndex)).size, 1);
    }
    this.#seen.push(...events.map(plainEvent));
  }

  #leave(): void {
    this.isOver = true;
    this.#watch.cancel();
  }
}

function numberNow(store: Store, view: View): number {
  switch (numberOf(view)) {
    case "logIndex":
      return store.appliedIndex;
    case "changeIndex":
      return store.changeIndex;
    case "revision":
      return store.revision;
  }
}
