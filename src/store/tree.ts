/**
 * Files and directories in one flat sorted map from full paths, with the
 * deadlines of files and a hash of it all kept beside it. Knows paths, not
 * commands: it neither rejects nor reports.
 *
 * A directory is a record of its own and stays when its last child goes. The
 * root directory is always there and has no record.
 *
 * Invariants:
 *   1. the parent of every record is a directory of the tree, or the root;
 *   2. `#deadlines` has the deadline of every file that has one, and no other;
 *   3. the hash is the sum of the records' hashes, so it depends neither on
 *      order nor on what was there before.
 */
import { assert } from "../base/assert.ts";
import { Hasher } from "./hash.ts";
import { KEY_LENGTH_MAX, parentOf, prefixOf, ROOT } from "./key.ts";
import { type Cursor, PackedMap, type Place } from "./packed_map.ts";
import type { Page } from "./page.ts";
import {
  deadlineAt,
  DIRECTORY,
  directoryRecord,
  fileRecord,
  isDirectoryAt,
  type Item,
  itemAt,
  keyAt,
  keyEnd,
  keyStart,
  recordEnd,
  setIndexAt,
  valueEnd,
} from "./record.ts";

export interface Listed {
  readonly key: string;
  readonly item: Item;
}

/** A file that expires. */
export interface Expiring {
  readonly key: string;
  readonly setIndex: number;
}

/** Two signed 32-bit lanes. */
export interface TreeHash {
  readonly low: number;
  readonly high: number;
}

/** Lists up to so many children at once, without keeping an image of the map. */
const LIST_AT_ONCE = 256;

/** Hexadecimal digits of a deadline; enough until the year 10889. */
const DEADLINE_DIGITS = 12;

const hasher = new Hasher();

export class Tree {
  readonly #records = new PackedMap();
  /** Its keys are deadlines followed by paths: in order, and without a heap's stale members. */
  readonly #deadlines = new PackedMap();
  #hashLow = 0;
  #hashHigh = 0;
  #directoryCount = 0;

  get fileCount(): number {
    return this.#records.size - this.#directoryCount;
  }

  /** Without the root. */
  get directoryCount(): number {
    return this.#directoryCount;
  }

  /** Files with a deadline. */
  get expiringCount(): number {
    return this.#deadlines.size;
  }

