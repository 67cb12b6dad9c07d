/**
 * The leader's rules for who lives: whose silence lets another take its name, on
 * whom a quorum can be counted, and who keeps up. In one place, because a removal,
 * a promotion and a join must not see the same member differently.
 */
import type { RaftCore } from "../../raft/core.ts";
import type { PeerProgress } from "../../raft/options.ts";
import type { MemberId } from "../../raft/types.ts";
import { HEARTBEATS_MISSED_MAX } from "./leadership.ts";

export interface LivenessLimits {
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
}

export class Liveness {
  readonly #core: RaftCore;
  readonly #limits: LivenessLimits;
  /** What was committed at the last heartbeats, as this leader, the newest last. */
  #committed: number[] = [];

  constructor(core: RaftCore, limits: LivenessLimits) {
    this.#core = core;
    this.#limits = limits;
  }

  /** How long a member may be silent that others are to depend on, ticks. */
  get patienceTicks(): number {
    return this.#limits.heartbeatTicks * HEARTBEATS_MISSED_MAX;
  }

  /** Once a heartbeat interval, after those who judge by it. */
  note(): void {
    this.#committed = this.#core.role === "leader"
      ? [...this.#committed, this.#core.commitIndex].slice(-HEARTBEATS_MISSED_MAX)
      : [];
  }

  /** Whether `id` may be alive: nothing says that it is not. */
  isAlive(id: MemberId): boolean {
    if (id === this.#core.id) return true;
    const peer = this.#peer(id);
    return peer !== undefined && peer.ticksSinceHeard < this.#limits.electionTicks;
  }

  /** Whether `id` has shown lately that it is alive, and that its disk keeps up. */
  canBeCountedOn(id: MemberId): boolean {
    const { savedIndex, commitIndex } = this.#core;
    // Between two batches this member's own disk has all that the others have.
    if (id === this.#core.id) return savedIndex >= commitIndex;
    const peer = this.#peer(id);
    return peer !== undefined && peer.hasAnswered && peer.ticksSinceHeard < this.patienceTicks &&
      peer.match >= this.#committedBefore(HEARTBEATS_MISSED_MAX);
  }

  /**
   * Whether the learner `id` may vote. One that has by now what was committed a
   * heartbeat ago keeps up (thesis §4.2.1): under load even the voters' disks are not
   * all at the newest entry. It must have been heard just now, because a vote for a
   * member that is gone may cost the quorum.
   */
  keepsUp(id: MemberId): boolean {
    const peer = this.#peer(id);
    return peer !== undefined && peer.state === "replicate" &&
      peer.match >= this.#committedBefore(1) &&
      peer.ticksSinceHeard <= 2 * this.#limits.heartbeatTicks;
  }

  /** What was committed so many heartbeats ago, as far as this leader goes back. */
  #committedBefore(heartbeats: number): number {
    return this.#committed.at(-heartbeats) ?? this.#committed[0] ?? this.#core.commitIndex;
  }

  #peer(id: MemberId): PeerProgress | undefined {
    return this.#core.progress().find((progress) => progress.id === id);
  }
}
