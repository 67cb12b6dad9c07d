/**
 * The bytes of one record of the key space, the same in memory and in an image:
 *
 *     8 bytes  where the entry of the versions list is that made this record
 *     3 bytes  length of the key in bytes
 *     5 bytes  length of the value in bytes
 *     1 byte   flags, see below
 *     7 bytes  setIndex: the index of the log entry that made it
 *     7 bytes  createRevision
 *     7 bytes  modRevision
 *     5 bytes  version
 *     7 bytes  createdIndex
 *     7 bytes  modifiedIndex
 *     the key, then the value
 *     7 bytes  deadlineMs, with EXPIRES only
 *    10 bytes  lease id, with LEASED only
 *
 * Numbers are little-endian with seven bits a byte: so a page of records whose
 * keys and values are ASCII is ASCII as a whole and can be decoded in one go. They
 * have a fixed size: so a record whose value is as long takes the place of the old
 * one. This file knows one record, not where it is kept.
 *
 * Records are bytes and not objects because a million keys would be some three
 * million objects, which the garbage collector marks in one pause of about 150 ms.
 *
 * The first field is left out of digests: members that joined by a snapshot of an
 * older format keep other histories, and so other places.
 */
import { assert } from "../../base/assert.ts";
import { DecodeError } from "../../base/bytes.ts";
import { type ByteString, byteStringAt, writeByteString } from "../byte_string.ts";

/** A key's value and its circumstances. Files and tombstones have all of it, directories no value. */
export interface Version {
  /** Shares memory with what it was read from: not to be kept across changes, unless told otherwise. */
  readonly value: Uint8Array;
  /** The index of the log entry that made it. */
  readonly setIndex: number;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Writes since the key was created; 1 for the first. 0 for a directory and a tombstone. */
  readonly version: number;
  readonly createdIndex: number;
  readonly modifiedIndex: number;
  /** Unix ms in cluster time; 0: permanent. */
  readonly deadlineMs: number;
  /** 0n: none. */
  readonly lease: bigint;
}

/** What a record is beside its version. */
export interface RecordHead {
  /** Where its entry is in the versions list; -1: not in the list. */
  readonly place: number;
  readonly flags: number;
}

/** The key was deleted, and the versions list still says what it was. */
export const TOMBSTONE = 0x01;
/** It has a deadline. */
const EXPIRES = 0x02;
/** It has a lease. */
const LEASED = 0x04;
/** Its key is a clean path, so v1 and v2 see it. */
export const FILE = 0x08;
/** v1 or v2 made this directory, so it stays when its last file goes. */
export const MADE = 0x10;

/** Longest key of a record, in bytes: 3 bytes of seven bits. */
export const RECORD_KEY_BYTES_MAX = 2 ** 21 - 1;

/** Largest version of a key: 5 bytes of seven bits. */
export const RECORD_VERSION_MAX = 2 ** 35 - 1;

/** Where the parts of a record are, from its start. */
const KEY_LENGTH_AT = 8;
const VALUE_LENGTH_AT = 11;
const FLAGS_AT = 16;
const SET_INDEX_AT = 17;
const CREATE_REVISION_AT = 24;
const MOD_REVISION_AT = 31;
const VERSION_AT = 38;
const CREATED_INDEX_AT = 43;
const MODIFIED_INDEX_AT = 50;
const KEY_AT = 57;

const PLACE_BYTES = 8;
const NUMBER_BYTES = 7;
const VERSION_BYTES = 5;
const LEASE_BYTES = 10;

/** Records up to this size are made in one buffer; larger ones get their own. */
const SHARED_BYTES = 64 * 1024;

const shared = new Uint8Array(SHARED_BYTES);

const NO_VALUE = new Uint8Array(0);

/** What a directory, a tombstone or a bare key has where it has nothing. */
export const NO_VERSION: Version = Object.freeze({
  value: NO_VALUE,
  setIndex: 0,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  createdIndex: 0,
  modifiedIndex: 0,
  deadlineMs: 0,
  lease: 0n,
});

/** A directory that version 1.0 of the program made: it did not keep when. */
export const DIRECTORY_OF_V1: Version = Object.freeze({
  ...NO_VERSION,
  createdIndex: 1,
  modifiedIndex: 1,
});

/**
 * The record of `key`; EXPIRES and LEASED in its flags follow from `version`. Its
 * bytes are good until the next record is made.
 */
