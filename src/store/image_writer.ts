/**
 * Makes the image of a state, a slice at a time, from parts that no longer
 * change. Must not take long for a slice: the event loop runs between them.
 * The format is in `image_format.ts`.
 */
import { ByteWriter } from "./bytes.ts";
import type { Event } from "./event.ts";
import { Hasher } from "./hash.ts";
import {
  digestOf,
  END,
  eventBytesMax,
  EVENTS,
  HEAD,
  IMAGE_VERSION,
  itemBytesMax,
  ITEMS,
  type StateHead,
  writeEvent,
  writeItem,
} from "./image_format.ts";
import type { Listed, TreeHash } from "./tree.ts";

/** Bytes of a slice at most. */
export const SLICE_BYTES_MAX = 256 * 1024;

/** Many tiny records take longer than their bytes suggest. */
const BLOCK_RECORDS_MAX = 4096;

/** Length and kind. */
const BLOCK_HEAD_BYTES = 5;

/** All that an image holds; nothing in it changes any more. */
export interface Captured {
  readonly head: StateHead;
  readonly clearedBefore: number;
  readonly events: readonly Event[];
  /** Sorted by key. */
  readonly items: Iterable<Listed>;
  /** Of the items. */
  readonly hash: TreeHash;
}

/** The slices of the image, each made when it is asked for. */
export function* writeImage(captured: Captured): Generator<Uint8Array, void> {
  for (const block of imageBlocks(captured)) {
    for (let start = 0; start < block.length; start += SLICE_BYTES_MAX) {
      yield block.subarray(start, start + SLICE_BYTES_MAX);
    }
  }
}

function* imageBlocks(captured: Captured): Generator<Uint8Array, void> {
  const { head, hash } = captured;
  const historyHash = new Hasher();
  const first = headBlock(captured);
  historyHash.bytes(contentOf(first));
  yield first;
  for (const block of recordBlocks(EVENTS, captured.events, eventBytesMax, writeEvent)) {
    historyHash.bytes(contentOf(block));
    yield block;
  }
  yield* recordBlocks(ITEMS, captured.items, itemBytesMax, writeItem);
  yield endBlock(digestOf(head, hash), historyHash.finish().hex());
}

function headBlock({ head, clearedBefore }: Captured): Uint8Array {
  const block = startBlock(HEAD, 64);
  block.byte(IMAGE_VERSION);
  block.integer(head.timeMs);
  block.integer(head.index);
  block.integer(head.appliedIndex);
  block.integer(clearedBefore);
  return finishBlock(block);
}

function endBlock(digest: string, historyHash: string): Uint8Array {
  const block = startBlock(END, 128);
  block.text(digest);
  block.text(historyHash);
  return finishBlock(block);
}

/** As many records a block as fit into a slice; a larger one has a block of its own. */
function* recordBlocks<R>(
  kind: number,
  records: Iterable<R>,
  bytesMaxOf: (record: R) => number,
  write: (writer: ByteWriter, record: R) => void,
): Generator<Uint8Array, void> {
  let block: ByteWriter | undefined;
  let count = 0;
  for (const record of records) {
    const bytesMax = bytesMaxOf(record);
    if (block !== undefined) {
      const full = block.offset + bytesMax > block.bytes.length || count >= BLOCK_RECORDS_MAX;
      if (full) {
        yield finishBlock(block);
        block = undefined;
        count = 0;
      }
    }
    block ??= startBlock(kind, Math.max(SLICE_BYTES_MAX, BLOCK_HEAD_BYTES + bytesMax));
    write(block, record);
    count++;
  }
  if (block !== undefined) yield finishBlock(block);
}

function startBlock(kind: number, bytes: number): ByteWriter {
  const writer = new ByteWriter(new Uint8Array(bytes), BLOCK_HEAD_BYTES - 1);
  writer.byte(kind);
  return writer;
}

function finishBlock(writer: ByteWriter): Uint8Array {
  writer.uint32At(0, writer.offset - 4);
  return writer.bytes.subarray(0, writer.offset);
}

/** What the length in front of a block counts. */
function contentOf(block: Uint8Array): Uint8Array {
  return block.subarray(4);
}
