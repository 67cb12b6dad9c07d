/**
 * One member of the cluster: the replica, and around it all that clients and
 * peers ask of it. It knows nothing of sockets, files or the store's commands;
 * `ports.ts` names every seam, and the simulator runs this same class.
 *
 * Time is counted in ticks that the outside delivers by `tick()`.
 */
import type { RaftCore } from "../raft/core.ts";
import { NONE } from "../raft/types.ts";
import type { Configuration, Member, MemberId, Message } from "../raft/types.ts";
import { Alarm } from "./divergence/alarm.ts";
import { type Capture, capture } from "./snapshots/capture.ts";
import { ClusterClock } from "./cluster_clock.ts";
import { isAppend, NodeCounters } from "./counters.ts";
import { DiskSpace } from "./disk_space.ts";
import { Expiry } from "./expiry.ts";
import { Farewell } from "./membership/farewell.ts";
import {
  DISK_HANGS,
  NOT_COMMITTED,
  NOT_CONFIRMED,
  NOT_LEADER,
  NOT_MOVED,
  notWrittenYet,
  OVERLOADED,
  STOPPING,
  UNANSWERED,
} from "./failures.ts";
import { Administration, type WishKind } from "./membership/administration.ts";
import { Liveness } from "./membership/liveness.ts";
import { Leadership } from "./membership/leadership.ts";
import type { NodeOptions } from "./options.ts";
import { Calls } from "./calls/calls.ts";
import { CallDesk, type CallHandler } from "./calls/desk.ts";
import { Outgoing } from "./calls/outgoing.ts";
import {
  type CallKind,
  decodeFrame,
  encodeConfirmation,
  type PeerMessage,
} from "./calls/peer_message.ts";
import type {
  Admitted,
  Barrier,
  ClusterNode,
  Done,
  EntryId,
  Failure,
  MembersChanged,
  MemberWish,
  NodeStatus,
  Outcome,
  Removal,
} from "./ports.ts";
import { Proposals } from "./calls/proposals.ts";
import { FollowerReads } from "./reads/follower_reads.ts";
import { Reads } from "./reads/reads.ts";
import { Replica, type ReplicaHooks } from "./replica.ts";
import { Roster } from "./membership/roster.ts";
import { SnapshotTransfers } from "./snapshots/transfers.ts";
import { statusOf } from "./status.ts";
import { Waiters } from "./waiters.ts";

const EMPTY = new Uint8Array(0);

export class Node<R> implements ClusterNode<R> {
  readonly self: MemberId;
  readonly clusterId: number;
  readonly counters = new NodeCounters();
  readonly #options: NodeOptions<R>;
  readonly #core: RaftCore;
  readonly #clock: ClusterClock;
  readonly #replica: Replica<R>;
  readonly #proposals = new Proposals<R>(this.counters);
  /** All reads, whichever way each is confirmed. */
  readonly #readers: Waiters<Barrier>;
  readonly #reads: Reads;
  readonly #expiry: Expiry<R>;
  readonly #calls: Calls;
  readonly #desk: CallDesk;
  readonly #followerReads: FollowerReads;
  readonly #administration: Administration;
  readonly #transfers: SnapshotTransfers;
  readonly #leadership: Leadership;
  /** All who wait here, but for an entry or an answer of the leader. */
  readonly #lists: readonly Pick<Waiters<unknown>, "expire" | "close">[];
  readonly #roster: Roster;
  readonly #farewell: Farewell;
  readonly #alarm: Alarm;
  /** The processes that opened streams, by the member that they run. */
  readonly #sessions = new Map<MemberId, number>();
  #tick = 0;
  /** What everybody who asks is told, once this node serves nobody any longer. */
  #stopping: Failure | undefined;
  #refusal: Failure | undefined;
  readonly #onRefusal: ((failure: Failure) => void)[] = [];
  /** The cluster has removed this member. */
  #isLeaving = false;
  /** Neither hears nor says anything any longer. */
  #halted = false;
  readonly #space: DiskSpace;
  readonly #outgoing: Outgoing;

