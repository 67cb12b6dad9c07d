/**
 * All keys with their versions, and the directories that v1 and v2 see above them.
 * Knows records and how they follow one another; what a command may do is judged by
 * `tree/` and `kv/`.
 *
 * Invariants:
 *   1. every file, and every directory, has a record for the directory above it;
 *   2. `#deadlines` has every live record with a deadline, and no other;
 *   3. the hash is the sum of the hashes of live records, so it depends neither on
 *      order nor on what was there before;
 *   4. a tombstone is there as long as the versions list has its deletion.
 */
import { assert } from "../../base/assert.ts";
import type { ByteString } from "../byte_string.ts";
import type { Action, Event } from "../event.ts";
import type { Leases } from "../lease/leases.ts";
import { isFilePath, parentOf, ROOT } from "../path.ts";
import { keysBelow } from "./below.ts";
import { type Change, directoryVersion } from "./change.ts";
import { ChildCounts } from "./child_counts.ts";
import type { Due } from "./deadlines.ts";
import type { Hash } from "./hash.ts";
import { eventAt, versionAtRevision } from "./history.ts";
import { type Cursor, PackedMap, type Place } from "./packed_map.ts";
import type { Page } from "./page.ts";
import {
  createdIndexAt,
  createRevisionAt,
  DIRECTORY_OF_V1,
  FILE,
  flagsAt,
  keyAt,
  MADE,
  makeRecord,
  NO_VERSION,
  placeAt,
  recordEnd,
  setIndexAt,
  setPlaceAt,
  TOMBSTONE,
  type Version,
  versionNumberAt,
} from "./record.ts";
import { Tally } from "./tally.ts";
import {
  contentAt,
  COVERED_ENTRY,
  DIRECTORY_ENTRY,
  type EntryAt,
  FILE_ENTRY,
  headAt,
  isDeletionAt,
  NOWHERE,
  type Numbers,
  QUIET_ENTRY,
  Versions,
} from "./versions.ts";

/** Makes positions before all records, and before all directories. */
export interface Cursors {
  cursor(): Cursor;
  directoryCursor(): Cursor;
}

/** A new value of a key. */
export interface Put {
  readonly action: Action;
  readonly value: Uint8Array;
  /** Unix ms; 0: permanent. */
  readonly deadlineMs: number;
  readonly lease: bigint;
  /** v2's createdIndex stays what it was. */
  readonly keepsCreatedIndex: boolean;
  readonly isQuiet: boolean;
  /** What another program has counted; else it is counted here. */
  readonly counted?: Pick<Version, "createRevision" | "version">;
}

/** So many entries that were compacted are cut off at each change: more than one change makes. */
const CUT_AT_ONCE = 256;

export class Keyspace implements Cursors {
  readonly versions = new Versions();
  readonly #records = new PackedMap();
  readonly #directories = new PackedMap();
  readonly #tally = new Tally();
  /** Below directories that nobody made. */
  readonly #children = new ChildCounts();
  /** Directories that a file of the same path hides: only v3 makes such files. */
  #hiddenCount = 0;
  /** Everything before it in the versions list may go. */
  #cutBefore = 0;
  #cleared: Numbers = { logIndex: 0, changeIndex: 0, revision: 0 };

  get leases(): Leases {
    return this.#tally.leases;
  }

  /** Keys that are there. */
  get count(): number {
    return this.#tally.liveCount;
  }

  /** Keys that v1 and v2 see. */
  get fileCount(): number {
    return this.#tally.fileCount;
  }

  /** Without the root. */
  get directoryCount(): number {
    return this.#directories.size;
  }

  get expiringCount(): number {
    return this.#tally.deadlines.size;
  }

  /** Bytes of all live records, directories among them. */
  get liveBytes(): number {
    return this.#tally.liveBytes;
  }

  get hash(): Hash {
    return this.#tally.hash;
  }

  /** The live record of `key`, good until the next change. */
  find(key: ByteString): Place | undefined {
    const place = this.#records.get(key);
    if (place === undefined || isTombstone(place)) return undefined;
    return place;
  }

  /** The record of `key`, which may be a tombstone; good until the next change. */
  findRecord(key: ByteString): Place | undefined {
    return this.#records.get(key);
  }

  /** The live record of `key` if v1 and v2 see it. */
  findFile(key: ByteString): Place | undefined {
    const place = this.find(key);
    return place === undefined || (flagsAt(place.bytes, place.at) & FILE) === 0 ? undefined : place;
  }

