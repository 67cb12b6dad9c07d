/**
 * Who leads as far as clients are concerned, who waits to hear of it, and how
 * leadership is handed over. While it is, nobody counts as the leader: requests
 * wait for the successor.
 */
import type { RaftCore } from "../../raft/core.ts";
import type { PeerProgress } from "../../raft/options.ts";
import { quorumSize } from "../../raft/quorum.ts";
import { NONE } from "../../raft/types.ts";
import type { Member, MemberId } from "../../raft/types.ts";
import { NO_LEADER } from "../failures.ts";
import type { Done } from "../ports.ts";
import { Waiters } from "../waiters.ts";

/**
 * Heartbeats that a member may have missed when others are to depend on it now:
 * as the heir of the leadership, or as part of the quorum that a removal leaves.
 */
export const HEARTBEATS_MISSED_MAX = 3;

export interface LeadershipLimits {
  readonly heartbeatTicks: number;
  readonly waitingMax: number;
}

export class Leadership {
  /** Those who wait for a leader. */
  readonly waiters: Waiters<Member>;
  readonly #core: RaftCore;
  readonly #heartbeatTicks: number;
  readonly #schedule: () => void;
  #known: MemberId = NONE;
  /** How often each member was asked to take over by `handOverFor`. */
  readonly #asked = new Map<MemberId, number>();

  constructor(
    core: RaftCore,
    { heartbeatTicks, waitingMax }: LeadershipLimits,
    schedule: () => void,
  ) {
    this.#core = core;
    this.#heartbeatTicks = heartbeatTicks;
    this.#schedule = schedule;
    this.waiters = new Waiters({ max: waitingMax, late: NO_LEADER });
  }

  get isHandingOver(): boolean {
    return this.#core.isTransferring;
  }

  /** NONE during an election or a hand-over. */
  get leaderId(): MemberId {
    return this.#core.isTransferring ? NONE : this.#core.leader;
  }

  /** Undefined also as long as this member's log does not name it. */
  get leader(): Member | undefined {
    const id = this.leaderId;
    return this.#core.configuration.members.find((member) => member.id === id);
  }

  /** Calls back at once when there is a leader. */
  whenLeader(done: Done<Member>, deadlineTick: number): void {
    const { leader } = this;
    if (leader !== undefined) done({ ok: true, value: leader });
    else this.waiters.add({ done, deadlineTick });
  }

  /** Once a turn: true when another leader is known than before, or none any longer. */
  note(): boolean {
    const { leader, leaderId } = this;
    if (leader !== undefined) {
      for (const [id] of this.waiters) this.waiters.end(id, { ok: true, value: leader });
    }
    const isNew = leaderId !== this.#known;
    this.#known = leaderId;
    return isNew;
  }

  /** Lets the voter with the longest log lead; false when this is no leader, or there is nobody. */
  handOver(): boolean {
    return this.#core.role === "leader" && this.#handOverTo(this.#heirs()) !== NONE;
  }

  /**
   * This node's disk does not take the log up to `index`: another member shall
   * lead, if the disks of the others have taken it and are a quorum. Then it is
   * committed, and nobody can write or read here any longer; else there would be no
   * leader at all, whereas this one can serve reads. They are asked in turn.
   */
  handOverFor(index: number): void {
    const core = this.#core;
    if (core.role !== "leader" || this.isHandingOver) return;
    const able = this.#heirs().filter(({ match }) => match >= index);
    if (able.length < quorumSize(this.#voters.size)) return;
    const timesAsked = ({ id }: PeerProgress) => this.#asked.get(id) ?? 0;
    const least = Math.min(...able.map(timesAsked));
    const heir = this.#handOverTo(able.filter((peer) => timesAsked(peer) === least));
    this.#asked.set(heir, least + 1);
  }

  /** Lets the voter `id` lead; false when that can't be begun. */
  handOverToMember(id: MemberId): boolean {
    const isHeir = ({ id: other }: PeerProgress) => other === id;
    return this.#core.role === "leader" && this.#handOverTo(this.#heirs().filter(isHeir)) !== NONE;
  }

  /** Who was asked to lead: the one with the longest log; NONE when there is nobody. */
  #handOverTo(heirs: readonly PeerProgress[]): MemberId {
    const [heir] = heirs.toSorted((a, b) => b.match - a.match);
    if (heir === undefined || !this.#core.transferLeadership(heir.id)) return NONE;
    this.#schedule();
    return heir.id;
  }

  get #voters(): ReadonlySet<MemberId> {
    const { members } = this.#core.configuration;
    return new Set(members.filter(({ voter }) => voter).map(({ id }) => id));
  }

  /** Voters that are alive. */
  #heirs(): PeerProgress[] {
    const voters = this.#voters;
    const patience = this.#heartbeatTicks * HEARTBEATS_MISSED_MAX;
    return this.#core.progress().filter(({ id, hasAnswered, ticksSinceHeard }) =>
      voters.has(id) && hasAnswered && ticksSinceHeard <= patience
    );
  }
}
