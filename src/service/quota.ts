/**
 * Keeps the data within a quota: each member within its own. What is superseded goes
 * first: nobody is locked out by history. What would bring live data above the quota is
 * refused where it arrives. A member that is full raises the alarm NOSPACE, under which
 * the store refuses on every member what takes more; it is taken back as soon as there is
 * room again.
 */
import { wideId } from "../base/ids.ts";
import type { ActiveAlarm } from "../store/alarms.ts";
import { spaceTaken } from "../store/admission.ts";
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
  /** Something was refused since the last look. */
  #hasRefused = false;
  /** Looks in a row that found this member full, and no alarm. */
  #looksFull = 0;

  constructor(service: Service, policy: QuotaPolicy) {
    this.#service = service;
    this.#policy = policy;
    service.limitSpace((command) => this.#hasRoomFor(command));
  }

  /** Once every tick of the clock. */
  tick(): void {
    this.#tick++;
    if (this.#tick % this.#policy.lookTicks === 0) this.#look();
  }

  #hasRoomFor(command: Command): boolean {
    const bytes = spaceTaken(command);
    if (bytes === 0 || this.#service.liveBytes + bytes <= this.#policy.quotaBytes) return true;
    this.#hasRefused = true;
    return false;
  }

  #look(): void {
    if (this.#isUnderWay) return;
    const command = this.#due();
    this.#hasRefused = false;
    if (command === undefined) return;
    this.#isUnderWay = true;
    // Whatever came of it: what is due is found again.
    this.#service.write(command, false, () => this.#isUnderWay = false, CLUSTER);
  }

  #due(): Command | undefined {
    const { quotaBytes, eventsMin } = this.#policy;
    const { liveBytes, historyBytes } = this.#service.stats();
    const { node } = this.#service;
    const raised = this.#service.alarms.filter(({ alarm }) => alarm === "noSpace");
    const hasRoom = liveBytes <= quotaBytes * ROOM;
    if (raised.length === 0 && (liveBytes > quotaBytes || this.#hasRefused && !hasRoom)) {
      // One alarm will do: the leader's, unless only another member's quota is so small.
      if (++this.#looksFull === 1 && !node.isLeader() && !this.#hasRefused) return undefined;
      return { type: "alarm", action: "activate", alarm: "noSpace", member: wideId(node.self) };
    }
    this.#looksFull = 0;
    const over = hasRoom ? raised.find((alarm) => this.#mayTakeBack(alarm)) : undefined;
    if (over !== undefined) return { type: "alarm", action: "deactivate", ...over };
    if (!node.isLeader() || liveBytes > quotaBytes) return undefined;
    if (liveBytes + historyBytes <= quotaBytes) return undefined;
    return this.#service.compactionDue(0, quotaBytes - liveBytes, eventsMin);
  }

  /** Each member its own, and the leader those of members that can't. What a client raised for nobody stays. */
  #mayTakeBack({ member }: ActiveAlarm): boolean {
    const { node } = this.#service;
    if (member === wideId(node.self)) return true;
    if (!node.isLeader()) return false;
    const { removed } = node.configuration();
    if (removed.some((id) => wideId(id) === member)) return true;
    return node.status().followers.some(({ id, alive }) => wideId(id) === member && !alive);
  }
}
