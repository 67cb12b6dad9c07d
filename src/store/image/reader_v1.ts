/**
 * Reads images of version 1.0 of the program, which knew files, directories and one
 * index. Its items become records whose revision and change index are that index, as
 * entries of that time make them when they are applied again. What the history says
 * is read as well; revisions of that time can't be, so they count as compacted.
 *
 *     blocks   4 bytes length of the rest, little-endian; 1 byte kind; then
 *
 *     1 head   version byte, 1; timeMs, index, appliedIndex, clearedBefore
 *     2 events of the history, oldest first:
 *              flags, index, key, [prevValue], [value], [expirationMs], [ttlSeconds - 1,
 *              absent when 0]
 *     3 items  records, sorted by key
 *     4 end    digest of the state, hash of the head and event blocks
 *
 * An item, its numbers little-endian with seven bits a byte:
 *
 *     2 bytes  length of the key in bytes
 *     5 bytes  length of the value in bytes
 *     1 byte   kind: 0 permanent file, 1 file with a deadline, 2 directory
 *     8 bytes  setIndex; 0 for a directory
 *     the key, then the value, both UTF-8
 *     8 bytes  deadlineMs, kind 1 only
 */
import { Alarms } from "../alarms.ts";
import { Auth } from "../auth/auth.ts";
import { ByteReader, DecodeError } from "../../base/bytes.ts";
import { type ByteString, byteStringAt } from "../byte_string.ts";
import { FRESH_HEAD, type Head } from "../head.ts";
import { Hasher } from "../keyspace/hash.ts";
import {
  DIRECTORY_OF_V1,
  FILE,
  MADE,
  makeRecord,
  TOMBSTONE,
  type Version,
} from "../keyspace/record.ts";
import { type EntryHead, FILE_ENTRY, NOWHERE } from "../keyspace/versions.ts";
import { type BlockReader, expectHash, type ImageTarget, type RestoredState } from "./format.ts";

const HEAD = 1;
const EVENTS = 2;
const ITEMS = 3;
const END = 4;

const EVENT_DELETE = 0x01;
const EVENT_PREV_VALUE = 0x04;
const EVENT_VALUE = 0x08;
const EVENT_EXPIRATION = 0x10;
const EVENT_TTL = 0x20;

/** Where the parts of an item are. */
const VALUE_LENGTH_AT = 2;
const KIND_AT = 7;
const SET_INDEX_AT = 8;
const KEY_AT = 16;
const DEADLINE_BYTES = 8;

const EXPIRING_FILE = 1;
const DIRECTORY = 2;

const NO_VALUE = new Uint8Array(0);

interface Item {
  readonly key: ByteString;
  readonly value: Uint8Array;
  readonly isDirectory: boolean;
  readonly setIndex: number;
  readonly deadlineMs: number;
  /** Where it ends. */
  readonly end: number;
}

/** What an event of the history left at its key. */
interface Left {
  readonly place: number;
  readonly setIndex: number;
  readonly deadlineMs: number;
}

export class ImageReaderV1<T extends ImageTarget> implements BlockReader<T> {
  readonly #historyHash = new Hasher();
  readonly #itemHasher = new Hasher();
  readonly #keys: T;
  readonly #left = new Map<ByteString, Left>();
  #head: Head = FRESH_HEAD;
  #hashLow = 0;
  #hashHigh = 0;
  #kind = 0;
  #digest = "";
  /** Of the last event. */
  #lastIndex = 0;

  constructor(keys: T) {
    this.#keys = keys;
  }

  read(block: Uint8Array): void {
    const reader = new ByteReader(block);
    const kind = reader.byte();
    const repeats = kind === this.#kind && (kind === EVENTS || kind === ITEMS);
    if (kind <= this.#kind && !repeats) {
      throw new DecodeError(`Expected another block after kind ${this.#kind}, found kind ${kind}`);
    }
    this.#kind = kind;
    if (kind === HEAD || kind === EVENTS) this.#historyHash.bytes(block);
    switch (kind) {
      case HEAD:
        this.#readHead(reader);
        break;
      case EVENTS:
        while (!reader.atEnd) this.#readEvent(reader);
        break;
      case ITEMS:
        return this.#readItems(block);
      case END:
        this.#readEnd(reader);
        break;
      default:
        throw new DecodeError(`Expected a block of kind 1 to 4, found ${kind}`);
    }
    reader.end();
  }

  finish(): RestoredState<T> | undefined {
    if (this.#kind !== END) return undefined;
    for (const { place } of this.#left.values()) this.#keys.pointRecordTo(place);
    this.#keys.endRestoring();
    return {
      head: this.#head,
      keys: this.#keys,
      alarms: new Alarms(),
      auth: new Auth(),
      digest: this.#digest,
    };
  }

  #readHead(reader: ByteReader): void {
    reader.byte();
    const timeMs = plausible(reader.integer());
    const index = plausible(reader.integer());
    const appliedIndex = plausible(reader.integer());
    const cleared = Math.max(plausible(reader.integer()) - 1, 0);
    const revision = Math.max(index, 1);
    this.#head = {
      timeMs,
      index,
      appliedIndex,
      revision,
      changeIndex: index,
      compactedRevision: revision,
    };
    const numbers = { logIndex: cleared, changeIndex: cleared, revision: cleared };
    this.#keys.startVersionsAt(0, numbers);
  }

