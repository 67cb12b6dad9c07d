/**
 * The divergence alarm: members compare their state machines. Once a round the
 * leader names the last index of its log; each member tells all others the
 * digest that its state has right after that entry, whenever it gets there, and
 * each judges for itself. Whoever differs from a quorum is wrong, by a fault of
 * its memory, its disk or this program, and must serve nobody any longer. Without
 * a quorum nobody knows who is wrong: then all say so and go on, because to stop
 * would take the service away from those who may be right.
 *
 * A member that lags tells its digest when it comes to the index; one that a
 * snapshot carries past it has nothing to tell in that round.
 */
import type { RaftCore } from "../../raft/core.ts";
import { quorumSize } from "../../raft/quorum.ts";
import { NONE } from "../../raft/types.ts";
import type { MemberId } from "../../raft/types.ts";
import type { PeerMessage } from "../calls/peer_message.ts";

export interface ComparisonLimits {
  /** From one comparison to the next. */
  readonly comparisonTicks: number;
  /** From an election to the first one. */
  readonly firstComparisonTicks: number;
  /** How long digests of others are waited for before it is said that there is no majority. */
  readonly comparisonWaitTicks: number;
}

/** What came of a comparison that did not find all alike. */
export type Divergence =
  /** This member differs from a quorum. */
  | { readonly kind: "self"; readonly index: number; readonly digest: string; readonly of: string }
  /** Others differ from a quorum that this member is part of. */
  | { readonly kind: "others"; readonly index: number; readonly members: readonly MemberId[] }
  /** Members differ, and no quorum agrees. */
  | {
    readonly kind: "undecided";
    readonly index: number;
    readonly digests: ReadonlyMap<MemberId, string>;
  };

export interface ComparisonOptions {
  readonly core: Pick<
    RaftCore,
    "id" | "role" | "leader" | "lastIndex" | "appliedIndex" | "isInstalling" | "configuration"
  >;
  readonly limits: ComparisonLimits;
  /** Of the state machine as it is now. */
  readonly digest: () => string;
  readonly send: (to: MemberId, message: PeerMessage) => void;
  /** Has `reached` called when the entry `index` has been applied. */
  readonly await: (index: number) => void;
  /** All that answered were alike. */
  readonly agreed: (index: number) => void;
  /** Called once a round and kind, but as often as more members are found. */
  readonly diverged: (divergence: Divergence) => void;
}

interface Told {
  readonly index: number;
  readonly digest: string;
}

