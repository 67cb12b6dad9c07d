/**
 * The state machine: applies the commands of the replicated log, in order, to one key
 * space that all APIs share, with its versions, leases and watches. Deterministic: it
 * reads no clock, no random number, no environment, so all members agree at every
 * index.
 *
 * A key is there for commands until its expiry has been applied, even when its
 * deadline has passed: the order of the log decides, not the time. Readers of v1 and
 * v2, who bring a time, no longer see it from its deadline on.
 */
import { assert, InvariantError } from "../base/assert.ts";
import type { StateMachine } from "../node/ports.ts";
import { alarmAgainst } from "./admission.ts";
import { Alarms } from "./alarms.ts";
import { Auth, type AuthView } from "./auth/auth.ts";
import { refusalOf } from "./auth/judge.ts";
import type { ByteString } from "./byte_string.ts";
import { decodeCommand, encodeCommand } from "./command/codec.ts";
import type { AuthCommand } from "./command/auth_command.ts";
import {
  type Command,
  CommandError,
  type CompactCommand,
  NOBODY,
  type Operation,
  type RangeOperation,
  type Requester,
  type SetCommand,
  type StampedCommand,
  type TxnOperation,
} from "./command/command.ts";
import { StoreCounters } from "./counters.ts";
import { FrozenStore } from "./frozen.ts";
import { digestOf, FRESH_HEAD, type Head } from "./head.ts";
import { ImageReader } from "./image/reader.ts";
import { writeImage } from "./image/writer.ts";
import { Change } from "./keyspace/change.ts";
import { Keyspace } from "./keyspace/keyspace.ts";
import { type Range, type RangeResult, readRange, readSlice } from "./kv/range.ts";
import { applyLeaseGrant, applyLeaseRevoke, applyOperation } from "./kv/writes.ts";
import type { Lease } from "./lease/leases.ts";
import { reject } from "./rejections.ts";
import type { Applied, KeyValue, Rejected, RejectionReason, Result } from "./result.ts";
import { type Item, pageOfChildren, readItem, TreeReader } from "./tree/listing.ts";
import { applyDelete, applySet } from "./tree/v1_writes.ts";
import { applyExpire, applyTreeDelete, applyTreePut, firstMissing } from "./tree/v2_writes.ts";
import { WatchHub } from "./watch/hub.ts";

export interface StoreOptions {
  /** Events that watches of v1 and v2 can look back to; `-m`. */
  readonly lookBackEvents?: number;
}

export interface StoreStats {
  /** Keys of all APIs. */
  readonly keys: number;
  /** Keys that v1 and v2 see. */
  readonly files: number;
  /** Without the root. */
  readonly directories: number;
  readonly watchers: number;
  /** Watches that read what has passed. */
  readonly slowWatchers: number;
  /** Files and directories with a deadline. */
  readonly expiring: number;
  readonly leases: number;
  /** Entries of the versions list, and their bytes. */
  readonly historyEvents: number;
  readonly historyBytes: number;
  /** The lowest log index that a watch of v1 can look back to. */
  readonly historyFirstIndex: number;
  /** Of all live records, directories among them. */
  readonly liveBytes: number;
  /** Of all that is here, versions of the past included. */
  readonly sizeBytes: number;
}

/** What a store has even when it is empty: its numbers, and pages that have room. */
const OVERHEAD_BYTES = 64 * 1024;

export class Store implements StateMachine<Result> {
  /** Who waits for events; stays the same for the life of the store, restores included. */
  readonly watches: WatchHub;
  readonly counters = new StoreCounters();
  #keys = new Keyspace();
  #alarms = new Alarms();
  #auth = new Auth();
  readonly #onAuthChange: (() => void)[] = [];
  readonly #onGrant: ((lease: Lease) => void)[] = [];
  #head: Head = FRESH_HEAD;

