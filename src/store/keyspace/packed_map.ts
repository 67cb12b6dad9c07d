/**
 * A sorted map of records that never pauses: a B-tree of two levels, a root of
 * first keys above pages of packed bytes. Keys are byte strings, ordered by their
 * bytes. Knows of a record its key and its size.
 *
 * Nothing is ever rehashed, a change moves at most one page, and the garbage
 * collector sees a few objects a page instead of a few a key. An image of the
 * whole map costs O(1): it only begins a new epoch, and a writer copies the root,
 * or a page, that an earlier epoch made, before it changes it.
 *
 * Invariants:
 *   1. no page is empty;
 *   2. keys ascend strictly within a page and from page to page;
 *   3. `firstKeys[i]` is the first key of `pages[i]`;
 *   4. what an earlier epoch made is never changed.
 */
import { type ByteString, byteStringAt } from "../byte_string.ts";
import { Page, PAGE_BYTES } from "./page.ts";
import { compareKeys, keyEnd, keyStart } from "./record.ts";
import { firstKeyAt, SearchKey } from "./search_key.ts";

/** `append` leaves room in a page, so that the first changes after it don't split them all. */
const APPENDED_BYTES_MAX = PAGE_BYTES * 0.75;

/** Records go to the next page only when it holds at most so much, and at most so much of them. */
const SHIFTED_TO_MAX = PAGE_BYTES * 0.75;
const SHIFTED_BYTES_MAX = PAGE_BYTES / 8;

/** So many texts are decoded one by one before a cursor decodes their page as a whole. */
const TEXTS_BEFORE_PAGE = 32;

interface Root {
  readonly firstKeys: ByteString[];
  readonly pages: Page[];
  readonly epoch: number;
}

/** A record in the bytes that hold it. */
export interface Place {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** Searches are synchronous and follow one another: one is enough. */
const searchKey = new SearchKey();

export class PackedMap {
  #epoch = 0;
  #root: Root = { firstKeys: [], pages: [], epoch: 0 };
  #size = 0;
  // Where the last search ended: a look-up and the change that follows share it.
  #searched: string | undefined;
  #found = false;
  #pageAt = 0;
  #slot = 0;

  get size(): number {
    return this.#size;
  }

