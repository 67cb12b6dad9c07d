/**
 * What a snapshot of etcd holds, in words of its own: neither the store's types
 * nor etcd's messages. Revisions and indexes are integers below 2^53; ids have
 * all 64 bits.
 */

/** One change of one key. */
export interface EtcdRevision {
  readonly main: number;
  /** Numbers the changes of one transaction from 0 on. */
  readonly sub: number;
  readonly key: Uint8Array;
  /** What was put; undefined when the key was deleted. */
  readonly put: EtcdPut | undefined;
}

/** A key that is there. */
export type EtcdRecord = EtcdRevision & { readonly put: EtcdPut };

/** A key's record but for its revision, which is the `main` of the change. */
export interface EtcdPut {
  readonly createRevision: number;
  readonly version: number;
  readonly value: Uint8Array;
  /** 0 is no lease. */
  readonly lease: bigint;
}

export interface EtcdLease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** What was left at the last checkpoint; 0 when there was none: all of it. */
  readonly remainingSeconds: number;
}

export interface EtcdUser {
  readonly name: string;
  /** As bcrypt writes it: `$2a$10$…`. Empty for a user who has no password. */
  readonly passwordHash: Uint8Array;
  readonly roles: readonly string[];
  /** Only a certificate speaks for such a user. */
  readonly hasNoPassword: boolean;
}

export interface EtcdRole {
  readonly name: string;
  readonly permissions: readonly EtcdPermission[];
}

export interface EtcdPermission {
  readonly type: "read" | "write" | "readwrite";
  readonly key: Uint8Array;
  /** Empty: that key alone; one zero byte: all from the key on. */
  readonly rangeEnd: Uint8Array;
}

export interface EtcdMember {
  readonly id: bigint;
  /** Empty for one that was never started. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** The facts that are there once. */
export interface EtcdFacts {
  /** Index of the last log entry that is in the snapshot; 0 if unknown. */
  readonly consistentIndex: number;
  /** Its term; 0 if unknown: etcd keeps it since 3.5. */
  readonly term: number;
  /** Of the last compaction; 0 when there was none. */
  readonly compactRevision: number;
  readonly isAuthEnabled: boolean;
  /** Counts the changes of users and roles; 0 when there was none. */
  readonly authRevision: number;
  /** Such as "3.4.0"; undefined if unknown. */
  readonly clusterVersion: string | undefined;
}

/**
 * All that a snapshot is made of. What gives a sequence is called twice and gives
 * the same both times; bytes must stay as they are.
 */
export interface EtcdSnapshotSource {
  readonly facts: EtcdFacts;
  /**
   * Every change since the compaction, and the newest one before it of each key
   * that was there; by ascending `main`, then `sub`.
   */
  revisions(): Iterable<EtcdRevision> | AsyncIterable<EtcdRevision>;
  /** In any order. */
  readonly leases: readonly EtcdLease[];
  readonly users: readonly EtcdUser[];
  readonly roles: readonly EtcdRole[];
  readonly members: readonly EtcdMember[];
}
