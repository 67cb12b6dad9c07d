/**
 * What members ask of the leader, on both sides: requests of clients and reads
 * forwarded by followers, and the changes of the membership. On the leader a
 * call of its own takes the same way without the wire.
 */
import type { RaftCore } from "../raft/core.ts";
import type { PeerProgress } from "../raft/options.ts";
import { isUrlList } from "../raft/configuration_json.ts";
import { NONE } from "../raft/types.ts";
import type { Configuration, Member, MemberId } from "../raft/types.ts";
import { CallFilter, Calls } from "./calls/calls.ts";
import { FollowerReads } from "./reads/follower_reads.ts";
import { HEARTBEATS_MISSED_MAX } from "./membership/leadership.ts";
import { MembershipQueue } from "./membership/queue.ts";
import {
  type Agreed,
  encodeMembershipOutcome,
  parseMembershipOutcome,
} from "./membership/outcome.ts";
import {
  planAnnounce,
  planJoin,
  planPromote,
  planRemove,
  sameAddresses,
} from "./membership/plans.ts";
import { integer } from "./calls/peer_message.ts";
import type { Call, CallKind, CallReply, PeerMessage } from "./calls/peer_message.ts";
import type { Barrier, Done, Failure, Outcome, Removal, RequestHandler } from "./ports.ts";

/** A member that called from another address than the log says. */
export interface Moved {
  readonly id: MemberId;
  /** Its peer address. */
  readonly url: string;
}

export interface CallServiceOptions {
  readonly core: RaftCore;
  readonly limits: {
    readonly requestTicks: number;
    readonly electionTicks: number;
    readonly heartbeatTicks: number;
    readonly waitingMax: number;
    readonly membersMax: number;
  };
  readonly session: number;
  readonly clusterId: number;
  readonly announced: Omit<Member, "voter">;
  /** See `NodeOptions`. */
  readonly moved: () => readonly Moved[];
  /** False when the message certainly never leaves. */
  readonly send: (to: MemberId, message: PeerMessage) => boolean;
  /** Who leads and takes requests; NONE during an election or a hand-over. */
  readonly leaderId: () => MemberId;
  readonly schedule: () => void;
  /** Tells the members the commit index at once. */
  readonly announceCommit: () => void;
  /** Ticks since the start. */
  readonly now: () => number;
  readonly barrier: (done: Done<Barrier>) => void;
  /** See `NodeOptions`. */
  readonly handleRequest: RequestHandler;
  /** Starts a transfer of leadership; false when there is nobody to take over. */
  readonly handOver: () => boolean;
}

export class CallService {
  readonly #options: CallServiceOptions;
  readonly #core: RaftCore;
  readonly #calls: Calls;
  readonly #filter = new CallFilter();
  readonly #membership: MembershipQueue;
  readonly #reads: FollowerReads;
  #announcing = false;
  /** What was committed at the last heartbeats, as this leader, the newest last. */
  #committed: number[] = [];

