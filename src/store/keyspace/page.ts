/**
 * A page of a `PackedMap`: records sorted by key, packed into one buffer. New
 * records go to the end; what they replace stays behind as garbage until its
 * room is needed. Knows keys and sizes, not what a record says.
 *
 * A slot says where a record is and how its key goes on after the bytes that all
 * keys of the page begin with, so that a search reads numbers that lie side by
 * side instead of records that are scattered over the memory.
 *
 * Invariants:
 *   1. `#slots` has every live record, keys ascending strictly;
 *   2. the first `#prefixLength` bytes of all keys are the same;
 *   3. live records and garbage fill the buffer up to `#used`;
 *   4. only a page of a single record has a buffer larger than PAGE_BYTES;
 *   5. what an image may see of a buffer is never overwritten.
 */
import { assert } from "../../base/assert.ts";
import { type ByteString, byteStringAt } from "../byte_string.ts";
import { keyEnd, keyStart, recordEnd } from "./record.ts";
import type { SearchKey } from "./search_key.ts";

/** A new buffer takes about a microsecond, and yet a million keys have a short root. */
export const PAGE_BYTES = 32 * 1024;

/** A slot is the next four bytes of the key, times this, plus the offset of the record. */
const OFFSET_LIMIT = 2 ** 20;

/** Where live records are gathered before they go back to their page. */
const gathered = new Uint8Array(PAGE_BYTES);

export class Page {
  /** Pages of an earlier epoch belong to images and no longer change. */
  readonly epoch: number;
  #bytes: Uint8Array;
  #slots: number[];
  #prefixLength = 0;
  #used = 0;
  #garbage = 0;
  /** Whether an image may see the same buffer. */
  #shared = false;

  constructor(epoch: number, bytes: Uint8Array = new Uint8Array(PAGE_BYTES), slots: number[] = []) {
    this.epoch = epoch;
    this.#bytes = bytes;
    this.#slots = slots;
  }

