/** What a core is built from, and what its owner hears and sees of it. */
import type {
  Configuration,
  Entry,
  HardState,
  MemberId,
  Message,
  Role,
  SnapshotMeta,
} from "./types.ts";

export interface CoreOptions {
  readonly id: MemberId;
  /** The least election time-out; each term draws one in [electionTicks, 1.6 * electionTicks). */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** What the disk held at the start. */
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta;
  /** Contiguous from `snapshot.index + 1`. */
  readonly entries: readonly Entry[];
  /** Bytes of entries in one append message; a larger entry goes alone. */
  readonly appendBytesMax: number;
  /** Append messages under way to one peer. */
  readonly inflightMax: number;
  /** Bytes of entries under way to one peer. */
  readonly inflightBytesMax: number;
  /** Bytes of entries that a leader takes beyond the committed ones. */
  readonly uncommittedBytesMax: number;
  /** Applied entries that at least stay objects, for followers that lag a little; see `Log`. */
  readonly unpackedEntries: number;
  /** Called at once, from within the call that caused it; must not call the core. */
  readonly onEvent?: (event: CoreEvent) => void;
}

/** For the log of the process and for metrics; nothing depends on it. */
export type CoreEvent =
  | { readonly type: "role"; readonly role: Role; readonly term: number }
  /** NONE while no leader is known. */
  | { readonly type: "leader"; readonly leader: MemberId; readonly term: number }
  /** Another configuration is in effect: appended, undone or installed. */
  | {
    readonly type: "configuration";
    readonly index: number;
    readonly configuration: Configuration;
  }
  /** Entries `from` to `to` were replaced by the leader's. */
  | { readonly type: "truncated"; readonly from: number; readonly to: number }
  /** A peer's log differs or ends before `index`; the leader goes on at `next`. */
  | {
    readonly type: "appendRefused";
    readonly peer: MemberId;
    readonly index: number;
    readonly next: number;
  }
  /** A peer needs what this leader's log holds no more. */
  | { readonly type: "snapshotNeeded"; readonly peer: MemberId; readonly index: number }
  /** A leader steps down: no majority was heard for an election time-out. */
  | { readonly type: "quorumLost"; readonly term: number }
  | { readonly type: "transferAborted"; readonly to: MemberId }
  /** A message was malformed, foreign or impossible. */
  | {
    readonly type: "ignored";
    readonly from: MemberId;
    readonly message: Message["type"];
    readonly reason: string;
  };

/** `probe`: one append at a time; `replicate`: pipelined; `snapshot`: paused until it has one. */
export type PeerState = "probe" | "replicate" | "snapshot";

/** How far the leader knows a peer to be. */
export interface PeerProgress {
  readonly id: MemberId;
  /** The last index known to be on its disk. */
  readonly match: number;
  /** The next index to send. */
  readonly next: number;
  readonly state: PeerState;
  /** Heard within an election time-out. */
  readonly recentActive: boolean;
  /** Since the election, for one that has not answered yet. */
  readonly ticksSinceHeard: number;
  /** Whether it was heard at all since this leader was elected. */
  readonly hasAnswered: boolean;
}
