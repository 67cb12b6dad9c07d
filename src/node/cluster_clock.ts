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
  /** Still by its own wall clock, which nobody else has heard of. */
  #isOwn = true;

  /** `stampedMs`: the latest time in the log. */
  constructor(clock: Clock, stampedMs: number) {
    this.#clock = clock;
    this.#offsetMs = Math.max(clock.wallMs(), stampedMs) - clock.monotonicMs();
  }

  /** Unix ms, whole; never goes back on this member, once it is the cluster's. */
  nowMs(): number {
    const now = Math.floor(this.#clock.monotonicMs() + this.#offsetMs);
    if (now > this.#newestMs) this.#newestMs = now;
    return this.#newestMs;
  }

  /** Adopts the time that the leader sent; its age on the wire is part of the tolerance of a TTL. */
  follow(leaderMs: number): void {
    // Its own clock may have been ahead: the time must not stand still until the cluster's is there.
    if (this.#isOwn) this.#newestMs = 0;
    this.#isOwn = false;
    this.#offsetMs = leaderMs - this.#clock.monotonicMs();
  }

  /** This member leads, and the state machine's time is `stampedMs`: never behind that. */
  lead(stampedMs: number): void {
    this.#isOwn = false;
    if (this.nowMs() < stampedMs) this.follow(stampedMs);
  }
}
