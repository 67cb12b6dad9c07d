/**
 * What the image of a whole state looks like; `image_writer.ts` makes one,
 * `image_reader.ts` takes it apart. It says itself where it ends, however it was
 * cut into slices.
 *
 *     blocks   4 bytes length of the rest, little-endian; 1 byte kind; then
 *
 *     1 head   version byte, 1; timeMs, index, appliedIndex, clearedBefore
 *     2 events of the history, oldest first:
 *              flags, index, key, [prevValue], [value], [expirationMs],
 *              [ttlSeconds - 1, absent when 0]
 *     3 items  records as in `record.ts`, sorted by key, so that a directory comes
 *              before its children
 *     4 end    digest of the state, hash of the head and event blocks
 *
 * The first block is a head, the last one an end, and nothing follows it. Both
 * hashes are worked out anew from what was read, so damage is found here even
 * where the storage's checksums did not cover it.
 */
import { type ByteReader, type ByteWriter, INTEGER_BYTES_MAX, textBytesMax } from "./bytes.ts";
import type { Event } from "./event.ts";
import { Hasher } from "./hash.ts";
import type { TreeHash } from "./tree.ts";

/** Of the image, in its head block. */
export const IMAGE_VERSION = 1;

/** The kind of the first block. */
export const HEAD = 1;
/** The kind of blocks with events of the history. */
export const EVENTS = 2;
/** The kind of blocks with files and directories. */
export const ITEMS = 3;
/** The kind of the last block. */
export const END = 4;

/** No larger block is read: a damaged length must not fill the memory. */
export const BLOCK_BYTES_MAX = 2 ** 30;

/** The numbers of a state. */
export interface StateHead {
  readonly timeMs: number;
  /** The index of the last command that reached the tree. */
  readonly index: number;
  /** The index of the last command of all. */
  readonly appliedIndex: number;
}

const EVENT_DELETE = 0x01;
const EVENT_NEW_KEY = 0x02;
const EVENT_PREV_VALUE = 0x04;
const EVENT_VALUE = 0x08;
const EVENT_EXPIRATION = 0x10;
const EVENT_TTL = 0x20;

/** 16 hexadecimal digits for all that is in the tree and the head. */
export function digestOf(head: StateHead, hash: TreeHash): string {
  return new Hasher().integer(hash.low).integer(hash.high)
    .integer(head.timeMs).integer(head.index).integer(head.appliedIndex).finish().hex();
}

/** No more bytes than that are written for `event`. */
export function eventBytesMax(event: Event): number {
  return 1 + textBytesMax(event.key) + textBytesMax(event.prevValue ?? "") +
    textBytesMax(event.value ?? "") + 3 * INTEGER_BYTES_MAX;
}

/** Writes what `readEvent` reads. */
export function writeEvent(writer: ByteWriter, event: Event): void {
  const secondsLeft = (event.ttlSeconds ?? 0) - 1;
  writer.byte(
    (event.action === "DELETE" ? EVENT_DELETE : 0) |
      (event.newKey ? EVENT_NEW_KEY : 0) |
      (event.prevValue === undefined ? 0 : EVENT_PREV_VALUE) |
      (event.value === undefined ? 0 : EVENT_VALUE) |
      (event.expirationMs === undefined ? 0 : EVENT_EXPIRATION) |
      (secondsLeft > 0 ? EVENT_TTL : 0),
  );
  writer.integer(event.index);
  writer.text(event.key);
  if (event.prevValue !== undefined) writer.text(event.prevValue);
  if (event.value !== undefined) writer.text(event.value);
  if (event.expirationMs !== undefined) writer.integer(event.expirationMs);
  if (secondsLeft > 0) writer.integer(secondsLeft);
}

/** The next event of a block; throws `DecodeError` when there is none. */
export function readEvent(reader: ByteReader): Event {
  const flags = reader.byte();
  const index = reader.integer();
  const key = reader.text();
  const isSet = (flags & EVENT_DELETE) === 0;
  const expires = (flags & EVENT_EXPIRATION) !== 0;
  return {
    action: isSet ? "SET" : "DELETE",
    key,
    ...((flags & EVENT_PREV_VALUE) !== 0 && { prevValue: reader.text() }),
    ...((flags & EVENT_VALUE) !== 0 && { value: reader.text() }),
    newKey: (flags & EVENT_NEW_KEY) !== 0,
    ...(expires && { expirationMs: reader.integer() }),
    ...(expires && isSet && {
      ttlSeconds: 1 + ((flags & EVENT_TTL) === 0 ? 0 : reader.integer()),
    }),
    index,
  };
}
