/**
 * What v3's commands do: put, delete of a range, transactions, leases. A transaction
 * is judged as a whole before it writes anything: it is carried out entirely or not
 * at all.
 */
import { Buffer } from "node:buffer";
import type { ByteString } from "../byte_string.ts";
import type {
  Compare,
  DeleteRangeOperation,
  LeaseGrantCommand,
  LeaseRevokeCommand,
  Operation,
  PutOperation,
  RangeOperation,
  TxnOperation,
} from "../command/command.ts";
import type { Change } from "../keyspace/change.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { leaseAt, NO_VERSION, valueAt, type Version, versionAt } from "../keyspace/record.ts";
import { reject } from "../rejections.ts";
import type { KeyValue, OperationResult, Rejected, RejectionReason } from "../result.ts";
import { asBytes } from "../value.ts";
import { liveIn, rangeOf, readRange } from "./range.ts";

/** The revisions that may be read. */
export interface Readable {
  /** Before the command. */
  readonly revision: number;
  readonly compactedRevision: number;
}

/** Carries out one operation, or says why not. */
export function applyOperation(
  keys: Keyspace,
  change: Change,
  operation: Operation,
  readable: Readable,
): OperationResult | Rejected {
  const branches = new Map<TxnOperation, boolean>();
  if (operation.type === "txn") decide(keys, operation, branches);
  const problem = problemOf(keys, operation, readable, branches);
  if (problem !== undefined) return reject(problem.reason, problem.key, change);
  return carryOut(keys, change, operation, branches, readable.revision);
}

/** Grants a lease, or says why not. */
export function applyLeaseGrant(
  keys: Keyspace,
  change: Change,
  { id, ttlSeconds }: LeaseGrantCommand,
): Rejected | undefined {
  if (keys.leases.get(id) !== undefined) return reject("leaseExists", "", change);
  keys.leases.grant(id, ttlSeconds, change.logIndex);
}

/** Ends the lease, and deletes its keys in their order. */
export function applyLeaseRevoke(
  keys: Keyspace,
  change: Change,
  { id, grantIndex }: LeaseRevokeCommand,
): Rejected | undefined {
  const lease = keys.leases.get(id);
  if (lease === undefined || (grantIndex !== 0 && lease.grantIndex !== grantIndex)) {
    return reject("leaseNotFound", "", change);
  }
  const action = grantIndex === 0 ? "delete" : "expire";
  for (const key of [...lease.keys].sort()) keys.delete(change, key, action);
  keys.leases.end(id);
}

interface Problem {
  readonly reason: RejectionReason;
  readonly key: ByteString;
}

/** Why the operation can't be carried out, on the branches that its transactions take. */
function problemOf(
  keys: Keyspace,
  operation: Operation,
  readable: Readable,
  branches: ReadonlyMap<TxnOperation, boolean>,
): Problem | undefined {
  // A put of its own asks for its lease first, one of a transaction for its key: as in etcd.
  if (operation.type === "put") {
    return missingLease(keys, operation) ?? missingKey(keys, operation);
  }
  // All puts are judged before any range, wherever they stand.
  return firstProblem(
    operation,
    branches,
    (inner) =>
      inner.type === "put" ? missingKey(keys, inner) ?? missingLease(keys, inner) : undefined,
  ) ??
    firstProblem(
      operation,
      branches,
      (inner) => inner.type === "range" ? problemOfRange(inner, readable) : undefined,
    );
}

/** Which branch each transaction takes, by the state before the command. */
function decide(keys: Keyspace, txn: TxnOperation, branches: Map<TxnOperation, boolean>): void {
  const succeeded = txn.compares.every((compare) => holds(keys, compare));
  branches.set(txn, succeeded);
  for (const inner of succeeded ? txn.success : txn.failure) {
    if (inner.type === "txn") decide(keys, inner, branches);
  }
}

