/**
 * Files and directories in one flat sorted map from full paths, with the
 * deadlines of files and a hash of it all kept beside it. Knows paths, not
 * commands: it neither rejects nor reports.
 *
 * A directory is an entry of its own and stays when its last child goes. The
 * root directory is always there and has no entry.
 *
 * Invariants:
 *   1. the parent of every entry is a directory of the tree, or the root;
 *   2. `deadlines` holds exactly the deadlines of the files that have one;
 *   3. the hash is the sum of the entries' hashes, so it depends neither on
 *      order nor on history.
 */
import { assert } from "../base/assert.ts";
import { flatten } from "./bytes.ts";
import { Hasher } from "./hash.ts";
import { type HeapMember, IndexedHeap, OUTSIDE } from "./indexed_heap.ts";
import { parentOf, prefixOf, ROOT } from "./key.ts";
import { type Cursor, SortedMap } from "./sorted_map.ts";

/** A value and its circumstances. Immutable: a set replaces the item. */
export interface FileItem {
  readonly value: string;
  /** The index of the entry that set it. */
  readonly setIndex: number;
  /** Unix ms; 0: permanent. */
  readonly deadlineMs: number;
}

/** What all directories share. */
export const DIRECTORY = "directory";

export type Item = FileItem | typeof DIRECTORY;

export interface Listed {
  readonly key: string;
  readonly item: Item;
}

/** Two 32-bit lanes. */
export interface TreeHash {
  readonly low: number;
  readonly high: number;
}

/** When a file expires, in the heap of deadlines. */
export class Deadline implements HeapMember {
  heapPosition = OUTSIDE;
  constructor(
    readonly atMs: number,
    readonly key: string,
    readonly setIndex: number,
  ) {}
}

/**
 * The time is behind a reference, because a field that holds both zero and
 * large numbers would cost every permanent file a boxed number of 16 bytes.
 */
class File implements FileItem {
  constructor(
    readonly value: string,
    readonly setIndex: number,
    readonly deadline: Deadline | undefined,
    readonly hashLow: number,
    readonly hashHigh: number,
  ) {}

  get deadlineMs(): number {
    return this.deadline === undefined ? 0 : this.deadline.atMs;
  }
}

type Entry = File | typeof DIRECTORY;

/** Lists up to so many children at once, without keeping an image of the map. */
const LIST_AT_ONCE = 256;

export class Tree {
  readonly #entries = new SortedMap<Entry>();
  readonly #deadlines = new IndexedHeap<Deadline>(expiresBefore);
  readonly #hasher = new Hasher();
  #hashLow = 0;
  #hashHigh = 0;
  #directoryCount = 0;

  get fileCount(): number {
    return this.#entries.size - this.#directoryCount;
  }

  /** Without the root. */
  get directoryCount(): number {
    return this.#directoryCount;
  }

  get deadlines(): IndexedHeap<Deadline> {
    return this.#deadlines;
  }

