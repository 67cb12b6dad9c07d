/** What the versions list says of the past: a key at a revision, and what an entry changed. */
import type { ByteString } from "../byte_string.ts";
import type { Event } from "../event.ts";
import type { Place } from "./packed_map.ts";
import {
  flagsAt,
  modRevisionAt,
  placeAt,
  StoredVersion,
  TOMBSTONE,
  type Version,
  versionAt,
} from "./record.ts";
import {
  contentAt,
  COVERED_ENTRY,
  DIRECTORY_ENTRY,
  FILE_ENTRY,
  headAt,
  NOWHERE,
  QUIET_ENTRY,
  type Versions,
} from "./versions.ts";

/**
 * The version at `revision` of the key whose newest record is at `place`, as far as the
 * list still tells; undefined when the key was not there.
 */
export function versionAtRevision(
  versions: Versions,
  place: Place,
  revision: number,
): Version | undefined {
  let { bytes, at } = place;
  while (modRevisionAt(bytes, at) > revision) {
    const made = placeAt(bytes, at);
    if (!versions.has(made)) return undefined;
    const entry = versions.entryAt(made);
    const { before } = contentAt(entry);
    if (before === undefined) return undefined;
    bytes = entry.bytes;
    at = before;
  }
  return isTombstoneAt(bytes, at) ? undefined : versionAt(bytes, at);
}

/** The event of the entry at `place`; `find` gives the newest record of a key or a directory. */
export function eventAt(
  versions: Versions,
  place: number,
  find: (key: ByteString, isDirectory: boolean) => Place | undefined,
): Event {
  const entry = versions.entryAt(place);
  const head = headAt(entry);
  const { key, before } = contentAt(entry);
  const isDirectory = (head.flags & DIRECTORY_ENTRY) !== 0;
  const after = head.next === NOWHERE
    ? newest(find(key, isDirectory), place)
    : foundBy(versions, head.next);
  const wasThere = before !== undefined && !isTombstoneAt(entry.bytes, before);
  return {
    kind: "event",
    action: head.action,
    key,
    isDirectory,
    isFile: (head.flags & FILE_ENTRY) !== 0,
    isQuiet: (head.flags & QUIET_ENTRY) !== 0,
    isCovered: (head.flags & COVERED_ENTRY) !== 0,
    logIndex: head.logIndex,
    changeIndex: head.changeIndex,
    revision: head.revision,
    timeMs: head.timeMs,
    after: after && isDirectory ? withIndex(after, head.changeIndex) : after,
    before: wasThere ? new StoredVersion(entry.bytes, before) : undefined,
  };
}

/** An event tells of a modified index that the directory itself does not get: see `putDirectory`. */
function withIndex(directory: Version, modifiedIndex: number): Version {
  const { value, setIndex, createRevision, modRevision, version } = directory;
  const { createdIndex, deadlineMs, lease } = directory;
  return {
    ...{ value, setIndex, createRevision, modRevision, version },
    ...{ createdIndex, modifiedIndex, deadlineMs, lease },
  };
}

/** What the entry at `place` found at its key: the version that the one before it had left. */
function foundBy(versions: Versions, place: number): Version | undefined {
  const entry = versions.entryAt(place);
  const { before } = contentAt(entry);
  if (before === undefined || isTombstoneAt(entry.bytes, before)) return undefined;
  return new StoredVersion(entry.bytes, before);
}

/** The current version of a key, good to keep, if the entry at `place` made it. */
function newest(found: Place | undefined, place: number): Version | undefined {
  if (found === undefined || isTombstoneAt(found.bytes, found.at)) return undefined;
  if (placeAt(found.bytes, found.at) !== place) return undefined;
  const version = versionAt(found.bytes, found.at);
  return { ...version, value: version.value.slice() };
}

function isTombstoneAt(bytes: Uint8Array, at: number): boolean {
  return (flagsAt(bytes, at) & TOMBSTONE) !== 0;
}
