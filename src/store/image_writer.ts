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
  ITEMS,
  type StateHead,
  writeEvent,
} from "./image_format.ts";
import type { Page } from "./page.ts";
import { recordEnd } from "./record.ts";
import type { TreeHash } from "./tree.ts";

/** Bytes of a slice at most. */
export const SLICE_BYTES_MAX = 256 * 1024;

/** Length and kind. */
const BLOCK_HEAD_BYTES = 5;

/** All that an image holds; nothing in it changes any more. */
export interface Captured {
  readonly head: StateHead;
  readonly clearedBefore: number;
  readonly events: readonly Event[];
  /** Sorted by key. */
  readonly items: Iterable<Page>;
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
  for (const block of eventBlocks(captured.events)) {
    historyHash.bytes(contentOf(block));
    yield block;
  }
  yield* itemBlocks(captured.items);
  yield endBlock(digestOf(head, hash), historyHash.finish().hex());
}

function headBlock({ head, clearedBefore }: Captured): Uint8Array {
  const block = startBlock(HEAD, 0);
  block.byte(IMAGE_VERSION);
  block.integer(head.timeMs);
  block.integer(head.index);
  block.integer(head.appliedIndex);
  block.integer(clearedBefore);
  return finishBlock(block);
}

function endBlock(digest: string, historyHash: string): Uint8Array {
  const block = startBlock(END, 0);
  block.text(digest);
  block.text(historyHash);
  return finishBlock(block);
}

function* eventBlocks(events: readonly Event[]): Generator<Uint8Array, void> {
  let block: ByteWriter | undefined;
  for (const event of events) {
    const bytesMax = eventBytesMax(event);
    if (block !== undefined && !hasRoom(block, bytesMax)) {
      yield finishBlock(block);
      block = undefined;
    }
    block ??= startBlock(EVENTS, bytesMax);
    writeEvent(block, event);
  }
  if (block !== undefined) yield finishBlock(block);
}

function* itemBlocks(pages: Iterable<Page>): Generator<Uint8Array, void> {
  let block: ByteWriter | undefined;
  for (const page of pages) {
    const { bytes } = page;
    for (let slot = 0; slot < page.count; slot++) {
      const at = page.at(slot);
      const end = recordEnd(bytes, at);
      if (block !== undefined && !hasRoom(block, end - at)) {
        yield finishBlock(block);
        block = undefined;
      }
      block ??= startBlock(ITEMS, end - at);
      block.copy(bytes.subarray(at, end));
    }
  }
  if (block !== undefined) yield finishBlock(block);
}

function hasRoom(block: ByteWriter, bytes: number): boolean {
  return block.offset + bytes <= block.bytes.length;
}

/** A block fills a slice; a larger record gets a block of its own. */
function startBlock(kind: number, recordBytes: number): ByteWriter {
  const bytes = new Uint8Array(Math.max(SLICE_BYTES_MAX, BLOCK_HEAD_BYTES + recordBytes));
  const writer = new ByteWriter(bytes, BLOCK_HEAD_BYTES - 1);
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