  constructor(options: NodeOptions<R>) {
    const { core, limits } = options;
    this.#options = options;
    this.#core = core;
    this.self = core.id;
    this.clusterId = options.clusterId;
    this.#space = new DiskSpace(options.logger);
    this.#outgoing = new Outgoing(core.id, options.transport, options.scheduler, (message) => {
      if (!this.#halted) this.#handle(core.id, message);
    });
    this.#clock = new ClusterClock(options.clock, options.machine.timeMs);
    this.#expiry = new Expiry({
      machine: options.machine,
      propose: (data, done) => this.#append(data, done),
      batchMax: limits.expiryBatchMax,
      term: () => core.term,
      isFull: () => this.#space.failure !== undefined,
    });
    this.#readers = new Waiters({ max: limits.waitingMax, late: NOT_CONFIRMED });
    this.#reads = new Reads({
      ...{ core, waiters: this.#readers, expiry: this.#expiry },
      nowMs: () => this.#clock.nowMs(),
      reroute: (id) => this.#followerReads.add(id),
    });
    this.#replica = new Replica(options, this.#replicaHooks());
    this.#transfers = new SnapshotTransfers({
      core,
      storage: options.storage,
      limits,
      logger: options.logger,
      send: (to, message) => this.#outgoing.send(to, message),
      complete: (message) => this.#step(message),
      renew: () => this.#replica.renewSnapshot(),
      broken: (error) => this.#replica.fail(error),
    });
    this.#leadership = new Leadership(core, limits, () => this.#replica.schedule());
    this.#farewell = new Farewell({
      isReplaced: (term) =>
        this.#isLeaving
          ? this.#calls.size === 0
          : this.leader() !== undefined && !this.#proposals.hasThrough(term),
      quietTicks: limits.heartbeatTicks,
      ticksMax: limits.electionTicks,
    });
    this.#calls = new Calls({
      session: this.#newSession(),
      pendingMax: limits.waitingMax,
      graceTicks: limits.electionTicks,
      repeatTicks: Math.ceil(limits.electionTicks / 2),
      send: (to, message) => this.#outgoing.send(to, message),
    });
    this.#followerReads = new FollowerReads({
      waiters: this.#readers,
      call: (deadlineTick, done) => this.#call("barrier", EMPTY, deadlineTick, done),
      appliedIndex: () => core.appliedIndex,
      schedule: () => this.#replica.schedule(),
    });
    this.#administration = this.#makeAdministration();
    this.#lists = [this.#readers, this.#leadership.waiters, this.#administration.changes];
    this.#desk = this.#makeDesk();
    this.#roster = new Roster({
      core,
      lingerTicks: limits.electionTicks,
      onMembers: options.onMembers,
      tellRemoved: (id) => this.#tellRemoved(id),
      onRemoved: () => this.#leave(),
    });
    this.#alarm = this.#makeAlarm();
  }

  propose(data: Uint8Array, done: Done<R>): void {
    const failure = this.#prepareProposal();
    if (failure !== undefined) return done(failure);
    this.#append(data, done);
  }

  proposeForPeer(data: Uint8Array): Outcome<EntryId> {
    const failure = this.#prepareProposal();
    if (failure !== undefined) return failure;
    const index = this.#core.propose(data);
    if (index === 0) return OVERLOADED;
    this.#replica.announceCommitOf(index);
    return { ok: true, value: { index, term: this.#core.term } };
  }

  awaitRefusal(): Failure | undefined {
    if (this.#proposals.size >= this.#options.limits.waitingMax) return OVERLOADED;
    // What is not saved here is not applied here, and would be answered when its time is over.
    return this.#space.failure ?? (this.#replica.hangs ? DISK_HANGS : undefined);
  }

  awaitEntry({ index, term }: EntryId, done: Done<R>): void {
    // The result was nobody's then, and is gone.
    if (index <= this.#core.appliedIndex) return done(UNANSWERED);
    this.#proposals.add(index, term, this.#deadline(), done);
  }

  barrierNow(): Barrier | undefined {
    return this.#stopping ? undefined : this.#reads.now();
  }

  barrier(done: Done<Barrier>): void {
    const id = this.#readers.add({ done, deadlineTick: this.#deadline() });
    if (id === 0) return;
    if (this.#core.role !== "leader") return this.#followerReads.add(id);
    this.#reads.add(id);
    this.#replica.schedule();
  }

  whenApplied(index: number, done: () => void): void {
    if (index <= this.#core.appliedIndex) return done();
    const id = this.#readers.add({ done, deadlineTick: this.#deadline() });
    if (id > 0) this.#followerReads.addCommitted(index, id);
  }

  get refusal(): Failure | undefined {
    return this.#refusal;
  }

  onRefusal(callback: (failure: Failure) => void): void {
    this.#onRefusal.push(callback);
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  term(): number {
    return this.#core.term;
  }

  isLeader(): boolean {
    return this.#core.role === "leader" && !this.#leadership.isHandingOver;
  }

  leader(): Member | undefined {
    return this.#leadership.leader;
  }

  whenLeader(done: Done<Member>): void {
    if (this.#stopping !== undefined) return done(this.#stopping);
    this.#leadership.whenLeader(done, this.#deadline());
  }

  forward(request: Uint8Array, done: Done<Uint8Array>): void {
    this.#call("request", request, this.#deadline(), done);
  }

  configuration(): Configuration {
    return this.#roster.configuration;
  }

  configurationIndex(): number {
    return this.#core.committedConfigurationIndex;
  }

  /** Adds a member as a learner, or answers at once when it is one. */
  join(member: Omit<Member, "voter">, done: Done<Admitted>): void {
    this.#administration.join(member, done);
  }

  removeMember(name: string, done: Done<Removal>): void {
    this.#administration.remove(name, done);
  }

  changeMembers(wish: MemberWish, done: Done<MembersChanged>): void {
    this.#administration.change(wish, (outcome) => {
      if (!outcome.ok) return done(outcome);
      const { id, index, configuration } = outcome.value;
      const tell = () => done({ ok: true, value: { id, configuration } });
      // The log comes here no longer.
      if (wish.kind === "remove" && id === this.self) return tell();
      // Whoever asks here for the members next must find what was changed.
      this.whenApplied(index, tell);
    });
  }

  /** The state as of this call: all that was acknowledged before, if called by a barrier's callback. */
  capture(): Outcome<Capture> {
    return this.#stopping ?? capture(this.#core, this.#options.machine);
  }

  status(): NodeStatus {
    return statusOf(
      this.#core,
      this.#replica,
      this.#proposals.size,
      this.#transfers.comesFrom,
      this.#alarm.text,
    );
  }

  /** Once every tick of the outside's monotonic clock. */
  tick(): void {
    if (this.#halted) return;
    const tick = ++this.#tick;
    const isHeartbeat = tick % this.#options.limits.heartbeatTicks === 0;
    this.#core.tick();
    if (isHeartbeat) this.#expire(tick);
    this.#calls.tick(tick, this.#leadership.leaderId);
    for (const list of this.#lists) list.expire(tick);
    if (isHeartbeat) this.#administration.heartbeat();
    this.#transfers.tick(tick);
    this.#replica.tick(tick);
    this.#farewell.tick(tick);
    this.#alarm.tick(tick);
    if (this.#core.role === "leader") {
      this.#expiry.runLate(this.#clock.nowMs());
      if (isHeartbeat) {
        const { term, configuration } = this.#core;
        this.#outgoing.sendAll(configuration, { type: "clusterTime", term, timeMs: this.nowMs() });
      }
    }
    this.#replica.schedule();
  }

  /** A frame from a peer, authenticated as `from`; anything that does not decode is an error thrown to the transport. */
  receive(from: MemberId, frame: Uint8Array): void {
    if (this.#halted) return;
    const message = decodeFrame(frame);
    if (this.#roster.isRemoved(from)) this.#tellRemoved(from);
    else this.#handle(from, message);
  }

  /** Another process was taken for this member meanwhile: the leader no longer takes the calls of before. */
  displaced(): void {
    this.#calls.renew(this.#newSession());
  }

  /** The process `session` of member `id` opened a stream. */
  called(id: MemberId, session: number): void {
    const before = this.#sessions.get(id) ?? session;
    this.#sessions.set(id, session);
    if (before === session || this.#halted) return;
    this.#core.peerRestarted(id);
    this.#replica.schedule();
  }

  /** Why a member that says hello must not be let in, or undefined. */
  refusalOf(id: MemberId): string | undefined {
    return this.#roster.isRemoved(id) ? "This member was removed from the cluster" : undefined;
  }

  /** A group of one need not wait for its election time-out. */
  campaignIfAlone(): void {
    if (!this.#roster.isAlone) return;
    this.#core.campaign();
    this.#replica.schedule();
  }

  /** Calls back when the log has this member's own record; a restarted member's has it already. */
  onceRegistered(callback: () => void): void {
    this.#roster.onceRegistered(callback);
  }

  /**
   * Lets another member lead, if there is one; resolves when nobody depends on this one, or
   * after an election time-out. One that was removed waits for the answers to what it has
   * asked of the leader: its own removal may have been asked for here.
   */
  handOver(): Promise<void> {
    if (this.#halted) return Promise.resolve();
    const isAwaiting = this.#isLeaving && this.#calls.size > 0;
    if (!isAwaiting && !this.#leadership.handOver()) return Promise.resolve();
    return this.#farewell.start(this.#tick, this.#core.term);
  }

  moveLeader(to: MemberId, done: Done<Member>): void {
    if (this.#stopping !== undefined) return done(this.#stopping);
    if (to !== this.self && !this.#leadership.handOverToMember(to)) return done(NOT_MOVED);
    this.#leadership.whenLeader((outcome) => {
      const isMoved = outcome.ok && outcome.value.id === to;
      done(isMoved || !outcome.ok ? outcome : NOT_MOVED);
    }, this.#deadline());
  }

  /** Answers all that waits, and resolves when nothing touches the disk any longer. */
  async stop(): Promise<void> {
    this.#halt(this.#stopping ?? STOPPING);
    this.#transfers.close();
    await this.#replica.stop();
  }

  /** Serves nobody from here on, whom it tells `failure`; neither hears nor says anything to members. */
  retire(failure: Failure): void {
    if (this.#stopping !== undefined) return;
    this.#stopping = failure;
    this.#refusal = failure;
    this.#close(failure);
    for (const callback of this.#onRefusal) callback(failure);
    this.handOver().then(() => this.stop()).catch(this.#options.onFatal);
  }

  #step(message: Message): void {
    this.#core.step(message);
    this.#replica.schedule();
  }

  #makeAlarm(): Alarm {
    const { limits, logger, machine, scheduler } = this.#options;
    return new Alarm({
      core: this.#core,
      limits,
      logger,
      digest: () => machine.digest(),
      send: (to, message) => this.#outgoing.send(to, message),
      await: (index) => this.#replica.awaitedIndex = index,
      // In a later turn: this one may be in the middle of applying.
      stop: (failure) => scheduler.defer(() => this.retire(failure)),
    });
  }

  #makeAdministration(): Administration {
    const { core, limits, announced, moved, random } = this.#options;
    return new Administration({
      ...{ core, announced, moved, random },
      liveness: new Liveness(core, limits),
      membersMax: limits.membersMax,
      learnersMax: limits.learnersMax,
      isStrict: limits.isMembershipStrict,
      hasLeader: () => this.#leadership.leaderId !== NONE,
      call: (kind, payload, deadlineTick, done) => this.#call(kind, payload, deadlineTick, done),
      schedule: () => this.#replica.schedule(),
      now: () => this.#tick,
      deadline: () => this.#deadline(),
      handOver: () => this.#leadership.handOver(),
    });
  }

  #makeDesk(): CallDesk {
    const administer = (kind: WishKind): CallHandler => (payload, reply) =>
      this.#administration.asked(kind, payload, reply);
    return new CallDesk({
      leads: () => this.#core.role === "leader" && this.#leadership.leaderId !== NONE,
      send: (to, reply) => this.#outgoing.send(to, reply),
      handlers: {
        request: this.#options.handleRequest,
        barrier: (_, reply) => this.#confirmFor(reply),
        join: administer("join"),
        remove: administer("remove"),
        announce: administer("announce"),
        change: administer("change"),
      },
    });
  }

  #call(kind: CallKind, payload: Uint8Array, deadlineTick: number, done: Done<Uint8Array>): void {
    if (this.#stopping !== undefined) return done(this.#stopping);
    this.#calls.start(kind, payload, this.#leadership.leaderId, deadlineTick, done);
  }

  /** On the leader: confirms a follower's reads, by an index and a time. */
  #confirmFor(reply: (payload: Uint8Array | undefined) => void): void {
    this.barrier((outcome) => {
      if (!outcome.ok) return reply(undefined);
      reply(encodeConfirmation(this.#core.appliedIndex, outcome.value.nowMs));
      this.#replica.announceCommit();
    });
  }

  #append(data: Uint8Array, done: Done<R>): void {
    const index = this.#core.propose(data);
    if (index === 0) return done(this.#core.role === "leader" ? OVERLOADED : NOT_LEADER);
    this.#proposals.add(index, this.#core.term, this.#deadline(), done);
    this.#replica.schedule();
  }

  #handle(from: MemberId, message: PeerMessage): void {
    switch (message.type) {
      case "raft":
        if (message.message.from !== from) return;
        if (isAppend(message.message)) this.counters.appendsReceived++;
        return this.#step(message.message);
      case "call":
        return this.#desk.called(from, message);
      case "callReply":
        return this.#calls.replied(from, message, this.#leadership.leaderId);
      case "snapshotChunk":
        return this.#transfers.received(from, message);
      case "snapshotAck":
        return this.#transfers.acknowledged(from, message, this.#tick);
      case "clusterTime":
        if (from === this.#core.leader && message.term === this.#core.term) {
          this.#clock.follow(message.timeMs);
        }
        return;
      case "removed":
        if (this.#roster.has(from)) this.#leave();
        return;
      case "compare":
      case "digest":
        return this.#alarm.received(from, message);
    }
  }

  #replicaHooks(): ReplicaHooks<R> {
    return {
      beforeTurn: () => {
        this.#administration.run();
        this.#followerReads.run();
        this.#reads.start();
      },
      afterApply: () => {
        this.#reads.release();
        this.#roster.note(this.#tick);
        if (this.#leadership.note()) {
          this.#calls.leaderChanged(this.#leadership.leaderId, this.#tick);
        }
      },
      applied: ({ index, term }, value) => this.#proposals.applied(index, term, value),
      appliedOther: (entry) => {
        this.#proposals.appliedOther(entry.index);
        if (entry.kind === "config") this.#configured();
        // The first entry of its own term: all that came before has been applied by now.
        else if (this.#core.role === "leader") this.#clock.lead(this.#options.machine.timeMs);
      },
      installed: (meta) => {
        this.#transfers.installed();
        this.#proposals.skippedTo(meta.index);
        this.#configured();
      },
      diskFull: (cause) => {
        this.#space.ended(cause);
        this.#proposals.failAll(notWrittenYet(cause));
      },
      cannotSave: (index) => this.#leadership.handOverFor(index),
      diskFree: () => this.#space.found(),
      send: (message) => {
        if (isAppend(message)) this.counters.appendsSent++;
        if (message.type === "snapshot") this.#transfers.start(message, this.#tick);
        else this.#outgoing.send(message.to, { type: "raft", message });
      },
      reached: (index) => this.#alarm.reached(index),
      fatal: (error) => {
        this.#halt(STOPPING);
        this.#options.onFatal(error);
      },
    };
  }

  #newSession(): number {
    return Math.floor(this.#options.random() * 2 ** 48) + 1;
  }

  #configured(): void {
    this.#roster.applied();
    for (const id of this.#sessions.keys()) if (!this.#roster.has(id)) this.#sessions.delete(id);
    this.#desk.membersChanged(this.#roster.configuration);
  }

  #leave(): void {
    this.#isLeaving = true;
    this.#options.onRemoved();
  }

  #tellRemoved(id: MemberId): void {
    this.#outgoing.send(id, { type: "removed", term: this.#core.term });
  }

  /** Why nothing may be proposed; else what is due is gone before a client's command comes to it. */
  #prepareProposal(): Failure | undefined {
    const failure = this.#stopping ?? this.#space.failure;
    if (failure !== undefined) return failure;
    if (this.#proposals.size >= this.#options.limits.waitingMax) return OVERLOADED;
    if (!this.isLeader()) return NOT_LEADER;
    if (this.#options.machine.nextDeadlineMs() !== Infinity) this.#expiry.run(this.#clock.nowMs());
    return undefined;
  }

  #expire(tick: number): void {
    this.#roster.expire(tick);
    this.#proposals.expire(tick);
    this.#reads.prune();
    this.#followerReads.prune();
  }

  #deadline(): number {
    return this.#tick + this.#options.limits.requestTicks;
  }

  /** No tick comes to anything from here on, so nothing may wait for one. */
  #halt(failure: Failure): void {
    this.#halted = true;
    this.#stopping = failure;
    this.#close(failure);
    this.#farewell.end();
  }

  /** Ends all that waits here, and whatever comes later. */
  #close(failure: Failure): void {
    // In the log already: what becomes of them will be seen elsewhere.
    this.#proposals.failAll(NOT_COMMITTED);
    for (const list of this.#lists) list.close(failure);
    this.#calls.close(failure);
  }
}
