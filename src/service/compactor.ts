/**
 * Lets go of old versions by itself, on the leader: so nobody is ever locked out by a
 * history that has filled the memory. What goes is an entry of the log, so all members
 * keep the same.
 */
import type { Service } from "./service.ts";

export interface CompactionPolicy {
  /** So many of the newest events stay, whatever their age and size; `-m`. */
  readonly eventsMin: number;
  /** Beyond those, what is older goes. */
  readonly ageMaxMs: number;
  /** And so does what is more, the oldest first. */
  readonly bytesMax: number;
  /** From one look at what can go to the next. */
  readonly lookTicks: number;
}

export class Compactor {
  readonly #service: Service;
  readonly #policy: CompactionPolicy;
  #isUnderWay = false;
  #tick = 0;

  constructor(service: Service, policy: CompactionPolicy) {
    this.#service = service;
    this.#policy = policy;
  }

  /** Once every tick of the clock. */
  tick(): void {
    this.#tick++;
    if (this.#tick % this.#policy.lookTicks === 0) this.#look();
  }

  #look(): void {
    const { node } = this.#service;
    if (this.#isUnderWay || !node.isLeader()) return;
    const { eventsMin, ageMaxMs, bytesMax } = this.#policy;
    const command = this.#service.compactionDue(node.nowMs() - ageMaxMs, bytesMax, eventsMin);
    if (command === undefined) return;
    this.#isUnderWay = true;
    // Whatever came of it: what can still go is found again.
    this.#service.write(command, false, () => this.#isUnderWay = false);
  }
}