export function makeRecord(key: ByteString, head: RecordHead, version: Version): Uint8Array {
  const { value, deadlineMs, lease } = version;
  assert(key.length <= RECORD_KEY_BYTES_MAX, "A key must have at most 2097151 bytes");
  const bytes = bufferFor(key.length + value.length);
  writeNumber(bytes, 0, head.place + 1, PLACE_BYTES);
  writeNumber(bytes, KEY_LENGTH_AT, key.length, VALUE_LENGTH_AT - KEY_LENGTH_AT);
  writeNumber(bytes, VALUE_LENGTH_AT, value.length, FLAGS_AT - VALUE_LENGTH_AT);
  bytes[FLAGS_AT] = head.flags | (deadlineMs === 0 ? 0 : EXPIRES) | (lease === 0n ? 0 : LEASED);
  writeNumber(bytes, SET_INDEX_AT, version.setIndex, NUMBER_BYTES);
  writeNumber(bytes, CREATE_REVISION_AT, version.createRevision, NUMBER_BYTES);
  writeNumber(bytes, MOD_REVISION_AT, version.modRevision, NUMBER_BYTES);
  writeNumber(bytes, VERSION_AT, version.version, VERSION_BYTES);
  writeNumber(bytes, CREATED_INDEX_AT, version.createdIndex, NUMBER_BYTES);
  writeNumber(bytes, MODIFIED_INDEX_AT, version.modifiedIndex, NUMBER_BYTES);
  writeByteString(key, bytes, KEY_AT);
  let end = KEY_AT + key.length;
  bytes.set(value, end);
  end += value.length;
  if (deadlineMs !== 0) {
    writeNumber(bytes, end, deadlineMs, NUMBER_BYTES);
    end += NUMBER_BYTES;
  }
  if (lease !== 0n) {
    writeLease(bytes, end, lease);
    end += LEASE_BYTES;
  }
  return bytes.subarray(0, end);
}

/** A record that is nothing but its key, for maps whose keys say it all. Good until the next record is made. */
export function bareRecord(key: ByteString): Uint8Array {
  return makeRecord(key, { place: -1, flags: 0 }, NO_VERSION);
}

/** Where the key of the record at `at` starts. */
export function keyStart(at: number): number {
  return at + KEY_AT;
}

/** Where the key of the record at `at` ends and the value starts. */
export function keyEnd(bytes: Uint8Array, at: number): number {
  return at + KEY_AT + (bytes[at + 8]! | bytes[at + 9]! << 7 | bytes[at + 10]! << 14);
}

/** Where the value of the record at `at` ends. */
export function valueEnd(bytes: Uint8Array, at: number): number {
  return keyEnd(bytes, at) + bytes[at + 15]! * 2 ** 28 +
    (bytes[at + 11]! | bytes[at + 12]! << 7 | bytes[at + 13]! << 14 | bytes[at + 14]! << 21);
}

/** Where the record at `at` ends. */
export function recordEnd(bytes: Uint8Array, at: number): number {
  const flags = bytes[at + FLAGS_AT]!;
  return valueEnd(bytes, at) + ((flags & EXPIRES) === 0 ? 0 : NUMBER_BYTES) +
    ((flags & LEASED) === 0 ? 0 : LEASE_BYTES);
}

/** Where in the record at `at` begins what a digest takes of it: all but its place in the versions list. */
export function digestedStart(at: number): number {
  return at + PLACE_BYTES;
}

/** The key of the record at `at`. */
export function keyAt(bytes: Uint8Array, at: number): ByteString {
  return byteStringAt(bytes, keyStart(at), keyEnd(bytes, at));
}

/** The flags of the record at `at`. */
export function flagsAt(bytes: Uint8Array, at: number): number {
  return bytes[at + FLAGS_AT]!;
}

/** Where the entry is that made the record at `at`; -1: not in the list. */
export function placeAt(bytes: Uint8Array, at: number): number {
  return readNumber(bytes, at) + bytes[at + 7]! * 2 ** 49 - 1;
}

/** Writes where the entry of the record at `at` is. */
export function setPlaceAt(bytes: Uint8Array, at: number, place: number): void {
  writeNumber(bytes, at, place + 1, PLACE_BYTES);
}

/** The log entry that made the record at `at`. */
export function setIndexAt(bytes: Uint8Array, at: number): number {
  return readNumber(bytes, at + SET_INDEX_AT);
}

/** The revision that created the key of the record at `at`. */
export function createRevisionAt(bytes: Uint8Array, at: number): number {
  return readNumber(bytes, at + CREATE_REVISION_AT);
}

/** The revision that made the record at `at`. */
export function modRevisionAt(bytes: Uint8Array, at: number): number {
  return readNumber(bytes, at + MOD_REVISION_AT);
}

/** How often the key of the record at `at` was written since it was created. */
export function versionNumberAt(bytes: Uint8Array, at: number): number {
  return (bytes[at + 38]! | bytes[at + 39]! << 7 | bytes[at + 40]! << 14 | bytes[at + 41]! << 21) +
    bytes[at + 42]! * 2 ** 28;
}

/** v2's created index of the record at `at`. */
export function createdIndexAt(bytes: Uint8Array, at: number): number {
  return readNumber(bytes, at + CREATED_INDEX_AT);
}

/** v2's modified index of the record at `at`. */
export function modifiedIndexAt(bytes: Uint8Array, at: number): number {
  return readNumber(bytes, at + MODIFIED_INDEX_AT);
}

