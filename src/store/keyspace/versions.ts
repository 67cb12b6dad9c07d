/**
 * The versions list: one entry for each change of a key or directory, oldest first,
 * in packed bytes. An entry holds the record that was there before, so compaction is
 * a cut at the front, and nothing that is still needed lies in front of it.
 *
 *     4 bytes  length of the entry
 *     1 byte   action
 *     1 byte   flags
 *     6 bytes  logIndex
 *     6 bytes  changeIndex
 *     6 bytes  revision
 *     6 bytes  timeMs
 *     6 bytes  the place of the next entry of the same key, plus 1; 0: none yet
 *     then     the record that was there before, or, without one, the key
 *
 * A *place* counts the bytes of all entries ever appended before it. Numbers are
 * little-endian. A record points at the entry that made it, and so, through the
 * records in the entries, every version of a key points at the one before it.
 *
 * Invariants:
 *   1. log index, change index and revision never descend along the list;
 *   2. what was appended changes no more, but for the place of the next entry.
 */
import { assert } from "../../base/assert.ts";
import type { ByteString } from "../byte_string.ts";
import { byteStringAt, writeByteString } from "../byte_string.ts";
import { readFixed48, writeFixed48 } from "../command/growing_writer.ts";
import type { Action } from "../event.ts";
import { DecodeError } from "../../base/bytes.ts";
import { checkRecord, keyAt, placeAt, StoredVersion } from "./record.ts";

/** The place of what is not in the list. */
export const NOWHERE = -1;

/** The entry has the record that was there before. */
const HAS_BEFORE = 0x01;
/** It is of a directory. */
export const DIRECTORY_ENTRY = 0x02;
/** v1 and v2 see its key. */
export const FILE_ENTRY = 0x04;
/** v1 and v2 are not told of it. */
export const QUIET_ENTRY = 0x08;
/** It went with a directory above it. */
export const COVERED_ENTRY = 0x10;
const FLAGS_MAX = 0x1f;

const ACTION_AT = 4;
const FLAGS_AT = 5;
const LOG_INDEX_AT = 6;
const CHANGE_INDEX_AT = 12;
const REVISION_AT = 18;
const TIME_AT = 24;
const NEXT_AT = 30;
const CONTENT_AT = 36;

/** Their order is part of the format. */
const ACTIONS: readonly Action[] = [
  "set",
  "create",
  "update",
  "compareAndSwap",
  "delete",
  "compareAndDelete",
  "expire",
];

/** The first of those, at the end, that take a key away. */
const FIRST_DELETION = ACTIONS.indexOf("delete");

/** A larger entry has a chunk of its own. */
const CHUNK_BYTES = 256 * 1024;

/** The numbers that an entry is found by; none descends along the list. */
export interface Numbers {
  readonly logIndex: number;
  readonly changeIndex: number;
  readonly revision: number;
}

export interface EntryHead extends Numbers {
  readonly action: Action;
  readonly flags: number;
  readonly timeMs: number;
}

/** Where an entry is in memory. Its bytes stay as they are, but for the place of the next. */
export interface EntryAt {
  readonly bytes: Uint8Array;
  readonly at: number;
}

interface Chunk {
  readonly bytes: Uint8Array;
  /** The place of its first byte. */
  readonly start: number;
  used: number;
  count: number;
  /** Where its last entry is in `bytes`. */
  lastAt: number;
}

/** Stands where a chunk was that is no longer needed. */
const NO_CHUNK: Chunk = { bytes: new Uint8Array(0), start: 0, used: 0, count: 0, lastAt: 0 };

export class Versions {
  #chunks: Chunk[] = [];
  /** The first chunk that is still needed. */
  #firstChunk = 0;
  /** The place of the first entry. */
  #first = 0;
  #end = 0;
  #count = 0;
  /** Of the last entry that was cut off. */
  #cutOff: Numbers = { logIndex: 0, changeIndex: 0, revision: 0 };

  /** How many entries there are. */
  get count(): number {
    return this.#count;
  }

