/**
 * Every seam of a node on one page. The real world is joined in `server.ts`,
 * the simulated one in `tests/sim/`; each interface here has a twin there.
 */
import type {
  Configuration,
  Entry,
  HardState,
  Member,
  MemberId,
  SaveBatch,
  SnapshotMeta,
} from "../raft/types.ts";

/** What a data directory held when it was opened. */
export interface Loaded {
  readonly hardState: HardState;
  /** The newest proven snapshot; index 0 with the first configuration on a fresh one. */
  readonly snapshot: SnapshotMeta;
  /** The log after the snapshot, contiguous from `snapshot.index + 1`. */
  readonly entries: readonly Entry[];
}

/** A finished snapshot that is being read, for the state machine or for a peer. */
export interface SnapshotReader {
  readonly meta: SnapshotMeta;
  /** Bytes of the whole snapshot file. */
  readonly size: number;
  /** The file as it is stored: up to `length` bytes at `offset`, shorter only at the end. */
  read(offset: number, length: number): Uint8Array;
  /** The state machine's image, in the slices it was written in, each proven by its checksum. */
  data(): Iterable<Uint8Array>;
  close(): void;
}

/** A snapshot file that arrives from the leader, in order, beside the current one. */
export interface SnapshotWriter {
  /** Bytes received so far: the next offset. */
  readonly size: number;
  write(bytes: Uint8Array): void;
  /**
   * Makes it durable and proves every checksum, that it holds `meta`, and that the state machine
   * would take in its image; `save({snapshot: meta})` then adopts it, and gives up what was
   * before. Rejects with `DamagedTransferError` when it is damaged.
   */
  finish(): Promise<void>;
  /** Removes what was received. */
  abort(): void;
}

/**
 * The durable half of a node. Any rejection but `DiskFullError` is fatal: a
 * failed fsync is never retried, because the kernel may have dropped the pages.
 */
export interface Storage {
  /**
   * Resolves when the batch is durable. One call at a time. The event loop may wait along for a
   * quick disk if it `mayBlock`.
   */
  save(batch: SaveBatch, mayBlock?: boolean): Promise<void>;
  /**
   * Writes a snapshot of the state machine beside the current one, makes it
   * durable, proves it, and only then drops the log that it replaces, up to `keepAfter`.
   * With `isDoubted` its image is proven, too, which takes as long as half a start. Rejects
   * when that is none: the memory that it came from is damaged; what was there before stays.
   */
  createSnapshot(
    meta: SnapshotMeta,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    keepAfter: number,
    isDoubted?: boolean,
  ): Promise<void>;
  /** The newest durable snapshot, or undefined when there is none beyond index 0. */
  openSnapshot(): SnapshotReader | undefined;
  /** Starts to receive the snapshot file of `meta` from the leader; drops one that was unfinished. */
  receiveSnapshot(meta: SnapshotMeta): SnapshotWriter;
  /** Syncs and releases the directory. */
  close(): Promise<void>;
}

/** Moves frames to peers; may drop, delay, repeat and reorder. */
export interface Transport {
  /** Never blocks and never throws: false when the frame was dropped, and certainly never leaves. */
  send(to: MemberId, frame: Uint8Array): boolean;
}

/**
 * What the replicated log drives. `apply` is deterministic: it reads no clock,
 * no random number, no environment. `R` is what a proposer gets back.
 */