  constructor({ lookBackEvents = Infinity }: StoreOptions = {}) {
    this.watches = new WatchHub(() => this.#keys, lookBackEvents);
  }

  get timeMs(): number {
    return this.#head.timeMs;
  }

  /**
   * v1's index: of the last command that reached the tree. Of v1's set and delete even
   * if it failed, of its test-and-set only if it passed its comparison; of all others
   * if they changed something.
   */
  get index(): number {
    return this.#head.index;
  }

  get appliedIndex(): number {
    return this.#head.appliedIndex;
  }

  /** v3's revision. */
  get revision(): number {
    return this.#head.revision;
  }

  /** v2's index. */
  get changeIndex(): number {
    return this.#head.changeIndex;
  }

  /** Of all live records, directories among them. */
  get liveBytes(): number {
    return this.#keys.liveBytes;
  }

  /** The lowest revision that can be read; 0 when all can. */
  get compactedRevision(): number {
    return this.#head.compactedRevision;
  }

  get alarms(): Pick<Alarms, "values" | "has"> {
    return this.#alarms;
  }

  /** Users and roles. */
  get auth(): AuthView {
    return this.#auth;
  }

  /** Why `requester` may not have `command` carried out; undefined when it may. */
  refusalOf(command: Command, requester: Requester): RejectionReason | undefined {
    return this.#auth.isEnabled ? refusalOf(this.#auth, this, command, requester) : undefined;
  }

  /** Calls `listener`, which must not throw, whenever users, roles or the switch may have changed. */
  onAuthChange(listener: () => void): void {
    this.#onAuthChange.push(listener);
  }

  /** Whether a key, and not a directory, is there, its deadline aside. */
  hasKey(key: ByteString): boolean {
    return this.#keys.find(key) !== undefined;
  }

  /** Whether a directory is there, its deadline aside; a key in its place may hide it. */
  hasDirectory(path: ByteString): boolean {
    return this.#keys.hasDirectory(path);
  }

  /** When the next key or directory is due, Unix ms; Infinity when none is. */
  nextDeadlineMs(): number {
    return this.#keys.nextDeadlineMs();
  }

  /**
   * Applies the log's entry `index`. Watches are told before this returns. Throws
   * `InvariantError` when `data` is no command: it was committed, so every member must
   * stop here rather than go on in its own way.
   */
  apply(index: number, data: Uint8Array): Result {
    assert(index > this.#head.appliedIndex, "Entries must be applied in ascending order");
    const stamped = decodeCommitted(index, data);
    const { revision, changeIndex } = this.#head;
    const timeMs = Math.max(this.#head.timeMs, stamped.timeMs);
    const change = new Change(index, timeMs, revision, changeIndex, stamped.format);
    const result = this.#apply(stamped, change);
    this.#advance(stamped, change, result);
    this.counters.count(stamped.command, result, change.events.length);
    this.#keys.trim();
    this.watches.publish(change.events);
    return result;
  }

  /**
   * Commands that expire what is due at `nowMs`, in the order of the deadlines, at
   * most `max`. The same ones come again until they have been applied.
   */
  due(nowMs: number, max: number): Uint8Array[] {
    return this.#keys.due(nowMs, max).map(({ key, isDirectory, setIndex }) =>
      encodeCommand({ type: "expire", key, setIndex, isDirectory }, NOBODY, nowMs)
    );
  }

  /**
   * The time by which an answer tells what is left of lifetimes. The clock of a follower
   * may be a few milliseconds behind the newest entry, and then a TTL of 500, just set,
   * would be told as 501.
   */
  lifetimesAtMs(nowMs: number): number {
    return Math.max(nowMs, this.#head.timeMs);
  }

  /** What v1 and v2 see at `key` at the time `nowMs`; undefined when nothing is there. */
  read(key: ByteString, nowMs: number): Item | undefined {
    const item = readItem(this.#keys, key, nowMs);
    if (item === undefined) this.counters.getsFail++;
    else this.counters.getsSuccess++;
    return item;
  }

  /** The file above `key` that keeps v1 and v2 from writing there, if any. */
  fileAbove(key: ByteString): ByteString | undefined {
    return this.#keys.fileAbove(key);
  }

  /** The first directory above `key` that is missing, or `key`. */
  firstMissing(key: ByteString): ByteString {
    return firstMissing(this.#keys, key);
  }

  /**
   * The direct children of the directory `key` as of this call, in the order of their
   * bytes, without what is past its deadline at `nowMs`. To be consumed once, at any
   * pace. A file or a missing key has no children.
   */
  list(key: ByteString, nowMs: number): Iterable<Item> {
    return this.reader(nowMs).list(key);
  }

  /** Lists any number of directories for one reader. */
  reader(nowMs: number): TreeReader {
    return new TreeReader(this.#keys, nowMs);
  }

  /** A page of what `list` lists: see `pageOfChildren`. */
  page(
    key: ByteString,
    nowMs: number,
    after: ByteString,
    max: number,
    unitsMax: number,
  ): Item[] {
    return pageOfChildren(this.#keys, key, nowMs, after, max, unitsMax);
  }

  /**
   * Reads a range for v3, or says why the revision can't be read. Values are in the
   * store's memory: good until the next change.
   */
  range(operation: RangeOperation): RangeResult | "compacted" | "futureRevision" {
    const problem = this.#problemOf(operation.revision);
    if (problem !== undefined) return problem;
    this.counters.ranges++;
    return readRange(this.#keys, operation, this.#head.revision);
  }

  /** See `readSlice`. Values as those of `range`. */
  slice(
    range: Range,
    revision: number,
    max: number,
  ): readonly KeyValue[] | "compacted" | "futureRevision" {
    const isPast = revision > 0 && revision < this.#head.revision;
    return this.#problemOf(revision) ?? readSlice(this.#keys, range, isPast ? revision : 0, max);
  }

  /** Why nothing can be read at `revision`. */
  #problemOf(revision: number): "compacted" | "futureRevision" | undefined {
    const head = this.#head;
    if (revision > head.revision) return "futureRevision";
    return revision > 0 && revision < head.compactedRevision ? "compacted" : undefined;
  }

  /**
   * What a transaction that writes nothing whichever branch it takes would give; nothing
   * is applied. Values are in memory of their own.
   */
  query(operation: TxnOperation): Applied<"txn"> | Rejected {
    const { appliedIndex, timeMs, revision, changeIndex } = this.#head;
    const change = new Change(appliedIndex, timeMs, revision, changeIndex, 2);
    const result = applyOperation(this.#keys, change, operation, this.#head);
    assert(change.events.length === 0, "A query must not change anything");
    if ("kind" in result) return result;
    assert(result.type === "txn", "A transaction has a transaction's result");
    this.counters.countOperation(result);
    return { kind: "applied", revision, logIndex: 0, result };
  }

  lease(id: bigint): Lease | undefined {
    return this.#keys.leases.get(id);
  }

  leases(): Iterable<Lease> {
    return this.#keys.leases.values();
  }

  /** Calls `listener`, which must not throw, with each lease when its grant is applied. */
  onGrant(listener: (lease: Lease) => void): void {
    this.#onGrant.push(listener);
  }

  /** The keys and leases of now, to be read at any pace. */
  frozen(): FrozenStore {
    return new FrozenStore(this.#head, this.#keys);
  }

  /**
   * The command by which old versions go: those older than `olderThanMs`, and more to
   * keep `bytesMax`, but not the newest `keepEvents`. Undefined when none need to.
   */
  compactionDue(
    olderThanMs: number,
    bytesMax: number,
    keepEvents: number,
  ): CompactCommand | undefined {
    const last = this.#keys.versions.excess(olderThanMs, bytesMax, keepEvents);
    // What is gone already, and only waits to be cut off, need not be let go of again.
    if (last === undefined || last.logIndex <= this.#keys.cleared.logIndex) return undefined;
    const revision = Math.min(last.revision + 1, this.#head.revision);
    return { type: "compact", revision, changeIndex: last.changeIndex + 1, keepEvents };
  }

  /**
   * The image of the state as of this call, in slices of at most 256 KiB, each
   * made when it is asked for, while the store goes on.
   */
  snapshot(): Iterable<Uint8Array> {
    return writeImage(this.#head, this.#keys, this.#alarms, this.#auth);
  }

  /**
   * Replaces the whole state by that of an image, cut in any way. Watches go on from
   * where they were. Resolves with the digest that the image holds, which for one of
   * version 1.0 is not that of the state. Rejects with `ImageError` when it is damaged
   * and leaves the state as it was.
   */
  async restore(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> {
    const reader = new ImageReader(new Keyspace());
    for await (const chunk of chunks) reader.add(chunk);
    const { head, keys, alarms, auth, digest } = reader.finish();
    const reached = this.watches.beforeRestore(this.#head.appliedIndex);
    this.#head = head;
    this.#keys = keys;
    this.#alarms = alarms;
    this.#auth = auth;
    this.watches.afterRestore(reached);
    this.#tellAuthChange();
    return digest;
  }

  /**
   * A hash of the numbers, keys, directories, leases, alarms, users and roles, kept up to
   * date by each change and so free to ask for. The versions list is left out: members may
   * have restored different amounts of it.
   */
  digest(): string {
    return digestOf(this.#head, this.#keys, this.#alarms, this.#auth);
  }

  stats(): StoreStats {
    const keys = this.#keys;
    return {
      keys: keys.count,
      files: keys.fileCount,
      directories: keys.directoryCount,
      watchers: this.watches.size,
      slowWatchers: this.watches.unsyncedCount,
      expiring: keys.expiringCount,
      leases: keys.leases.size,
      historyEvents: keys.versions.count,
      historyBytes: keys.versions.size,
      historyFirstIndex: this.#historyFirstIndex(),
      liveBytes: keys.liveBytes,
      sizeBytes: OVERHEAD_BYTES + keys.liveBytes + keys.versions.size,
    };
  }

  #historyFirstIndex(): number {
    const { logIndex } = this.watches.clearedOf("path");
    return logIndex === 0 ? 0 : logIndex + 1;
  }

  #apply({ command, requester }: StampedCommand, change: Change): Result {
    const keys = this.#keys;
    const refusal = this.refusalOf(command, requester);
    if (refusal !== undefined) return reject(refusal, "", change);
    const alarm = alarmAgainst(this.#alarms, command);
    if (alarm !== undefined) return reject(alarm, "", change);
    switch (command.type) {
      case "set":
        return applySet(keys, change, command);
      case "delete":
        return applyDelete(keys, change, command);
      case "expire":
        return applyExpire(keys, change, command);
      case "treePut":
        return applyTreePut(keys, change, command);
      case "treeDelete":
        return applyTreeDelete(keys, change, command);
      case "put":
      case "deleteRange":
      case "range":
      case "txn":
        return this.#applyOperation(change, command);
      case "compact":
        return this.#compact(change, command) ?? this.#done(change, true);
      case "leaseGrant":
        return applyLeaseGrant(keys, change, command) ?? this.#granted(change, command.id);
      case "leaseRevoke":
        return applyLeaseRevoke(keys, change, command) ?? this.#done(change, true);
      case "alarm":
        return this.#done(change, this.#alarms.apply(command));
      case "auth":
        return this.#changeAuth(change, command);
    }
  }

  #applyOperation(change: Change, operation: Operation): Result {
    const result = applyOperation(this.#keys, change, operation, this.#head);
    if ("kind" in result) return result;
    const { logIndex } = change;
    return { kind: "applied", revision: this.#revisionAfter(change), logIndex, result };
  }

  #changeAuth(change: Change, command: AuthCommand): Result {
    const problem = this.#auth.apply(command);
    if (problem !== undefined) return reject(problem, "", change);
    this.#tellAuthChange();
    return this.#done(change, true);
  }

  #granted(change: Change, id: bigint): Result {
    const lease = this.lease(id);
    assert(lease !== undefined, "A lease that was granted is there");
    for (const listener of this.#onGrant) listener(lease);
    return this.#done(change, true);
  }

  #tellAuthChange(): void {
    this.watches.authChanged();
    for (const listener of this.#onAuthChange) listener();
  }

  #compact(
    change: Change,
    { revision, changeIndex, keepEvents }: CompactCommand,
  ): Rejected | undefined {
    if (revision > this.#head.revision) return reject("futureRevision", "", change);
    const isOfClient = changeIndex === 0;
    if (isOfClient && revision <= this.#head.compactedRevision) {
      return reject("compacted", "", change);
    }
    const { versions } = this.#keys;
    const place = Math.max(
      versions.lowerBound("revision", revision),
      isOfClient ? 0 : versions.lowerBound("changeIndex", changeIndex),
    );
    this.#keys.compactBefore(Math.min(place, versions.fromEnd(keepEvents)));
    const compactedRevision = Math.max(revision, this.#head.compactedRevision);
    this.#head = { ...this.#head, compactedRevision };
  }

  #done(change: Change, changed: boolean): Result {
    return {
      kind: "done",
      revision: this.#revisionAfter(change),
      logIndex: change.logIndex,
      changed,
    };
  }

  #revisionAfter(change: Change): number {
    return change.hasRevision ? change.revision : this.#head.revision;
  }

  #advance({ command, format }: StampedCommand, change: Change, result: Result): void {
    const { logIndex, timeMs } = change;
    const before = this.#head;
    const index = reachesTree(command, change, result) ? logIndex : before.index;
    if (format === 1) {
      // So members agree that restored snapshots of version 1.0 at different indexes.
      const revision = Math.max(index, 1);
      this.#head = {
        timeMs,
        index,
        appliedIndex: logIndex,
        revision,
        changeIndex: index,
        compactedRevision: revision,
      };
      return;
    }
    this.#head = {
      timeMs,
      index,
      appliedIndex: logIndex,
      revision: this.#revisionAfter(change),
      changeIndex: change.changeIndex,
      compactedRevision: before.compactedRevision,
    };
  }
}

/** Whether v1's index moves. */
function reachesTree(command: Command, change: Change, result: Result): boolean {
  if (isRefused(result)) return false;
  switch (command.type) {
    case "set":
      return !isFailedTest(command, result);
    case "delete":
      return true;
    default:
      return change.events.length > 0;
  }
}

/** Whether who asked may not do it, or nobody may now: it is as if it had not been asked. */
function isRefused(result: Result): boolean {
  if (result.kind !== "rejected") return false;
  const { reason } = result;
  return reason === "permissionDenied" || reason === "authIsOld" || reason === "noSpace" ||
    reason === "corrupt";
}

function isFailedTest({ prevValue }: SetCommand, result: Result): boolean {
  if (prevValue === undefined || result.kind !== "rejected") return false;
  return result.reason === "testFailed" || result.reason === "keyNotFound";
}

function decodeCommitted(index: number, data: Uint8Array): StampedCommand {
  try {
    return decodeCommand(data);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new InvariantError(
      `Expected entry ${index} of the log to be a command; ${error.message}`,
      { cause: error },
    );
  }
}
