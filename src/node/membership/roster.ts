/**
 * Who belongs to the cluster: for clients by the newest applied configuration,
 * for the transport by the newest in the log, which is in effect already. A
 * member that leaves is still reached for a while: it is told so, and gets the
 * answers that are on their way to it, that to its own removal among them.
 */
import { isReserved } from "../../raft/configuration.ts";
import type { RaftCore } from "../../raft/core.ts";
import type { Configuration, Member, MemberId } from "../../raft/types.ts";

export interface RosterOptions {
  readonly core: Pick<
    RaftCore,
    "id" | "appliedIndex" | "configuration" | "committedConfiguration"
  >;
  /** How long a member that was removed is still reached. */
  readonly lingerTicks: number;
  /** Whom to reach. */
  readonly onMembers: (members: readonly Member[]) => void;
  /** Tells a member that it was removed. */
  readonly tellRemoved: (id: MemberId) => void;
  /** This node is no longer a member. */
  readonly onRemoved: () => void;
}

export class Roster {
  readonly #options: RosterOptions;
  #applied: Configuration;
  #effective: Configuration;
  #leaving: { readonly member: Member; readonly untilTick: number }[] = [];
  #registration: (() => void) | undefined;

  constructor(options: RosterOptions) {
    this.#options = options;
    this.#applied = options.core.committedConfiguration;
    this.#effective = options.core.configuration;
    this.#publish();
  }

  /** The newest applied one. */
  get configuration(): Configuration {
    return this.#applied;
  }

  /** A member by the newest configuration in the log, committed or not. */
  has(id: MemberId): boolean {
    return this.#effective.members.some((member) => member.id === id);
  }

  isRemoved(id: MemberId): boolean {
    return this.#applied.removed.includes(id);
  }

  /** Whether this node alone is a quorum. */
  get isAlone(): boolean {
    const voters = this.#effective.members.filter(({ voter }) => voter);
    return voters.length === 1 && voters[0]?.id === this.#options.core.id;
  }

  /** Calls back when the log has this member's own record; a restarted member's has it already. */
  onceRegistered(callback: () => void): void {
    if (this.#isRegistered()) callback();
    else this.#registration = callback;
  }

  /** A configuration was applied. */
  applied(): void {
    const { core, onRemoved, tellRemoved } = this.#options;
    const before = this.#applied;
    this.#applied = core.committedConfiguration;
    // Whoever is removed from here on may have a stream that was let in before.
    this.#publish();
    if (this.#isRegistered()) {
      this.#registration?.();
      this.#registration = undefined;
    }
    for (const { id } of missing(before.members, this.#applied.members)) {
      if (id === core.id) onRemoved();
      else tellRemoved(id);
    }
  }

  /** Once a turn: a configuration counts from the moment it is in the log, a newcomer must be dialled to commit anything. */
  note(tick: number): void {
    const { configuration } = this.#options.core;
    if (configuration === this.#effective) return;
    const untilTick = tick + this.#options.lingerTicks;
    for (const member of missing(this.#effective.members, configuration.members)) {
      this.#leaving.push({ member, untilTick });
    }
    this.#effective = configuration;
    this.#publish();
  }

  expire(tick: number): void {
    if (this.#leaving.length === 0) return;
    const staying = this.#leaving.filter(({ untilTick }) => untilTick > tick);
    if (staying.length === this.#leaving.length) return;
    this.#leaving = staying;
    this.#publish();
  }

  #publish(): void {
    // Nobody is at a reserved place yet.
    const members = this.#effective.members.filter((member) => !isReserved(member));
    const leaving = missing(this.#leaving.map(({ member }) => member), members);
    this.#options.onMembers([...members, ...leaving]);
  }

  #isRegistered(): boolean {
    const { core } = this.#options;
    return core.appliedIndex > 0 && this.#applied.members.some(({ id }) => id === core.id);
  }
}

/** Those of `members` that are not among `others`. */
function missing(members: readonly Member[], others: readonly Member[]): Member[] {
  return members.filter(({ id }) => !others.some((other) => other.id === id));
}