  /** The same records, to be changed in `epoch`; this page no longer changes. */
  fork(epoch: number): Page {
    const page = new Page(epoch, this.#bytes, this.#slots.slice());
    page.#prefixLength = this.#prefixLength;
    page.#used = this.#used;
    page.#garbage = this.#garbage;
    page.#shared = true;
    return page;
  }

  /** Holds the records; replaced when the page is rebuilt. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get count(): number {
    return this.#slots.length;
  }

  get liveBytes(): number {
    return this.#used - this.#garbage;
  }

  /** All bytes in use as one byte string, so that offsets are the same in both. */
  text(): ByteString {
    return byteStringAt(this.#bytes, 0, this.#used);
  }

  /** Where in `bytes` the record at `slot` starts. */
  at(slot: number): number {
    return this.#slots[slot]! & (OFFSET_LIMIT - 1);
  }

  /**
   * The slot of `key`, or -1 - s when it is not there and belongs at slot s.
   * `firstKey` is the page's first key: the caller has it in hand,
   * while the record would have to come from far.
   */
  find(key: SearchKey, firstKey: string): number {
    const order = this.#comparePrefix(key, firstKey);
    if (order !== 0) return order < 0 ? -1 : -1 - this.count;
    const head = headOf(key.bytes, this.#prefixLength, key.length) * OFFSET_LIMIT;
    let low = this.#lowerBound(head, 0);
    let high = this.#lowerBound(head + OFFSET_LIMIT, low);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#compare(key, middle);
      if (order === 0) return middle;
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return -1 - low;
  }

  /** Whether a record of `size` bytes fits in now; leaves the garbage behind if that helps. */
  makeRoom(size: number): boolean {
    const needed = this.liveBytes + size;
    if (this.count > 0 && needed > PAGE_BYTES) return false;
    const oversize = this.#bytes.length > PAGE_BYTES;
    if (oversize || this.#used + size > this.#bytes.length) this.#rebuild(needed);
    return true;
  }

  /** Puts `record` before `slot`, where it belongs; there is room. */
  insert(slot: number, record: Uint8Array): void {
    const at = this.#used;
    assert(at + record.length <= this.#bytes.length, "A record must fit into its page");
    assert(this.count === 0 || at < OFFSET_LIMIT, "An oversize page holds a single record");
    this.#bytes.set(record, at);
    this.#used += record.length;
    if (slot === 0 || slot === this.count) this.#shortenPrefix(at);
    const entry = this.#entry(at);
    if (slot === this.count) this.#slots.push(entry);
    else this.#slots.splice(slot, 0, entry);
  }

  /**
   * Adds the records that begin at `starts` in `bytes`, one after the other, the last up to
   * `end`, which sort after all of this page. There is room, or it is a single one in an empty page.
   */
  appendRun(bytes: Uint8Array, starts: readonly number[], end: number): void {
    const start = starts[0]!;
    const hasRoom = this.makeRoom(end - start);
    assert(hasRoom, "Records must fit into their page");
    const moved = this.#used - start;
    this.#bytes.set(bytes.subarray(start, end), this.#used);
    this.#used += end - start;
    // What the first and the last key have in common, all between them have.
    this.#shortenPrefix(start + moved);
    this.#slots.push(this.#entry(start + moved));
    this.#shortenPrefix(starts.at(-1)! + moved);
    for (let i = 1; i < starts.length; i++) this.#slots.push(this.#entry(starts[i]! + moved));
  }

  /** Puts `record` in place of the one at `slot`, which has the same key, if it fits there. */
  overwrite(slot: number, record: Uint8Array): boolean {
    const at = this.at(slot);
    const oldLength = this.#lengthAt(slot);
    if (!this.#shared && oldLength === record.length) {
      this.#bytes.set(record, at);
      return true;
    }
    if (this.#used + record.length > Math.min(this.#bytes.length, PAGE_BYTES)) return false;
    this.#bytes.set(record, this.#used);
    this.#slots[slot] = this.#slots[slot]! - at + this.#used;
    this.#used += record.length;
    this.#garbage += oldLength;
    return true;
  }

  remove(slot: number): void {
    this.#garbage += this.#lengthAt(slot);
    this.#slots.splice(slot, 1);
  }

  /** Moves the records after about half of the bytes to a new page; both keep at least one of two. */
  splitOff(): Page {
    const half = this.liveBytes / 2;
    let middle = 0;
    for (let bytes = 0; middle < this.count - 1 && (middle === 0 || bytes < half); middle++) {
      bytes += this.#lengthAt(middle);
    }
    const right = new Page(this.epoch);
    this.#moveFrom(middle, right);
    return right;
  }

  /**
   * Moves the last records, of up to `bytesMax` but one at least, to the front of `next`,
   * which sorts after this page. Does nothing when they don't fit in, or nothing is left.
   */
  shift(next: Page, bytesMax: number): void {
    let slot = this.count - 1;
    let bytes = this.#lengthAt(slot);
    while (slot > 1 && bytes + this.#lengthAt(slot - 1) <= bytesMax) {
      slot--;
      bytes += this.#lengthAt(slot);
    }
    if (slot > 0 && next.makeRoom(bytes)) this.#moveFrom(slot, next);
  }

  /** Adds the records of `other` from `slot` on, which sort after all of this page and fit in. */
  append(other: Page, slot: number): void {
    for (let i = slot; i < other.count; i++) {
      const at = other.at(i);
      this.insert(this.count, other.#bytes.subarray(at, recordEnd(other.#bytes, at)));
    }
  }

  /** Moves the records from `slot` on to the front of `next`, which sorts after them and has room. */
  #moveFrom(slot: number, next: Page): void {
    for (let i = slot; i < this.count; i++) {
      const at = this.at(i);
      const record = this.#bytes.subarray(at, recordEnd(this.#bytes, at));
      next.insert(i - slot, record);
      this.#garbage += record.length;
    }
    this.#slots.length = slot;
  }

  #lengthAt(slot: number): number {
    const at = this.at(slot);
    return recordEnd(this.#bytes, at) - at;
  }

  /** Leaves the garbage behind, in a buffer for `size` bytes. */
  #rebuild(size: number): void {
    const inPlace = !this.#shared && this.#bytes.length === PAGE_BYTES && size <= PAGE_BYTES;
    const target = inPlace ? gathered : new Uint8Array(Math.max(PAGE_BYTES, size));
    let used = 0;
    for (let slot = 0; slot < this.count; slot++) {
      const at = this.at(slot);
      const record = this.#bytes.subarray(at, recordEnd(this.#bytes, at));
      target.set(record, used);
      this.#slots[slot] = this.#slots[slot]! - at + used;
      used += record.length;
    }
    if (inPlace) this.#bytes.set(gathered.subarray(0, used));
    else this.#bytes = target;
    this.#used = used;
    this.#garbage = 0;
    this.#shared = this.#shared && inPlace;
  }

  /** Makes sure that the key of the record at `at` begins with the common prefix. */
  #shortenPrefix(at: number): void {
    if (this.count === 0) {
      this.#prefixLength = keyEnd(this.#bytes, at) - keyStart(at);
      return;
    }
    const other = this.at(0);
    const length = Math.min(this.#prefixLength, keyEnd(this.#bytes, at) - keyStart(at));
    let common = 0;
    while (
      common < length &&
      this.#bytes[keyStart(at) + common] === this.#bytes[keyStart(other) + common]
    ) common++;
    if (common === this.#prefixLength) return;
    this.#prefixLength = common;
    for (let slot = 0; slot < this.count; slot++) {
      this.#slots[slot] = this.#entry(this.at(slot));
    }
  }

  #entry(at: number): number {
    const start = keyStart(at) + this.#prefixLength;
    return headOf(this.#bytes, start, keyEnd(this.#bytes, at)) * OFFSET_LIMIT + at;
  }

  #comparePrefix(key: SearchKey, firstKey: string): number {
    const length = Math.min(this.#prefixLength, key.length);
    for (let i = 0; i < length; i++) {
      const difference = key.bytes[i]! - firstKey.charCodeAt(i);
      if (difference !== 0) return difference;
    }
    return length < this.#prefixLength ? -1 : 0;
  }

  /** How `key` compares with the key at `slot`, which has the same prefix and the same head. */
  #compare(key: SearchKey, slot: number): number {
    const at = this.at(slot);
    const start = keyStart(at);
    const length = keyEnd(this.#bytes, at) - start;
    const common = Math.min(key.length, length);
    for (let i = this.#prefixLength; i < common; i++) {
      const difference = key.bytes[i]! - this.#bytes[start + i]!;
      if (difference !== 0) return difference;
    }
    return key.length - length;
  }

  /** The first slot from `start` on whose entry is `entry` or more. */
  #lowerBound(entry: number, start: number): number {
    const slots = this.#slots;
    let low = start;
    let high = slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (slots[middle]! < entry) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The four bytes from `start` on as a number, zeros after `end`: it orders as the bytes do. */
function headOf(bytes: Uint8Array, start: number, end: number): number {
  if (start + 4 <= end) {
    return bytes[start]! * 0x100_0000 +
      (bytes[start + 1]! << 16 | bytes[start + 2]! << 8 | bytes[start + 3]!);
  }
  let head = 0;
  for (let i = start; i < start + 4; i++) head = head * 0x100 + (i < end ? bytes[i]! : 0);
  return head;
}
