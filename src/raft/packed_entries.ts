/**
 * Entries that hardly anybody asks for any longer: applied, and kept for followers that
 * lag and until the next snapshot. They are numbers in typed arrays beside the buffers
 * that hold their data. As objects, a hundred thousand of them were half of what the
 * garbage collector had to copy, and it marked them again and again.
 */
import { assert } from "../base/assert.ts";
import type { Entry, EntryKind } from "./types.ts";

/** Entries of one block. */
export const BLOCK_ENTRIES = 128;

const KINDS: readonly EntryKind[] = ["noop", "command", "config"];

/** `BLOCK_ENTRIES` entries in a row, or fewer in the last block. */
class Block {
  readonly terms = new Float64Array(BLOCK_ENTRIES);
  readonly kinds = new Uint8Array(BLOCK_ENTRIES);
  readonly buffers: ArrayBufferLike[] = [];
  readonly starts = new Uint32Array(BLOCK_ENTRIES);
  readonly lengths = new Uint32Array(BLOCK_ENTRIES);
}

export class PackedEntries {
  #blocks: Block[] = [];
  /** The index of the first entry of the first block, which may be forgotten already. */
  #base: number;
  /** The index of the first entry held. */
  #first: number;
  #last: number;

  /** Empty; the first entry to come has the index `first`. */
  constructor(first: number) {
    this.#base = first;
    this.#first = first;
    this.#last = first - 1;
  }

  /** The index of the last entry held; when there is none, the one before the next to come. */
  get last(): number {
    return this.#last;
  }

  /** Takes in the next entry. Its data stay where they are. */
  append({ index, term, kind, data }: Entry): void {
    assert(index === this.#last + 1, "Packed entries must have no gap");
    const slot = (index - this.#base) % BLOCK_ENTRIES;
    if (slot === 0) this.#blocks.push(new Block());
    const block = this.#blocks.at(-1)!;
    block.terms[slot] = term;
    block.kinds[slot] = KINDS.indexOf(kind);
    block.buffers.push(data.buffer);
    block.starts[slot] = data.byteOffset;
    block.lengths[slot] = data.length;
    this.#last = index;
  }

  /** The entry `index`, which is held; a new object each time. */
  at(index: number): Entry {
    const block = this.#blockOf(index);
    const slot = this.#slotOf(index);
    return {
      index,
      term: block.terms[slot]!,
      kind: KINDS[block.kinds[slot]!]!,
      data: new Uint8Array(block.buffers[slot]!, block.starts[slot]!, block.lengths[slot]!),
    };
  }

  termAt(index: number): number {
    return this.#blockOf(index).terms[this.#slotOf(index)]!;
  }

  /** Bytes of the data of the entry `index`. */
  lengthAt(index: number): number {
    return this.#blockOf(index).lengths[this.#slotOf(index)]!;
  }

  /** Forgets the entries before `index`, which may be the one after the last; a block goes as a whole. */
  forgetBefore(index: number): void {
    assert(index >= this.#first && index <= this.#last + 1, "Only what is held can be forgotten");
    this.#first = index;
    const blocks = Math.floor((index - this.#base) / BLOCK_ENTRIES);
    this.#blocks = this.#blocks.slice(blocks);
    this.#base += blocks * BLOCK_ENTRIES;
  }

  #blockOf(index: number): Block {
    assert(index >= this.#first && index <= this.#last, "Index must lie within the packed entries");
    return this.#blocks[Math.floor((index - this.#base) / BLOCK_ENTRIES)]!;
  }

  #slotOf(index: number): number {
    return (index - this.#base) % BLOCK_ENTRIES;
  }
}
