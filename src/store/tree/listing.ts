/**
 * What v1 and v2 see: files and directories by their paths, and the children of a
 * directory in the order of their keys. A file hides a directory of the same path.
 */
import { type ByteString, textOf } from "../byte_string.ts";
import type { Cursors, Keyspace } from "../keyspace/keyspace.ts";
import type { Cursor } from "../keyspace/packed_map.ts";
import {
  createdIndexAt,
  deadlineAt,
  FILE,
  flagsAt,
  keyEnd,
  modifiedIndexAt,
  setIndexAt,
  TOMBSTONE,
  valueEnd,
} from "../keyspace/record.ts";
import { parentOf, prefixOf, ROOT } from "../path.ts";
import { textOfBytes } from "../value.ts";

/** A file or a directory, as read. Its strings may be slices of larger ones: good to pass on, not to keep. */
export interface Item {
  readonly key: ByteString;
  readonly isDirectory: boolean;
  /** As text; bytes that are no UTF-8 are U+FFFD. "" for a directory. */
  readonly value: string;
  readonly setIndex: number;
  readonly createdIndex: number;
  readonly modifiedIndex: number;
  /** Unix ms; 0: permanent. */
  readonly deadlineMs: number;
}

/** The root is a directory without numbers. */
const ROOT_ITEM: Item = Object.freeze({
  key: ROOT,
  isDirectory: true,
  value: "",
  setIndex: 0,
  createdIndex: 0,
  modifiedIndex: 0,
  deadlineMs: 0,
});

/** Lists up to so many children at once, without keeping an image of the maps. */
const LIST_AT_ONCE = 256;

/** What is at `key` for a reader at `nowMs`, who no longer sees what is past its deadline. */
export function readItem(keys: Keyspace, key: ByteString, nowMs: number): Item | undefined {
  if (key === ROOT) return ROOT_ITEM;
  const file = keys.findFile(key);
  if (file !== undefined) {
    const { bytes, at } = file;
    if (isPast(deadlineAt(bytes, at), nowMs) || isBelowExpired(keys, key, nowMs)) return undefined;
    return fileItem(key, textOfBytes(bytes, keyEnd(bytes, at), valueEnd(bytes, at)), bytes, at);
  }
  const directory = keys.findDirectory(key);
  if (directory === undefined) return undefined;
  const item = directoryItem(key, directory.bytes, directory.at);
  if (isPast(item.deadlineMs, nowMs) || isBelowExpired(keys, key, nowMs)) return undefined;
  return item;
}

/** Lists directories for a reader at `nowMs`, who may consume the lists at any pace. */
export class TreeReader {
  readonly #keys: Keyspace;
  readonly #nowMs: number;
  #cursors: Cursors;

  constructor(keys: Keyspace, nowMs: number) {
    this.#keys = keys;
    this.#nowMs = nowMs;
    this.#cursors = keys;
  }