/** Of the operations on the way that is taken, in their order. */
function firstProblem(
  operation: Operation,
  branches: ReadonlyMap<TxnOperation, boolean>,
  judge: (operation: Operation) => Problem | undefined,
): Problem | undefined {
  if (operation.type !== "txn") return judge(operation);
  for (const inner of branches.get(operation) ? operation.success : operation.failure) {
    const problem = firstProblem(inner, branches, judge);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function missingKey(
  keys: Keyspace,
  { key, ignoreValue, ignoreLease }: PutOperation,
): Problem | undefined {
  if (!ignoreValue && !ignoreLease || keys.find(key) !== undefined) return undefined;
  return { reason: "keyNotFound", key };
}

function missingLease(keys: Keyspace, { key, lease }: PutOperation): Problem | undefined {
  if (lease === 0n || keys.leases.get(lease) !== undefined) return undefined;
  return { reason: "leaseNotFound", key };
}

function problemOfRange(
  { revision, key }: RangeOperation,
  readable: Readable,
): Problem | undefined {
  if (revision > readable.revision) return { reason: "futureRevision", key };
  if (revision > 0 && revision < readable.compactedRevision) return { reason: "compacted", key };
  return undefined;
}

function carryOut(
  keys: Keyspace,
  change: Change,
  operation: Operation,
  branches: ReadonlyMap<TxnOperation, boolean>,
  revision: number,
): OperationResult {
  switch (operation.type) {
    case "put":
      return put(keys, change, operation);
    case "deleteRange":
      return deleteRange(keys, change, operation);
    case "range":
      return range(keys, operation, revision, change);
    case "txn": {
      const succeeded = branches.get(operation)!;
      const results = (succeeded ? operation.success : operation.failure)
        .map((inner) => carryOut(keys, change, inner, branches, revision));
      return { type: "txn", succeeded, results };
    }
  }
}

function put(keys: Keyspace, change: Change, operation: PutOperation): OperationResult {
  const { key, ignoreValue, ignoreLease, wantsPrevious } = operation;
  const found = ignoreValue || ignoreLease ? keys.find(key) : undefined;
  const { before } = keys.put(change, key, {
    action: "set",
    value: ignoreValue && found !== undefined
      ? valueAt(found.bytes, found.at).slice()
      : asBytes(operation.value),
    deadlineMs: 0,
    lease: ignoreLease && found !== undefined ? leaseAt(found.bytes, found.at) : operation.lease,
    keepsCreatedIndex: false,
    isQuiet: false,
  }, false);
  const previous = wantsPrevious && before !== undefined ? { key, version: before } : undefined;
  return { type: "put", previous };
}

function deleteRange(
  keys: Keyspace,
  change: Change,
  { key, rangeEnd, wantsPrevious }: DeleteRangeOperation,
): OperationResult {
  const names = rangeEnd === ""
    ? keys.find(key) === undefined ? [] : [key]
    : [...liveIn(keys, rangeOf(key, rangeEnd))].map(({ key }) => key);
  const previous: KeyValue[] = [];
  for (const name of names) {
    const { before } = keys.delete(change, name, "delete");
    if (wantsPrevious && before !== undefined) previous.push({ key: name, version: before });
  }
  return { type: "delete", deleted: names.length, previous };
}

/** Sees what the operations before it in the same transaction have written. */
function range(
  keys: Keyspace,
  operation: RangeOperation,
  revision: number,
  change: Change,
): OperationResult {
  const now = change.hasRevision ? change.revision : revision;
  const { kvs, count, more } = readRange(keys, operation, now);
  // What follows in the transaction may write over the memory of these values.
  const kept = kvs.map(({ key, version }) => ({
    key,
    version: { ...version, value: version.value.slice() },
  }));
  return { type: "range", kvs: kept, count, more };
}

/** Whether the condition holds for every key of its range; none counts as a missing key. */
function holds(keys: Keyspace, compare: Compare): boolean {
  if (compare.rangeEnd === "") {
    const place = keys.find(compare.key);
    return holdsFor(compare, place === undefined ? undefined : versionAt(place.bytes, place.at));
  }
  let isEmpty = true;
  for (const { version } of liveIn(keys, rangeOf(compare.key, compare.rangeEnd))) {
    isEmpty = false;
    if (!holdsFor(compare, version)) return false;
  }
  return isEmpty ? holdsFor(compare, undefined) : true;
}

/** A missing key has numbers of 0, and no value that anything could be said of. */
function holdsFor(compare: Compare, found: Version | undefined): boolean {
  const version = found ?? NO_VERSION;
  switch (compare.target) {
    case "value":
      return found !== undefined &&
        isOrdered(compare, Buffer.compare(version.value, compare.value));
    case "lease":
      return isOrdered(compare, sign(version.lease, compare.lease));
    case "version":
      return isOrdered(compare, version.version - compare.number);
    case "create":
      return isOrdered(compare, version.createRevision - compare.number);
    case "mod":
      return isOrdered(compare, version.modRevision - compare.number);
  }
}

function sign(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function isOrdered({ operator }: Compare, order: number): boolean {
  switch (operator) {
    case "equal":
      return order === 0;
    case "notEqual":
      return order !== 0;
    case "greater":
      return order > 0;
    case "less":
      return order < 0;
  }
}
