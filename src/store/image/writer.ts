/**
 * Makes the image of a state, a slice at a time, from parts that no longer change.
 * Must not take long for a slice: the event loop runs between them. The format is in
 * `format.ts`.
 */
import type { Alarms } from "../alarms.ts";
import type { Auth } from "../auth/auth.ts";
import { encodeAuthContent } from "../auth/content.ts";
import { GrowingWriter } from "../command/growing_writer.ts";
import { digestOf, type Head } from "../head.ts";
import { Hasher } from "../keyspace/hash.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Page } from "../keyspace/page.ts";
import { flagsAt, placeAt, recordEnd, TOMBSTONE } from "../keyspace/record.ts";
import {
  ALARMS,
  AUTH,
  DIRECTORIES,
  END,
  HEAD,
  IMAGE_VERSION,
  LEASES,
  RECORDS,
  VERSIONS,
} from "./format.ts";

/** Bytes of a slice at most. */
const SLICE_BYTES_MAX = 256 * 1024;

/** Length and kind. */
const BLOCK_HEAD_BYTES = 5;

/** All that an image holds; nothing in it changes from here on. */
interface Captured {
  /** Whole blocks that are small. */
  readonly first: readonly Uint8Array[];
  /** Entries and tombstones before it wait to be cut off, and are left out. */
  readonly oldestPlace: number;
  readonly versions: Iterable<Uint8Array>;
  readonly directories: Iterable<Page>;
  readonly records: Iterable<Page>;
  readonly digest: string;
}

/** The slices of the image of the state as it is now, each made when it is asked for. */
export function writeImage(
  head: Head,
  keys: Keyspace,
  alarms: Alarms,
  auth: Auth,
): Iterable<Uint8Array> {
  const { records, directories } = keys.image();
  return slices({
    first: [
      headBlock(head, keys),
      ...leasesBlock(keys),
      ...alarmsBlock(alarms),
      ...authBlock(auth),
    ],
    oldestPlace: keys.oldestPlace,
    versions: keys.versions.image(keys.oldestPlace),
    directories,
    records,
    digest: digestOf(head, keys, alarms, auth),
  });
}

function* slices(captured: Captured): Generator<Uint8Array, void> {
  for (const block of blocksOf(captured)) {
    for (let start = 0; start < block.length; start += SLICE_BYTES_MAX) {
      yield block.subarray(start, start + SLICE_BYTES_MAX);
    }
  }
}

function* blocksOf(captured: Captured): Generator<Uint8Array, void> {
  const hasher = new Hasher();
  for (const block of contentBlocks(captured)) {
    hasher.bytes(contentOf(block));
    yield block;
  }
  const writer = new GrowingWriter();
  writer.begin();
  writer.byteString(captured.digest);
  writer.byteString(hasher.finish().hex());
  yield makeBlock(END, writer.take());
}

/** All blocks but the last. */
function* contentBlocks(captured: Captured): Generator<Uint8Array, void> {
  yield* captured.first;
  for (const chunk of captured.versions) yield makeBlock(VERSIONS, chunk);
  yield* recordBlocks(DIRECTORIES, captured.directories, captured.oldestPlace);
  yield* recordBlocks(RECORDS, captured.records, captured.oldestPlace);
}

function headBlock(head: Head, { oldestPlace, cleared }: Keyspace): Uint8Array {
  const writer = new GrowingWriter();
  writer.begin();
  writer.byte(IMAGE_VERSION);
  writer.integer(head.timeMs);
  writer.integer(head.index);
  writer.integer(head.appliedIndex);
  writer.integer(head.revision);
  writer.integer(head.changeIndex);
  writer.integer(head.compactedRevision);
  writer.integer(oldestPlace);
  writer.integer(cleared.logIndex);
  writer.integer(cleared.changeIndex);
  writer.integer(cleared.revision);
  return makeBlock(HEAD, writer.take());
}

function leasesBlock({ leases }: Keyspace): Uint8Array[] {
  if (leases.size === 0) return [];
  const writer = new GrowingWriter();
  writer.begin();
  for (const { id, ttlSeconds, grantIndex } of leases.values()) {
    writer.bigint(id);
    writer.integer(ttlSeconds);
    writer.integer(grantIndex);
  }
  return [makeBlock(LEASES, writer.take())];
}

function alarmsBlock(alarms: Alarms): Uint8Array[] {
  const active = alarms.values();
  if (active.length === 0) return [];
  const writer = new GrowingWriter();
  writer.begin();
  for (const { alarm, member } of active) {
    writer.byte(alarm === "corrupt" ? 1 : 0);
    writer.bigint(member);
  }
  return [makeBlock(ALARMS, writer.take())];
}

function authBlock(auth: Auth): Uint8Array[] {
  return auth.isFresh ? [] : [makeBlock(AUTH, encodeAuthContent(auth.content()))];
}

/** Blocks that fill a slice; a larger record gets a block of its own. */
function* recordBlocks(
  kind: number,
  pages: Iterable<Page>,
  oldestPlace: number,
): Generator<Uint8Array, void> {
  let block = new Uint8Array(SLICE_BYTES_MAX);
  let used = BLOCK_HEAD_BYTES;
  for (const page of pages) {
    const { bytes } = page;
    for (let slot = 0; slot < page.count; slot++) {
      const at = page.at(slot);
      const end = recordEnd(bytes, at);
      const isTombstone = (flagsAt(bytes, at) & TOMBSTONE) !== 0;
      if (isTombstone && placeAt(bytes, at) < oldestPlace) continue;
      if (used + end - at > block.length) {
        if (used > BLOCK_HEAD_BYTES) yield finishBlock(kind, block, used);
        block = new Uint8Array(Math.max(SLICE_BYTES_MAX, BLOCK_HEAD_BYTES + end - at));
        used = BLOCK_HEAD_BYTES;
      }
      block.set(bytes.subarray(at, end), used);
      used += end - at;
    }
  }
  if (used > BLOCK_HEAD_BYTES) yield finishBlock(kind, block, used);
}

function makeBlock(kind: number, content: Uint8Array): Uint8Array {
  const block = new Uint8Array(BLOCK_HEAD_BYTES + content.length);
  block.set(content, BLOCK_HEAD_BYTES);
  return finishBlock(kind, block, block.length);
}

function finishBlock(kind: number, block: Uint8Array, used: number): Uint8Array {
  new DataView(block.buffer).setUint32(0, used - 4, true);
  block[BLOCK_HEAD_BYTES - 1] = kind;
  return block.subarray(0, used);
}

/** What the length in front of a block counts. */
function contentOf(block: Uint8Array): Uint8Array {
  return block.subarray(4);
}
