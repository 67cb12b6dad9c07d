/**
 * Lets go of old versions by itself, on the leader: so nobody is ever locked out by a
 * history that has filled the memory. What goes is an entry of the log, so all members
 * keep the same.
 */
import { CLUSTER, type CompactCommand } from "../store/command/command.ts";
import type { Service } from "./service.ts";

/** Which versions are to be had for v3. */
export type Retention =
  /** Those of the last while, but not more than a size: what a node does by itself. */
  | { readonly kind: "recent"; readonly ageMaxMs: number; readonly bytesMax: number }
  /** All, until a client compacts: etcd's retention of 0. */
  | { readonly kind: "all" }
  /** Those of the last while, looked at ten times in it: etcd's mode `periodic`. */
  | { readonly kind: "periodic"; readonly ageTicks: number }
  /** The newest so many revisions, looked at now and then: etcd's mode `revision`. */
  | { readonly kind: "revision"; readonly count: number; readonly everyTicks: number };

export interface CompactionPolicy {
  /** So many of the newest events stay for v1 and v2, whatever else; `-m`. */
  readonly eventsMin: number;
  /** From one look at what can go to the next, for `recent`. */
  readonly lookTicks: number;
  readonly retention: Retention;
}

/** `periodic` looks so often in its time. */
const LOOKS_PER_PERIOD = 10;

/** What the revision was, and when. */
interface Sample {
  readonly tick: number;
  readonly revision: number;
}

export class Compactor {
  readonly #service: Service;
  readonly #policy: CompactionPolicy;
  readonly #everyTicks: number;
  /** Of `periodic`; the oldest first, `LOOKS_PER_PERIOD` and one at most. */
  #samples: Sample[] = [];
  #isUnderWay = false;
  #tick = 0;

  constructor(service: Service, policy: CompactionPolicy) {
    this.#service = service;
    this.#policy = policy;
    this.#everyTicks = everyTicks(policy);
  }

  /** Once every tick of the clock. */
  tick(): void {
    this.#tick++;
    if (this.#tick % this.#everyTicks === 0) this.#look();
  }

  #look(): void {
    if (this.#isUnderWay || !this.#service.node.isLeader()) return;
    const command = this.#due();
    if (command === undefined) return;
    this.#isUnderWay = true;
    // Whatever came of it: what can still go is found again.
    this.#service.write(command, false, () => this.#isUnderWay = false, CLUSTER);
  }

  #due(): CompactCommand | undefined {
    const { retention, eventsMin } = this.#policy;
    switch (retention.kind) {
      case "recent": {
        const olderThanMs = this.#service.node.nowMs() - retention.ageMaxMs;
        return this.#service.compactionDue(olderThanMs, retention.bytesMax, eventsMin);
      }
      case "all":
        return undefined;
      case "periodic":
        return this.#upTo(this.#revisionBefore(this.#tick - retention.ageTicks));
      case "revision":
        return this.#upTo(this.#service.revision - retention.count);
    }
  }

  /** The newest revision that was there at `tick`, as far as this member has seen; 0 if it has not. */
  #revisionBefore(tick: number): number {
    this.#samples.push({ tick: this.#tick, revision: this.#service.revision });
    const place = this.#samples.findLastIndex((sample) => sample.tick <= tick);
    if (place < 0) return 0;
    this.#samples = this.#samples.slice(place);
    return this.#samples[0]!.revision;
  }

  #upTo(revision: number): CompactCommand | undefined {
    if (revision <= this.#service.compactedRevision || revision <= 0) return undefined;
    return { type: "compact", revision, changeIndex: 0, keepEvents: this.#policy.eventsMin };
  }
}

function everyTicks({ retention, lookTicks }: CompactionPolicy): number {
  switch (retention.kind) {
    case "recent":
    case "all":
      return lookTicks;
    case "periodic":
      return Math.max(1, Math.round(retention.ageTicks / LOOKS_PER_PERIOD));
    case "revision":
      return retention.everyTicks;
  }
}