  /** The record of the directory `path`, hidden or not; the root has none. */
  findDirectory(path: ByteString): Place | undefined {
    return this.#directories.get(path);
  }

  hasDirectory(path: ByteString): boolean {
    return path === ROOT || this.#directories.get(path) !== undefined;
  }

  /** A position before all records, tombstones among them. Good until the next change. */
  cursor(): Cursor {
    return this.#records.cursor();
  }

  directoryCursor(): Cursor {
    return this.#directories.cursor();
  }

  /** Cursors that are made at any time and see what is there now. */
  frozenCursors(): Cursors {
    const cursor = this.#records.frozenCursor();
    const directoryCursor = this.#directories.frozenCursor();
    return { cursor, directoryCursor };
  }

  /** Cursors that exist now keep seeing what is there now. */
  keepImage(): void {
    this.#records.keepImage();
    this.#directories.keepImage();
  }

  /** Sets `key`; what is above it as far as v1 and v2 see it is a directory, or becomes one. */
  put(change: Change, key: ByteString, put: Put, makesParents: boolean): Event {
    const found = this.#records.get(key);
    const isLive = found !== undefined && !isTombstone(found);
    const isFile = isLive
      ? (flagsAt(found.bytes, found.at) & FILE) !== 0
      : change.format === 1 || isFilePath(key);
    const changeIndex = change.nextChangeIndex();
    change.hasRevision = true;
    // Snapshots of version 1.0 do not say when a key was created.
    const continues = isLive && change.format !== 1;
    const after: Version = {
      value: put.value,
      setIndex: change.logIndex,
      createRevision: put.counted?.createRevision ??
        (continues ? createRevisionAt(found.bytes, found.at) : change.revision),
      modRevision: change.revision,
      version: put.counted?.version ??
        (continues ? versionNumberAt(found.bytes, found.at) + 1 : 1),
      createdIndex: isLive && put.keepsCreatedIndex
        ? createdIndexAt(found.bytes, found.at)
        : changeIndex,
      modifiedIndex: changeIndex,
      deadlineMs: put.deadlineMs,
      lease: put.lease,
    };
    const flags = (isFile ? FILE_ENTRY : 0) | (put.isQuiet ? QUIET_ENTRY : 0);
    const place = this.#append(change, put.action, flags, changeIndex, key, found);
    const before = isLive ? this.versions.newestBefore() : undefined;
    if (found !== undefined && isLive) this.#tally.remove(key, found, isFile);
    const record = makeRecord(key, { place, flags: isFile ? FILE : 0 }, after);
    this.#records.set(key, record);
    this.#tally.add(record, 0, isFile);
    if (isFile && !isLive) this.#addFile(change, key, makesParents);
    return this.#told(change, {
      action: put.action,
      key,
      isFile,
      isQuiet: put.isQuiet,
      changeIndex,
      after,
      before,
    });
  }

  /** Deletes `key`, which is there. `changeIndex`: that of the directory it goes with. */
  delete(change: Change, key: ByteString, action: Action, changeIndex?: number): Event {
    const found = this.find(key);
    assert(found !== undefined, "Only a key that is there can be deleted");
    const isFile = (flagsAt(found.bytes, found.at) & FILE) !== 0;
    const isCovered = changeIndex !== undefined;
    const index = changeIndex ?? change.nextChangeIndex();
    change.hasRevision = true;
    const flags = (isFile ? FILE_ENTRY : 0) | (isCovered ? COVERED_ENTRY : 0);
    const place = this.#append(change, action, flags, index, key, found);
    const before = this.versions.newestBefore();
    this.#tally.remove(key, found, isFile);
    const tombstone = { ...NO_VERSION, setIndex: change.logIndex, modRevision: change.revision };
    this.#records.set(key, makeRecord(key, { place, flags: TOMBSTONE }, tombstone));
    if (isFile) this.#removeFile(key);
    return this.#told(change, {
      action,
      key,
      isFile,
      isCovered,
      changeIndex: index,
      after: undefined,
      before,
    });
  }

  /**
   * Makes the directory `path`, or gives one that is there a new deadline; as in the
   * original its event tells of a modified index that the directory itself does not get.
   */
  putDirectory(
    change: Change,
    path: ByteString,
    action: Action,
    deadlineMs: number,
    isQuiet: boolean,
  ): Event {
    const found = this.#directories.get(path);
    const changeIndex = change.nextChangeIndex();
    const createdIndex = found === undefined ? changeIndex : createdIndexAt(found.bytes, found.at);
    if (found === undefined && path !== ROOT) this.#makeParents(change, path, changeIndex, true);
    const after = { ...directoryVersion(change, changeIndex, deadlineMs), createdIndex };
    const again = this.#directories.get(path);
    const flags = DIRECTORY_ENTRY | FILE_ENTRY | (isQuiet ? QUIET_ENTRY : 0);
    const place = this.#append(change, action, flags, changeIndex, path, again);
    const before = again === undefined ? undefined : this.versions.newestBefore();
    if (again !== undefined) this.#tally.removeDirectory(path, again);
    const modifiedIndex = again === undefined ? changeIndex : before!.modifiedIndex;
    const record = makeRecord(path, { place, flags: MADE }, { ...after, modifiedIndex });
    this.#setDirectory(path, record);
    return this.#told(change, {
      action,
      key: path,
      isDirectory: true,
      isFile: true,
      isQuiet,
      changeIndex,
      after,
      before,
    });
  }

  /** v2 puts a directory in place of the file `key`, which is there: one change for v2, a deletion for v3. */
  replaceByDirectory(change: Change, key: ByteString, deadlineMs: number): Event {
    const found = this.findFile(key);
    assert(found !== undefined, "Only a file that is there can be replaced");
    const changeIndex = change.nextChangeIndex();
    const flags = DIRECTORY_ENTRY | FILE_ENTRY;
    const place = this.#append(change, "set", flags, changeIndex, key, found);
    const after = directoryVersion(change, changeIndex, deadlineMs);
    const event = this.#told(change, {
      action: "set",
      key,
      isDirectory: true,
      isFile: true,
      changeIndex,
      after,
      before: this.versions.newestBefore(),
    });
    if (this.#directories.get(key) !== undefined) {
      // The file hid one, of which the history tells until now.
      this.#removeDirectoryRecord(change, key, "delete", changeIndex, true);
    }
    // Before the file goes: what is above it is never empty.
    this.#hiddenCount++;
    this.#setDirectory(key, makeRecord(key, { place, flags: MADE }, after));
    this.#childCame(parentOf(key));
    this.delete(change, key, "delete", changeIndex);
    return event;
  }

  /**
   * Removes the directory `path`, which is there, and all files and directories
   * below it: one change index, and one event of the directory before those of the
   * keys in their order.
   */
  removeDirectory(change: Change, path: ByteString, action: Action): Event {
    const changeIndex = change.nextChangeIndex();
    const event = this.#removeDirectoryRecord(change, path, action, changeIndex, false);
    for (const below of keysBelow(this.#directories.cursor(), path, 0)) {
      this.#removeDirectoryRecord(change, below, action, changeIndex, true);
    }
    for (const key of keysBelow(this.#records.cursor(), path, FILE)) {
      this.delete(change, key, action, changeIndex);
    }
    return event;
  }

  /** The nearest file above `key`, if any: v1 and v2 can write nothing below it. */
  fileAbove(key: ByteString): ByteString | undefined {
    // Only v3 puts a file below a file, which hides the directory that is there then.
    if (this.#hiddenCount === 0 && this.findFile(key) !== undefined) return undefined;
    for (let path = parentOf(key); path !== ROOT; path = parentOf(path)) {
      if (this.findFile(path) !== undefined) return path;
      // What is above a directory is a directory, unless v3 has hidden some.
      if (this.#hiddenCount === 0 && this.#directories.get(path) !== undefined) return undefined;
    }
    return undefined;
  }

  /** The version that the record at `place` had at `revision`; see `versionAtRevision`. */
  versionAtRevision(place: Place, revision: number): Version | undefined {
    return versionAtRevision(this.versions, place, revision);
  }

  /** The event of the entry at `place`, which is in the list. */
  eventAt(place: number): Event {
    return eventAt(
      this.versions,
      place,
      (key, isDirectory) => (isDirectory ? this.#directories : this.#records).get(key),
    );
  }

  /** Lets go of everything in the list before `place`; a part of it at each later change. */
  compactBefore(place: number): void {
    if (place <= this.oldestPlace) return;
    this.#cleared = this.versions.numbersBefore(place);
    this.#cutBefore = place;
  }

  /** The numbers of the newest entry that is gone: what comes after them is complete. */
  get cleared(): Numbers {
    return this.#cleared;
  }

  /** The place of the first entry that is not gone. */
  get oldestPlace(): number {
    return Math.max(this.#cutBefore, this.versions.first);
  }

  /** For restoring: the list begins at the place and after the numbers of an image. */
  startVersionsAt(first: number, cleared: Numbers): void {
    this.versions.startAt(first, cleared);
    this.#cutBefore = first;
    this.#cleared = cleared;
  }

  /** Cuts off a bounded part of what was compacted. */
  trim(): void {
    for (let i = 0; i < CUT_AT_ONCE && this.versions.first < this.#cutBefore; i++) {
      const entry = this.versions.cutFirst();
      this.#forgetTombstone(entry, entry.place);
    }
  }

  /** When the next thing is due, Unix ms; Infinity when nothing is. */
  nextDeadlineMs(): number {
    return this.#tally.deadlines.next();
  }

  /** What is due at `nowMs`, the earliest first, at most `max`, with the entry that made it. */
  due(nowMs: number, max: number): (Due & { readonly setIndex: number })[] {
    return this.#tally.deadlines.due(nowMs, max).map((due) => {
      const place = (due.isDirectory ? this.#directories : this.#records).get(due.key);
      assert(place !== undefined, "What has a deadline must be there");
      return { ...due, setIndex: setIndexAt(place.bytes, place.at) };
    });
  }

  /** All records as of now, tombstones among them, however late they are consumed. */
  image(): { readonly records: Iterable<Page>; readonly directories: Iterable<Page> } {
    return { records: this.#records.image(), directories: this.#directories.image() };
  }

  /**
   * For restoring: takes in the records that begin at `starts` and end at `end`, which
   * `checkRecord` let pass. Leases come before. Returns where the first one is whose key
   * does not sort after all others; then the state is of no use.
   */
  appendRecords(bytes: Uint8Array, starts: readonly number[], end: number): number | undefined {
    const late = this.#records.append(bytes, starts, end);
    if (late !== undefined) return late;
    for (const at of starts) {
      const flags = flagsAt(bytes, at);
      if ((flags & TOMBSTONE) !== 0) continue;
      const isFile = (flags & FILE) !== 0;
      this.#tally.add(bytes, at, isFile);
      if (isFile) this.#childCame(parentOf(keyAt(bytes, at)));
    }
  }

  /** The same for directories, which come before the files in them. */
  appendDirectories(bytes: Uint8Array, starts: readonly number[], end: number): number | undefined {
    const late = this.#directories.append(bytes, starts, end);
    if (late !== undefined) return late;
    for (const at of starts) {
      this.#tally.addDirectory(bytes, at);
      const path = keyAt(bytes, at);
      if ((flagsAt(bytes, at) & MADE) === 0) this.#children.begin(path);
      this.#childCame(parentOf(path));
    }
  }

  /** For restoring: all records are there. */
  endRestoring(): void {
    for (const cursor = this.#directories.cursor(); cursor.next();) {
      if (this.findFile(cursor.key()) !== undefined) this.#hiddenCount++;
    }
  }

  /** For restoring: the entry at `place` made what is at its key now. */
  pointRecordTo(place: number): void {
    const entry = this.versions.entryAt(place);
    const { key } = contentAt(entry);
    const isDirectory = (headAt(entry).flags & DIRECTORY_ENTRY) !== 0;
    const found = (isDirectory ? this.#directories : this.#records).get(key);
    if (found !== undefined) setPlaceAt(found.bytes, found.at, place);
  }

  #append(
    change: Change,
    action: Action,
    flags: number,
    changeIndex: number,
    key: ByteString,
    found: Place | undefined,
  ): number {
    const head = {
      action,
      flags,
      logIndex: change.logIndex,
      changeIndex,
      revision: change.hasRevision ? change.revision : change.revision - 1,
      timeMs: change.timeMs,
    };
    if (found === undefined) return this.versions.append(head, key);
    const { bytes, at } = found;
    return this.versions.append(head, key, bytes, at, recordEnd(bytes, at));
  }

  #told(
    change: Change,
    event:
      & Pick<Event, "action" | "key" | "isFile" | "changeIndex" | "after" | "before">
      & Partial<Pick<Event, "isDirectory" | "isQuiet" | "isCovered">>,
  ): Event {
    const told: Event = {
      kind: "event",
      action: event.action,
      key: event.key,
      isDirectory: event.isDirectory ?? false,
      isFile: event.isFile,
      isQuiet: event.isQuiet ?? false,
      isCovered: event.isCovered ?? false,
      logIndex: change.logIndex,
      changeIndex: event.changeIndex,
      revision: change.hasRevision ? change.revision : change.revision - 1,
      timeMs: change.timeMs,
      after: event.after,
      before: event.before,
    };
    change.events.push(told);
    return told;
  }

  /** Looks for a tombstone only where one was made: a search for each entry would cost a tenth of a write. */
  #forgetTombstone(entry: EntryAt, place: number): void {
    if (!isDeletionAt(entry)) return;
    const { key } = contentAt(entry);
    if ((headAt(entry).flags & DIRECTORY_ENTRY) !== 0) return;
    const found = this.#records.get(key);
    if (found === undefined || !isTombstone(found)) return;
    if (placeAt(found.bytes, found.at) === place) this.#records.delete(key);
  }

  #addFile(change: Change, key: ByteString, makesParents: boolean): void {
    this.#makeParents(change, key, change.changeIndex, makesParents);
    if (this.#directories.get(key) !== undefined) this.#hiddenCount++;
  }

  /** Makes the directories above `key` that are missing. */
  #makeParents(change: Change, key: ByteString, changeIndex: number, makes: boolean): void {
    const missing: ByteString[] = [];
    for (let path = parentOf(key); path !== ROOT; path = parentOf(path)) {
      if (this.#childCame(path)) break;
      missing.push(path);
    }
    for (const path of missing.reverse()) {
      const version = change.format === 1
        ? DIRECTORY_OF_V1
        : directoryVersion(change, changeIndex, 0);
      const head = { place: NOWHERE, flags: makes ? MADE : 0 };
      this.#setDirectory(path, makeRecord(path, head, version));
      if (this.findFile(path) !== undefined) this.#hiddenCount++;
    }
  }

  #removeFile(key: ByteString): void {
    if (this.#hiddenCount > 0 && this.#directories.get(key) !== undefined) this.#hiddenCount--;
    this.#pruneAbove(key);
  }

  /** Something new is right below `path`; tells whether that is a directory. */
  #childCame(path: ByteString): boolean {
    const found = this.#directories.get(path);
    if (found !== undefined && !isMade(found)) this.#children.came(path);
    return found !== undefined;
  }

  /** The directories above `key` that only v3's files made go with the last of these. */
  #pruneAbove(key: ByteString): void {
    for (let path = parentOf(key); path !== ROOT; path = parentOf(path)) {
      const found = this.#directories.get(path);
      // One that is gone took along all that was below it.
      if (found === undefined || isMade(found) || !this.#children.went(path)) return;
      this.#tally.removeDirectory(path, found);
      this.#dropDirectory(path);
    }
  }

  #removeDirectoryRecord(
    change: Change,
    path: ByteString,
    action: Action,
    changeIndex: number,
    isCovered: boolean,
  ): Event {
    const found = this.#directories.get(path);
    assert(found !== undefined, "Only a directory that is there can be removed");
    const flags = DIRECTORY_ENTRY | FILE_ENTRY | (isCovered ? COVERED_ENTRY : 0);
    this.#append(change, action, flags, changeIndex, path, found);
    const before = this.versions.newestBefore();
    this.#tally.removeDirectory(path, found);
    this.#dropDirectory(path);
    this.#pruneAbove(path);
    return this.#told(change, {
      action,
      key: path,
      isDirectory: true,
      isFile: true,
      isCovered,
      changeIndex,
      after: undefined,
      before,
    });
  }

  #dropDirectory(path: ByteString): void {
    this.#directories.delete(path);
    this.#children.forget(path);
    if (this.findFile(path) !== undefined) this.#hiddenCount--;
  }

  #setDirectory(path: ByteString, record: Uint8Array): void {
    this.#directories.set(path, record);
    this.#tally.addDirectory(record, 0);
  }
}

function isTombstone({ bytes, at }: Place): boolean {
  return (flagsAt(bytes, at) & TOMBSTONE) !== 0;
}

function isMade({ bytes, at }: Place): boolean {
  return (flagsAt(bytes, at) & MADE) !== 0;
}
