/**
 * The commands of the replicated log: what they say. Their bytes are in `codec.ts`.
 * A command does not judge itself: what it does, and whether it can, is decided
 * when it is applied, on every member alike.
 *
 * A value may be given as text, which stands for its UTF-8; a decoded command has
 * bytes, which share memory with what they were read from.
 */
import type { ByteString } from "../byte_string.ts";
import type { AuthCommand } from "./auth_command.ts";

export type ValueBytes = Uint8Array | string;

/** Who asks, and the revision of users and roles by which that was judged before. */
export interface Requester {
  /** The UTF-8 of a user's name, or one of the names below, which no user can have. */
  readonly user: ByteString;
  readonly authRevision: number;
}

/** Who asked while authentication was off; also what the cluster does by itself, where the command says so. */
export const NOBODY: Requester = Object.freeze({ user: "", authRevision: 0 });

/** Who asks v1 or v2 without credentials: the role "guest" says what that may be. Not UTF-8, so no user is called so. */
export const GUEST_USER: ByteString = "\xfe";

/** The cluster's own members: for commands that a client may send, too. */
export const CLUSTER: Requester = Object.freeze({ user: "\xff", authRevision: 0 });

/** v1's set and test-and-set. */
export interface SetCommand {
  readonly type: "set";
  readonly key: ByteString;
  readonly value: ValueBytes;
  /** Test-and-set: the value that must be there. */
  readonly prevValue: ValueBytes | undefined;
  /** As the client gave it; zero or less deletes. */
  readonly ttlSeconds: number | undefined;
}

/** v1's delete. */
export interface DeleteCommand {
  readonly type: "delete";
  readonly key: ByteString;
}

/** Removes what has run out of time, if it is still what was made by the entry `setIndex`. */
export interface ExpireCommand {
  readonly type: "expire";
  readonly key: ByteString;
  readonly setIndex: number;
  readonly isDirectory: boolean;
}

/** v2's PUT and POST. */
export interface TreePutCommand {
  readonly type: "treePut";
  /** With `inOrder`, the directory that gets the key. */
  readonly key: ByteString;
  readonly value: ValueBytes;
  readonly isDirectory: boolean;
  /** POST: the key is the change index, in 20 digits, below `key`. */
  readonly inOrder: boolean;
  readonly prevExist: boolean | undefined;
  readonly prevValue: ValueBytes | undefined;
  /** 0: not given. */
  readonly prevIndex: number;
  readonly ttlSeconds: number | undefined;
  /** Keeps the value and tells nobody. */
  readonly refresh: boolean;
}

/** v2's DELETE. */
export interface TreeDeleteCommand {
  readonly type: "treeDelete";
  readonly key: ByteString;
  readonly isDirectory: boolean;
  readonly recursive: boolean;
  readonly prevValue: ValueBytes | undefined;
  /** 0: not given. */
  readonly prevIndex: number;
}

export interface PutOperation {
  readonly type: "put";
  readonly key: ByteString;
  readonly value: ValueBytes;
  /** 0n: none. */
  readonly lease: bigint;
  readonly wantsPrevious: boolean;
  readonly ignoreValue: boolean;
  readonly ignoreLease: boolean;
}

export interface DeleteRangeOperation {
  readonly type: "deleteRange";
  readonly key: ByteString;
  /** "": the key alone; "\0": all from the key on; else up to it, without it. */
  readonly rangeEnd: ByteString;
  readonly wantsPrevious: boolean;
}

export type SortOrder = "none" | "ascend" | "descend";
export type SortTarget = "key" | "version" | "create" | "mod" | "value";

export interface RangeOperation {
  readonly type: "range";
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
  /** 0: all. */
  readonly limit: number;
  /** 0: now. */
  readonly revision: number;
  readonly sortOrder: SortOrder;
  readonly sortTarget: SortTarget;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** Bounds of the revisions, both ends included; 0: none. */
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}

/** The key "" as it is now, without order, bound or filter: for those who name the rest. */
export const PLAIN_RANGE: RangeOperation = {
  type: "range",
  key: "",
  rangeEnd: "",
  limit: 0,
  revision: 0,
  sortOrder: "none",
  sortTarget: "key",
  keysOnly: false,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
};

export type CompareOperator = "equal" | "greater" | "less" | "notEqual";
export type CompareTarget = "version" | "create" | "mod" | "value" | "lease";

/** A condition of a transaction; it must hold for every key of its range. */
export interface Compare {
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
  readonly operator: CompareOperator;
  readonly target: CompareTarget;
  /** Of a revision or a version. */
  readonly number: number;
  readonly value: Uint8Array;
  readonly lease: bigint;
}

export interface TxnOperation {
  readonly type: "txn";
  readonly compares: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

/** An operation of v3; each is a command, too. */
export type Operation = PutOperation | DeleteRangeOperation | RangeOperation | TxnOperation;

/** Forgets what was before `revision`; its state can still be read. */
export interface CompactCommand {
  readonly type: "compact";
  readonly revision: number;
  /** Changes below this index go, too: directories' ones have no revision. 0 for what a client asks. */
  readonly changeIndex: number;
  /** So many of the newest events stay for v1 and v2, whatever the revision. */
  readonly keepEvents: number;
}

export interface LeaseGrantCommand {
  readonly type: "leaseGrant";
  readonly id: bigint;
  readonly ttlSeconds: number;
}

/** Ends a lease and deletes its keys. */
export interface LeaseRevokeCommand {
  readonly type: "leaseRevoke";
  readonly id: bigint;
  /** The entry that granted it, so that a late expiry ends no later grant; 0: whichever is there. */
  readonly grantIndex: number;
}

export type AlarmType = "noSpace" | "corrupt";

export interface AlarmCommand {
  readonly type: "alarm";
  readonly action: "activate" | "deactivate";
  readonly alarm: AlarmType;
  /** 64 bits. */
  readonly member: bigint;
}

/** What an entry of the log asks of the store. */
export type Command =
  | SetCommand
  | DeleteCommand
  | ExpireCommand
  | TreePutCommand
  | TreeDeleteCommand
  | Operation
  | CompactCommand
  | LeaseGrantCommand
  | LeaseRevokeCommand
  | AlarmCommand
  | AuthCommand;

/** A command with what the leader stamped on it. */
export interface StampedCommand {
  readonly command: Command;
  /** Format of its bytes: 1 is that of version 1.0 of the program, which knew no revisions. */
  readonly format: 1 | 2;
  /** The cluster's time when the leader stamped it, Unix ms. */
  readonly timeMs: number;
  readonly requester: Requester;
}

/** A command that has no bytes, or bytes that are no command. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
