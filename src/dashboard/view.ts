/**
 * What the dashboard's page and its node say to each other, as JSON. Types only:
 * both sides are checked against them. Times are Unix ms unless they say otherwise.
 */

/** One certificate of one file that a member uses. */
export interface CertificateView {
  readonly use: "client port" | "client authority" | "peer port" | "peer authority";
  readonly file: string;
  readonly subject: string;
  readonly issuer: string;
  /** Subject alternative names, e.g. `DNS:node1` and `IP Address:10.0.0.1`. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What every member tells about itself to every other. */
export interface MemberReport {
  readonly id: number;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly role: "follower" | "preCandidate" | "candidate" | "leader" | "learner";
  readonly term: number;
  /** The member it follows, 0 for none. */
  readonly leader: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly rssBytes: number;
  readonly keys: number;
  readonly directories: number;
  /** Keys with a time to live. */
  readonly expiring: number;
  readonly watchers: number;
  readonly certificates: readonly CertificateView[];
  /** To the members it has a stream to; null while none was measured. */
  readonly peers: readonly {
    readonly id: number;
    readonly connected: boolean;
    readonly roundTripMs: number | null;
  }[];
  /** The leader's alone: how far the others are. */
  readonly followers: readonly {
    readonly id: number;
    readonly matchIndex: number;
    readonly state: "probe" | "replicate" | "snapshot";
    readonly alive: boolean;
  }[];
}

/** One member, from all that is known about it. */
export interface MemberView {
  readonly name: string;
  /** The node that serves this page. */
  readonly self: boolean;
  readonly role: MemberReport["role"] | "unknown";
  readonly voter: boolean;
  readonly alive: boolean;
  readonly clientUrl: string;
  readonly peerUrl: string;
  /** Committed entries that it does not have yet; null when no leader tells. */
  readonly lag: number | null;
  /** It receives a snapshot before it can follow the log. */
  readonly snapshotting: boolean;
  /** The round trip from the leader, or from this node when no leader tells. */
  readonly latencyMs: number | null;
  /** Null when it did not answer. */
  readonly version: string | null;
  readonly uptimeSeconds: number | null;
  readonly rssBytes: number | null;
  /** Why it did not answer; null when it did. */
  readonly problem: string | null;
}

/** How many failures the cluster can take from here, in words. */
export interface Margin {
  /** `spare`: some; `none`: none left, but it works; `lost`: no quorum. */
  readonly level: "spare" | "none" | "lost";
  /** Voters that may still fail. */
  readonly canLose: number;
  /** For a headline: "Can lose 1". */
  readonly headline: string;
  /** A sentence. */
  readonly detail: string;
}

/** `GET /dashboard/api/status` */
export interface StatusView {
  readonly node: string;
  readonly clusterId: number;
  readonly version: string;
  readonly mode: "on" | "readonly";
  /** What a client of this port has to bring. */
  readonly clientTls: "none" | "server" | "mutual";
  readonly nowMs: number;
  readonly hasLeader: boolean;
  readonly margin: Margin;
  readonly members: readonly MemberView[];
  /** Of this node. */
  readonly totals: {
    readonly keys: number;
    readonly directories: number;
    readonly expiring: number;
    readonly watchers: number;
    readonly term: number;
    readonly commitIndex: number;
    readonly appliedIndex: number;
  };
  readonly certificates: readonly (CertificateView & { readonly member: string })[];
}

/** `GET /dashboard/api/samples?after=N`: the samples after number N, the oldest first. */
export interface SamplesView {
  readonly intervalMs: number;
  /** When the last one was taken. */
  readonly endMs: number;
  /** The number of the last one; they are counted from 1. */
  readonly last: number;
  /** Of the whole cluster: entries applied a second. */
  readonly writes: readonly number[];
  /** Of this node: keys, listings and ranges read a second. */
  readonly reads: readonly number[];
  /** Null where nothing was synced. */
  readonly syncP99Ms: readonly (number | null)[];
  readonly rssBytes: readonly number[];
}

/** Why the page can't have what it asked for; with a status of 400 or more. */
export interface FaultView {
  /** A word for programs: the store's or the node's own, or "fault". */
  readonly reason: string;
  readonly message: string;
  /** What was expected and found. */
  readonly cause: string;
}

/** A child in a listing; a directory has no more than its name. */
export interface ChildView {
  readonly name: string;
  readonly dir: boolean;
  /** UTF-16 units of the whole value. */
  readonly length: number;
  /** The value's beginning. */
  readonly preview: string;
  /** 0: it never expires. */
  readonly deadlineMs: number;
}

/** `GET /dashboard/api/keys/KEY`. */
export type KeyView = KeyContent & {
  /** By which the page counts deadlines down. */
  readonly nowMs: number;
};

/** A directory's page of children, or a file. */
export type KeyContent =
  | {
    readonly kind: "directory";
    readonly key: string;
    readonly children: readonly ChildView[];
    /** There are children after the last one here. */
    readonly more: boolean;
  }
  | {
    readonly kind: "file";
    readonly key: string;
    readonly value: string;
    /** UTF-16 units of the whole value; `value` is its beginning when this is more. */
    readonly length: number;
    readonly setIndex: number;
    readonly deadlineMs: number;
    /** `/_etcd`: nobody but the cluster writes there. */
    readonly reserved: boolean;
    /** All bytes of the value are text; of others `value` has U+FFFD, and no form could keep them. */
    readonly isText: boolean;
    /** v3's, in hexadecimal; "" for none. Who sets the key here takes it out of the lease. */
    readonly lease: string;
  };

/** A key as v3 has it. */
export interface FlatKeyView {
  /** Its bytes in hexadecimal. */
  readonly hex: string;
  /** Its text; null when it is none. */
  readonly key: string | null;
  /** The value's beginning; bytes that are no text are U+FFFD. */
  readonly value: string;
  /** UTF-16 units of the whole value. */
  readonly length: number;
  readonly version: number;
  readonly createRevision: number;
  readonly modRevision: number;
  /** In hexadecimal, as etcdctl has it; "" for none. */
  readonly lease: string;
  /** 0: it never expires; of a lease nothing is known here. */
  readonly deadlineMs: number;
}

/** `GET /dashboard/api/flat`: a page of keys in the order of their bytes, or the one that was asked for. */
export interface FlatView {
  readonly keys: readonly FlatKeyView[];
  /** What to ask for next, in hexadecimal; "" after the last page. */
  readonly next: string;
  readonly nowMs: number;
}

/** A change, with the beginning of its values. */
export interface EventView {
  readonly action: "SET" | "DELETE";
  readonly key: string;
  readonly index: number;
  readonly value: string;
  readonly length: number;
  readonly newKey: boolean;
  readonly ttlSeconds: number;
}

/**
 * `GET /dashboard/api/events?path=P&since=N`: what happened from N on, or nothing
 * for a while; without `since` the newest events, at once.
 */
export interface EventsView {
  readonly events: readonly EventView[];
  /** What to ask for next. */
  readonly next: number;
  /** Events before these are missing: the history does not reach back. */
  readonly gap: boolean;
}

/** Who sits before the page. */
export interface SessionView {
  /** Whether authentication is on. */
  readonly isOn: boolean;
  /** "" for a guest, and while authentication is off. */
  readonly user: string;
  /** May do everything. */
  readonly isRoot: boolean;
}

/** One range that a role may have. */
export interface PermissionView {
  readonly type: "read" | "write" | "readWrite";
  /** A key, a prefix with a star, or a range, for people. */
  readonly keys: string;
  /** Stands for the range when it is to be taken away. */
  readonly id: string;
}

/** Users and roles, for root. */
export interface UsersView {
  readonly users: readonly {
    readonly name: string;
    readonly roles: readonly string[];
    readonly hasPassword: boolean;
  }[];
  readonly roles: readonly {
    readonly name: string;
    readonly permissions: readonly PermissionView[];
  }[];
}

/** What somebody may do with a key, in sentences. */
export interface MayView {
  readonly sentences: readonly string[];
}