  #readEvent(reader: ByteReader): void {
    const flags = reader.byte();
    const index = plausible(reader.integer());
    const key = reader.byteString();
    const previous = (flags & EVENT_PREV_VALUE) === 0 ? undefined : reader.bytes();
    if ((flags & EVENT_VALUE) !== 0) reader.bytes();
    const deadlineMs = (flags & EVENT_EXPIRATION) === 0 ? 0 : plausible(reader.integer());
    const ttlSeconds = 1 + ((flags & EVENT_TTL) === 0 ? 0 : reader.integer());
    const last = this.#lastIndex;
    if (index <= last) throw new DecodeError(`Expected an event after ${last}, found ${index}`);
    this.#lastIndex = index;
    const isDelete = (flags & EVENT_DELETE) !== 0;
    // When it was stamped is not told, but by a TTL, which has to be told again as it was.
    const timeMs = isDelete || deadlineMs === 0
      ? this.#head.timeMs
      : Math.max(0, deadlineMs - 1000 * ttlSeconds);
    const head = {
      ...{ logIndex: index, changeIndex: index, revision: index, timeMs },
      action: isDelete ? "delete" as const : "set" as const,
      flags: FILE_ENTRY,
    };
    const place = this.#append(head, key, previous, isDelete ? deadlineMs : 0);
    this.#left.set(key, { place, setIndex: index, deadlineMs: isDelete ? 0 : deadlineMs });
  }

  /** Adds an entry whose record before is what the event tells of it, and what the one before it left. */
  #append(
    head: EntryHead,
    key: ByteString,
    previous: Uint8Array | undefined,
    deadlineMs: number,
  ): number {
    const left = this.#left.get(key);
    if (previous === undefined && left === undefined) return this.#keys.versions.append(head, key);
    const before = versionOf(
      previous ?? NO_VALUE,
      left?.setIndex ?? 0,
      left?.deadlineMs ?? deadlineMs,
    );
    const flags = previous === undefined ? TOMBSTONE : FILE;
    const record = makeRecord(key, { place: left?.place ?? NOWHERE, flags }, before);
    return this.#keys.versions.append(head, key, record, 0, record.length);
  }

  #readItems(block: Uint8Array): void {
    for (let at = 1; at < block.length;) {
      const item = readItem(block, at);
      const { low, high } = this.#itemHasher.start().bytes(block.subarray(at, item.end)).finish();
      this.#hashLow = (this.#hashLow + low) | 0;
      this.#hashHigh = (this.#hashHigh + high) | 0;
      if (!this.#take(item)) {
        throw new DecodeError(`Expected ascending keys, found "${item.key}" too late`);
      }
      at = item.end;
    }
  }

  #take({ key, value, isDirectory, setIndex, deadlineMs }: Item): boolean {
    if (isDirectory) {
      const record = makeRecord(key, { place: NOWHERE, flags: MADE }, DIRECTORY_OF_V1);
      return this.#keys.appendDirectories(record, [0], record.length) === undefined;
    }
    const version = versionOf(value, setIndex, deadlineMs);
    const record = makeRecord(key, { place: NOWHERE, flags: FILE }, version);
    return this.#keys.appendRecords(record, [0], record.length) === undefined;
  }

  #readEnd(reader: ByteReader): void {
    const { timeMs, index, appliedIndex } = this.#head;
    const digest = new Hasher().integer(this.#hashLow).integer(this.#hashHigh)
      .integer(timeMs).integer(index).integer(appliedIndex).finish().hex();
    this.#digest = digest;
    expectHash("state", reader.byteString(), digest);
    expectHash("history", reader.byteString(), this.#historyHash.finish().hex());
  }
}

function versionOf(value: Uint8Array, setIndex: number, deadlineMs: number): Version {
  return {
    value,
    setIndex,
    createRevision: setIndex,
    modRevision: setIndex,
    version: 1,
    createdIndex: setIndex,
    modifiedIndex: setIndex,
    deadlineMs,
    lease: 0n,
  };
}

/** The item at `at`; throws `DecodeError` when there is none. */
function readItem(bytes: Uint8Array, at: number): Item {
  if (at + KEY_AT > bytes.length) throw new DecodeError("Expected a record, found the end");
  const kind = bytes[at + KIND_AT]!;
  if (kind > DIRECTORY) {
    throw new DecodeError(`Expected a file or a directory, found kind ${kind}`);
  }
  const keyEnd = at + KEY_AT + readNumber(bytes, at, 2);
  const valueEnd = keyEnd + readNumber(bytes, at + VALUE_LENGTH_AT, 5);
  const end = valueEnd + (kind === EXPIRING_FILE ? DEADLINE_BYTES : 0);
  if (end > bytes.length) throw new DecodeError("Expected a whole record, found the end");
  return {
    key: byteStringAt(bytes, at + KEY_AT, keyEnd),
    value: bytes.subarray(keyEnd, valueEnd),
    isDirectory: kind === DIRECTORY,
    setIndex: plausible(readNumber(bytes, at + SET_INDEX_AT, 8)),
    deadlineMs: kind === EXPIRING_FILE ? plausible(readNumber(bytes, valueEnd, DEADLINE_BYTES)) : 0,
    end,
  };
}

/** An index or a time; throws `DecodeError` when no log is that long and no date that late. */
function plausible(value: number): number {
  if (value < 2 ** 48) return value;
  throw new DecodeError(`Expected a number below 2^48, found ${value}`);
}

function readNumber(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 0x80 + bytes[at + i]!;
  return value;
}