  /** Where the record of `key` is until the next change; undefined when there is none. */
  get(key: ByteString): Place | undefined {
    if (!this.#find(key)) return undefined;
    const page = this.#root.pages[this.#pageAt]!;
    return { bytes: page.bytes, at: page.at(this.#slot) };
  }

  /** Puts a copy of `record`, whose key is `key`, in place of one that may be there. */
  set(key: ByteString, record: Uint8Array): void {
    if (this.#find(key)) {
      const page = this.#ownPage(this.#pageAt);
      if (page.overwrite(this.#slot, record)) return;
      page.remove(this.#slot);
      if (this.#slot === 0 && page.count > 0) this.#renewFirstKey(this.#pageAt);
    } else {
      this.#size++;
    }
    this.#insert(record);
  }

  /** Whether `key` was there. */
  delete(key: ByteString): boolean {
    if (!this.#find(key)) return false;
    this.#searched = undefined;
    this.#size--;
    const at = this.#pageAt;
    const page = this.#ownPage(at);
    page.remove(this.#slot);
    if (page.count === 0) {
      this.#removePage(at);
    } else {
      if (this.#slot === 0) this.#renewFirstKey(at);
      this.#mergeIfSmall(at);
      this.#mergeIfSmall(at - 1);
    }
    return true;
  }

  /**
   * Adds copies of the records that begin at `starts` in `bytes`, one after the other, the
   * last up to `end`: faster than `set`. Returns where the first one is whose key does not
   * sort after all others, and adds nothing then.
   */
  append(bytes: Uint8Array, starts: readonly number[], end: number): number | undefined {
    this.#searched = undefined;
    const late = starts.find((at, i) =>
      i === 0 ? !this.#sortsLast(bytes, at) : compareKeys(bytes, starts[i - 1]!, bytes, at) >= 0
    );
    if (late !== undefined) return late;
    this.#size += starts.length;
    for (let from = 0; from < starts.length;) {
      const at = this.#root.pages.length - 1;
      const page = at < 0 ? undefined : this.#ownPage(at);
      const to = page === undefined ? from : fitting(page, starts, from, end);
      if (page === undefined || to === from) {
        this.#addPage(at + 1);
        continue;
      }
      const isNew = page.count === 0;
      page.appendRun(bytes, starts.slice(from, to), starts[to] ?? end);
      if (isNew) this.#renewFirstKey(at);
      from = to;
    }
    return undefined;
  }

  /**
   * A position in the map as it is now, before the first record. It is good
   * until the next change; for longer, call `keepImage` before that.
   */
  cursor(): Cursor {
    return new Cursor(this.#root.firstKeys, this.#root.pages);
  }

  /** Makes cursors over the map as it is now, at any time. */
  frozenCursor(): () => Cursor {
    const { firstKeys, pages } = this.#root;
    this.keepImage();
    return () => new Cursor(firstKeys, pages);
  }

  /** Cursors that exist now keep seeing the map as it is now, whatever changes later. */
  keepImage(): void {
    this.#epoch++;
  }

  /** The pages as they are now, in order, however late they are consumed; each is let go of after its turn. */
  image(): Iterable<Page> {
    this.keepImage();
    return consume(this.#root.pages.slice());
  }

  /** The first record of all. */
  first(): Place | undefined {
    const page = this.#root.pages[0];
    return page === undefined ? undefined : { bytes: page.bytes, at: page.at(0) };
  }

  /** Whether the key of the record at `at` sorts after all that are here. */
  #sortsLast(bytes: Uint8Array, at: number): boolean {
    const last = this.#root.pages.at(-1);
    return last === undefined || compareKeys(last.bytes, last.at(last.count - 1), bytes, at) < 0;
  }

  /** Whether `key` is there; sets `#pageAt` and `#slot` to where it is, or belongs. */
  #find(key: ByteString): boolean {
    if (key === this.#searched) return this.#found;
    searchKey.set(key);
    const { firstKeys, pages } = this.#root;
    const pageAt = pageOf(firstKeys, searchKey.key);
    const slot = pages[pageAt]?.find(searchKey, firstKeys[pageAt]!) ?? -1;
    this.#pageAt = pageAt;
    this.#found = slot >= 0;
    this.#slot = this.#found ? slot : -1 - slot;
    this.#searched = key;
    return this.#found;
  }

  /** Inserts at the position that `#find` left. */
  #insert(record: Uint8Array): void {
    this.#searched = undefined;
    if (this.#root.pages.length === 0) this.#addPage(0);
    let page = this.#ownPage(this.#pageAt);
    while (!page.makeRoom(record.length)) {
      this.#split();
      page = this.#ownPage(this.#pageAt);
    }
    page.insert(this.#slot, record);
    if (this.#slot === 0) this.#renewFirstKey(this.#pageAt);
  }

  /** Makes room around the position; keys that come in order, or nearly so, leave full pages behind. */
  #split(): void {
    const at = this.#pageAt;
    const page = this.#root.pages[at]!;
    const ascending = at === this.#root.pages.length - 1 && this.#slot === page.count;
    if (ascending || page.count === 1) {
      this.#addPage(this.#slot === 0 ? at : at + 1);
      return;
    }
    if (this.#shift()) return;
    this.#insertPage(at + 1, this.#ownPage(at).splitOff());
    this.#renewFirstKey(at + 1);
    this.#moveOn(at);
  }

  /**
   * Moves the last records to the next page if that has much room and the position is in
   * the second half: keys that come nearly in order come to the last pages, and would
   * otherwise leave pages behind that are half full.
   */
  #shift(): boolean {
    const at = this.#pageAt;
    const { count } = this.#root.pages[at]!;
    if (this.#slot < count / 2) return false;
    const next = this.#root.pages[at + 1];
    if (next !== undefined && next.liveBytes > SHIFTED_TO_MAX) return false;
    if (next === undefined) this.#insertPage(at + 1, new Page(this.#epoch));
    const page = this.#ownPage(at);
    page.shift(this.#ownPage(at + 1), SHIFTED_BYTES_MAX);
    if (page.count === count) return false;
    this.#renewFirstKey(at + 1);
    this.#moveOn(at);
    return true;
  }

  /** The records from which the page at `at` now ends went to the next one: the position with them. */
  #moveOn(at: number): void {
    const { count } = this.#root.pages[at]!;
    if (this.#slot <= count) return;
    this.#pageAt++;
    this.#slot -= count;
  }

  /** Makes an empty page and moves the position to it; the caller fills it. */
  #addPage(at: number): void {
    this.#insertPage(at, new Page(this.#epoch));
    this.#pageAt = at;
    this.#slot = 0;
  }

  /** The caller sets its first key. */
  #insertPage(at: number, page: Page): void {
    const { firstKeys, pages } = this.#ownRoot();
    pages.splice(at, 0, page);
    firstKeys.splice(at, 0, "");
  }

  #removePage(at: number): void {
    const { firstKeys, pages } = this.#ownRoot();
    pages.splice(at, 1);
    firstKeys.splice(at, 1);
  }

  /** Joins a page with the next one when both together fill no more than half of one. */
  #mergeIfSmall(at: number): void {
    const left = this.#root.pages[at];
    const right = this.#root.pages[at + 1];
    if (left === undefined || right === undefined) return;
    if (left.liveBytes + right.liveBytes > PAGE_BYTES / 2) return;
    const page = this.#ownPage(at);
    page.makeRoom(right.liveBytes);
    page.append(right, 0);
    this.#removePage(at + 1);
  }

  #renewFirstKey(at: number): void {
    const { firstKeys, pages } = this.#ownRoot();
    const page = pages[at]!;
    firstKeys[at] = firstKeyAt(page.bytes, page.at(0));
  }

  #ownRoot(): Root {
    if (this.#root.epoch !== this.#epoch) {
      const { firstKeys, pages } = this.#root;
      this.#root = { firstKeys: firstKeys.slice(), pages: pages.slice(), epoch: this.#epoch };
    }
    return this.#root;
  }

  #ownPage(at: number): Page {
    const page = this.#root.pages[at]!;
    if (page.epoch === this.#epoch) return page;
    const own = page.fork(this.#epoch);
    this.#ownRoot().pages[at] = own;
    return own;
  }
}

/** Walks over records in the order of their keys. */
export class Cursor {
  readonly #firstKeys: readonly ByteString[];
  readonly #pages: readonly Page[];
  #pageAt = 0;
  #slot = -1;
  #textPageAt = -1;
  #textsRead = 0;
  #pageText: string | undefined;

  constructor(firstKeys: readonly ByteString[], pages: readonly Page[]) {
    this.#firstKeys = firstKeys;
    this.#pages = pages;
  }

  /** Goes to the first record whose key is `key` or larger; false when there is none. */
  seek(key: ByteString): boolean {
    searchKey.set(key);
    // Between two records of a page there is no other page.
    const here = this.#slotIn(this.#pageAt);
    if (here > 0 && here < this.#pages[this.#pageAt]!.count) {
      this.#slot = here;
      return true;
    }
    this.#pageAt = pageOf(this.#firstKeys, searchKey.key);
    this.#slot = this.#slotIn(this.#pageAt) - 1;
    return this.next();
  }

  /** Goes to the next record; false when there is none. */
  next(): boolean {
    this.#slot++;
    const page = this.#pages[this.#pageAt];
    if (page === undefined) return false;
    if (this.#slot < page.count) return true;
    this.#pageAt++;
    this.#slot = 0;
    return this.#pageAt < this.#pages.length;
  }

  /** The bytes that hold the current record. */
  get bytes(): Uint8Array {
    return this.#pages[this.#pageAt]!.bytes;
  }

  /** Where in `bytes` it starts. */
  get at(): number {
    return this.#pages[this.#pageAt]!.at(this.#slot);
  }

  /** The key of the current record. */
  key(): ByteString {
    const { bytes, at } = this;
    return this.text(keyStart(at), keyEnd(bytes, at));
  }

  /**
   * The bytes from `start` to `end` as a byte string. In a page from which much is
   * read it is a slice of the whole page's, which costs a tenth, and keeps that alive.
   */
  text(start: number, end: number): ByteString {
    if (this.#textPageAt !== this.#pageAt) {
      this.#textPageAt = this.#pageAt;
      this.#textsRead = 0;
      this.#pageText = undefined;
    }
    if (++this.#textsRead === TEXTS_BEFORE_PAGE) {
      this.#pageText = this.#pages[this.#pageAt]!.text();
    }
    return this.#pageText?.slice(start, end) ?? byteStringAt(this.bytes, start, end);
  }

  /** Where the search key is, or belongs, in the page at `pageAt`. */
  #slotIn(pageAt: number): number {
    const slot = this.#pages[pageAt]?.find(searchKey, this.#firstKeys[pageAt]!) ?? 0;
    return slot >= 0 ? slot : -1 - slot;
  }
}

/** The page that has `key`, if any has it. */
function pageOf(firstKeys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = firstKeys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (firstKeys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** Up to where the records that begin at `starts`, from the one at `from` on, go into the last page. */
function fitting(page: Page, starts: readonly number[], from: number, end: number): number {
  const room = APPENDED_BYTES_MAX - page.liveBytes;
  let to = from;
  while (to < starts.length && (starts[to + 1] ?? end) - starts[from]! <= room) to++;
  // A page takes a record of any size when it is the only one.
  return to === from && page.count === 0 ? from + 1 : to;
}

/** Old pages would otherwise stay in memory until the last one has been read. */
function* consume(pages: (Page | undefined)[]): Generator<Page, void> {
  for (let i = 0; i < pages.length; i++) {
    const page = pages[i]!;
    pages[i] = undefined;
    yield page;
  }
}
