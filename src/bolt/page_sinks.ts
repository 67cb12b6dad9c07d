/** Where the pages of a new file go: counted at first, then written. */
import { assert } from "../base/assert.ts";
import { viewOf, writeU64 } from "./bytes.ts";
import {
  ELEMENT_BYTES,
  encodeMetaPage,
  encodePageHeader,
  type Meta,
  PAGE_BYTES,
  PAGE_FLAGS,
  PAGE_HEADER_BYTES,
} from "./layout.ts";
import type { BranchElement, LeafElement, PageSink } from "./tree_builder.ts";

/** Most bytes of a portion: about as much as is written between two turns of the event loop. */
export const PORTION_BYTES = 128 * 1024;

/** Behind the meta pages; always empty, for nothing in a new file is free. */
export const FREELIST_PAGE = 2;
const FIRST_PAGE = 3;

/** Gives out the ids in the order in which the pages come, and counts them. */
export class CountingSink implements PageSink {
  #next = FIRST_PAGE;

  get pageCount(): number {
    return this.#next;
  }

  leaf(_elements: readonly LeafElement[], bytes: number): number {
    return this.#count(bytes);
  }

  branch(_elements: readonly BranchElement[], bytes: number): number {
    return this.#count(bytes);
  }

  take(_what: "whole" | "all"): readonly Uint8Array<ArrayBuffer>[] {
    return [];
  }

  #count(bytes: number): number {
    const id = this.#next;
    this.#next += Math.ceil(bytes / PAGE_BYTES);
    return id;
  }
}

/** Writes the pages one after the other into portions. */
export class WritingSink implements PageSink {
  readonly #counting = new CountingSink();
  readonly #table = new Uint8Array(PAGE_BYTES);
  readonly #view = viewOf(this.#table);
  #ready: Uint8Array<ArrayBuffer>[] = [];
  #portion = new Uint8Array(PORTION_BYTES);
  #at = 0;

  get pageCount(): number {
    return this.#counting.pageCount;
  }

  /** The two meta pages and the freelist; the first meta page is the newer one. */
  meta(meta: Meta): void {
    this.#bytes(encodeMetaPage(0, meta));
    this.#zerosToPageEnd();
    this.#bytes(encodeMetaPage(1, { ...meta, transaction: meta.transaction - 1n }));
    this.#zerosToPageEnd();
    this.#begin(FREELIST_PAGE, PAGE_FLAGS.freelist, 0, PAGE_HEADER_BYTES);
    this.#bytes(this.#table.subarray(0, PAGE_HEADER_BYTES));
    this.#zerosToPageEnd();
  }

  leaf(elements: readonly LeafElement[], bytes: number): number {
    const id = this.#counting.leaf(elements, bytes);
    const tableBytes = this.#begin(id, PAGE_FLAGS.leaf, elements.length, bytes);
    let at = PAGE_HEADER_BYTES;
    let position = tableBytes;
    for (const { key, value, flags } of elements) {
      this.#view.setUint32(at, flags, true);
      this.#view.setUint32(at + 4, position - at, true);
      this.#view.setUint32(at + 8, key.length, true);
      this.#view.setUint32(at + 12, value.length, true);
      at += ELEMENT_BYTES;
      position += key.length + value.length;
    }
    this.#bytes(this.#table.subarray(0, tableBytes));
    for (const { key, value } of elements) {
      this.#bytes(key);
      this.#bytes(value);
    }
    this.#zerosToPageEnd();
    return id;
  }

  branch(elements: readonly BranchElement[], bytes: number): number {
    const id = this.#counting.branch(elements, bytes);
    const tableBytes = this.#begin(id, PAGE_FLAGS.branch, elements.length, bytes);
    let at = PAGE_HEADER_BYTES;
    let position = tableBytes;
    for (const { key, child } of elements) {
      this.#view.setUint32(at, position - at, true);
      this.#view.setUint32(at + 4, key.length, true);
      writeU64(this.#view, at + 8, child);
      at += ELEMENT_BYTES;
      position += key.length;
    }
    this.#bytes(this.#table.subarray(0, tableBytes));
    for (const { key } of elements) this.#bytes(key);
    this.#zerosToPageEnd();
    return id;
  }

  /** The portions that are full, or with "all" what is left, too. */
  take(what: "whole" | "all"): readonly Uint8Array<ArrayBuffer>[] {
    const ready = this.#ready;
    this.#ready = [];
    if (what === "all" && this.#at > 0) {
      ready.push(this.#portion.subarray(0, this.#at));
      this.#at = 0;
    }
    return ready;
  }

  /** Puts a page's header into the table; returns the length that header and elements will have. */
  #begin(id: number, flags: number, count: number, bytes: number): number {
    const tableBytes = PAGE_HEADER_BYTES + ELEMENT_BYTES * count;
    assert(tableBytes <= this.#table.length, "The elements of a page fit into one");
    const overflow = Math.ceil(bytes / PAGE_BYTES) - 1;
    encodePageHeader(this.#view, { id, flags, count, overflow });
    return tableBytes;
  }

  #bytes(bytes: Uint8Array): void {
    let rest = bytes;
    for (let room = PORTION_BYTES - this.#at; rest.length >= room; room = PORTION_BYTES) {
      this.#portion.set(rest.subarray(0, room), this.#at);
      this.#advance(room);
      rest = rest.subarray(room);
    }
    this.#portion.set(rest, this.#at);
    this.#at += rest.length;
  }

  /** A fresh portion is all zeros, and a multiple of pages: nothing needs to be written. */
  #zerosToPageEnd(): void {
    this.#advance((PAGE_BYTES - this.#at % PAGE_BYTES) % PAGE_BYTES);
  }

  #advance(length: number): void {
    this.#at += length;
    if (this.#at < PORTION_BYTES) return;
    this.#ready.push(this.#portion);
    this.#portion = new Uint8Array(PORTION_BYTES);
    this.#at = 0;
  }
}