export interface StateMachine<R> {
  apply(index: number, data: Uint8Array): R;
  /** The latest time (Unix ms) that any applied command was stamped with. */
  readonly timeMs: number;
  /**
   * Commands that expire what is due at `nowMs`, at most `max`; empty when
   * nothing is. The same commands come again until they have been applied.
   */
  due(nowMs: number, max: number): Uint8Array[];
  /** When the next thing is due, Unix ms; Infinity when nothing ever is. O(1). */
  nextDeadlineMs(): number;
  /** A consistent image of the state at the time of the call, produced lazily in slices. */
  snapshot(): Iterable<Uint8Array>;
  /** Replaces the whole state. Rejects when the image is damaged. */
  restore(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<unknown>;
  /** A hash of the whole state, equal on all members at an equal applied index. */
  digest(): string;
}

/** Defers work to a later turn of the event loop, so that one turn's proposals share a batch. */
export interface Scheduler {
  defer(task: () => void): void;
}

/** Numbers in [0, 1); seeded in the simulator. */
export type Random = () => number;

/** Why a proposal or a read has no result. */
export type FailureReason =
  /** Not the leader; nothing was appended. */
  | "notLeader"
  /** Appended, then replaced by another leader's entry, which is committed: it never happened. */
  | "superseded"
  /** Appended, but its fate is not known: it may still happen. */
  | "unknown"
  /** No leader was known within the time allowed; nothing was appended. */
  | "noLeader"
  /** A queue is at its limit; nothing was appended. */
  | "overloaded"
  /** The disk is full: nothing was acknowledged, though it may still happen once there is space. */
  | "diskFull"
  /** Asked for what the cluster must not do, such as removing a member that it needs. */
  | "refused"
  /** One member more than the cluster may have. */
  | "full"
  /** This member's state is not that of the others, or its disk is gone: it serves nobody any longer. */
  | "diverged"
  /** The node is stopping. */
  | "stopping";

/**
 * Answers a request that another member passed on. `done` is called once: with the
 * answer, or with undefined when this node leads no longer and did nothing.
 */
export type RequestHandler = (
  request: Uint8Array,
  done: (reply: Uint8Array | undefined) => void,
) => void;

/** Why a change of the members was `refused`, where an API has words of its own for it. */
export type MemberRefusal =
  | "memberNotFound"
  | "memberRemoved"
  | "memberExists"
  | "peerUrlExists"
  /** Too few of those that are to vote have started. */
  | "notEnoughStarted"
  /** Too few of those that vote are alive. */
  | "unhealthy"
  | "notALearner"
  /** A learner that has not caught up. */
  | "learnerNotReady"
  | "tooManyLearners";

export interface Failure {
  readonly ok: false;
  readonly reason: FailureReason;
  /** For people: what was expected and found. */
  readonly cause: string;
  /** With reason `refused`, of a change of the members. */
  readonly refusal?: MemberRefusal;
}

export type Outcome<R> = { readonly ok: true; readonly value: R } | Failure;

/** Called exactly once. A callback, not a promise: one per request is what the hot path can spare. */
export type Done<R> = (outcome: Outcome<R>) => void;

/**
 * An entry of the log. Index and term together: another leader may put another entry at the
 * same index.
 */
export interface EntryId {
  readonly index: number;
  readonly term: number;
}

/** A linearizable read may be served from the local state machine now. */
export interface Barrier {
  /**
   * The time (Unix ms) to judge what is there by. Not what time it is: that is `nowMs()`; where
   * nothing ends, or nothing can, it stands.
   */
  readonly nowMs: number;
}

/** A member that was removed. */
export interface Removal {
  /** As it was; only its name is known when this node did not know it. */
  readonly member: Member;
  /** Of the entry; 0 when the leader did not tell. */
  readonly index: number;
}

/**
 * What is asked of the membership by id. `add` reserves a place for a newcomer, which
 * takes it when it joins from one of the peer URLs, and votes when it has caught up; a
 * learner waits for `promote`.
 */
export type MemberWish =
  | { readonly kind: "add"; readonly peerUrls: readonly string[]; readonly learner: boolean }
  | { readonly kind: "remove"; readonly id: MemberId }
  | { readonly kind: "update"; readonly id: MemberId; readonly peerUrls: readonly string[] }
  | { readonly kind: "promote"; readonly id: MemberId };

/** A newcomer that was let in. */
export interface Admitted {
  /** Under which it runs: the id that it asked with, or that of the place it was given. */
  readonly id: MemberId;
  readonly configuration: Configuration;
}

/** The members, after a change that this member has applied. */
export interface MembersChanged {
  /** Of the member that was added or changed. */
  readonly id: MemberId;
  readonly configuration: Configuration;
}

/** What the API sees of a node: the same on the leader and on a follower. */
export interface ClusterNode<R> {
  readonly self: MemberId;
  readonly clusterId: number;
  /** Appends `data` to the log; only on the leader (else `notLeader`). */
  propose(data: Uint8Array, done: Done<R>): void;
  /**
   * The same for another member, which awaits the entry itself: tells only which one it is.
   * All members hear of its commit at once.
   */
  proposeForPeer(data: Uint8Array): Outcome<EntryId>;
  /**
   * Why this member can't wait for one more entry now, so that nobody need have one appended;
   * undefined when it can.
   */
  awaitRefusal(): Failure | undefined;
  /**
   * What an entry comes to that the leader has appended for this member, as `propose` would
   * tell it; `unknown` when it has been applied before this call.
   */
  awaitEntry(id: EntryId, done: Done<R>): void;
  /**
   * Waits until every write acknowledged before this call has been applied here
   * and everything due has expired. Works on any member; batched.
   */
  barrier(done: Done<Barrier>): void;
  /** What `barrier` would say, if no other member need be asked and nothing waited for. */
  barrierNow(): Barrier | undefined;
  /** Why this member serves nobody any longer: its state is not that of the others. */
  readonly refusal: Failure | undefined;
  /** Calls back, once, when this member serves nobody any longer. */
  onRefusal(callback: (failure: Failure) => void): void;
  /**
   * Calls back when this member has applied the entry `index`, which is committed, or
   * when that takes longer than a request may.
   */
  whenApplied(index: number, done: () => void): void;
  /** The cluster's time by this member's reckoning, without a round trip. */
  nowMs(): number;
  isLeader(): boolean;
  /** The newest term that this member knows. */
  term(): number;
  /** The member known to lead now. */
  leader(): Member | undefined;
  /** On the leader: lets the voter `to` lead; `done` hears of the new leader, or why it is not `to`. */
  moveLeader(to: MemberId, done: Done<Member>): void;
  /** Calls back once there is a leader, or with `noLeader` after the time allowed. */
  whenLeader(done: Done<Member>): void;
  /**
   * Hands `request` to the leader's request handler and brings back its answer.
   * A `notLeader` that the leader returns is tried again at the new leader.
   */
  forward(request: Uint8Array, done: Done<Uint8Array>): void;
  /** The newest applied configuration. */
  configuration(): Configuration;
  /** Index of its entry, or of the snapshot that it came with; 0 before there was one. */
  configurationIndex(): number;
  /** Removes a member by name; resolves when committed. Forwarded like a write. */
  removeMember(name: string, done: Done<Removal>): void;
  /**
   * Changes the members by id; calls back when that is committed and applied here.
   * Forwarded like a write. A change that is granted already is answered at once.
   */
  changeMembers(wish: MemberWish, done: Done<MembersChanged>): void;
  /** For metrics and `/v1/stats`. */
  status(): NodeStatus;
}

export interface NodeStatus {
  readonly role: "follower" | "preCandidate" | "candidate" | "leader" | "learner";
  readonly term: number;
  readonly leader: MemberId;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  /** Appended, here or by the leader for this member, and without a result so far. */
  readonly proposalsPending: number;
  /** Writes are refused until there is space. */
  readonly diskIsFull: boolean;
  /** Who sends a snapshot to this member; undefined when nobody does. */
  readonly snapshotFrom: MemberId | undefined;
  /** What the operator has to know at once: members whose states differ. */
  readonly alarm: string | undefined;
  /** Every other member as the leader knows it; empty elsewhere. */
  readonly followers: readonly FollowerStatus[];
}

/** What a leader knows of another member, learners included. */
export interface FollowerStatus {
  readonly id: MemberId;
  /** The log up to here is on its disk. */
  readonly matchIndex: number;
  readonly state: "probe" | "replicate" | "snapshot";
  /** Ticks since it was heard last. */
  readonly silentTicks: number;
  /** Heard within an election time-out. */
  readonly alive: boolean;
}
