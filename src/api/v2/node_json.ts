/**
 * Items and events as v2's JSON. Clients read fields in order, so: `key, value, dir,
 * expiration, ttl, nodes, modifiedIndex, createdIndex`, each absent where it says
 * nothing. Concatenated, with `JSON.stringify` for strings only: that takes half the
 * time of an object built to be stringified.
 */
import { type ByteString, textOf } from "../../store/byte_string.ts";
import { type Event, isRemoval } from "../../store/event.ts";
import type { Version } from "../../store/keyspace/record.ts";
import { ROOT } from "../../store/path.ts";
import type { Item, TreeReader } from "../../store/tree/listing.ts";
import { textOfBytes } from "../../store/value.ts";

/** Characters after which a slice of a listing is handed out. */
const SLICE_LENGTH = 64 * 1024;

/** What a write or a watch answers. */
export function eventBody(event: Event): string {
  const { action, before } = event;
  const key = quoted(event.key);
  const previous = before === undefined || action === "create"
    ? ""
    : `,"prevNode":${versionNode(key, before, isDirectoryVersion(before), event.timeMs)}`;
  return `{"action":"${action}","node":${nodeOf(event, key)}${previous}}\n`;
}

/** What a write answers that asked for no value. */
export function bareEventBody({ action }: Event): string {
  return `{"action":"${action}"}\n`;
}

/** The node of an event, whose `key` is in JSON: what is there now, or of what is gone its indexes. */
function nodeOf(event: Event, key: string): string {
  const { after, before, timeMs, isDirectory, changeIndex } = event;
  if (!isRemoval(event) && after !== undefined) {
    // A directory's record keeps its modified index when its deadline changes.
    const modified = isDirectory ? { ...after, modifiedIndex: changeIndex } : after;
    return versionNode(key, modified, isDirectory, timeMs);
  }
  const createdIndex = before?.createdIndex ?? changeIndex;
  return `{"key":${key}${isDirectory ? ',"dir":true' : ""},` +
    `"modifiedIndex":${changeIndex},"createdIndex":${createdIndex}}`;
}

/** A directory has no versions; a file has at least one. */
function isDirectoryVersion({ version }: Version): boolean {
  return version === 0;
}

/** `key` is in JSON. */
function versionNode(
  key: string,
  { value, deadlineMs, modifiedIndex, createdIndex }: Version,
  isDirectory: boolean,
  nowMs: number,
): string {
  const content = isDirectory ? ',"dir":true' : `,"value":${JSON.stringify(textOfBytes(value))}`;
  return `{"key":${key}${content}${lifetime(deadlineMs, nowMs)},` +
    `"modifiedIndex":${modifiedIndex},"createdIndex":${createdIndex}}`;
}

/** What lists directories. */
export type Lister = Pick<TreeReader, "list" | "freeze">;

/** What a GET answers; a directory with its children, with `recursive` at every level. */
export function getBody(
  item: Item,
  reader: Lister,
  recursive: boolean,
  nowMs: number,
): string | Iterable<string> {
  if (!item.isDirectory) return `{"action":"get","node":${itemNode(item, nowMs)}}\n`;
  const slices = listingSlices(item, reader, recursive, nowMs);
  const first = slices.next();
  const second = slices.next();
  if (second.done) return first.value!;
  // The rest is made when the client has taken this: what it says must be of now.
  reader.freeze();
  return concat([first.value!, second.value], slices);
}

function* listingSlices(
  item: Item,
  reader: Lister,
  recursive: boolean,
  nowMs: number,
): Generator<string, void> {
  let slice = '{"action":"get","node":';
  for (const part of directoryParts(item, reader, recursive, nowMs)) {
    slice += part;
    if (slice.length < SLICE_LENGTH) continue;
    yield slice;
    slice = "";
  }
  yield `${slice}}\n`;
}

/** The levels of a directory that are being written, from the top down: no recursion, whatever the depth. */
interface Level {
  readonly item: Item;
  readonly rest: Iterator<Item>;
  hasNodes: boolean;
}

function* directoryParts(
  top: Item,
  reader: Lister,
  recursive: boolean,
  nowMs: number,
): Generator<string, void> {
  const open = (item: Item): Level => ({
    item,
    rest: reader.list(item.key)[Symbol.iterator](),
    hasNodes: false,
  });
  const levels = [open(top)];
  yield directoryStart(top, nowMs);
  while (levels.length > 0) {
    const level = levels.at(-1)!;
    const { done, value } = level.rest.next();
    if (done) {
      levels.pop();
      yield (level.hasNodes ? "]" : "") + directoryEnd(level.item);
      continue;
    }
    if (isHidden(value.key)) continue;
    const separator = level.hasNodes ? "," : ',"nodes":[';
    level.hasNodes = true;
    if (value.isDirectory && recursive) {
      levels.push(open(value));
      yield separator + directoryStart(value, nowMs);
    } else {
      yield separator + itemNode(value, nowMs);
    }
  }
}

/** All that stands before the nodes. The root has no key. */
function directoryStart({ key, deadlineMs }: Item, nowMs: number): string {
  const name = key === ROOT ? "" : `"key":${quoted(key)},`;
  return `{${name}"dir":true${lifetime(deadlineMs, nowMs)}`;
}

/** All that stands after them. The root has no indexes. */
function directoryEnd({ key, modifiedIndex, createdIndex }: Item): string {
  if (key === ROOT) return "}";
  return `,"modifiedIndex":${modifiedIndex},"createdIndex":${createdIndex}}`;
}

function itemNode(item: Item, nowMs: number): string {
  if (item.isDirectory) return directoryStart(item, nowMs) + directoryEnd(item);
  const { key, value, deadlineMs, modifiedIndex, createdIndex } = item;
  return `{"key":${quoted(key)},"value":${JSON.stringify(value)}` +
    `${lifetime(deadlineMs, nowMs)},"modifiedIndex":${modifiedIndex},` +
    `"createdIndex":${createdIndex}}`;
}

/** Whether a listing leaves the key out: its name begins with an underscore. */
function isHidden(key: ByteString): boolean {
  return key.charCodeAt(key.lastIndexOf("/") + 1) === 0x5f;
}

function quoted(key: ByteString): string {
  return JSON.stringify(textOf(key));
}

/** The deadline, and the seconds that are left, rounded up. */
function lifetime(deadlineMs: number, nowMs: number): string {
  if (deadlineMs === 0) return "";
  const ttl = Math.ceil((deadlineMs - nowMs) / 1000);
  return `,"expiration":"${new Date(deadlineMs).toISOString()}"${ttl > 0 ? `,"ttl":${ttl}` : ""}`;
}

function* concat(first: readonly string[], rest: Iterable<string>): Generator<string, void> {
  yield* first;
  yield* rest;
}
