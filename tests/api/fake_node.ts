/**
 * A cluster of one without log, disk and ticks: what is proposed is applied in
 * the next microtask. Its time stands still until a test moves it, and it can be
 * told to fail, to follow and to hand over.
 */
import type {
  Barrier,
  ClusterNode,
  Done,
  EntryId,
  Failure,
  FailureReason,
  FollowerStatus,
  MembersChanged,
  MemberWish,
  NodeStatus,
  Outcome,
  Removal,
  RequestHandler,
} from "../../src/node/ports.ts";
import { plannerOf } from "../../src/node/membership/id_plans.ts";
import type { Configuration, Member, MemberId } from "../../src/raft/types.ts";
import type { Result } from "../../src/store/result.ts";
import type { Store } from "../../src/store/store.ts";

export const START_MS = Date.UTC(2030, 0, 1);

export function member(number: number, name = `node${number}`): Member {
  return {
    id: number,
    name,
    peerUrls: [`http://127.0.0.1:700${number}`],
    clientUrls: [`http://127.0.0.1:400${number}`],
    voter: true,
  };
}

const RULES = {
  ...{ membersMax: 9, learnersMax: 1, isStrict: true },
  ...{ isAlive: () => true, isPatient: () => false, keepsUp: () => true },
};

export class FakeNode implements ClusterNode<Result> {
  readonly self = 1;
  readonly clusterId = 1;
  readonly store: Store;
  members: Member[] = [member(1)];
  /** Undefined during an election. */
  leading: Member | undefined = this.members[0];
  currentTerm = 1;
  /** What every request comes to, instead of success. */
  failure: FailureReason | undefined;
  /** Why it can't wait for what it passes on. */
  unfit: Failure | undefined;
  /** What the operator has to know. */
  alarm: string | undefined;
  /** Whether barriers stay unanswered. */
  silent = false;
  /** What a follower's forwarded requests are answered by. */
  leaderHandler: RequestHandler | undefined;
  /** Whose entries a follower applies; its store has what comes of them, and not the follower's. */
  #leaderNode: FakeNode | undefined;
  /** What came of entries for other members, by index. */
  readonly #results = new Map<number, Result>();
  /** What the leader knows of the others. */
  followers: FollowerStatus[] = [];
  readonly removed: string[] = [];
  removedIds: MemberId[] = [];
  #newestId = 1000;
  refusal: Failure | undefined;
  readonly #onRefusal: ((failure: Failure) => void)[] = [];
  /** Of the entry of the newest configuration. */
  membersIndex = 2;
  /** By which reads are judged, if not by now: as on a full disk, or where nothing ends. */
  judgedMs: number | undefined;
  #nowMs = START_MS;
  /** The no-op and the registration of the node itself come first. */
  #index = 2;

  constructor(store: Store) {
    this.store = store;
  }

  /** Lets time pass, and expires what is due. */
  advance(ms: number): void {
    this.#nowMs += ms;
    for (const command of this.store.due(this.#nowMs, 1000)) {
      this.store.apply(++this.#index, command);
    }
  }

  onRefusal(callback: (failure: Failure) => void): void {
    this.#onRefusal.push(callback);
  }

  /** As a member does that finds its state to be another than that of the others. */
  diverge(): void {
    this.failure = "diverged";
    this.refusal = failed("diverged");
    for (const callback of this.#onRefusal) callback(this.refusal);
  }

  propose(data: Uint8Array, done: Done<Result>): void {
    if (!this.isLeader()) return done(failed("notLeader"));
    if (this.failure !== undefined) return done(failed(this.failure));
    queueMicrotask(() => done({ ok: true, value: this.store.apply(++this.#index, data) }));
  }

  proposeForPeer(data: Uint8Array): Outcome<EntryId> {
    if (!this.isLeader()) return failed("notLeader");
    if (this.failure !== undefined) return failed(this.failure);
    const index = ++this.#index;
    queueMicrotask(() => this.#results.set(index, this.store.apply(index, data)));
    return { ok: true, value: { index, term: this.currentTerm } };
  }

  awaitRefusal(): Failure | undefined {
    return this.unfit;
  }

  awaitEntry({ index }: EntryId, done: Done<Result>): void {
    queueMicrotask(() => done({ ok: true, value: this.#leaderNode!.#results.get(index)! }));
  }

  /** From now on `leader` leads, and `handler` is what it answers by. */
  follow(leader: FakeNode, handler: RequestHandler): void {
    this.members = [member(1), member(2)];
    this.leading = member(2);
    this.#leaderNode = leader;
    this.leaderHandler = handler;
  }

  barrier(done: Done<Barrier>): void {
    if (this.silent) return;
    if (this.failure !== undefined) return done(failed(this.failure));
    queueMicrotask(() => done({ ok: true, value: { nowMs: this.judgedMs ?? this.#nowMs } }));
  }

  moveLeader(_: number, done: Done<Member>): void {
    done(failed("unknown"));
  }

  whenApplied(_: number, done: () => void): void {
    done();
  }

  barrierNow(): undefined {
    return undefined;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  isLeader(): boolean {
    return this.leading?.id === this.self;
  }

  term(): number {
    return this.currentTerm;
  }

  leader(): Member | undefined {
    return this.leading;
  }

  whenLeader(done: Done<Member>): void {
    const leader = this.leading;
    if (this.failure !== undefined) return done(failed(this.failure));
    done(leader === undefined ? failed("noLeader") : { ok: true, value: leader });
  }

  forward(request: Uint8Array, done: Done<Uint8Array>): void {
    if (this.leading === undefined) return done(failed("noLeader"));
    if (this.failure !== undefined) return done(failed(this.failure));
    this.leaderHandler!(request, (reply) => {
      done(reply === undefined ? failed("noLeader") : { ok: true, value: reply });
    });
  }

  configuration(): Configuration {
    return { members: this.members, removed: this.removedIds };
  }

  configurationIndex(): number {
    return this.membersIndex;
  }

  removeMember(name: string, done: Done<Removal>): void {
    if (this.failure !== undefined) return done(failed(this.failure));
    const found = this.members.find((member) => member.name === name)!;
    this.members = this.members.filter((member) => member !== found);
    this.removed.push(name);
    this.membersIndex = ++this.#index;
    done({ ok: true, value: { member: found, index: this.membersIndex } });
  }

  /** By the rules of a leader whose members are all alive. */
  changeMembers(wish: MemberWish, done: Done<MembersChanged>): void {
    if (this.refusal !== undefined) return done(this.refusal);
    if (this.failure !== undefined) return done(failed(this.failure));
    const id = wish.kind === "add" ? ++this.#newestId : wish.id;
    const plan = plannerOf({ ...wish, id }, RULES)(this.configuration(), false);
    if (plan.kind === "refuse") return done(plan.failure);
    if (plan.kind === "propose") {
      this.members = [...plan.next.members];
      this.removedIds = [...plan.next.removed];
      this.membersIndex = ++this.#index;
    }
    done({ ok: true, value: { id, configuration: this.configuration() } });
  }

  status(): NodeStatus {
    return {
      role: this.isLeader() ? "leader" : "follower",
      term: this.currentTerm,
      leader: this.leading?.id ?? 0,
      commitIndex: this.#index,
      appliedIndex: this.#index,
      lastIndex: this.#index,
      snapshotIndex: 0,
      proposalsPending: 0,
      diskIsFull: false,
      snapshotFrom: undefined,
      alarm: this.alarm,
      followers: this.followers,
    };
  }
}

function failed(reason: FailureReason): Failure {
  return { ok: false, reason, cause: `The test wants ${reason}` };
}
