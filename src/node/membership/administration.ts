/**
 * Changes of the membership, on both sides: a member asks the leader by calls; the
 * leader turns each wish into a configuration entry, one after the other. What a
 * member announces is a wish as well: its addresses, when the log has others.
 */
import { randomId } from "../../base/ids.ts";
import { isGrpcUrls, isUrlList } from "../../raft/configuration_json.ts";
import type { RaftCore } from "../../raft/core.ts";
import { NONE } from "../../raft/types.ts";
import type { Member, MemberId } from "../../raft/types.ts";
import type { CallKind } from "../calls/peer_message.ts";
import type { Admitted, Done, Failure, MemberWish, Outcome, Removal } from "../ports.ts";
import type { Liveness } from "./liveness.ts";
import { type Agreed, encodeMembershipOutcome, parseMembershipOutcome } from "./outcome.ts";
import { type MemberRules, plannerOf } from "./id_plans.ts";
import {
  type Announced,
  findNewcomer,
  planAnnounce,
  planJoin,
  planPromote,
  planRemove,
  sameAddresses,
} from "./plans.ts";
import { MembershipQueue, type Planner } from "./queue.ts";
import { type IdentifiedWish, parseIdentifiedWish } from "./wishes.ts";

/** A member that called from another address than the log says. */
export interface Moved {
  readonly id: MemberId;
  /** Its peer address. */
  readonly url: string;
}

/** The calls that are about the membership. */
export type WishKind = Extract<CallKind, "join" | "remove" | "announce" | "change">;

/** A change by id that was granted, as the leader tells it. */
export interface Changed extends Agreed {
  /** Of the member that was added or changed. */
  readonly id: MemberId;
}

export interface AdministrationOptions {
  readonly core: RaftCore;
  readonly liveness: Liveness;
  readonly membersMax: number;
  readonly learnersMax: number;
  /** See `MemberRules`. */
  readonly isStrict: boolean;
  /** In [0, 1). */
  readonly random: () => number;
  readonly announced: Announced;
  /** See `NodeOptions`. */
  readonly moved: () => readonly Moved[];
  /** Whether there is anybody to ask. */
  readonly hasLeader: () => boolean;
  /** Asks the leader. */
  readonly call: (
    kind: WishKind,
    payload: Uint8Array,
    deadlineTick: number,
    done: Done<Uint8Array>,
  ) => void;
  readonly schedule: () => void;
  /** Ticks since the start. */
  readonly now: () => number;
  /** When what is asked now must have ended, in ticks. */
  readonly deadline: () => number;
  /** Starts a transfer of leadership; false when there is nobody to take over. */
  readonly handOver: () => boolean;
}

export class Administration {
  readonly #options: AdministrationOptions;
  readonly #core: RaftCore;
  readonly #queue: MembershipQueue;
  #announcing = false;
  /**
   * Whether the leader has heard the addresses of this process. By its log a member that
   * starts can't tell: what it has of it may be older than what an operator said last.
   */
  #hasAnnounced: boolean;
  /** Until when nobody is believed, of a member, that it moved once more. */
  readonly #movedUntil = new Map<MemberId, number>();

  constructor(options: AdministrationOptions) {
    this.#options = options;
    this.#core = options.core;
    // Whose log is empty has just joined, and told its addresses then.
    this.#hasAnnounced = options.core.lastIndex === 0;
    this.#queue = new MembershipQueue(options.core);
  }

  /** The changes that are to be made here. */
  get changes(): MembershipQueue["changes"] {
    return this.#queue.changes;
  }