  /** How many bytes they take. */
  get size(): number {
    return this.#end - this.#first;
  }

  get first(): number {
    return this.#first;
  }

  /** The place of the next entry. */
  get end(): number {
    return this.#end;
  }

  /** The numbers of the last entry that is gone: what comes after them is complete. */
  get cutOff(): Numbers {
    return this.#cutOff;
  }

  has(place: number): boolean {
    return place >= this.#first && place < this.#end;
  }

  /**
   * Adds an entry. `before` is the record that was there (at `beforeAt` in its
   * bytes, up to `beforeEnd`); without one, `key` is kept. Returns its place.
   */
  append(
    head: EntryHead,
    key: ByteString,
    before?: Uint8Array,
    beforeAt = 0,
    beforeEnd = 0,
  ): number {
    const contentBytes = before === undefined ? key.length : beforeEnd - beforeAt;
    const chunk = this.#room(CONTENT_AT + contentBytes);
    const { bytes, used: at } = chunk;
    const length = CONTENT_AT + contentBytes;
    writeUint32(bytes, at, length);
    bytes[at + ACTION_AT] = ACTIONS.indexOf(head.action);
    bytes[at + FLAGS_AT] = head.flags | (before === undefined ? 0 : HAS_BEFORE);
    writeFixed48(bytes, at + LOG_INDEX_AT, head.logIndex);
    writeFixed48(bytes, at + CHANGE_INDEX_AT, head.changeIndex);
    writeFixed48(bytes, at + REVISION_AT, head.revision);
    writeFixed48(bytes, at + TIME_AT, head.timeMs);
    writeFixed48(bytes, at + NEXT_AT, 0);
    if (before === undefined) {
      writeByteString(key, bytes, at + CONTENT_AT);
    } else {
      bytes.set(before.subarray(beforeAt, beforeEnd), at + CONTENT_AT);
      const previous = placeAt(before, beforeAt);
      if (this.has(previous)) this.#setNext(previous, this.#end);
    }
    return this.#added(chunk, length);
  }

  /** Where the entry at `place` is; it is there. */
  entryAt(place: number): EntryAt {
    const chunk = this.#chunkOf(place);
    return { bytes: chunk.bytes, at: place - chunk.start };
  }

  /** The place after the entry at `place`. */
  after(place: number): number {
    const { bytes, at } = this.entryAt(place);
    return place + readUint32(bytes, at);
  }