  constructor(options: CallServiceOptions) {
    this.#options = options;
    this.#core = options.core;
    this.#membership = new MembershipQueue(options.core);
    this.#calls = new Calls({
      session: options.session,
      pendingMax: options.limits.waitingMax,
      graceTicks: options.limits.electionTicks,
      repeatTicks: Math.ceil(options.limits.electionTicks / 2),
      send: options.send,
    });
    this.#reads = new FollowerReads({
      waitingMax: options.limits.waitingMax,
      call: (deadlineTick, done) => this.call("barrier", EMPTY, deadlineTick, done),
      appliedIndex: () => options.core.appliedIndex,
      schedule: options.schedule,
    });
  }

  call(
    kind: CallKind,
    payload: Uint8Array,
    deadlineTick: number,
    done: Done<Uint8Array>,
  ): void {
    this.#calls.start(kind, payload, this.#options.leaderId(), deadlineTick, done);
  }

  /** A linearizable read on a follower. */
  barrier(done: Done<Barrier>, deadlineTick: number): void {
    this.#reads.add(done, deadlineTick);
  }

  join(member: Omit<Member, "voter">, deadlineTick: number, done: Done<Configuration>): void {
    this.#administer("join", member, deadlineTick, (outcome) => {
      done(outcome.ok ? { ok: true, value: outcome.value.configuration } : outcome);
    });
  }

  remove(name: string, deadlineTick: number, done: Done<Removal>): void {
    const removed = this.#core.configuration.members.find((m) => m.name === name);
    this.#administer("remove", { name }, deadlineTick, (outcome) => {
      if (!outcome.ok) return done(outcome);
      const member = { ...(removed ?? UNKNOWN_MEMBER), name };
      done({ ok: true, value: { member, index: outcome.value.index } });
    });
  }

  /** A call from a member, or from this node itself. */
  called(from: MemberId, call: Call): void {
    if (!this.#filter.admit(from, call)) return;
    const reply = (led: boolean, payload: Uint8Array) => {
      const { session, id } = call;
      const message: CallReply = { type: "callReply", session, id, led, payload };
      this.#options.send(from, message);
    };
    if (this.#core.role !== "leader" || this.#options.leaderId() === NONE) {
      return reply(false, EMPTY);
    }
    switch (call.kind) {
      case "request":
        return this.#options.handleRequest(call.payload, (bytes) => {
          if (bytes === undefined) reply(false, EMPTY);
          else reply(true, bytes);
        });
      case "barrier":
        return this.#options.barrier((outcome) => {
          if (!outcome.ok) return reply(false, EMPTY);
          const numbers = [this.#core.appliedIndex, outcome.value.nowMs];
          reply(true, Uint8Array.from(numbers.flatMap(integer)));
          this.#options.announceCommit();
        });
      default:
        return this.#change(call, reply);
    }
  }

  replied(from: MemberId, reply: CallReply): void {
    this.#calls.replied(from, reply, this.#options.leaderId());
  }

  leaderChanged(leader: MemberId, tick: number): void {
    this.#calls.leaderChanged(leader, tick);
  }

  membersChanged(configuration: Configuration): void {
    this.#filter.retain(new Set(configuration.members.map(({ id }) => id)));
  }

  /** Once a turn. */
  run(): void {
    this.#membership.run();
    this.#reads.run();
  }

  tick(tick: number): void {
    this.#membership.expire(tick);
    this.#calls.tick(tick, this.#options.leaderId());
    this.#reads.expire(tick);
    if (tick % this.#options.limits.heartbeatTicks !== 0) return;
    this.#announceIfChanged();
    this.#promoteLearners();
  }

  failAll(failure: Failure): void {
    this.#membership.failAll(failure);
    // First, or the end of their call would only start the next one.
    this.#reads.failAll(failure);
    this.#calls.failAll(failure);
  }

  #administer(
    kind: "join" | "remove" | "announce",
    wish: unknown,
    deadlineTick: number,
    done: Done<Agreed>,
  ): void {
    const payload = new TextEncoder().encode(JSON.stringify(wish));
    this.call(kind, payload, deadlineTick, (outcome) => {
      done(outcome.ok ? parseMembershipOutcome(outcome.value) : outcome);
    });
  }

  /** On the leader: a wish that concerns the membership. */
  #change(call: Call, reply: (led: boolean, payload: Uint8Array) => void): void {
    const wish = parseWish(call.payload);
    const deadline = this.#options.now() + this.#options.limits.requestTicks;
    const done = (outcome: Outcome<Agreed>) => {
      const lost = !outcome.ok && outcome.reason === "notLeader";
      if (lost) reply(false, EMPTY);
      else reply(true, encodeMembershipOutcome(outcome));
    };
    if (wish === undefined) return done(MALFORMED);
    if (call.kind === "remove") return this.#remove(wish.name, deadline, done);
    const plan = call.kind === "join"
      ? planJoin(
        { ...wish, voter: false },
        this.#options.limits.membersMax,
        (id) => this.#isAlive(id),
      )
      : planAnnounce(wish, () => this.#core.configurationIndex > 0);
    this.#membership.add(plan, deadline, done);
    this.#options.schedule();
  }

  #remove(name: string, deadline: number, done: Done<Agreed>): void {
    const { limits: { heartbeatTicks }, now, handOver } = this.#options;
    // After an election, or when this node itself stood still, a member may live that has not answered.
    const patience = heartbeatTicks * HEARTBEATS_MISSED_MAX;
    const patientUntil = now() + patience;
    const remove = planRemove(
      name,
      (id) => this.#canBeCountedOn(id, patience),
      () => now() < patientUntil,
    );
    this.#membership.add(
      (current, proposed) => {
        const plan = remove(current, proposed);
        const isOfSelf = plan.kind === "propose" && name === this.#ownRecord()?.name;
        // The successor does it; the caller tries again there.
        return isOfSelf && handOver() ? { kind: "refuse", failure: LEADS_NO_MORE } : plan;
      },
      deadline,
      done,
    );
    this.#options.schedule();
  }

  /** Whether `id` may be alive: nothing says that it is not. */
  #isAlive(id: MemberId): boolean {
    if (id === this.#core.id) return true;
    const peer = this.#peer(id);
    return peer !== undefined && peer.ticksSinceHeard < this.#options.limits.electionTicks;
  }

  /** Whether `id` has shown that it is alive, `silenceTicks` ago at most, and that its disk keeps up. */
  #canBeCountedOn(id: MemberId, silenceTicks: number): boolean {
    const { savedIndex, commitIndex } = this.#core;
    // Between two batches the own disk has all that the others have.
    if (id === this.#core.id) return savedIndex >= commitIndex;
    const peer = this.#peer(id);
    return peer !== undefined && peer.hasAnswered && peer.ticksSinceHeard < silenceTicks &&
      peer.match >= this.#committedBefore(HEARTBEATS_MISSED_MAX);
  }

  /** What was committed so many heartbeats ago, as far as this leader goes back. */
  #committedBefore(heartbeats: number): number {
    return this.#committed.at(-heartbeats) ?? this.#committed[0] ?? this.#core.commitIndex;
  }

  #peer(id: MemberId): PeerProgress | undefined {
    return this.#core.progress().find((progress) => progress.id === id);
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
    if (this.#announcing || this.#options.leaderId() === NONE) return;
    const announced = this.#changed();
    if (announced === undefined) return;
    this.#announcing = true;
    const deadline = this.#options.now() + this.#options.limits.requestTicks;
    this.#administer("announce", announced, deadline, () => this.#announcing = false);
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

  /**
   * One that has by now what was committed a heartbeat ago keeps up (thesis
   * §4.2.1): under load even the voters' disks are not all at the newest entry.
   */
  #promoteLearners(): void {
    const core = this.#core;
    const isLeader = core.role === "leader";
    const required = this.#committedBefore(1);
    this.#committed = isLeader
      ? [...this.#committed, core.commitIndex].slice(-HEARTBEATS_MISSED_MAX)
      : [];
    if (!isLeader || !this.#membership.idle) return;
    // Only one that was heard just now: a vote for a member that is gone may cost the quorum.
    const silenceMax = 2 * this.#options.limits.heartbeatTicks;
    const learner = core.configuration.members.find(({ id, voter }) => {
      if (voter) return false;
      const peer = this.#peer(id);
      return peer !== undefined && peer.state === "replicate" &&
        peer.match >= required && peer.ticksSinceHeard <= silenceMax;
    });
    if (learner === undefined) return;
    const deadline = this.#options.now() + this.#options.limits.requestTicks;
    this.#membership.add(planPromote(learner.id), deadline, () => {});
  }
}

function parseWish(payload: Uint8Array): Omit<Member, "voter"> | undefined {
  try {
    const { id = 0, name, peerUrls = [], clientUrls = [] } = JSON.parse(
      new TextDecoder().decode(payload),
    );
    const isName = typeof name === "string" && name.length <= TEXT_MAX;
    if (!isName || !isUrlList(peerUrls) || !isUrlList(clientUrls)) return undefined;
    if (!Number.isSafeInteger(id) || id < 0) return undefined;
    return { id, name, peerUrls, clientUrls };
  } catch {
    return undefined;
  }
}

const EMPTY = new Uint8Array(0);

/** Characters of a name. */
const TEXT_MAX = 1024;

const UNKNOWN_MEMBER: Member = {
  id: NONE,
  name: "",
  peerUrls: [],
  clientUrls: [],
  voter: false,
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