  /** Adds a member as a learner. */
  join(member: Omit<Member, "voter">, done: Done<Admitted>): void {
    this.#ask("join", member, (outcome) => {
      if (!outcome.ok) return done(outcome);
      const { configuration } = outcome.value;
      const found = findNewcomer(configuration, member.id);
      done(
        found === undefined ? LEFT_AT_ONCE : { ok: true, value: { id: found.id, configuration } },
      );
    });
  }

  /** Changes the members by id. */
  change(wish: MemberWish, done: Done<Changed>): void {
    const id = wish.kind === "add" ? randomId(this.#options.random) : wish.id;
    this.#ask("change", { ...wish, id }, (outcome) => {
      done(outcome.ok ? { ok: true, value: { id, ...outcome.value } } : outcome);
    });
  }

  /** Removes the member of that name. */
  remove(name: string, done: Done<Removal>): void {
    const removed = this.#core.configuration.members.find((member) => member.name === name);
    this.#ask("remove", { name }, (outcome) => {
      if (!outcome.ok) return done(outcome);
      const member = { ...(removed ?? UNKNOWN_MEMBER), name };
      done({ ok: true, value: { member, index: outcome.value.index } });
    });
  }

  /** On the leader: a wish that a member has sent. `reply`: see `CallHandler`. */
  asked(
    kind: WishKind,
    payload: Uint8Array,
    reply: (payload: Uint8Array | undefined) => void,
  ): void {
    const done = (outcome: Outcome<Agreed>) => {
      const lost = !outcome.ok && outcome.reason === "notLeader";
      reply(lost ? undefined : encodeMembershipOutcome(outcome));
    };
    const planner = this.#plannerOf(kind, payload);
    if (typeof planner !== "function") return done(planner);
    this.#queue.add(planner, this.#options.deadline(), done);
    this.#options.schedule();
  }

  /** Once a turn. */
  run(): void {
    this.#queue.run();
  }

  /** Once a heartbeat interval. */
  heartbeat(): void {
    this.#announceIfChanged();
    this.#promoteLearner();
    this.#options.liveness.note();
  }

  #ask(kind: WishKind, wish: unknown, done: Done<Agreed>): void {
    const payload = new TextEncoder().encode(JSON.stringify(wish));
    this.#options.call(kind, payload, this.#options.deadline(), (outcome) => {
      done(outcome.ok ? parseMembershipOutcome(outcome.value) : outcome);
    });
  }

  #plannerOf(kind: WishKind, payload: Uint8Array): Planner | Failure {
    if (kind === "change") {
      const wish = parseIdentifiedWish(payload);
      return wish === undefined ? MALFORMED : this.#changeOf(wish);
    }
    const { membersMax, liveness } = this.#options;
    const wish = parseWish(payload);
    if (wish === undefined) return MALFORMED;
    switch (kind) {
      case "join": {
        const { yields: _, ...newcomer } = wish;
        return planJoin({ ...newcomer, voter: false }, membersMax, (id) => liveness.isAlive(id));
      }
      case "remove":
        return this.#removalOf(wish.name);
      case "announce":
        if (!this.#mayMove(wish)) return MOVED_JUST_NOW;
        return planAnnounce(wish, () => this.#core.configurationIndex > 0);
    }
  }

  #changeOf(wish: IdentifiedWish): Planner {
    const planner = plannerOf(wish, this.#rules());
    if (wish.kind !== "remove") return planner;
    return this.#handingOver(planner, () => wish.id === this.#core.id);
  }

  /** For a wish that comes now. */
  #rules(): MemberRules {
    const { liveness, now, membersMax, learnersMax, isStrict } = this.#options;
    // After an election, or when this node itself stood still, a member may live that has not answered.
    const patientUntil = now() + liveness.patienceTicks;
    return {
      ...{ membersMax, learnersMax, isStrict },
      isAlive: (id) => liveness.canBeCountedOn(id),
      isPatient: () => now() < patientUntil,
      keepsUp: (id) => liveness.keepsUp(id),
    };
  }

  /**
   * Of two nodes that run as one member each may be heard by somebody, who reports it
   * moved: not every word of that is worth an entry.
   */
  #mayMove({ id, clientUrls }: Omit<Member, "voter">): boolean {
    const { now, deadline } = this.#options;
    // Its own word has all its addresses.
    if (clientUrls.length > 0) return true;
    for (const [other, until] of this.#movedUntil) {
      if (until <= now()) this.#movedUntil.delete(other);
    }
    if (this.#movedUntil.has(id)) return false;
    this.#movedUntil.set(id, deadline());
    return true;
  }

  #removalOf(name: string): Planner {
    const { isAlive, isPatient } = this.#rules();
    const isOfSelf = () => name === this.#ownRecord()?.name;
    return this.#handingOver(planRemove(name, isAlive, isPatient), isOfSelf);
  }

  /** A removal that this leader leaves to its successor if it is its own; the caller tries again there. */
  #handingOver(remove: Planner, isOfSelf: () => boolean): Planner {
    const { handOver } = this.#options;
    return (current, proposed) => {
      const plan = remove(current, proposed);
      return plan.kind === "propose" && isOfSelf() && handOver()
        ? { kind: "refuse", failure: LEADS_NO_MORE }
        : plan;
    };
  }

  #ownRecord(): Member | undefined {
    return this.#core.committedConfiguration.members.find(({ id }) => id === this.#core.id);
  }

  /**
   * The founder registers itself, and a restarted member tells its new addresses.
   * Others tell for it, too: the leader may have joined after all that it knows, so
   * that neither can call the other.
   */
  #announceIfChanged(): void {
    if (this.#announcing || !this.#options.hasLeader()) return;
    const announced = this.#changed();
    if (announced === undefined) return;
    this.#announcing = true;
    this.#ask("announce", announced, (outcome) => {
      this.#announcing = false;
      this.#hasAnnounced ||= outcome.ok && announced.id === this.#core.id;
    });
  }

  /** Whose addresses are not what the log says. */
  #changed(): Announced | undefined {
    const { announced, moved } = this.#options;
    const recorded = this.#ownRecord();
    if (recorded === undefined) return undefined;
    const isRecorded = this.#core.configurationIndex > 0 && sameAddresses(recorded, announced);
    // What an operator says of it after its own word holds for as long as this process runs.
    if (!this.#hasAnnounced || !isRecorded && !recorded.assigned) return announced;
    const [other] = moved().filter(({ id }) => !this.#isAssigned(id));
    return other && { id: other.id, name: "", peerUrls: [other.url], clientUrls: [] };
  }

  #isAssigned(id: MemberId): boolean {
    const { members } = this.#core.committedConfiguration;
    return members.some((member) => member.id === id && member.assigned);
  }

  /** On the leader: lets a learner that keeps up vote, when nothing else is to be changed. */
  #promoteLearner(): void {
    const { liveness, deadline } = this.#options;
    if (this.#core.role !== "leader" || !this.#queue.idle) return;
    const learner = this.#core.configuration.members.find(({ id, voter, learner }) =>
      !voter && !learner && liveness.keepsUp(id)
    );
    if (learner !== undefined) this.#queue.add(planPromote(learner.id), deadline(), () => {});
  }
}