export class Comparison {
  readonly #options: ComparisonOptions;
  /** What each member told last; this one's is among them. */
  readonly #told = new Map<MemberId, Told>();
  #dueTick: number | undefined;
  /** The last tick at which this round is waited for. */
  #waitingUntilTick: number | undefined;
  #tick = 0;
  /** Whether this process has asked a leader for a comparison, for its state is new. */
  #hasAsked = false;
  /** What was said of the round so far. */
  #said = "";

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  tick(tick: number): void {
    this.#tick = tick;
    if (this.#waitingUntilTick !== undefined && tick > this.#waitingUntilTick) this.#close();
    const { core, limits } = this.#options;
    if (core.role !== "leader") {
      this.#dueTick = undefined;
      return this.#askOnce();
    }
    this.#hasAsked = true;
    this.#dueTick ??= tick + limits.firstComparisonTicks;
    if (tick < this.#dueTick) return;
    this.#dueTick = tick + limits.comparisonTicks;
    const index = core.lastIndex;
    this.#sendAll({ type: "compare", index });
    this.#begin(index);
  }

  /** The leader wants all to compare at `index`; or a member that has just started wants the leader to begin soon. */
  asked(from: MemberId, index: number): void {
    const { core, limits } = this.#options;
    if (from === core.leader) this.#begin(index);
    else if (this.#dueTick !== undefined) {
      this.#dueTick = Math.min(this.#dueTick, this.#tick + limits.firstComparisonTicks);
    }
  }

  /** The entry `index`, which was waited for, has been applied. */
  reached(index: number): void {
    const { core, digest, limits } = this.#options;
    this.#close();
    this.#told.set(core.id, { index, digest: digest() });
    this.#waitingUntilTick = this.#tick + limits.comparisonWaitTicks;
    this.#said = "";
    this.#sendAll({ type: "digest", index, digest: this.#told.get(core.id)!.digest });
    this.#judge(false);
  }

  /** A member's state had `digest` right after the entry `index`. */
  heard(from: MemberId, index: number, digest: string): void {
    if (!this.#members().includes(from)) return;
    this.#told.set(from, { index, digest });
    if (this.#waitingUntilTick !== undefined) this.#judge(false);
  }

  #begin(index: number): void {
    const { core } = this.#options;
    // The state machine may stand where a received snapshot does already.
    if (core.isInstalling || index < core.appliedIndex) return;
    if (index === core.appliedIndex) this.reached(index);
    else this.#options.await(index);
  }

  /** What was wrong with the disk shows soon after a start, not only with the next round. */
  #askOnce(): void {
    const { core, send } = this.#options;
    if (this.#hasAsked || core.leader === NONE || core.appliedIndex === 0) return;
    this.#hasAsked = true;
    send(core.leader, { type: "compare", index: core.appliedIndex });
  }

  /** Who has not told by now will not be waited for. */
  #close(): void {
    if (this.#waitingUntilTick === undefined) return;
    this.#judge(true);
    this.#waitingUntilTick = undefined;
  }

  #judge(isFinal: boolean): void {
    const { core, agreed } = this.#options;
    const own = this.#told.get(core.id)!;
    const { voters, others } = this.#comparable(own.index);
    const all = new Map([...voters, ...others]);
    const voterCount = core.configuration.members.filter(({ voter }) => voter).length;
    const majority = agreedBy(voters, quorumSize(voterCount));
    if (majority !== undefined && own.digest !== majority) {
      const { index, digest } = own;
      return this.#say({ kind: "self", index, digest, of: majority });
    }
    if (majority !== undefined) {
      const odd = [...all].filter(([, digest]) => digest !== majority).map(([id]) => id);
      if (odd.length > 0) return this.#say({ kind: "others", index: own.index, members: odd });
    } else if (new Set(all.values()).size > 1) {
      if (!isFinal && voters.size < voterCount) return;
      return this.#say({ kind: "undecided", index: own.index, digests: all });
    }
    if (isFinal && all.size > 1) agreed(own.index);
  }

  #say(divergence: Divergence): void {
    const saying = `${divergence.kind} ${
      divergence.kind === "others" ? divergence.members.join() : ""
    }`;
    if (saying === this.#said) return;
    this.#said = saying;
    this.#options.diverged(divergence);
  }

  /** Who told a digest at `index`. */
  #comparable(index: number) {
    const voters = new Map<MemberId, string>();
    const others = new Map<MemberId, string>();
    for (const { id, voter } of this.#options.core.configuration.members) {
      const told = this.#told.get(id);
      if (told?.index === index) (voter ? voters : others).set(id, told.digest);
    }
    return { voters, others };
  }

  #sendAll(message: PeerMessage): void {
    const { core, send } = this.#options;
    for (const id of this.#members()) {
      if (id !== core.id) send(id, message);
    }
  }

  #members(): MemberId[] {
    const ids = this.#options.core.configuration.members.map(({ id }) => id);
    for (const id of this.#told.keys()) {
      if (id !== this.#options.core.id && !ids.includes(id)) this.#told.delete(id);
    }
    return ids;
  }
}

/** The digest that at least `quorum` members have, if there is one. */
function agreedBy(digests: ReadonlyMap<MemberId, string>, quorum: number): string | undefined {
  const counts = new Map<string, number>();
  for (const digest of digests.values()) {
    const count = (counts.get(digest) ?? 0) + 1;
    if (count >= quorum) return digest;
    counts.set(digest, count);
  }
  return undefined;
}
