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
   * Adds a copy of `record`, faster than `set`. Returns false, and adds nothing,
   * when its key does not sort after all others.
   */
  append(record: Uint8Array): boolean {
    this.#searched = undefined;
    const { pages } = this.#ownRoot();
    const last = pages.at(-1);
    if (last !== undefined) {
      if (compareKeys(last.bytes, last.at(last.count - 1), record, 0) >= 0) return false;
    }
    this.#size++;
    this.#pageAt = Math.max(0, pages.length - 1);
    this.#slot = last?.count ?? 0;
    if (last !== undefined && last.liveBytes + record.length > APPENDED_BYTES_MAX) {
      this.#addPage(pages.length);
    }
    this.#insert(record);
    return true;
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

  /** Makes room around the position; keys that come in order leave full pages behind. */
  #split(): void {
    const at = this.#pageAt;
    const page = this.#root.pages[at]!;
    const ascending = at === this.#root.pages.length - 1 && this.#slot === page.count;
    if (ascending || page.count === 1) {
      this.#addPage(this.#slot === 0 ? at : at + 1);
      return;
    }
    const right = this.#ownPage(at).splitOff();
    const { firstKeys, pages } = this.#ownRoot();
    pages.splice(at + 1, 0, right);
    firstKeys.splice(at + 1, 0, "");
    this.#renewFirstKey(at + 1);
    const middle = this.#root.pages[at]!.count;
    if (this.#slot > middle) {
      this.#pageAt++;
      this.#slot -= middle;
    }
  }

  /** Makes an empty page and moves the position to it; the caller fills it. */
  #addPage(at: number): void {
    const { firstKeys, pages } = this.#ownRoot();
    pages.splice(at, 0, new Page(this.#epoch));
    firstKeys.splice(at, 0, "");
    this.#pageAt = at;
    this.#slot = 0;
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

/** Old pages would otherwise stay in memory until the last one has been read. */
function* consume(pages: (Page | undefined)[]): Generator<Page, void> {
  for (let i = 0; i < pages.length; i++) {
    const page = pages[i]!;
    pages[i] = undefined;
    yield page;
  }
}