  get hash(): TreeHash {
    return { low: this.#hashLow, high: this.#hashHigh };
  }

  get(key: string): Item | undefined {
    return key === ROOT ? DIRECTORY : this.#entries.get(key);
  }

  /**
   * Makes the directories above `key` that are missing. Returns false, and
   * changes nothing, when a file is in the way. `key` is not the root.
   */
  makeParents(key: string): boolean {
    const missing: string[] = [];
    let directory = parentOf(key);
    for (;;) {
      const entry = this.get(directory);
      if (entry === DIRECTORY) break;
      if (entry !== undefined) return false;
      missing.push(directory);
      directory = parentOf(directory);
    }
    // As slices of `key` they would keep it alive for as long as they live.
    for (const path of missing) this.#putDirectory(flatten(path), false);
    return true;
  }

  /** Creates or replaces the file at `key`, whose parent is a directory. `deadlineMs` 0: permanent. */
  putFile(key: string, value: string, setIndex: number, deadlineMs: number): void {
    const before = this.#entries.get(key);
    assert(before !== DIRECTORY, "A directory is never replaced by a file");
    if (before !== undefined) this.#forget(before);
    this.#entries.set(key, this.#admit(key, value, setIndex, deadlineMs));
  }

  /** Removes the file at `key`, which is there. */
  removeFile(key: string): void {
    const file = this.#entries.get(key);
    assert(file instanceof File, "Only a file that is there can be removed");
    this.#forget(file);
    this.#entries.delete(key);
  }

  /** For restoring: like `putFile`, of a key that sorts after all others. */
  appendFile(key: string, value: string, setIndex: number, deadlineMs: number): void {
    this.#entries.append(key, this.#admit(key, value, setIndex, deadlineMs));
  }

  /** For restoring: a directory whose path sorts after all other keys. */
  appendDirectory(path: string): void {
    this.#putDirectory(path, true);
  }

  /**
   * The direct children of the directory `key` as of now, however late they are
   * consumed, sorted by key, without files past their deadline at `nowMs`. To be
   * consumed once. A file or a missing key has no children.
   */
  list(key: string, nowMs: number): Iterable<Listed> {
    const cursor = this.#entries.cursor();
    const rest = children(cursor, prefixOf(key), nowMs);
    const first: Listed[] = [];
    while (first.length < LIST_AT_ONCE) {
      const { done, value } = rest.next();
      if (done) return first;
      first.push(value);
    }
    this.#entries.keepImage();
    return concat(first, rest);
  }

  /** Every entry as of now, however late it is consumed, sorted by key. */
  image(): Iterable<Listed> {
    this.#entries.keepImage();
    return all(this.#entries.cursor());
  }

  #putDirectory(path: string, last: boolean): void {
    if (last) this.#entries.append(path, DIRECTORY);
    else this.#entries.set(path, DIRECTORY);
    this.#directoryCount++;
    const { low, high } = this.#hasher.start().text(path).finish();
    this.#addHash(low, high);
  }

  #admit(key: string, value: string, setIndex: number, deadlineMs: number): File {
    let deadline: Deadline | undefined;
    if (deadlineMs !== 0) {
      deadline = new Deadline(deadlineMs, key, setIndex);
      this.#deadlines.add(deadline);
    }
    const { low, high } = this.#hasher.start().text(key).text(value)
      .integer(setIndex).integer(deadlineMs).finish();
    this.#addHash(low, high);
    return new File(value, setIndex, deadline, low, high);
  }

  #forget(file: File): void {
    if (file.deadline !== undefined) this.#deadlines.remove(file.deadline);
    this.#addHash(-file.hashLow, -file.hashHigh);
  }

  #addHash(low: number, high: number): void {
    this.#hashLow = (this.#hashLow + low) | 0;
    this.#hashHigh = (this.#hashHigh + high) | 0;
  }
}

/** Whether `item` is a file that is gone for readers at `nowMs`. */
export function isPast(item: Item, nowMs: number): boolean {
  return item !== DIRECTORY && item.deadlineMs !== 0 && item.deadlineMs <= nowMs;
}

function expiresBefore(a: Deadline, b: Deadline): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.key < b.key);
}

/** Walks over the range of `prefix` and leaps over everything below a child. */
function* children(cursor: Cursor<Entry>, prefix: string, nowMs: number): Generator<Listed, void> {
  cursor.seek(prefix);
  for (;;) {
    const { key, item } = cursor;
    if (key === undefined || item === undefined || !key.startsWith(prefix)) return;
    const slash = key.indexOf("/", prefix.length);
    if (slash >= 0) {
      // "0" comes right after "/": this is where the subtree of a child ends.
      cursor.seek(key.slice(0, slash) + "0");
    } else {
      if (!isPast(item, nowMs)) yield { key, item };
      cursor.next();
    }
  }
}

function* all(cursor: Cursor<Entry>): Generator<Listed, void> {
  for (cursor.next(); cursor.key !== undefined; cursor.next()) {
    yield { key: cursor.key, item: cursor.item! };
  }
}

function* concat(first: readonly Listed[], rest: Iterable<Listed>): Generator<Listed, void> {
  yield* first;
  yield* rest;
}