function parseWish(payload: Uint8Array): Announced | undefined {
  try {
    const { id = 0, name, peerUrls = [], clientUrls = [], grpcUrls, yields } = JSON.parse(
      new TextDecoder().decode(payload),
    );
    const isName = typeof name === "string" && name.length <= NAME_LENGTH_MAX;
    if (!isName || !isUrlList(peerUrls) || !isUrlList(clientUrls)) return undefined;
    if (grpcUrls !== undefined && !isGrpcUrls(grpcUrls)) return undefined;
    if (!Number.isSafeInteger(id) || id < 0) return undefined;
    const given = { id, name, peerUrls, clientUrls, ...(grpcUrls && { grpcUrls }) };
    return yields === true ? { ...given, yields } : given;
  } catch {
    return undefined;
  }
}

/** Characters of a name. */
const NAME_LENGTH_MAX = 1024;

const UNKNOWN_MEMBER: Member = {
  id: NONE,
  name: "",
  peerUrls: [],
  clientUrls: [],
  voter: false,
};

const LEFT_AT_ONCE: Failure = {
  ok: false,
  reason: "refused",
  cause: "The newcomer was let in and removed again",
};

const MOVED_JUST_NOW: Failure = {
  ok: false,
  reason: "refused",
  cause: "The member was reported to have moved just now",
};

const MALFORMED: Failure = {
  ok: false,
  reason: "refused",
  cause: "The request does not describe a member",
};

const LEADS_NO_MORE: Failure = {
  ok: false,
  reason: "notLeader",
  cause: "This node hands over before it is removed",
};
