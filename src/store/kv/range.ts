/** Ranges of keys: which they are, and what v3's Range reads of them, now or at a revision. */
import { Buffer } from "node:buffer";
import type { ByteString } from "../byte_string.ts";
import type { RangeOperation, SortTarget } from "../command/command.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { flagsAt, TOMBSTONE, type Version, versionAt } from "../keyspace/record.ts";
import type { KeyValue } from "../result.ts";

/** The end of a range that has none: all keys from its start on. */
const FROM_KEY = "\0";

export interface Range {
  readonly start: ByteString;
  /** The first key beyond it; undefined: none is. */
  readonly end: ByteString | undefined;
}

/** `rangeEnd` "": the key alone; "\0": all from the key on; else up to it. */
export function rangeOf(key: ByteString, rangeEnd: ByteString): Range {
  if (rangeEnd === "") return { start: key, end: key + "\0" };
  return { start: key, end: rangeEnd === FROM_KEY ? undefined : rangeEnd };
}

/** Whether `key` is one of the range. */
export function isWithin({ start, end }: Range, key: ByteString): boolean {
  return key >= start && (end === undefined || key < end);
}

export interface RangeResult {
  readonly kvs: readonly KeyValue[];
  /** Of all keys in the range, whatever the limit and the bounds of revisions. */
  readonly count: number;
  readonly more: boolean;
}

/**
 * Reads a range. `revision` is that of the store; the one that is asked for is 0 or
 * within what the store still tells. Values are in the store's memory: good until
 * the next change.
 */
export function readRange(
  keys: Keyspace,
  operation: RangeOperation,
  revision: number,
): RangeResult {
  const { key, rangeEnd } = operation;
  const isPast = operation.revision > 0 && operation.revision < revision;
  if (rangeEnd === "") return readKey(keys, key, operation, isPast);
  const found: KeyValue[] = [];
  const limit = needsAll(operation)
    ? Infinity
    : (operation.limit || Infinity) + (isSortedCut(operation) ? 1 : 0);
  let count = 0;
  const { start, end } = rangeOf(key, rangeEnd);
  if (end !== undefined && end <= start) return NOTHING_FOUND;
  const cursor = keys.cursor();
  for (let isThere = cursor.seek(start); isThere; isThere = cursor.next()) {
    const takes = !operation.countOnly && found.length < limit;
    const { bytes, at } = cursor;
    // A key is read only if it is needed: to take it, or to see whether it is the end.
    const name = takes || end !== undefined ? cursor.key() : "";
    if (end !== undefined && name >= end) break;
    const version = isPast
      ? keys.versionAtRevision(cursor, operation.revision)
      : liveVersion(bytes, at, takes);
    if (version === undefined) continue;
    count++;
    if (takes) found.push({ key: name, version });
  }
  return finish(found, count, operation);
}

/**
 * The first `max` keys of `range`, at `revision` or, if that is 0, now. Nobody counts what is
 * behind them, so that a large range can be read a part at a time.
 */
export function readSlice(
  keys: Keyspace,
  { start, end }: Range,
  revision: number,
  max: number,
): KeyValue[] {
  const found: KeyValue[] = [];
  const cursor = keys.cursor();
  for (let isThere = cursor.seek(start); isThere; isThere = cursor.next()) {
    const key = cursor.key();
    if (end !== undefined && key >= end) break;
    const version = revision === 0
      ? liveVersion(cursor.bytes, cursor.at, true)
      : keys.versionAtRevision(cursor, revision);
    if (version !== undefined) found.push({ key, version });
    if (found.length >= max) break;
  }
  return found;
}

const NOTHING_FOUND: RangeResult = Object.freeze({ kvs: [], count: 0, more: false });

const COUNTED = {} as Version;

/** The version of the record at `at`; what stands for one when nobody wants to see it. */
function liveVersion(bytes: Uint8Array, at: number, isWanted: boolean): Version | undefined {
  if ((flagsAt(bytes, at) & TOMBSTONE) !== 0) return undefined;
  return isWanted ? versionAt(bytes, at) : COUNTED;
}

