/**
 * Keeps the data within a quota, on the leader. What is superseded goes first: nobody is
 * locked out by history. Live data above the quota raises the alarm NOSPACE, under which
 * the store refuses what takes more; it is taken back as soon as there is room again.
 */
import { CLUSTER, type Command } from "../store/command/command.ts";
import type { Service } from "./service.ts";

export interface QuotaPolicy {
  /** Of live data and history together. */
  readonly quotaBytes: number;
  /** So many of the newest events stay, whatever else; `-m`. */
  readonly eventsMin: number;
  /** From one look to the next. */
  readonly lookTicks: number;
}

/** There is room again below this part of the quota: an alarm that comes and goes helps nobody. */
const ROOM = 0.95;

export class QuotaKeeper {
  readonly #service: Service;
  readonly #policy: QuotaPolicy;
  #tick = 0;
  #isUnderWay = false;

  constructor(service: Service, policy: QuotaPolicy) {
    this.#service = service;
    this.#policy = policy;
  }

  /** Once every tick of the clock. */
  tick(): void {
    this.#tick++;
    if (this.#tick % this.#policy.lookTicks === 0) this.#look();
  }

  #look(): void {
    if (this.#isUnderWay || !this.#service.node.isLeader()) return;
    const command = this.#due();
    if (command === undefined) return;
    this.#isUnderWay = true;
    // Whatever came of it: what is due is found again.
    this.#service.write(command, false, () => this.#isUnderWay = false, CLUSTER);
  }

  #due(): Command | undefined {
    const { quotaBytes, eventsMin } = this.#policy;
    const { liveBytes, historyBytes } = this.#service.stats();
    const raised = this.#service.alarms.find(({ alarm }) => alarm === "noSpace");
    if (liveBytes > quotaBytes) {
      if (raised !== undefined) return undefined;
      const member = BigInt(this.#service.node.self);
      return { type: "alarm", action: "activate", alarm: "noSpace", member };
    }
    if (raised !== undefined && liveBytes <= quotaBytes * ROOM) {
      return { type: "alarm", action: "deactivate", ...raised };
    }
    if (liveBytes + historyBytes <= quotaBytes) return undefined;
    return this.#service.compactionDue(0, quotaBytes - liveBytes, eventsMin);
  }
}
