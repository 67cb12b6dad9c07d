/**
 * Queues of keys below one name, in the order of their creation: what locks and
 * elections are made of. The key of who waits hangs on a lease, so whoever dies leaves
 * the queue; the one whose key was created first holds the lock, or leads.
 */
import { inLaterTurn } from "../../../base/turns.ts";
import type { Failure } from "../../../node/ports.ts";
import { type ByteString, endOfPrefix } from "../../../store/byte_string.ts";
import type {
  Compare,
  Operation,
  RangeOperation,
  TxnOperation,
} from "../../../store/command/command.ts";
import { PLAIN_RANGE } from "../../../store/command/command.ts";
import { rangeOf } from "../../../store/kv/range.ts";
import type { KeyValue, OperationResult, SuccessOf } from "../../../store/result.ts";
import type { Watch } from "../../../store/watch/hub.ts";
import type { UnaryCall } from "../call.ts";
import type { V3Context } from "../context.ts";
import { freshLeaseId } from "../lease.ts";
import { failureStatus } from "../refusal.ts";
import { StatusCode } from "../status.ts";
import { STATUS, type Status, status } from "../statuses.ts";
import { mayRead, readFresh, whoCalls, write, writeOperation } from "../waist.ts";

type Call = Pick<UnaryCall<object>, "caller" | "fail" | "isOver">;

/** A place in a queue. */
export interface Place {
  readonly key: ByteString;
  /** The revision that created the key. */
  readonly revision: number;
  /** Of the transaction that entered or found it. */
  readonly headerRevision: number;
  /** What the key had before, if it was there already. */
  readonly found: KeyValue | undefined;
}

/** Seconds that a lease lives which is made for a client that names none. */
const OWN_LEASE_SECONDS = 60;

/** Entries of the history that are looked at in one turn of the event loop. */
const ENTRIES_AT_ONCE = 1000;

/** What is below a name: keys are the name, a slash and the lease in hexadecimal digits. */
export function below(name: ByteString): Pick<RangeOperation, "key" | "rangeEnd"> {
  const prefix = `${name}/`;
  return { key: prefix, rangeEnd: endOfPrefix(prefix) };
}

/** Resolves with the lease to use, a new one where the client names none; undefined when the call failed. */
export function leaseOf(v3: V3Context, call: Call, lease: bigint) {
  if (lease !== 0n) return Promise.resolve(lease);
  const id = freshLeaseId(v3);
  return new Promise<bigint | undefined>((resolve) => {
    const failing = failAnd(call, () => resolve(undefined));
    const command = { type: "leaseGrant", id, ttlSeconds: OWN_LEASE_SECONDS } as const;
    write(v3, failing, command, () => resolve(id));
  });
}

/** Enters the queue of `name` with `value`, or finds the key that is there; undefined when the call failed. */
export async function enter(
  v3: V3Context,
  call: Call,
  name: ByteString,
  lease: bigint,
  value: Uint8Array,
): Promise<Place | undefined> {
  // As Go prints it: negative ids have a minus.
  const key = `${name}/${lease.toString(16)}`;
  const applied = await apply(v3, call, {
    type: "txn",
    compares: [createdAt(key, 0)],
    success: [putOf(key, value, lease)],
    failure: [{ ...PLAIN_RANGE, key }],
  });
  if (applied === undefined) return undefined;
  const { succeeded, results } = applied.result;
  const found = succeeded ? undefined : rangeOfResult(results[0])?.[0];
  const revision = found?.version.createRevision ?? applied.revision;
  return { key, revision, headerRevision: applied.revision, found };
}

/**
 * Waits until no key of the queue of `name` is older than `place`. Resolves with the revision
 * at which that was seen; undefined when the client has gone or the call has failed, as
 * `expired` if the place was gone by then. Whoever doesn't get its turn gives its place up.
 */
export async function turnOf(
  v3: V3Context,
  call: Call,
  name: ByteString,
  place: Place,
  gone: Promise<void>,
  expired: Status,
): Promise<number | undefined> {
  // A place that was there may be held by now, on the word that an earlier call was given.
  const isOurs = place.found === undefined;
  let isWaiting = false;
  while (true) {
    const seen = await newestBefore(v3, call, name, place.revision);
    if (seen === undefined || call.isOver) break;
    if (seen.kv === undefined) {
      isWaiting = false;
      const isThere = await hasPlace(v3, call, place);
      if (call.isOver) break;
      if (isThere) return seen.revision;
      call.fail(expired);
      return undefined;
    }
    isWaiting = true;
    const isDeleted = deletionOf(v3, seen.kv.key, seen.revision + 1);
    const failure = await Promise.race([isDeleted.happened, gone.then(() => undefined)]);
    isDeleted.cancel();
    if (failure !== undefined) call.fail(failureStatus(failure));
    if (call.isOver) break;
  }
  if (isOurs || isWaiting) giveUp(v3, call, place);
  return undefined;
}

/** Whether who has waited is still in the queue: its lease may have ended meanwhile. */
async function hasPlace(v3: V3Context, call: Call, place: Place): Promise<boolean> {
  const found = await read(v3, call, { ...PLAIN_RANGE, key: place.key, keysOnly: true });
  return found?.kv?.version.createRevision === place.revision;
}

/** Deletes the key of `place`, and no later one that the same lease has made; nobody waits for that. */
function giveUp({ service }: V3Context, call: Call, { key, revision }: Place): void {
  const operation: TxnOperation = {
    type: "txn",
    compares: [createdAt(key, revision)],
    success: [deletionAt(key)],
    failure: [],
  };
  service.auth.write(whoCalls(call), operation, false, () => {});
}