function readKey(
  keys: Keyspace,
  key: ByteString,
  operation: RangeOperation,
  isPast: boolean,
): RangeResult {
  const version = versionOf(keys, key, isPast ? operation.revision : 0);
  if (version === undefined) return NOTHING_FOUND;
  if (operation.countOnly) return { kvs: [], count: 1, more: false };
  return finish([{ key, version }], 1, operation);
}

/** The version of `key`, at `revision` if it is not 0. */
function versionOf(keys: Keyspace, key: ByteString, revision: number): Version | undefined {
  if (revision === 0) {
    const place = keys.find(key);
    return place === undefined ? undefined : versionAt(place.bytes, place.at);
  }
  const place = keys.findRecord(key);
  return place === undefined ? undefined : keys.versionAtRevision(place, revision);
}

/** Whether an order or bounds have to be applied before the limit. */
function needsAll(operation: RangeOperation): boolean {
  const { sortOrder, sortTarget } = operation;
  const isInOrder = sortOrder === "none" || sortTarget === "key" && sortOrder === "ascend";
  return !isInOrder || hasBounds(operation);
}

/**
 * Without an order, another target than the key means ascending. But as in etcd, what is
 * sorted is then only what the limit leaves, and the one key by which it sees that there are more.
 */
function isSortedCut({ sortOrder, sortTarget }: RangeOperation): boolean {
  return sortOrder === "none" && sortTarget !== "key";
}

function hasBounds(operation: RangeOperation): boolean {
  return operation.minModRevision > 0 || operation.maxModRevision > 0 ||
    operation.minCreateRevision > 0 || operation.maxCreateRevision > 0;
}

function finish(
  found: KeyValue[],
  count: number,
  operation: RangeOperation,
): RangeResult {
  if (operation.countOnly) return { kvs: [], count, more: false };
  let kvs = hasBounds(operation) ? found.filter((kv) => isInBounds(kv, operation)) : found;
  sort(kvs, operation);
  const { limit, keysOnly } = operation;
  // What was taken in the order of keys may have been cut by the limit already.
  const isCut = !needsAll(operation) && !isSortedCut(operation);
  const more = limit > 0 && (isCut ? count > kvs.length : kvs.length > limit);
  if (more) kvs = kvs.slice(0, limit);
  if (keysOnly) kvs = kvs.map(({ key, version }) => ({ key, version: withoutValue(version) }));
  return { kvs, count, more };
}

function isInBounds({ version }: KeyValue, operation: RangeOperation): boolean {
  const { modRevision, createRevision } = version;
  return (operation.minModRevision === 0 || modRevision >= operation.minModRevision) &&
    (operation.maxModRevision === 0 || modRevision <= operation.maxModRevision) &&
    (operation.minCreateRevision === 0 || createRevision >= operation.minCreateRevision) &&
    (operation.maxCreateRevision === 0 || createRevision <= operation.maxCreateRevision);
}

function sort(kvs: KeyValue[], { sortOrder, sortTarget }: RangeOperation): void {
  if (sortTarget === "key") {
    if (sortOrder === "descend") kvs.reverse();
    return;
  }
  const compare = COMPARISONS[sortTarget];
  kvs.sort(sortOrder === "descend" ? (a, b) => compare(b, a) : compare);
}

const COMPARISONS: Readonly<
  Record<Exclude<SortTarget, "key">, (a: KeyValue, b: KeyValue) => number>
> = {
  version: (a, b) => a.version.version - b.version.version,
  create: (a, b) => a.version.createRevision - b.version.createRevision,
  mod: (a, b) => a.version.modRevision - b.version.modRevision,
  value: (a, b) => Buffer.compare(a.version.value, b.version.value),
};

const NO_VALUE = new Uint8Array(0);

function withoutValue(version: Version): Version {
  return { ...version, value: NO_VALUE };
}

/** The keys that are there in a range, with their versions, in order. Good until the next change. */
export function* liveIn(keys: Keyspace, { start, end }: Range): Generator<KeyValue, void> {
  const cursor = keys.cursor();
  for (let found = cursor.seek(start); found; found = cursor.next()) {
    const key = cursor.key();
    if (end !== undefined && key >= end) return;
    const { bytes, at } = cursor;
    if ((flagsAt(bytes, at) & TOMBSTONE) === 0) yield { key, version: versionAt(bytes, at) };
  }
}
