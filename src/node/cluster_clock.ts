/**
 * The cluster's time, by which TTLs are stamped and judged.
 *
 * A leader stamps deadlines, so a change of leader must not move the time: if
 * the new one read its own wall clock, an hour of skew would kill keys early or
 * bring dead ones back. So the time is *carried on*: every member keeps the
 * offset between the leader's time and its own monotonic clock, refreshed with
 * each heartbeat interval, and a new leader starts from there. The wall clock
 * counts only at the start of a process that has not heard a leader yet, and
 * then never below what the log was stamped with. Jumps of the wall clock
 * while a process runs have no effect at all.
 */
import type { Clock } from "../base/clock.ts";

export class ClusterClock {
  readonly #clock: Clock;
  /** Cluster time minus this machine's monotonic time, in ms. */
  #offsetMs: number;
  #newestMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.wallMs() - clock.monotonicMs();
  }

  /** Unix ms, whole; never goes back on this member. */
  nowMs(): number {
    const now = Math.floor(this.#clock.monotonicMs() + this.#offsetMs);
    if (now > this.#newestMs) this.#newestMs = now;
    return this.#newestMs;
  }

  /** Adopts the time that the leader sent; its age on the wire is part of the tolerance of a TTL. */
  follow(leaderMs: number): void {
    this.#offsetMs = leaderMs - this.#clock.monotonicMs();
  }

  /** Never behind what the log was stamped with: called by a new leader with the state machine's time. */
  raiseTo(stampedMs: number): void {
    if (this.nowMs() < stampedMs) this.follow(stampedMs);
  }
}