  get hash(): TreeHash {
    return { low: this.#hashLow, high: this.#hashHigh };
  }

  get(key: string): Item | undefined {
    if (key === ROOT) return DIRECTORY;
    if (key.length > KEY_LENGTH_MAX) return undefined;
    const place = this.#records.get(key);
    return place === undefined ? undefined : itemAt(place.bytes, place.at);
  }

  /**
   * Makes the directories above `key` that are missing. Returns false, and
   * changes nothing, when a file is in the way. `key` is not the root.
   */
  makeParents(key: string): boolean {
    const missing: string[] = [];
    for (let path = parentOf(key); path !== ROOT; path = parentOf(path)) {
      const place = this.#records.get(path);
      if (place === undefined) missing.push(path);
      else if (isDirectoryAt(place.bytes, place.at)) break;
      else return false;
    }
    for (const path of missing.reverse()) {
      const record = directoryRecord(path);
      this.#count(record, 1);
      this.#records.set(path, record);
    }
    return true;
  }

  /** Creates or replaces the file at `key`, whose parent is a directory. `deadlineMs` 0: permanent. */
  putFile(key: string, value: string, setIndex: number, deadlineMs: number): void {
    const before = this.#records.get(key);
    if (before !== undefined) this.#uncountFile(key, before);
    const record = fileRecord(key, value, setIndex, deadlineMs);
    this.#count(record, 1);
    this.#records.set(key, record);
    if (deadlineMs !== 0) this.#addDeadline(deadlineMs, key);
  }

  /** Removes the file at `key`, which is there. */
  removeFile(key: string): void {
    const before = this.#records.get(key);
    assert(before !== undefined, "Only a file that is there can be removed");
    this.#uncountFile(key, before);
    this.#records.delete(key);
  }

  /**
   * For restoring: takes in a whole record that `checkRecord` let pass. Returns
   * false, and changes nothing, when its key does not sort after all others.
   */
  append(record: Uint8Array): boolean {
    if (!this.#records.append(record)) return false;
    this.#count(record, 1);
    const deadlineMs = deadlineAt(record, 0);
    if (deadlineMs !== 0) this.#addDeadline(deadlineMs, keyAt(record, 0));
    return true;
  }

  /**
   * The direct children of the directory `key` as of now, however late they are
   * consumed, sorted by key, without files past their deadline at `nowMs`. To be
   * consumed once. A file or a missing key has no children. The strings may be
   * slices of much larger ones: good to pass on, not to keep.
   */
  list(key: string, nowMs: number): Iterable<Listed> {
    if (key.length > KEY_LENGTH_MAX) return [];
    const rest = children(this.#records.cursor(), prefixOf(key), nowMs);
    const first: Listed[] = [];
    while (first.length < LIST_AT_ONCE) {
      const { done, value } = rest.next();
      if (done) return first;
      first.push(value);
    }
    this.#records.keepImage();
    return concat(first, rest);
  }

  /**
   * The direct children of the directory `key` that sort after the child named
   * `after` ("" for the first ones), in the order of `list`: at most `max`, and
   * few enough that all values together have some `unitsMax` UTF-16 units.
   */
  page(key: string, nowMs: number, after: string, max: number, unitsMax: number): Listed[] {
    if (key.length > KEY_LENGTH_MAX) return [];
    const prefix = prefixOf(key);
    // No key has a NUL: this is the first place after `after` itself.
    const start = after === "" ? prefix : `${prefix}${after}\0`;
    const page: Listed[] = [];
    let units = 0;
    for (const child of children(this.#records.cursor(), prefix, nowMs, start)) {
      page.push(child);
      if (child.item !== DIRECTORY) units += child.item.value.length;
      if (page.length >= max || units >= unitsMax) break;
    }
    return page;
  }

  /** Every record as of now, however late it is consumed, sorted by key. */
  image(): Iterable<Page> {
    return this.#records.image();
  }

  /** The earliest deadline, Unix ms; Infinity when there is none. */
  nextDeadlineMs(): number {
    const first = this.#deadlines.first();
    if (first === undefined) return Infinity;
    return deadlineOf(keyAt(first.bytes, first.at));
  }

  /** The files whose deadline is at most `nowMs`, the earliest first, at most `max`. */
  due(nowMs: number, max: number): Expiring[] {
    const due: Expiring[] = [];
    const cursor = this.#deadlines.cursor();
    while (due.length < max && cursor.next()) {
      const deadlineKey = keyAt(cursor.bytes, cursor.at);
      if (deadlineOf(deadlineKey) > nowMs) break;
      const key = deadlineKey.slice(DEADLINE_DIGITS);
      const place = this.#records.get(key);
      assert(place !== undefined, "What has a deadline must be there");
      due.push({ key, setIndex: setIndexAt(place.bytes, place.at) });
    }
    return due;
  }

  #uncountFile(key: string, { bytes, at }: Place): void {
    assert(!isDirectoryAt(bytes, at), "A directory is never removed or replaced");
    this.#count(bytes.subarray(at, recordEnd(bytes, at)), -1);
    const deadlineMs = deadlineAt(bytes, at);
    if (deadlineMs !== 0) this.#deadlines.delete(deadlineKeyOf(deadlineMs, key));
  }

  #addDeadline(deadlineMs: number, key: string): void {
    const deadlineKey = deadlineKeyOf(deadlineMs, key);
    this.#deadlines.set(deadlineKey, directoryRecord(deadlineKey));
  }

  /** Keeps count of a record that comes (1) or goes (-1). */
  #count(record: Uint8Array, sign: 1 | -1): void {
    if (isDirectoryAt(record, 0)) this.#directoryCount += sign;
    const { low, high } = hasher.start().bytes(record).finish();
    this.#hashLow = (this.#hashLow + sign * low) | 0;
    this.#hashHigh = (this.#hashHigh + sign * high) | 0;
  }
}

function deadlineKeyOf(deadlineMs: number, key: string): string {
  return deadlineMs.toString(16).padStart(DEADLINE_DIGITS, "0") + key;
}

function deadlineOf(deadlineKey: string): number {
  return parseInt(deadlineKey.slice(0, DEADLINE_DIGITS), 16);
}

/** Walks over the range of `prefix`, from `start` on, and leaps over everything below a child. */
function* children(
  cursor: Cursor,
  prefix: string,
  nowMs: number,
  start = prefix,
): Generator<Listed, void> {
  let found = cursor.seek(start);
  while (found) {
    const { bytes, at } = cursor;
    const valueAt = keyEnd(bytes, at);
    const key = cursor.text(keyStart(at), valueAt);
    if (!key.startsWith(prefix)) return;
    const slash = key.indexOf("/", prefix.length);
    if (slash >= 0) {
      // "0" comes right after "/": this is where the subtree of a child ends.
      found = cursor.seek(key.slice(0, slash) + "0");
      continue;
    }
    if (isDirectoryAt(bytes, at)) {
      yield { key, item: DIRECTORY };
    } else {
      const deadlineMs = deadlineAt(bytes, at);
      if (deadlineMs === 0 || deadlineMs > nowMs) {
        const value = cursor.text(valueAt, valueEnd(bytes, at));
        yield { key, item: { value, setIndex: setIndexAt(bytes, at), deadlineMs } };
      }
    }
    found = cursor.next();
  }
}

function* concat(first: readonly Listed[], rest: Iterable<Listed>): Generator<Listed, void> {
  yield* first;
  yield* rest;
}
