/**
 * The bytes of one file or directory, the same in memory and in an image:
 *
 *     2 bytes  length of the key
 *     4 bytes  length of all that follows the key
 *     the key, UTF-8
 *     1 byte   kind: 0 permanent file, 1 file with a deadline, 2 directory
 *     files:   7 bytes setIndex, [7 bytes deadlineMs], the value, UTF-8
 *
 * Numbers are little-endian, of a fixed size, so that a value of the same length
 * takes the place of the old one. Knows one record, not where it is kept.
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

export const DIRECTORY = "directory";

export type Item = FileItem | typeof DIRECTORY;

/** Longest key of a record, in bytes of UTF-8. */
export const RECORD_KEY_BYTES_MAX = 0xffff;

/** Before the key. */
const HEAD_BYTES = 6;
const INTEGER_BYTES = 7;

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
  const bytesMax = HEAD_BYTES + 1 + 2 * INTEGER_BYTES + 3 * (key.length + value.length);
  const bytes = bytesMax <= SHARED_BYTES ? shared : new Uint8Array(bytesMax);
  let at = writeKey(bytes, key);
  bytes[at++] = deadlineMs === 0 ? PERMANENT_FILE : EXPIRING_FILE;
  at = writeInteger(bytes, at, setIndex);
  if (deadlineMs !== 0) at = writeInteger(bytes, at, deadlineMs);
  return finishRecord(bytes, at + encodeTextInto(value, bytes, at));
}

/** The record of a directory, or of a key that stands for itself. Good until the next record is made. */
export function directoryRecord(key: string): Uint8Array {
  const bytesMax = HEAD_BYTES + 1 + 3 * key.length;
  const bytes = bytesMax <= SHARED_BYTES ? shared : new Uint8Array(bytesMax);
  const at = writeKey(bytes, key);
  bytes[at] = PLAIN_DIRECTORY;
  return finishRecord(bytes, at + 1);
}

/** Where the key of the record at `at` starts. */
export function keyStart(at: number): number {
  return at + HEAD_BYTES;
}

/** Where the key of the record at `at` ends. */
export function keyEnd(bytes: Uint8Array, at: number): number {
  return at + HEAD_BYTES + (bytes[at]! | bytes[at + 1]! << 8);
}

/** Where the record at `at` ends. */
export function recordEnd(bytes: Uint8Array, at: number): number {
  const length = (bytes[at + 2]! | bytes[at + 3]! << 8 | bytes[at + 4]! << 16) +
    bytes[at + 5]! * 0x100_0000;
  return keyEnd(bytes, at) + length;
}

export function keyAt(bytes: Uint8Array, at: number): string {
  return decodeText(bytes, keyStart(at), keyEnd(bytes, at));
}

export function isDirectoryAt(bytes: Uint8Array, at: number): boolean {
  return bytes[keyEnd(bytes, at)] === PLAIN_DIRECTORY;
}

/** 0 for what has none. */
export function deadlineAt(bytes: Uint8Array, at: number): number {
  const kindAt = keyEnd(bytes, at);
  return bytes[kindAt] === EXPIRING_FILE ? readInteger(bytes, kindAt + 1 + INTEGER_BYTES) : 0;
}

export function itemAt(bytes: Uint8Array, at: number): Item {
  const kindAt = keyEnd(bytes, at);
  if (bytes[kindAt] === PLAIN_DIRECTORY) return DIRECTORY;
  const deadlineMs = deadlineAt(bytes, at);
  const valueAt = kindAt + 1 + (deadlineMs === 0 ? 1 : 2) * INTEGER_BYTES;
  return {
    value: decodeText(bytes, valueAt, recordEnd(bytes, at)),
    setIndex: readInteger(bytes, kindAt + 1),
    deadlineMs,
  };
}

/** The end of the record that should be at `at`; throws `DecodeError` when there is none. */
export function checkRecord(bytes: Uint8Array, at: number): number {
  const kindAt = keyEnd(bytes, at);
  const end = recordEnd(bytes, at);
  // Also false when the bytes end within the head, which makes a NaN.
  if (!(at + HEAD_BYTES <= bytes.length && end <= bytes.length)) {
    throw new DecodeError("Expected a whole record, found the end");
  }
  const fixedBytes = fixedBytesOf(bytes[kindAt]);
  if (fixedBytes === undefined || kindAt + fixedBytes > end) {
    throw new DecodeError(`Expected a file or a directory, found kind ${bytes[kindAt]}`);
  }
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

/** The bytes of a kind before the value; undefined for what is no kind. */
function fixedBytesOf(kind: number | undefined): number | undefined {
  if (kind === PERMANENT_FILE) return 1 + INTEGER_BYTES;
  if (kind === EXPIRING_FILE) return 1 + 2 * INTEGER_BYTES;
  return kind === PLAIN_DIRECTORY ? 1 : undefined;
}

/** Returns where it ends. */
function writeKey(bytes: Uint8Array, key: string): number {
  const length = encodeTextInto(key, bytes, HEAD_BYTES);
  assert(length <= RECORD_KEY_BYTES_MAX, "A key must have at most 65535 bytes");
  bytes[0] = length;
  bytes[1] = length >>> 8;
  return HEAD_BYTES + length;
}

function finishRecord(bytes: Uint8Array, end: number): Uint8Array {
  const length = end - keyEnd(bytes, 0);
  for (let i = 0; i < 4; i++) bytes[2 + i] = length >>> (8 * i);
  return bytes.subarray(0, end);
}

function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  const high = Math.floor(value / 0x1_0000_0000);
  for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (8 * i);
  for (let i = 4; i < INTEGER_BYTES; i++) bytes[at + i] = high >>> (8 * (i - 4));
  return at + INTEGER_BYTES;
}

function readInteger(bytes: Uint8Array, at: number): number {
  const low = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16;
  const high = bytes[at + 4]! | bytes[at + 5]! << 8 | bytes[at + 6]! << 16;
  return low + (bytes[at + 3]! + high * 0x100) * 0x100_0000;
}
