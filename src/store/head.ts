/** The numbers of a state, and the hash that members compare. */
import type { Alarms } from "./alarms.ts";
import type { Auth } from "./auth/auth.ts";
import { Hasher } from "./keyspace/hash.ts";
import type { Keyspace } from "./keyspace/keyspace.ts";

export interface Head {
  /** The latest time (Unix ms) that any applied command was stamped with. */
  readonly timeMs: number;
  /** v1's index: of the last command that reached the tree. */
  readonly index: number;
  /** The index of the last command of all. */
  readonly appliedIndex: number;
  /** v3's revision; 1 when nothing was ever written. */
  readonly revision: number;
  /** v2's index. */
  readonly changeIndex: number;
  /** Revisions below it can't be read; 0 when all can. */
  readonly compactedRevision: number;
}

/**
 * v2's index before anything was written, as in a new cluster of etcd 3.4. Not 0: who
 * reads the index and waits for what comes behind it says so, and a `waitIndex` of 0
 * means from now on, so that what came in between would be missed.
 */
const FRESH_CHANGE_INDEX = 3;

/** Of a store that nothing was ever applied to. */
export const FRESH_HEAD: Head = Object.freeze({
  timeMs: 0,
  index: 0,
  appliedIndex: 0,
  revision: 1,
  changeIndex: FRESH_CHANGE_INDEX,
  compactedRevision: 0,
});

/** 16 hexadecimal digits for all that a state says. */
export function digestOf(
  head: Head,
  { hash, leases }: Pick<Keyspace, "hash" | "leases">,
  { hash: alarms }: Alarms,
  { hash: auth }: Auth,
): string {
  return new Hasher().integer(hash.low).integer(hash.high)
    .integer(leases.hash.low).integer(leases.hash.high)
    // A state without users has the digest that it had before there were any.
    .integer(alarms.low ^ auth.low).integer(alarms.high ^ auth.high)
    .integer(head.timeMs).integer(head.index).integer(head.appliedIndex)
    .integer(head.revision).integer(head.changeIndex).integer(head.compactedRevision)
    .finish().hex();
}
