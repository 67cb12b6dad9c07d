/**
 * A simulated user of v2 or v3 who follows a view as a stream: reads what has passed at a
 * pace of its own, then is told of what happens, and goes on elsewhere when its member
 * dies. Sees every event once and in order, or is told that some are gone.
 */
import { isDeepStrictEqual } from "node:util";
import { mayWatch } from "../../src/store/auth/judge.ts";
import type { Event } from "../../src/store/event.ts";
import type { Watch } from "../../src/store/watch/hub.ts";
import { numberOf, type View } from "../../src/store/watch/view.ts";
import { mayWatch as mayWatchSlowly } from "../store/auth/permissions.ts";
import { USERS } from "../store/auth/changes.ts";
import { Choices, CommandMaker } from "../store/model_commands.ts";
import { seenBy } from "../store/model_watch.ts";
import { type PlainEvent, plainEvent } from "../store/plain.ts";
import { type Claim, whoOf } from "./claims.ts";
import { NAMES } from "./keys.ts";
import type { Process, Running } from "./process.ts";
import { SeededRandom } from "./random.ts";
import type { Site } from "./site.ts";
import { describe } from "./text.ts";

export class StreamWatcher {
  readonly #name: string;
  readonly #view: View;
  /** Who it is, all the time: what counts of an open watch is the user. */
  readonly #claim: Claim;
  readonly #site: Site;
  readonly #random: SeededRandom;
  /** The lowest number that it has not seen. */
  #since = 1;
  /** All events of the model before it were looked at. */
  #looked = 0;
  #last: PlainEvent | undefined;
  #stream: { readonly watch: Watch; readonly process: Process } | undefined;
  /** Its member's death no longer concerns it. */
  #forget: () => void = () => {};

  constructor(number: number, site: Site) {
    this.#name = `w${number}`;
    this.#site = site;
    this.#random = new SeededRandom(site.seed, 300 + number);
    const choices = new Choices(this.#random.next);
    this.#view = new CommandMaker(choices, site.model.state, [], NAMES).view();
    this.#claim = site.profile.hasUsers
      ? { kind: "certificate", user: this.#random.pick([...USERS, "root"]) }
      : { kind: "nobody" };
  }

  start(): void {
    const { schedule, profile, machines } = this.#site;
    schedule.after(this.#random.exponential(profile.thinkMs), "think", undefined, () => {
      const up = machines.filter(({ process }) => process?.running !== undefined);
      const process = up.length === 0 ? undefined : this.#random.pick(up).process;
      if (process === undefined) return this.start();
      this.#forget = process.onDeath(() => this.#leave());
      schedule.after(0.1, "watch", process, () => this.#open(process));
    });
  }

  /** A synced watch has been told of all that its member, which runs in `process`, has applied. */
  check(process: Process): void {
    const applied = process.running?.core.appliedIndex;
    if (this.#stream?.process !== process || !this.#stream.watch.isSynced) return;
    const missed = this.#expected();
    this.#site.violations.check(
      missed === undefined || applied === undefined || missed.logIndex > applied,
      "watch",
      () => `${process.name} keeps ${this.#name} waiting for ${describe(missed)}`,
    );
  }

  #open(process: Process): void {
    const { running } = process;
    if (running === undefined) return this.#leave();
    const { trace, schedule, profile } = this.#site;
    const { store, service } = running;
    const claim = this.#claim;
    const who = whoOf(claim);
    if (!this.#maySee(process, running)) return this.#leave();
    trace.line(
      schedule.nowMs,
      this.#name,
      () => `follows ${process.name} from ${this.#since} on ${describe(this.#view)}`,
    );
    const watch = store.watches.watch(this.#view, this.#since, {
      onEvents: (events) => this.#told(process, events),
      onBehind: () => this.#read(process, running, watch),
      onAuthChange: service.auth.watchGuard(who, this.#view, () => {
        if (process.isDead || this.#stream?.process !== process) return;
        trace.happened("watches ended: may no longer");
        this.#leave();
      }),
    });
    this.#stream = { watch, process };
    this.#read(process, running, watch);
    schedule.after(this.#random.exponential(profile.thinkMs * 20), "leave", process, () => {
      if (this.#stream?.watch === watch) this.#leave();
    });
  }

  /** Whether it may follow its view here, as an API finds out before it begins. */
  #maySee(process: Process, { service, store }: Running): boolean {
    const rights = service.auth.rightsOf(whoOf(this.#claim));
    const isAllowed = typeof rights !== "string" && mayWatch(rights, this.#view);
    if (isAllowed) this.#checkAllowed(process, store.appliedIndex);
    return isAllowed;
  }

  #checkAllowed(process: Process, index: number): void {
    if (process.isDead) return;
    this.#site.auth.served(this.#claim, index, (held) => mayWatchSlowly(held, this.#view));
  }

  #leave(): void {
    this.#forget();
    this.#stream?.watch.cancel();
    this.#stream = undefined;
    this.start();
  }

  /** Some entries a turn, until it is synced; now and then a client is slow. */
  #read(process: Process, running: Running, watch: Watch): void {
    if (watch.isSynced || this.#stream?.watch !== watch) return;
    this.#site.schedule.after(0.1 + this.#random.exponential(1), "turn", process, () => {
      if (watch.isOver || watch.isSynced) return;
      const reading = watch.read(this.#random.integer(1, 5));
      if (reading.kind === "cleared") return this.#cleared(process, running);
      this.#told(process, reading.events);
      this.#read(process, running, watch);
    });
  }

  #told(process: Process, events: readonly Event[]): void {
    if (process.isDead) return;
    const { running } = process;
    if (running !== undefined) this.#checkAllowed(process, running.store.appliedIndex);
    for (const event of events.map(plainEvent)) {
      const expected = this.#expected();
      this.#site.violations.check(
        isDeepStrictEqual(event, expected),
        "watch",
        () =>
          `${process.name} tells ${this.#name}, who follows ${describe(this.#view)} from ` +
          `${this.#since} on, of ${describe(event)}, expected ${describe(expected)}`,
      );
      this.#site.watches.streamed();
      this.#last = event;
      this.#looked++;
    }
    const last = events.at(-1);
    // All of one number come together.
    if (last !== undefined) this.#since = last[numberOf(this.#view)] + 1;
  }

  /** Goes on behind what is gone, if that is so. */
  #cleared(process: Process, { store }: Running): void {
    const { watches } = store;
    const gone = watches.clearedOf(this.#view.kind)[numberOf(this.#view)];
    this.#site.violations.check(
      gone >= this.#since,
      "watch",
      () =>
        `${process.name} refuses ${this.#name} to follow from ${this.#since} on, ${gone} is gone`,
    );
    this.#since = gone + 1;
    this.#leave();
  }

  /** The next event that it has to be told of; passes over what it does not see. */
  #expected(): PlainEvent | undefined {
    const { events } = this.#site.model.state;
    for (; this.#looked < events.length; this.#looked++) {
      const event = events[this.#looked]!;
      if (event[numberOf(this.#view)] < this.#since) continue;
      const seen = seenBy(this.#view, event, events);
      // A directory that goes is told once, however much goes with it.
      if (seen !== undefined && !isDeepStrictEqual(seen, this.#last)) return seen;
    }
    return undefined;
  }
}
