/**
 * What comes of a command that was applied: values that know no API. Each API has
 * its own codes and texts for them.
 */
import type { ByteString } from "./byte_string.ts";
import type { Command } from "./command/command.ts";
import type { Event } from "./event.ts";
import type { Version } from "./keyspace/record.ts";

/** A key of v3 with its value and numbers. */
export interface KeyValue {
  readonly key: ByteString;
  readonly version: Version;
}

export type RejectionReason =
  /** The key, or for v2 its first missing ancestor, is not there. */
  | "keyNotFound"
  | "testFailed"
  /** A directory is where a file is needed. */
  | "notAFile"
  /** A file is where a directory is needed. */
  | "notADirectory"
  | "keyExists"
  | "rootIsReadOnly"
  | "directoryNotEmpty"
  | "leaseNotFound"
  | "leaseExists"
  | "compacted"
  | "futureRevision"
  /** The quota is used up. */
  | "noSpace"
  /** The cluster's members disagree about their data. */
  | "corrupt"
  /** Who asks may not do that. */
  | "permissionDenied"
  /** Who asks was judged by an older state of users and roles: judge again. */
  | "authIsOld"
  /** Who asks has not said who that is; or the name of a user is empty. */
  | "userNameEmpty"
  /** A token that is none, or no longer good. */
  | "invalidToken"
  /** User and password don't belong together. */
  | "authenticationFailed"
  /** So many logins failed, or are under way, that another is not looked at. */
  | "tooManyLogins"
  | "userExists"
  | "userNotFound"
  | "roleNameEmpty"
  | "roleExists"
  | "roleNotFound"
  | "roleNotGranted"
  | "permissionNotGranted"
  | "permissionNotGiven"
  | "rootUserMissing"
  | "rootRoleMissing"
  | "invalidAuthManagement"
  | "authNotEnabled"
  | "authEnabled";

/** A command that changed nothing; its entry keeps its index. */
export interface Rejected {
  readonly kind: "rejected";
  readonly reason: RejectionReason;
  /** What it is about; "" where the reason says all. */
  readonly key: ByteString;
  /** The change index at that time. */
  readonly changeIndex: number;
  /** `testFailed`: each comparison that failed. */
  readonly failed?: readonly FailedComparison[];
}

export interface FailedComparison {
  readonly of: "value" | "index";
  /** As bytes in a byte string; an index in decimal digits. */
  readonly expected: ByteString;
  readonly found: ByteString;
}

/** Nobody is told: an expiry whose key was set again meanwhile, or an entry that changes no key. */
export interface Nothing {
  readonly kind: "nothing";
}

/** The one of its kind. */
export const NOTHING: Nothing = Object.freeze({ kind: "nothing" });

/** What one operation of a transaction did. */
export type OperationResult =
  | { readonly type: "put"; readonly previous: KeyValue | undefined }
  | { readonly type: "delete"; readonly deleted: number; readonly previous: readonly KeyValue[] }
  | {
    readonly type: "range";
    readonly kvs: readonly KeyValue[];
    readonly count: number;
    readonly more: boolean;
  }
  | {
    readonly type: "txn";
    readonly succeeded: boolean;
    readonly results: readonly OperationResult[];
  };

/** What operations of one type do. */
export type OperationResultOf<Type extends OperationResult["type"]> = Extract<
  OperationResult,
  { readonly type: Type }
>;

/** A put, a range delete or a transaction of v3 that was carried out. */
export interface Applied<Type extends OperationResult["type"] = OperationResult["type"]> {
  readonly kind: "applied";
  /** After the command. */
  readonly revision: number;
  /** The entry; 0 of a transaction that only read, which needs none. */
  readonly logIndex: number;
  readonly result: OperationResultOf<Type>;
}

/** A lease, a compaction, an alarm, users and roles: done, and the revision that was then. */
export interface Done {
  readonly kind: "done";
  readonly revision: number;
  /** `leaseGrant`: the entry, by which the grant is known from then on. */
  readonly logIndex: number;
  /** `alarm`: whether anything changed. */
  readonly changed: boolean;
}

/** What commands come to that are not rejected, by their types. */
interface Successes {
  readonly set: Event;
  readonly delete: Event;
  readonly expire: Event | Nothing;
  readonly treePut: Event;
  readonly treeDelete: Event;
  readonly put: Applied<"put">;
  readonly deleteRange: Applied<"delete">;
  readonly range: Applied<"range">;
  readonly txn: Applied<"txn">;
  readonly compact: Done;
  readonly leaseGrant: Done;
  readonly leaseRevoke: Done;
  readonly alarm: Done;
  readonly auth: Done;
}

/** What `C` comes to, if it is not rejected. */
export type SuccessOf<C extends Command> = Successes[C["type"]];

/** What `C` comes to. */
export type ResultOf<C extends Command> = SuccessOf<C> | Rejected;

/** What any command comes to. */
export type Result = Event | Rejected | Nothing | Applied | Done;