  /**
   * The children of the directory `path` as of now, in the order of their keys, without
   * what is past its deadline. To be consumed once. A file or a missing key has none.
   */
  list(path: ByteString): Iterable<Item> {
    const prefix = prefixOf(path);
    const rest = children(this.#cursors, prefix, this.#nowMs, prefix);
    const first: Item[] = [];
    while (first.length < LIST_AT_ONCE) {
      const { done, value } = rest.next();
      if (done) return first;
      first.push(value);
    }
    this.#keys.keepImage();
    return concat(first, rest);
  }

  /** From now on lists what is there now, whatever changes. */
  freeze(): void {
    this.#cursors = this.#keys.frozenCursors();
  }
}

/**
 * The children of `path` after the one named `after` ("" for the first ones): at most
 * `max`, and few enough that all values together have some `unitsMax` UTF-16 units.
 */
export function pageOfChildren(
  keys: Keyspace,
  path: ByteString,
  nowMs: number,
  after: ByteString,
  max: number,
  unitsMax: number,
): Item[] {
  const prefix = prefixOf(path);
  // No file has a NUL in its key: this is the first place after `after` itself.
  const start = after === "" ? prefix : `${prefix}${after}\0`;
  const page: Item[] = [];
  let units = 0;
  for (const child of children(keys, prefix, nowMs, start)) {
    page.push(child);
    units += child.value.length;
    if (page.length >= max || units >= unitsMax) break;
  }
  return page;
}

/** Merges the files and the directories right under `prefix`, both from `start` on. */
function* children(
  cursors: Cursors,
  prefix: ByteString,
  nowMs: number,
  start: ByteString,
): Generator<Item, void> {
  const files = filesUnder(cursors.cursor(), prefix, start);
  const directories = directoriesUnder(cursors.directoryCursor(), prefix, start);
  let file = next(files);
  let directory = next(directories);
  while (file !== undefined || directory !== undefined) {
    const takesFile = directory === undefined || file !== undefined && file.key <= directory.key;
    const item = takesFile ? file! : directory!;
    if (directory !== undefined && directory.key === item.key) directory = next(directories);
    if (takesFile) file = next(files);
    if (!isPast(item.deadlineMs, nowMs)) yield item;
  }
}

function next(items: Generator<Item, void>): Item | undefined {
  const { done, value } = items.next();
  return done ? undefined : value;
}

/** The files right under `prefix`; leaps over everything below a child. */
function* filesUnder(
  cursor: Cursor,
  prefix: ByteString,
  start: ByteString,
): Generator<Item, void> {
  let found = cursor.seek(start);
  while (found) {
    const key = cursor.key();
    if (!key.startsWith(prefix)) return;
    const slash = key.indexOf("/", prefix.length);
    if (slash > prefix.length) {
      // "0" comes right after "/": this is where the subtree of a child ends.
      found = cursor.seek(key.slice(0, slash) + "0");
      continue;
    }
    const { bytes, at } = cursor;
    const flags = flagsAt(bytes, at);
    if ((flags & (FILE | TOMBSTONE)) === FILE && slash < 0) {
      const value = textOf(cursor.text(keyEnd(bytes, at), valueEnd(bytes, at)));
      yield fileItem(key, value, bytes, at);
    }
    found = cursor.next();
  }
}

function* directoriesUnder(
  cursor: Cursor,
  prefix: ByteString,
  start: ByteString,
): Generator<Item, void> {
  let found = cursor.seek(start);
  while (found) {
    const key = cursor.key();
    if (!key.startsWith(prefix)) return;
    const slash = key.indexOf("/", prefix.length);
    if (slash >= 0) {
      found = cursor.seek(key.slice(0, slash) + "0");
      continue;
    }
    yield directoryItem(key, cursor.bytes, cursor.at);
    found = cursor.next();
  }
}

/** `value` is that of the record at `at`. */
function fileItem(key: ByteString, value: string, bytes: Uint8Array, at: number): Item {
  return {
    key,
    isDirectory: false,
    value,
    setIndex: setIndexAt(bytes, at),
    createdIndex: createdIndexAt(bytes, at),
    modifiedIndex: modifiedIndexAt(bytes, at),
    deadlineMs: deadlineAt(bytes, at),
  };
}

function directoryItem(key: ByteString, bytes: Uint8Array, at: number): Item {
  return {
    key,
    isDirectory: true,
    value: "",
    setIndex: setIndexAt(bytes, at),
    createdIndex: createdIndexAt(bytes, at),
    modifiedIndex: modifiedIndexAt(bytes, at),
    deadlineMs: deadlineAt(bytes, at),
  };
}

function isPast(deadlineMs: number, nowMs: number): boolean {
  return deadlineMs !== 0 && deadlineMs <= nowMs;
}

/** Whether a directory above `key` is past its deadline. */
function isBelowExpired(keys: Keyspace, key: ByteString, nowMs: number): boolean {
  if (keys.nextDeadlineMs() > nowMs) return false;
  for (let path = parentOf(key); path !== ROOT; path = parentOf(path)) {
    const found = keys.findDirectory(path);
    if (found !== undefined && isPast(deadlineAt(found.bytes, found.at), nowMs)) return true;
  }
  return false;
}

function* concat(first: readonly Item[], rest: Iterable<Item>): Generator<Item, void> {
  yield* first;
  yield* rest;
}
