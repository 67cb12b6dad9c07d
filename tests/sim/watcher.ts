/** A simulated user who follows a path by a chain of watches, on any members. */
import { watchFirst } from "../../src/store/watch/first.ts";
import { type V1Event, v1EventOf } from "../store/v1_words.ts";
import { KEYS } from "./keys.ts";
import type { Process } from "./process.ts";
import { SeededRandom } from "./random.ts";
import type { Site } from "./site.ts";
import { describe } from "./text.ts";
import type { PendingWatch } from "./watch_check.ts";

export class Watcher {
  readonly #name: string;
  readonly #path: string;
  readonly #site: Site;
  readonly #random: SeededRandom;
  /** From where the chain goes on; undefined: from now. */
  #since: number | undefined;
  /** The watch that waits, and where. */
  #waiting: { readonly watch: PendingWatch; readonly process: Process } | undefined;

  constructor(number: number, site: Site) {
    this.#name = `w${number}`;
    this.#site = site;
    this.#random = new SeededRandom(site.seed, 300 + number);
    this.#path = this.#random.pick(["/", "/d", "/e", ...KEYS]);
  }

  start(): void {
    const { schedule, profile, machines } = this.#site;
    schedule.after(this.#random.exponential(profile.thinkMs), "think", undefined, () => {
      const up = machines.filter(({ process }) => process?.running !== undefined);
      const process = up.length === 0 ? undefined : this.#random.pick(up).process;
      if (process === undefined) return this.start();
      const forget = process.onDeath(() => this.start());
      schedule.after(0.1, "watch", process, () => this.#watch(process, forget));
    });
  }

  /** A watch must not wait for what its member, which runs in `process`, has applied. */
  check(process: Process): void {
    const applied = process.running?.core.appliedIndex;
    if (this.#waiting?.process !== process || applied === undefined) return;
    this.#site.watches.waits(this.#waiting.watch, applied);
  }

  #watch(process: Process, forget: () => void): void {
    const { running } = process;
    const next = () => {
      this.#waiting = undefined;
      forget();
      this.start();
    };
    if (running === undefined) return next();
    const { watches, trace, schedule } = this.#site;
    const { store, core } = running;
    const watch: PendingWatch = {
      watcher: this.#name,
      member: process.name,
      path: this.#path,
      since: this.#since ?? core.appliedIndex + 1,
      over: false,
      quietTo: 0,
    };
    trace.line(
      schedule.nowMs,
      this.#name,
      () => `watches ${process.name} ${describe(watch)}`,
    );
    this.#waiting = { watch, process };
    const told = (event: V1Event) => {
      if (process.isDead) return;
      trace.line(schedule.nowMs, this.#name, () => `is told ${describe(event)}`);
      watches.told(watch, event);
      this.#since = event.index + 1;
      next();
    };
    const cleared = () => {
      if (process.isDead) return;
      const clearedBefore = store.watches.clearedOf("path").logIndex + 1;
      watches.cleared(watch, clearedBefore, core.lastIndex);
      this.#since = clearedBefore;
      next();
    };
    const view = { kind: "path", api: "v1", path: this.#path, recursive: true } as const;
    const first = watchFirst(store.watches, view, this.#since, {
      onEvent: (event) => told(v1EventOf(event)),
      onCleared: cleared,
    });
    if (first.kind === "event") told(v1EventOf(first.event));
    else if (first.kind === "cleared") cleared();
    else this.#leaveLater(process, watch, () => first.watch.cancel(), next);
  }

  /** Some users lose patience. */
  #leaveLater(process: Process, watch: PendingWatch, cancel: () => void, next: () => void): void {
    const { schedule, profile } = this.#site;
    if (!this.#random.chance(0.3)) return;
    schedule.after(this.#random.exponential(profile.thinkMs * 5), "leave", process, () => {
      if (watch.over) return;
      watch.over = true;
      cancel();
      next();
    });
  }
}
