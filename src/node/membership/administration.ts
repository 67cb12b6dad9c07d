/**
 * Changes of the membership, on both sides: a member asks the leader by calls; the
 * leader turns each wish into a configuration entry, one after the other. What a
 * member announces is a wish as well: its addresses, when the log has others.
 */
import { isUrlList } from "../../raft/configuration_json.ts";
import type { RaftCore } from "../../raft/core.ts";
import { NONE } from "../../raft/types.ts";
import type { Configuration, Member, MemberId } from "../../raft/types.ts";
import type { CallKind } from "../calls/peer_message.ts";
import type { Done, Failure, Outcome, Removal } from "../ports.ts";
import type { Liveness } from "./liveness.ts";
import { type Agreed, encodeMembershipOutcome, parseMembershipOutcome } from "./outcome.ts";
import { planAnnounce, planJoin, planPromote, planRemove, sameAddresses } from "./plans.ts";
import { MembershipQueue, type Planner } from "./queue.ts";

/** A member that called from another address than the log says. */
export interface Moved {
  readonly id: MemberId;
  /** Its peer address. */
  readonly url: string;
}

/** The calls that are about the membership. */
export type WishKind = Extract<CallKind, "join" | "remove" | "announce">;

export interface AdministrationOptions {
  readonly core: RaftCore;
  readonly liveness: Liveness;
  readonly membersMax: number;
  readonly announced: Omit<Member, "voter">;
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
  /** Until when nobody is believed, of a member, that it moved once more. */
  readonly #movedUntil = new Map<MemberId, number>();

  constructor(options: AdministrationOptions) {
    this.#options = options;
    this.#core = options.core;
    this.#queue = new MembershipQueue(options.core);
  }

  /** Adds a member as a learner. */
  join(member: Omit<Member, "voter">, done: Done<Configuration>): void {
    this.#ask("join", member, (outcome) => {
      done(outcome.ok ? { ok: true, value: outcome.value.configuration } : outcome);
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
    const wish = parseWish(payload);
    if (wish === undefined) return done(MALFORMED);
    if (kind === "announce" && !this.#mayMove(wish)) return done(MOVED_JUST_NOW);
    this.#queue.add(this.#plannerOf(kind, wish), this.#options.deadline(), done);
    this.#options.schedule();
  }

  /** Once a turn. */
  run(): void {
    this.#queue.run();
  }

  /** Once a tick. */
  expire(tick: number): void {
    this.#queue.expire(tick);
  }

  /** Once a heartbeat interval. */
  heartbeat(): void {
    this.#announceIfChanged();
    this.#promoteLearner();
    this.#options.liveness.note();
  }

  failAll(failure: Failure): void {
    this.#queue.failAll(failure);
  }

  #ask(kind: WishKind, wish: unknown, done: Done<Agreed>): void {
    const payload = new TextEncoder().encode(JSON.stringify(wish));
    this.#options.call(kind, payload, this.#options.deadline(), (outcome) => {
      done(outcome.ok ? parseMembershipOutcome(outcome.value) : outcome);
    });
  }

  #plannerOf(kind: WishKind, wish: Omit<Member, "voter">): Planner {
    const { membersMax, liveness } = this.#options;
    switch (kind) {
      case "join":
        return planJoin({ ...wish, voter: false }, membersMax, (id) => liveness.isAlive(id));
      case "remove":
        return this.#removalOf(wish.name);
      case "announce":
        return planAnnounce(wish, () => this.#core.configurationIndex > 0);
    }
  }

  /**
   * Of two nodes that run as one member each may be heard by somebody, who reports it
   * moved: not every word of that is worth an entry.
   */
  #mayMove({ id, clientUrls }: Omit<Member, "voter">): boolean {
    const { now, deadline } = this.#options;
    // Its own word has all its addresses.
    if (clientUrls.length > 0) return true;
    for (const [id, until] of this.#movedUntil) if (until <= now()) this.#movedUntil.delete(id);
    if (this.#movedUntil.has(id)) return false;
    this.#movedUntil.set(id, deadline());
    return true;
  }

  #removalOf(name: string): Planner {
    const { liveness, now, handOver } = this.#options;
    // After an election, or when this node itself stood still, a member may live that has not answered.
    const patientUntil = now() + liveness.patienceTicks;
    const remove = planRemove(
      name,
      (id) => liveness.canBeCountedOn(id),
      () => now() < patientUntil,
    );
    return (current, proposed) => {
      const plan = remove(current, proposed);
      const isOfSelf = plan.kind === "propose" && name === this.#ownRecord()?.name;
      // The successor does it; the caller tries again there.
      return isOfSelf && handOver() ? { kind: "refuse", failure: LEADS_NO_MORE } : plan;
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
    this.#ask("announce", announced, () => this.#announcing = false);
  }

  /** Whose addresses are not what the log says. */
  #changed(): Omit<Member, "voter"> | undefined {
    const { announced, moved } = this.#options;
    const recorded = this.#ownRecord();
    if (recorded === undefined) return undefined;
    const isOwn = this.#core.configurationIndex === 0 || !sameAddresses(recorded, announced);
    if (isOwn) return announced;
    const [other] = moved();
    return other && { id: other.id, name: "", peerUrls: [other.url], clientUrls: [] };
  }

  /** On the leader: lets a learner that keeps up vote, when nothing else is to be changed. */
  #promoteLearner(): void {
    const { liveness, deadline } = this.#options;
    if (this.#core.role !== "leader" || !this.#queue.idle) return;
    const learner = this.#core.configuration.members.find(({ id, voter }) =>
      !voter && liveness.keepsUp(id)
    );
    if (learner !== undefined) this.#queue.add(planPromote(learner.id), deadline(), () => {});
  }
}

function parseWish(payload: Uint8Array): Omit<Member, "voter"> | undefined {
  try {
    const { id = 0, name, peerUrls = [], clientUrls = [] } = JSON.parse(
      new TextDecoder().decode(payload),
    );
    const isName = typeof name === "string" && name.length <= NAME_LENGTH_MAX;
    if (!isName || !isUrlList(peerUrls) || !isUrlList(clientUrls)) return undefined;
    if (!Number.isSafeInteger(id) || id < 0) return undefined;
    return { id, name, peerUrls, clientUrls };
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