/** The oldest key of the queue of `name`, and the revision at which it was seen. */
export function first(v3: V3Context, call: Call, name: ByteString) {
  const operation: RangeOperation = {
    ...PLAIN_RANGE,
    ...below(name),
    limit: 1,
    sortOrder: "ascend",
    sortTarget: "create",
  };
  return read(v3, call, operation);
}

/** Deletes `key`; resolves with the revision then, or undefined when the call failed. */
export async function leave(v3: V3Context, call: Call, key: ByteString) {
  if (key === "") return failAsClient(call, STATUS.emptyKey);
  return (await apply(v3, call, deletionAt(key)))?.revision;
}

/** Carries out `operations` if the key is still the one that `revision` created; undefined when the call failed. */
export async function ifCreatedAt(
  v3: V3Context,
  call: Call,
  key: ByteString,
  revision: number,
  operations: readonly Operation[],
) {
  if (key === "") return failAsClient(call, STATUS.emptyKey);
  const txn: TxnOperation = {
    type: "txn",
    compares: [createdAt(key, revision)],
    success: operations,
    failure: [],
  };
  const applied = await apply(v3, call, txn);
  return applied && { revision: applied.revision, succeeded: applied.result.succeeded };
}

/** A put of a key that hangs on a lease. */
export function putOf(key: ByteString, value: Uint8Array, lease: bigint): Operation {
  return {
    type: "put",
    key,
    // The message that it came in is not kept.
    value: value.slice(),
    lease,
    wantsPrevious: false,
    ignoreValue: false,
    ignoreLease: false,
  };
}

/** The end of one key. */
export function deletionAt(key: ByteString): Operation {
  return { type: "deleteRange", key, rangeEnd: "", wantsPrevious: false };
}

interface Deletion {
  /** A failure when it can't be told any longer. */
  readonly happened: Promise<Failure | undefined>;
  cancel(): void;
}

/** The end of `key`, at or after the revision `since`. */
function deletionOf({ service }: V3Context, key: ByteString, since: number): Deletion {
  let cancel = () => {};
  const happened = new Promise<Failure | undefined>((resolve) => {
    const done = () => resolve(undefined);
    const view = { kind: "range", range: rangeOf(key, "") } as const;
    const watch = service.watch(view, since, {
      onEvents: (events) => {
        if (events.some(({ after }) => after === undefined)) done();
      },
      // Whoever waits looks again.
      onBehind: done,
    });
    if ("reason" in watch) return resolve(watch);
    cancel = () => watch.cancel();
    drain(watch, done);
  });
  return { happened, cancel: () => cancel() };
}

/** Reads what has passed until the watch is told by itself; calls back if there was anything. */
function drain(watch: Watch, onAny: () => void): void {
  if (watch.isOver || watch.isSynced) return;
  const reading = watch.read(ENTRIES_AT_ONCE);
  if (reading.kind === "cleared") return onAny();
  if (reading.events.length > 0) onAny();
  if (!reading.isSynced) inLaterTurn(() => drain(watch, onAny));
}

/** The newest key of the queue that was created before `revision`, if any, and the revision now. */
function newestBefore(v3: V3Context, call: Call, name: ByteString, revision: number) {
  const operation: RangeOperation = {
    ...PLAIN_RANGE,
    ...below(name),
    limit: 1,
    keysOnly: true,
    sortOrder: "descend",
    sortTarget: "create",
    maxCreateRevision: revision - 1,
  };
  return read(v3, call, operation);
}

interface Seen {
  readonly kv: KeyValue | undefined;
  /** At which it was seen. */
  readonly revision: number;
}

/** The first key of a range; undefined when the call failed. */
function read(
  v3: V3Context,
  call: Call,
  operation: RangeOperation,
): Promise<Seen | undefined> {
  return new Promise((resolve) => {
    const failing = failAnd(call, () => resolve(undefined));
    readFresh(v3, failing, mayRead(operation), (store) => {
      const found = store.range(operation);
      const [kv] = typeof found === "string" ? [] : found.kvs;
      // The store's memory changes later.
      const kept = kv && {
        key: kv.key,
        version: { ...kv.version, value: kv.version.value.slice() },
      };
      resolve({ kv: kept, revision: store.revision });
    });
  });
}

function apply<C extends Operation>(
  v3: V3Context,
  call: Call,
  operation: C,
): Promise<SuccessOf<C> | undefined> {
  return new Promise((resolve) => {
    const failing = failAnd(call, () => resolve(undefined));
    writeOperation(v3, failing, operation, resolve);
  });
}

/** `call`, which fails as a client's does, and then tells whoever waits here. */
function failAnd(call: Call, then: () => void): Pick<Call, "caller" | "fail"> {
  const fail = (problem: Status) => {
    failAsClient(call, problem);
    then();
  };
  return { caller: call.caller, fail };
}

/** What may end by itself keeps its code, so that clients try again. */
const KEPT: ReadonlySet<StatusCode> = new Set([
  StatusCode.unavailable,
  StatusCode.resourceExhausted,
]);

/**
 * etcd's locks and elections are clients of its keys and leases, and pass on only the
 * texts of their errors: refusals have the code "unknown".
 */
function failAsClient(call: Call, { code, message }: Status): void {
  call.fail(status(KEPT.has(code) ? code : StatusCode.unknown, message));
}

function createdAt(key: ByteString, revision: number): Compare {
  return {
    key,
    rangeEnd: "",
    operator: "equal",
    target: "create",
    number: revision,
    value: NO_VALUE,
    lease: 0n,
  };
}

const NO_VALUE = new Uint8Array(0);

function rangeOfResult(result: OperationResult | undefined): readonly KeyValue[] | undefined {
  return result?.type === "range" ? result.kvs : undefined;
}