/** Unix ms; 0 for what has none. */
export function deadlineAt(bytes: Uint8Array, at: number): number {
  if ((bytes[at + FLAGS_AT]! & EXPIRES) === 0) return 0;
  return readNumber(bytes, valueEnd(bytes, at));
}

/** 0n for what has none. */
export function leaseAt(bytes: Uint8Array, at: number): bigint {
  const flags = bytes[at + FLAGS_AT]!;
  if ((flags & LEASED) === 0) return 0n;
  return readLease(bytes, valueEnd(bytes, at) + ((flags & EXPIRES) === 0 ? 0 : NUMBER_BYTES));
}

/** The value of the record at `at`, in the memory of `bytes`. */
export function valueAt(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.subarray(keyEnd(bytes, at), valueEnd(bytes, at));
}

/** All that the record at `at` says; the value is in the memory of `bytes`. */
export function versionAt(bytes: Uint8Array, at: number): Version {
  return {
    value: valueAt(bytes, at),
    setIndex: setIndexAt(bytes, at),
    createRevision: createRevisionAt(bytes, at),
    modRevision: modRevisionAt(bytes, at),
    version: versionNumberAt(bytes, at),
    createdIndex: createdIndexAt(bytes, at),
    modifiedIndex: modifiedIndexAt(bytes, at),
    deadlineMs: deadlineAt(bytes, at),
    lease: leaseAt(bytes, at),
  };
}

/** The same, read when it is asked for, from bytes that nobody changes. */
export class StoredVersion implements Version {
  readonly #bytes: Uint8Array;
  readonly #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get value(): Uint8Array {
    return valueAt(this.#bytes, this.#at);
  }

  get setIndex(): number {
    return setIndexAt(this.#bytes, this.#at);
  }

  get createRevision(): number {
    return createRevisionAt(this.#bytes, this.#at);
  }

  get modRevision(): number {
    return modRevisionAt(this.#bytes, this.#at);
  }

  get version(): number {
    return versionNumberAt(this.#bytes, this.#at);
  }

  get createdIndex(): number {
    return createdIndexAt(this.#bytes, this.#at);
  }

  get modifiedIndex(): number {
    return modifiedIndexAt(this.#bytes, this.#at);
  }

  get deadlineMs(): number {
    return deadlineAt(this.#bytes, this.#at);
  }

  get lease(): bigint {
    return leaseAt(this.#bytes, this.#at);
  }
}

const FLAGS_MAX = TOMBSTONE | EXPIRES | LEASED | FILE | MADE;

/** The end of the record that should be at `at`; throws `DecodeError` when there is none. */
export function checkRecord(bytes: Uint8Array, at: number): number {
  if (at + KEY_AT > bytes.length) throw new DecodeError("Expected a record, found the end");
  const flags = bytes[at + FLAGS_AT]!;
  if (flags > FLAGS_MAX) throw new DecodeError(`Expected the flags of a record, found ${flags}`);
  const end = recordEnd(bytes, at);
  if (end > bytes.length) throw new DecodeError("Expected a whole record, found the end");
  return end;
}

/** How the keys of two records compare, by bytes: negative, zero or positive. */
export function compareKeys(a: Uint8Array, atA: number, b: Uint8Array, atB: number): number {
  const lengthA = keyEnd(a, atA) - keyStart(atA);
  const lengthB = keyEnd(b, atB) - keyStart(atB);
  const length = Math.min(lengthA, lengthB);
  for (let i = 0; i < length; i++) {
    const difference = a[keyStart(atA) + i]! - b[keyStart(atB) + i]!;
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}

function bufferFor(contentBytes: number): Uint8Array {
  const bytesMax = KEY_AT + contentBytes + NUMBER_BYTES + LEASE_BYTES;
  return bytesMax <= SHARED_BYTES ? shared : new Uint8Array(bytesMax);
}

function writeNumber(bytes: Uint8Array, at: number, value: number, count: number): void {
  let rest = value;
  for (let i = at; i < at + count; i++) {
    bytes[i] = rest & 0x7f;
    rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 0x80);
  }
  assert(rest === 0, "A number must fit into its bytes");
}

/** A number of seven bytes. */
function readNumber(bytes: Uint8Array, at: number): number {
  const low = bytes[at]! | bytes[at + 1]! << 7 | bytes[at + 2]! << 14 | bytes[at + 3]! << 21;
  const high = bytes[at + 4]! | bytes[at + 5]! << 7 | bytes[at + 6]! << 14;
  return low + high * 2 ** 28;
}

function writeLease(bytes: Uint8Array, at: number, lease: bigint): void {
  let rest = BigInt.asUintN(64, lease);
  for (let i = at; i < at + LEASE_BYTES; i++) {
    bytes[i] = Number(rest & 0x7fn);
    rest >>= 7n;
  }
}

function readLease(bytes: Uint8Array, at: number): bigint {
  let lease = 0n;
  for (let i = at + LEASE_BYTES - 1; i >= at; i--) lease = lease << 7n | BigInt(bytes[i]!);
  return BigInt.asIntN(64, lease);
}
