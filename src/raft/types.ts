/**
 * The nouns of the consensus core. Pure data: no I/O, no clock, no randomness.
 * Words are those of the Raft paper ("In Search of an Understandable Consensus
 * Algorithm", extended version) and of Ongaro's thesis.
 */

/**
 * One incarnation of a server: a random integer in [1, 2^53) drawn when its
 * data directory is made. A wiped directory is a new member, whatever its name.
 */
export type MemberId = number;

/** "No member": an empty vote, an unknown leader. */
export const NONE: MemberId = 0;

/**
 * A server of the cluster as the replicated configuration knows it; or a place that
 * is reserved for one, which has an id and addresses and nothing else.
 */
export interface Member {
  readonly id: MemberId;
  /** Unique among the members; `-n`. Empty for a place that nobody has taken. */
  readonly name: string;
  /** Advertised URLs of the peer port, e.g. `http://127.0.0.1:7001`; the first is dialled. */
  readonly peerUrls: readonly string[];
  /** Advertised URLs of the client port, e.g. `http://127.0.0.1:4001`. */
  readonly clientUrls: readonly string[];
  /** Advertised URLs that serve gRPC, at least one, where those of the client port do not. */
  readonly grpcUrls?: readonly string[];
  /** False while the member is a learner: it receives the log, but has no vote. */
  readonly voter: boolean;
  /** A learner that somebody has to promote; any other votes as soon as it has caught up. */
  readonly learner?: true;
  /**
   * The id under which a newcomer asked that was given this place, until it votes: it
   * gets the same answer when it asks again, and nobody else does.
   */
  readonly takenBy?: MemberId;
  /**
   * Its peer URLs are somebody's word about it, and not its own: where the process that
   * runs is reached does not count, but the next one tells its addresses when it starts.
   */
  readonly assigned?: true;
}

/**
 * The whole membership. Every `config` entry carries a complete configuration,
 * in effect as soon as a server appends it (thesis §4.1), so that a truncated
 * entry is undone by going back to the configuration before it.
 */
export interface Configuration {
  readonly members: readonly Member[];
  /** Members removed lately, oldest first: they are told so when they call. */
  readonly removed: readonly MemberId[];
}

/** `noop` opens a leader's term, `command` is for the state machine, `config` holds a Configuration. */
export type EntryKind = "noop" | "command" | "config";

export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  /** Opaque to the core for `command`; an encoded Configuration for `config`; empty for `noop`. */
  readonly data: Uint8Array;
}

/** What must be on disk before a server answers (paper, figure 2, "persistent state"). */
export interface HardState {
  readonly term: number;
  /** The candidate voted for in `term`, or NONE. */
  readonly vote: MemberId;
  /** A hint that shortens recovery; never above the last saved index. */
  readonly commitIndex: number;
}

/** What a snapshot stands for: the state after applying every entry up to `index`. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  /** The configuration in effect at `index`. */
  readonly configuration: Configuration;
}

interface Envelope {
  readonly from: MemberId;
  readonly to: MemberId;
  /** Sender's term; for pre-vote requests, and where they are granted, the term of the campaign. */
  readonly term: number;
}

/** AppendEntries. */
export interface Append extends Envelope {
  readonly type: "append";
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly entries: readonly Entry[];
  readonly commitIndex: number;
}

/** Answer to `append` and `snapshot`, sent only when what it acknowledges is on disk. */
export interface AppendReply extends Envelope {
  readonly type: "appendReply";
  readonly rejected: boolean;
  /** Accepted: the last index known to match. Rejected: the refused `prevIndex`. */
  readonly index: number;
  /** Rejected: the largest index at which the logs may still agree (fast backtracking, paper §5.3). */
  readonly hintIndex: number;
  /** Rejected: this server's term at `hintIndex`. */
  readonly hintTerm: number;
}

export interface Heartbeat extends Envelope {
  readonly type: "heartbeat";
  /** Capped at what the receiver is known to hold. */
  readonly commitIndex: number;
  /** The newest ReadIndex round that this heartbeat confirms (thesis §6.4); 0 when none. */
  readonly readRound: number;
}

export interface HeartbeatReply extends Envelope {
  readonly type: "heartbeatReply";
  readonly readRound: number;
}

/** PreVote (thesis §9.6) and RequestVote. */
export interface VoteRequest extends Envelope {
  readonly type: "preVote" | "vote";
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** Set by a leadership transfer: the receiver ignores its leader lease (thesis §4.2.3). */
  readonly transfer: boolean;
}

export interface VoteReply extends Envelope {
  readonly type: "preVoteReply" | "voteReply";
  readonly granted: boolean;
}

/**
 * The receiver needs a snapshot. The core knows only what it stands for; the
 * node moves the bytes in chunks and steps this message when they are complete.
 */
export interface InstallSnapshot extends Envelope {
  readonly type: "snapshot";
  readonly snapshot: SnapshotMeta;
}

/** Leadership transfer: campaign at once (thesis §3.10). */
export interface TimeoutNow extends Envelope {
  readonly type: "timeoutNow";
}

export type Message =
  | Append
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | VoteRequest
  | VoteReply
  | InstallSnapshot
  | TimeoutNow;

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/**
 * One batch for the disk, at most one outstanding. `messages` promise what the
 * batch holds and may leave only when it is durable.
 */
export interface SaveBatch {
  /** Present when term, vote or the commit hint changed. */
  readonly hardState: HardState | undefined;
  /** A received snapshot that replaces everything up to its index. */
  readonly snapshot: SnapshotMeta | undefined;
  /** Contiguous; the first may overwrite a conflicting suffix on disk. */
  readonly entries: readonly Entry[];
  readonly messages: readonly Message[];
}

/** A confirmed linearizable read: serve it once `index` has been applied. */
export interface ConfirmedRead {
  /** The caller's token, as given to `readIndex`. */
  readonly token: number;
  readonly index: number;
}