  /** The first entry whose number is `value` or more; the end when there is none. */
  lowerBound(of: keyof Numbers, value: number): number {
    if (this.#count === 0) return this.#end;
    const offset = OFFSETS[of];
    let low = this.#firstChunk;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { bytes, lastAt } = this.#chunks[middle]!;
      if (readFixed48(bytes, lastAt + offset) < value) low = middle + 1;
      else high = middle;
    }
    const chunk = this.#chunks[low];
    if (chunk === undefined) return this.#end;
    let place = Math.max(chunk.start, this.#first);
    while (readFixed48(chunk.bytes, place - chunk.start + offset) < value) {
      place += readUint32(chunk.bytes, place - chunk.start);
    }
    return place;
  }

  /** The place so many entries before the end. */
  fromEnd(count: number): number {
    if (count >= this.#count) return this.#first;
    let skipped = 0;
    for (let i = this.#chunks.length - 1; i >= this.#firstChunk; i--) {
      const chunk = this.#chunks[i]!;
      if (skipped + chunk.count < count) {
        skipped += chunk.count;
        continue;
      }
      let place = Math.max(chunk.start, this.#first);
      for (let left = skipped + chunk.count - count; left > 0; left--) {
        place += readUint32(chunk.bytes, place - chunk.start);
      }
      return place;
    }
    return this.#end;
  }

  /** The numbers of the newest entry of all, though it may be gone. */
  get newest(): Numbers {
    const chunk = this.#chunks.at(-1);
    return chunk === undefined || this.#count === 0
      ? this.#cutOff
      : numbersAt({ bytes: chunk.bytes, at: chunk.lastAt });
  }

  /** The record that the newest entry found; the entry has one. */
  newestBefore(): StoredVersion {
    const { bytes, lastAt } = this.#chunks.at(-1)!;
    return new StoredVersion(bytes, lastAt + CONTENT_AT);
  }

  /** The numbers of the last entry before `place`, which is an entry's or the end. */
  numbersBefore(place: number): Numbers {
    if (place <= this.#first) return this.#cutOff;
    const { bytes, start } = this.#chunkOf(place - 1);
    let last = Math.max(start, this.#first);
    for (let next = last; next < place; next += readUint32(bytes, next - start)) last = next;
    return numbersAt({ bytes, at: last - start });
  }

  /** Cuts off the first entry and returns it; there is one. */
  cutFirst(): EntryAt & { readonly place: number } {
    assert(this.#count > 0, "Only an entry that is there can be cut off");
    const place = this.#first;
    const entry = this.entryAt(place);
    this.#cutOff = numbersAt(entry);
    this.#first += readUint32(entry.bytes, entry.at);
    this.#count--;
    const chunk = this.#chunks[this.#firstChunk]!;
    chunk.count--;
    if (this.#first >= chunk.start + chunk.used && this.#firstChunk < this.#chunks.length - 1) {
      this.#dropFirstChunk();
    }
    return { ...entry, place };
  }

  /**
   * The numbers of the last entry that can go so that what is older than
   * `olderThanMs` goes, and as much more as it takes to keep `bytesMax`, but never the
   * newest `keep` entries. Undefined when nothing needs to go. Judges whole chunks.
   */
  excess(olderThanMs: number, bytesMax: number, keep: number): Numbers | undefined {
    let last: EntryAt | undefined;
    let size = this.size;
    let count = this.#count;
    for (let i = this.#firstChunk; i < this.#chunks.length - 1; i++) {
      const { bytes, lastAt, start, used, count: entries } = this.#chunks[i]!;
      const isOld = readFixed48(bytes, lastAt + TIME_AT) < olderThanMs;
      if (count - entries < keep || (!isOld && size <= bytesMax)) break;
      size -= start + used - Math.max(start, this.#first);
      count -= entries;
      last = { bytes, at: lastAt };
    }
    return last && numbersAt(last);
  }

  /** The bytes of the entries from `first` on as they are now, chunk by chunk; read at any time. */
  image(first: number): Iterable<Uint8Array> {
    return this.#chunks.slice(this.#firstChunk).map(({ bytes, start, used }) =>
      bytes.subarray(Math.max(0, first - start), used)
    ).filter(({ length }) => length > 0);
  }

  /** For restoring: begins at the place and after the numbers of an image. */
  startAt(first: number, cutOff: Numbers): void {
    this.#chunks = [];
    this.#firstChunk = 0;
    this.#first = first;
    this.#end = first;
    this.#count = 0;
    this.#cutOff = cutOff;
  }

  /**
   * For restoring: takes in the entry at `at` of an image and returns its place and
   * where the next begins. Throws `DecodeError`.
   */
  take(image: Uint8Array, at: number): { readonly place: number; readonly next: number } {
    const length = checkEntry(image, at);
    const chunk = this.#room(length);
    chunk.bytes.set(image.subarray(at, at + length), chunk.used);
    writeFixed48(chunk.bytes, chunk.used + NEXT_AT, 0);
    if ((image[at + FLAGS_AT]! & HAS_BEFORE) !== 0) {
      const previous = placeAt(image, at + CONTENT_AT);
      if (this.has(previous)) this.#setNext(previous, this.#end);
    }
    return { place: this.#added(chunk, length), next: at + length };
  }

  /** Counts an entry that was written at the end of `chunk`; returns its place. */
  #added(chunk: Chunk, length: number): number {
    const place = this.#end;
    chunk.lastAt = chunk.used;
    chunk.used += length;
    chunk.count++;
    this.#count++;
    this.#end += length;
    return place;
  }

  #setNext(place: number, next: number): void {
    const { bytes, at } = this.entryAt(place);
    writeFixed48(bytes, at + NEXT_AT, next + 1);
  }

  /** The last chunk, or a new one, with room for `length` bytes. */
  #room(length: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.used + length <= last.bytes.length) return last;
    const bytes = new Uint8Array(Math.max(CHUNK_BYTES, length));
    const chunk: Chunk = { bytes, start: this.#end, used: 0, count: 0, lastAt: 0 };
    this.#chunks.push(chunk);
    if (last !== undefined && last.count === 0) this.#dropFirstChunk();
    return chunk;
  }

  #dropFirstChunk(): void {
    // Its place in the array stays for a while, its bytes must not.
    this.#chunks[this.#firstChunk++] = NO_CHUNK;
    if (this.#firstChunk < 64 || this.#firstChunk < this.#chunks.length / 2) return;
    this.#chunks = this.#chunks.slice(this.#firstChunk);
    this.#firstChunk = 0;
  }

  #chunkOf(place: number): Chunk {
    assert(this.has(place), "Only an entry that is there can be read");
    let low = this.#firstChunk;
    let high = this.#chunks.length;
    while (low < high - 1) {
      const middle = (low + high) >>> 1;
      if (this.#chunks[middle]!.start <= place) low = middle;
      else high = middle;
    }
    return this.#chunks[low]!;
  }
}

const OFFSETS = {
  logIndex: LOG_INDEX_AT,
  changeIndex: CHANGE_INDEX_AT,
  revision: REVISION_AT,
} as const;

/** Whether an entry is of a key or a directory that went. */
export function isDeletionAt({ bytes, at }: EntryAt): boolean {
  return bytes[at + ACTION_AT]! >= FIRST_DELETION;
}

/** What an entry says beside its key and record. */
export function headAt({ bytes, at }: EntryAt): EntryHead & { readonly next: number } {
  return {
    action: ACTIONS[bytes[at + ACTION_AT]!]!,
    flags: bytes[at + FLAGS_AT]!,
    logIndex: readFixed48(bytes, at + LOG_INDEX_AT),
    changeIndex: readFixed48(bytes, at + CHANGE_INDEX_AT),
    revision: readFixed48(bytes, at + REVISION_AT),
    timeMs: readFixed48(bytes, at + TIME_AT),
    next: readFixed48(bytes, at + NEXT_AT) - 1,
  };
}

/** The numbers of an entry. */
function numbersAt({ bytes, at }: EntryAt): Numbers {
  return {
    logIndex: readFixed48(bytes, at + LOG_INDEX_AT),
    changeIndex: readFixed48(bytes, at + CHANGE_INDEX_AT),
    revision: readFixed48(bytes, at + REVISION_AT),
  };
}

/** The key of an entry, and where in its bytes the record is that was there before. */
export function contentAt(
  { bytes, at }: EntryAt,
): { readonly key: ByteString; readonly before: number | undefined } {
  const content = at + CONTENT_AT;
  if ((bytes[at + FLAGS_AT]! & HAS_BEFORE) !== 0) {
    return { key: keyAt(bytes, content), before: content };
  }
  return { key: byteStringAt(bytes, content, at + readUint32(bytes, at)), before: undefined };
}

/** The length of the entry that should be at `at`; throws `DecodeError` when there is none. */
export function checkEntry(bytes: Uint8Array, at: number): number {
  if (at + CONTENT_AT > bytes.length) throw new DecodeError("Expected an entry, found the end");
  const length = readUint32(bytes, at);
  const flags = bytes[at + FLAGS_AT]!;
  const isWhole = length >= CONTENT_AT && at + length <= bytes.length;
  if (!isWhole || flags > FLAGS_MAX || ACTIONS[bytes[at + ACTION_AT]!] === undefined) {
    throw new DecodeError("Expected an entry of the versions list, found other bytes");
  }
  if ((flags & HAS_BEFORE) !== 0 && checkRecord(bytes, at + CONTENT_AT) !== at + length) {
    throw new DecodeError("Expected a record that fills its entry, found another");
  }
  return length;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (8 * i);
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16) + bytes[at + 3]! * 2 ** 24;
}
