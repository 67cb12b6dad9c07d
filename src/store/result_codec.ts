/**
 * Results as bytes, for their way from the leader to the member whose client asked.
 * One byte of kind, then what the kind has; the commands' writer and reader.
 */
import { ByteReader, DecodeError } from "../base/bytes.ts";
import type { ByteString } from "./byte_string.ts";
import { GrowingWriter } from "./command/growing_writer.ts";
import type { Action, Event } from "./event.ts";
import type { Version } from "./keyspace/record.ts";
import {
  type FailedComparison,
  type KeyValue,
  NOTHING,
  type OperationResult,
  type Rejected,
  type RejectionReason,
  type Result,
} from "./result.ts";

const EVENT = 1;
const REJECTED = 2;
const NOTHING_DONE = 3;
const APPLIED = 4;
const DONE = 5;

const PUT = 1;
const DELETE = 2;
const RANGE = 3;
const TXN = 4;

const IS_DIRECTORY = 0x01;
const IS_FILE = 0x02;
const IS_QUIET = 0x04;
const IS_COVERED = 0x08;
const HAS_AFTER = 0x10;
const HAS_BEFORE = 0x20;

const ACTIONS: readonly Action[] = [
  "set",
  "create",
  "update",
  "compareAndSwap",
  "delete",
  "compareAndDelete",
  "expire",
];

const writer = new GrowingWriter();

/** The bytes of `result`, which share their buffer with others. */
export function encodeResult(result: Result): Uint8Array {
  writer.begin();
  switch (result.kind) {
    case "event":
      writer.byte(EVENT);
      writeEvent(result);
      break;
    case "rejected":
      writer.byte(REJECTED);
      writeRejected(result);
      break;
    case "nothing":
      writer.byte(NOTHING_DONE);
      break;
    case "applied":
      writer.byte(APPLIED);
      writer.integer(result.revision);
      writer.integer(result.logIndex);
      writeOperationResult(result.result);
      break;
    case "done":
      writer.byte(DONE);
      writer.integer(result.revision);
      writer.integer(result.logIndex);
      writer.byte(result.changed ? 1 : 0);
  }
  return writer.take();
}

/** Bytes that are no result. */
export class ResultError extends Error {
  override readonly name = "ResultError";
}

/** What `encodeResult` made `bytes` of; values share memory with them. Throws `ResultError`. */
export function decodeResult(bytes: Uint8Array): Result {
  try {
    const reader = new ByteReader(bytes);
    const result = readResult(reader);
    reader.end();
    return result;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ResultError(`Damaged result: ${error.message}`, { cause: error });
  }
}

function readResult(reader: ByteReader): Result {
  const kind = reader.byte();
  switch (kind) {
    case EVENT:
      return readEvent(reader);
    case REJECTED:
      return readRejected(reader);
    case NOTHING_DONE:
      return NOTHING;
    case APPLIED:
      return {
        kind: "applied",
        revision: reader.integer(),
        logIndex: reader.integer(),
        result: readOperationResult(reader, 0),
      };
    case DONE:
      return {
        kind: "done",
        revision: reader.integer(),
        logIndex: reader.integer(),
        changed: reader.byte() === 1,
      };
    default:
      throw new DecodeError(`Expected a kind of result, found ${kind}`);
  }
}

function writeEvent(event: Event): void {
  const { after, before } = event;
  writer.byte(ACTIONS.indexOf(event.action));
  writer.byte(
    (event.isDirectory ? IS_DIRECTORY : 0) | (event.isFile ? IS_FILE : 0) |
      (event.isQuiet ? IS_QUIET : 0) | (event.isCovered ? IS_COVERED : 0) |
      (after === undefined ? 0 : HAS_AFTER) | (before === undefined ? 0 : HAS_BEFORE),
  );
  writer.byteString(event.key);
  writer.integer(event.logIndex);
  writer.integer(event.changeIndex);
  writer.integer(event.revision);
  writer.integer(event.timeMs);
  if (after !== undefined) writeVersion(after);
  if (before !== undefined) writeVersion(before);
}

