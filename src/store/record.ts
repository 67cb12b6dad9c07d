/**
 * The bytes of one file or directory, the same in memory and in an image:
 *
 *     2 bytes  length of the key in bytes
 *     5 bytes  length of the value in bytes
 *     1 byte   kind: 0 permanent file, 1 file with a deadline, 2 directory
 *     8 bytes  setIndex; 0 for a directory
 *     the key, then the value, both UTF-8
 *     8 bytes  deadlineMs, kind 1 only
 *
 * Numbers are little-endian with seven bits a byte: so any sequence of records is
 * valid UTF-8 and can be decoded as a whole. They have a fixed size: so a record
 * whose value is as long takes the place of the old one. Knows one record, not
 * where it is kept.
 *
 * Why bytes and not objects: a million keys would be some three million objects,
 * which the garbage collector marks in one pause of about 150 ms.
 */
import { assert } from "../base/assert.ts";
import { DecodeError, decodeText, encodeTextInto } from "./bytes.ts";

/** A value and its circumstances, as read; the store keeps no reference to it. */
export interface FileItem {
  readonly value: string;
  /** The index of the entry that set it. */
  readonly setIndex: number;
  /** Unix ms; 0: permanent. */
  readonly deadlineMs: number;
}

/** What all directories are, as read. */
export const DIRECTORY = "directory";

/** A file or a directory. */
export type Item = FileItem | typeof DIRECTORY;

/** Longest key of a record, in bytes. */
export const RECORD_KEY_BYTES_MAX = 2 ** 14 - 1;

/** Where the parts of a record are, from its start. */
const VALUE_LENGTH_AT = 2;
const KIND_AT = 7;
const SET_INDEX_AT = 8;
const KEY_AT = 16;

const INTEGER_BYTES = 8;

const PERMANENT_FILE = 0;
const EXPIRING_FILE = 1;
const PLAIN_DIRECTORY = 2;

/** Records up to this size are made in one buffer; larger ones get their own. */
const SHARED_BYTES = 64 * 1024;

const shared = new Uint8Array(SHARED_BYTES);

/** The record of a file; `deadlineMs` 0: permanent. Its bytes are good until the next record is made. */
export function fileRecord(
  key: string,
  value: string,
  setIndex: number,
  deadlineMs: number,
): Uint8Array {
  const bytes = bufferFor(3 * (key.length + value.length));
  const valueAt = writeKey(bytes, key);
  const end = valueAt + encodeTextInto(value, bytes, valueAt);
  writeInteger(bytes, VALUE_LENGTH_AT, end - valueAt, KIND_AT - VALUE_LENGTH_AT);
  writeInteger(bytes, SET_INDEX_AT, setIndex, INTEGER_BYTES);
  if (deadlineMs === 0) {
    bytes[KIND_AT] = PERMANENT_FILE;
    return bytes.subarray(0, end);
  }
  bytes[KIND_AT] = EXPIRING_FILE;
  writeInteger(bytes, end, deadlineMs, INTEGER_BYTES);
  return bytes.subarray(0, end + INTEGER_BYTES);
}

/** The record of a directory, or of a key that says it all. Good until the next record is made. */
export function directoryRecord(key: string): Uint8Array {
  const bytes = bufferFor(3 * key.length);
  const end = writeKey(bytes, key);
  bytes.fill(0, VALUE_LENGTH_AT, KEY_AT);
  bytes[KIND_AT] = PLAIN_DIRECTORY;
  return bytes.subarray(0, end);
}

/** Where the key of the record at `at` starts. */
export function keyStart(at: number): number {
  return at + KEY_AT;
}

/** Where the key of the record at `at` ends and the value starts. */
export function keyEnd(bytes: Uint8Array, at: number): number {
  return at + KEY_AT + (bytes[at]! | bytes[at + 1]! << 7);
}

/** Where the value of the record at `at` ends. */
export function valueEnd(bytes: Uint8Array, at: number): number {
  return keyEnd(bytes, at) + bytes[at + 6]! * 2 ** 28 +
    (bytes[at + 2]! | bytes[at + 3]! << 7 | bytes[at + 4]! << 14 | bytes[at + 5]! << 21);
}

/** Where the record at `at` ends. */
export function recordEnd(bytes: Uint8Array, at: number): number {
  return valueEnd(bytes, at) + (bytes[at + KIND_AT] === EXPIRING_FILE ? INTEGER_BYTES : 0);
}

/** The key of the record at `at`. */
export function keyAt(bytes: Uint8Array, at: number): string {
  return decodeText(bytes, keyStart(at), keyEnd(bytes, at));
}

/** Whether the record at `at` is a directory, not a file. */
export function isDirectoryAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at + KIND_AT] === PLAIN_DIRECTORY;
}

/** The deadline of the record at `at`, Unix ms; 0 for what has none. */
export function deadlineAt(bytes: Uint8Array, at: number): number {
  return bytes[at + KIND_AT] === EXPIRING_FILE ? readInteger(bytes, valueEnd(bytes, at)) : 0;
}

/** The index that the file at `at` was set at. */
export function setIndexAt(bytes: Uint8Array, at: number): number {
  return readInteger(bytes, at + SET_INDEX_AT);
}

/** What the record at `at` says, in strings of its own. */
export function itemAt(bytes: Uint8Array, at: number): Item {
  if (isDirectoryAt(bytes, at)) return DIRECTORY;
  return {
    value: decodeText(bytes, keyEnd(bytes, at), valueEnd(bytes, at)),
    setIndex: setIndexAt(bytes, at),
    deadlineMs: deadlineAt(bytes, at),
  };
}

/** The end of the record that should be at `at`; throws `DecodeError` when there is none. */
export function checkRecord(bytes: Uint8Array, at: number): number {
  if (at + KEY_AT > bytes.length) throw new DecodeError("Expected a record, found the end");
  const kind = bytes[at + KIND_AT]!;
  if (kind > PLAIN_DIRECTORY) {
    throw new DecodeError(`Expected a file or a directory, found kind ${kind}`);
  }
  const end = recordEnd(bytes, at);
  if (end > bytes.length) throw new DecodeError("Expected a whole record, found the end");
  return end;
}

/** How the keys of two records compare: negative, zero or positive. Bytes of UTF-8 sort by code point. */
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

function bufferFor(textBytesMax: number): Uint8Array {
  const bytesMax = KEY_AT + textBytesMax + INTEGER_BYTES;
  return bytesMax <= SHARED_BYTES ? shared : new Uint8Array(bytesMax);
}

/** Returns where it ends. */
function writeKey(bytes: Uint8Array, key: string): number {
  const length = encodeTextInto(key, bytes, KEY_AT);
  assert(length <= RECORD_KEY_BYTES_MAX, "A key must have at most 16383 bytes");
  writeInteger(bytes, 0, length, VALUE_LENGTH_AT);
  return KEY_AT + length;
}

function writeInteger(bytes: Uint8Array, at: number, value: number, count: number): void {
  let rest = value;
  for (let i = at; i < at + count; i++) {
    bytes[i] = rest & 0x7f;
    rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 0x80);
  }
  assert(rest === 0, "An integer must fit into its bytes");
}

function readInteger(bytes: Uint8Array, at: number): number {
  const low = bytes[at]! | bytes[at + 1]! << 7 | bytes[at + 2]! << 14 | bytes[at + 3]! << 21;
  const high = bytes[at + 4]! | bytes[at + 5]! << 7 | bytes[at + 6]! << 14 | bytes[at + 7]! << 21;
  return low + high * 2 ** 28;
}