function readEvent(reader: ByteReader): Event {
  const action = ACTIONS[reader.byte()];
  if (action === undefined) throw new DecodeError("Expected an action");
  const flags = reader.byte();
  return {
    kind: "event",
    action,
    isDirectory: (flags & IS_DIRECTORY) !== 0,
    isFile: (flags & IS_FILE) !== 0,
    isQuiet: (flags & IS_QUIET) !== 0,
    isCovered: (flags & IS_COVERED) !== 0,
    key: reader.byteString(),
    logIndex: reader.integer(),
    changeIndex: reader.integer(),
    revision: reader.integer(),
    timeMs: reader.integer(),
    after: (flags & HAS_AFTER) === 0 ? undefined : readVersion(reader),
    before: (flags & HAS_BEFORE) === 0 ? undefined : readVersion(reader),
  };
}

function writeVersion(version: Version): void {
  writer.value(version.value);
  writer.integer(version.setIndex);
  writer.integer(version.createRevision);
  writer.integer(version.modRevision);
  writer.integer(version.version);
  writer.integer(version.createdIndex);
  writer.integer(version.modifiedIndex);
  writer.integer(version.deadlineMs);
  writer.bigint(version.lease);
}

function readVersion(reader: ByteReader): Version {
  return {
    value: reader.bytes(),
    setIndex: reader.integer(),
    createRevision: reader.integer(),
    modRevision: reader.integer(),
    version: reader.integer(),
    createdIndex: reader.integer(),
    modifiedIndex: reader.integer(),
    deadlineMs: reader.integer(),
    lease: reader.bigint(),
  };
}

function writeRejected({ reason, key, changeIndex, failed = [] }: Rejected): void {
  writer.byteString(reason);
  writer.byteString(key);
  writer.integer(changeIndex);
  writer.integer(failed.length);
  for (const { of, expected, found } of failed) {
    writer.byte(of === "value" ? 0 : 1);
    writer.byteString(expected);
    writer.byteString(found);
  }
}

function readRejected(reader: ByteReader): Rejected {
  const reason = reader.byteString() as RejectionReason;
  const key = reader.byteString();
  const changeIndex = reader.integer();
  const failed: FailedComparison[] = [];
  for (let left = reader.integer(); left > 0; left--) {
    const of = reader.byte() === 0 ? "value" : "index";
    failed.push({ of, expected: reader.byteString(), found: reader.byteString() });
  }
  const rejected: Rejected = { kind: "rejected", reason, key, changeIndex };
  return failed.length === 0 ? rejected : { ...rejected, failed };
}

function writeOperationResult(result: OperationResult): void {
  switch (result.type) {
    case "put":
      writer.byte(PUT);
      return writeKeyValues(result.previous === undefined ? [] : [result.previous]);
    case "delete":
      writer.byte(DELETE);
      writer.integer(result.deleted);
      return writeKeyValues(result.previous);
    case "range":
      writer.byte(RANGE);
      writer.integer(result.count);
      writer.byte(result.more ? 1 : 0);
      return writeKeyValues(result.kvs);
    case "txn":
      writer.byte(TXN);
      writer.byte(result.succeeded ? 1 : 0);
      writer.integer(result.results.length);
      for (const inner of result.results) writeOperationResult(inner);
  }
}

/** Transactions within transactions; the commands have the same bound. */
const DEPTH_MAX = 130;

function readOperationResult(reader: ByteReader, depth: number): OperationResult {
  if (depth > DEPTH_MAX) throw new DecodeError("Expected fewer results within each other");
  const type = reader.byte();
  switch (type) {
    case PUT:
      return { type: "put", previous: readKeyValues(reader)[0] };
    case DELETE:
      return { type: "delete", deleted: reader.integer(), previous: readKeyValues(reader) };
    case RANGE:
      return {
        type: "range",
        count: reader.integer(),
        more: reader.byte() === 1,
        kvs: readKeyValues(reader),
      };
    case TXN: {
      const succeeded = reader.byte() === 1;
      const results: OperationResult[] = [];
      for (let left = reader.integer(); left > 0; left--) {
        results.push(readOperationResult(reader, depth + 1));
      }
      return { type: "txn", succeeded, results };
    }
    default:
      throw new DecodeError(`Expected a kind of result, found ${type}`);
  }
}

function writeKeyValues(kvs: readonly KeyValue[]): void {
  writer.integer(kvs.length);
  for (const { key, version } of kvs) {
    writer.byteString(key);
    writeVersion(version);
  }
}

function readKeyValues(reader: ByteReader): KeyValue[] {
  const kvs: KeyValue[] = [];
  for (let left = reader.integer(); left > 0; left--) {
    const key: ByteString = reader.byteString();
    kvs.push({ key, version: readVersion(reader) });
  }
  return kvs;
}
