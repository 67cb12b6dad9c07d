/**
 * Pages of a file that may be damaged or made to harm: every id, length and
 * position is checked before it is used. A few blocks are kept, since most pages
 * lie beside the one that was read before.
 */
import { compareBytes, readU64, shown, viewOf } from "./bytes.ts";
import { BoltError } from "./errors.ts";
import {
  BUCKET_ELEMENT,
  decodeMetaPage,
  decodePageHeader,
  ELEMENT_BYTES,
  hasMagic,
  type Meta,
  META_PAGE_BYTES,
  type MetaFault,
  PAGE_BYTES_MAX,
  PAGE_BYTES_MIN,
  PAGE_FLAGS,
  PAGE_HEADER_BYTES,
  type PageHeader,
} from "./layout.ts";

/** A file of which any part can be read. */
export interface BoltFile {
  /** Bytes of the file. */
  readonly size: number;
  /** `length` bytes at `offset`, all of them within `size`, in memory that stays as it is. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

export interface LeafPage {
  readonly kind: "leaf";
  readonly id: number;
  readonly elements: readonly PageElement[];
}

export interface BranchPage {
  readonly kind: "branch";
  readonly id: number;
  readonly elements: readonly ChildElement[];
}

/** Views of the page's memory. */
export interface PageElement {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly isBucket: boolean;
}

export interface ChildElement {
  readonly key: Uint8Array;
  readonly child: number;
}

/** The first page that is neither meta page. */
export const DATA_PAGE_MIN = 2;

/**
 * A leaf of bbolt may hold four values of any size. With etcd's default limit of
 * a request that is 6 MiB; one forty times as large is taken for damage.
 */
const PAGE_WITH_OVERFLOW_MAX = 256 * 1024 * 1024;

const BLOCK_BYTES = 64 * 1024;
const BLOCKS_MAX = 16;

export class PageFile {
  readonly meta: Meta;
  readonly #file: BoltFile;
  /** By number; the one that was used last is the last. */
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(file: BoltFile, meta: Meta) {
    this.#file = file;
    this.meta = meta;
  }

  /** The leaf or branch with this header, with all its elements checked. */
  async tree(header: PageHeader): Promise<LeafPage | BranchPage> {
    const { id, flags, count } = header;
    switch (flags) {
      case PAGE_FLAGS.leaf:
        return { kind: "leaf", id, elements: leafElements(id, await this.#content(header), count) };
      case PAGE_FLAGS.branch: {
        const bytes = await this.#content(header);
        return { kind: "branch", id, elements: branchElements(id, bytes, count) };
      }
      default:
        throw new BoltError(id, "a leaf or a branch", `a page with flags ${flags}`);
    }
  }

  /** The ids of the free pages, which are listed in page `id`. */
  async *freelist(id: number): AsyncGenerator<number> {
    const header = await this.header(id);
    if (header.flags !== PAGE_FLAGS.freelist) {
      throw new BoltError(id, "a freelist", `a page with flags ${header.flags}`);
    }
    const start = id * this.meta.pageBytes;
    const pageEnd = start + (header.overflow + 1) * this.meta.pageBytes;
    let at = start + PAGE_HEADER_BYTES;
    let count = header.count;
    if (count === 0xffff) {
      count = readU64(viewOf(await this.#bytes(at, 8)), 0);
      at += 8;
    }
    const room = (pageEnd - at) / 8;
    if (count > room) throw new BoltError(id, `at most ${room} free pages`, `${count}`);
    for (const end = at + 8 * count; at < end; at += 8) {
      yield readU64(viewOf(await this.#bytes(at, 8)), 0);
    }
  }

  /** The header of a page that may be where it says it is. */
  async header(id: number): Promise<PageHeader> {
    const { pageBytes, pageCount } = this.meta;
    const header = decodePageHeader(viewOf(await this.#bytes(id * pageBytes, PAGE_HEADER_BYTES)));
    if (header.id !== id) throw new BoltError(id, "the id of the page itself", `${header.id}`);
    if (id + header.overflow >= pageCount) {
      throw new BoltError(id, `the end of the pages at ${pageCount}`, `${header.overflow} more`);
    }
    return header;
  }

  async #content({ id, overflow }: PageHeader): Promise<Uint8Array> {
    const { pageBytes } = this.meta;
    const length = (overflow + 1) * pageBytes;
    if (length > PAGE_WITH_OVERFLOW_MAX) {
      throw new BoltError(id, `at most ${PAGE_WITH_OVERFLOW_MAX} bytes`, `${length}`);
    }
    return await this.#bytes(id * pageBytes, length);
  }

  async #bytes(offset: number, length: number): Promise<Uint8Array> {
    const number = Math.floor(offset / BLOCK_BYTES);
    const start = number * BLOCK_BYTES;
    if (offset + length > start + BLOCK_BYTES) return await readExactly(this.#file, offset, length);
    let block = this.#blocks.get(number);
    if (block === undefined) {
      block = await readExactly(this.#file, start, Math.min(BLOCK_BYTES, this.#file.size - start));
      const [oldest] = this.#blocks.keys();
      if (this.#blocks.size >= BLOCKS_MAX) this.#blocks.delete(oldest!);
    } else {
      this.#blocks.delete(number);
    }
    this.#blocks.set(number, block);
    return block.subarray(offset - start, offset - start + length);
  }
}

/** Whether the file is meant as one of bbolt, sound or not. */
export async function isBolt(file: BoltFile): Promise<boolean> {
  for (const offset of [0, ...POSSIBLE_PAGE_BYTES]) {
    if (file.size < offset + META_PAGE_BYTES) continue;
    if (hasMagic(await file.read(offset, META_PAGE_BYTES))) return true;
  }
  return false;
}

/**
 * Reads the newer of the two meta pages that is sound. One of them may be
 * unsound, after a power cut while it was written. Throws `BoltError` when none
 * is sound, or when it names what the file does not have.
 */
export async function readMeta(file: BoltFile): Promise<Meta> {
  const first = await metaAt(file, 0);
  // An unsound first page can't be trusted to say where the second one is.
  const offsets = isMeta(first) ? [first.pageBytes] : POSSIBLE_PAGE_BYTES;
  let newest = isMeta(first) ? first : undefined;
  for (const offset of offsets) {
    const second = await metaAt(file, offset);
    if (!isMeta(second) || second.pageBytes !== offset) continue;
    if (newest === undefined || second.transaction > newest.transaction) newest = second;
  }
  if (newest === undefined) {
    const { expected, found } = first as MetaFault;
    throw new BoltError(0, expected, found);
  }
  const { pageCount, pageBytes } = newest;
  if (pageCount * pageBytes > file.size) {
    throw new BoltError(
      "the meta page",
      `the ${file.size} bytes of the file at most`,
      `${pageCount} pages of ${pageBytes} bytes`,
    );
  }
  for (const id of [newest.root, newest.freelist]) {
    if (id !== undefined) expectDataPage("the meta page", id, pageCount);
  }
  return newest;
}

/** Throws `BoltError` unless `id` is of a page that can hold data. */
export function expectDataPage(place: number | string, id: number, pageCount: number): void {
  if (id >= DATA_PAGE_MIN && id < pageCount) return;
  throw new BoltError(place, `a page from ${DATA_PAGE_MIN} to ${pageCount - 1}`, `page ${id}`);
}

const POSSIBLE_PAGE_BYTES: readonly number[] = Array.from(
  { length: Math.log2(PAGE_BYTES_MAX / PAGE_BYTES_MIN) + 1 },
  (_, power) => PAGE_BYTES_MIN << power,
);

async function metaAt(file: BoltFile, offset: number): Promise<Meta | MetaFault> {
  if (offset + META_PAGE_BYTES > file.size) {
    return { expected: "a meta page", found: `the end of the file after ${file.size} bytes` };
  }
  return decodeMetaPage(await readExactly(file, offset, META_PAGE_BYTES));
}

function isMeta(meta: Meta | MetaFault): meta is Meta {
  return "pageBytes" in meta;
}

async function readExactly(file: BoltFile, offset: number, length: number): Promise<Uint8Array> {
  const bytes = await file.read(offset, length);
  if (bytes.length === length) return bytes;
  throw new BoltError(
    `bytes ${offset} to ${offset + length}`,
    `${length} bytes`,
    `${bytes.length}: the file has become shorter`,
  );
}

/** The elements of a leaf: `bytes` is the page from its header on, or an inline page. */
export function leafElements(
  place: number | string,
  bytes: Uint8Array,
  count: number,
): readonly PageElement[] {
  const view = viewOf(bytes);
  const elements: PageElement[] = [];
  let free = contentStart(place, bytes, count);
  for (let i = 0; i < count; i++) {
    const at = PAGE_HEADER_BYTES + i * ELEMENT_BYTES;
    const flags = view.getUint32(at, true);
    const keyLength = view.getUint32(at + 8, true);
    const valueLength = view.getUint32(at + 12, true);
    const start = at + view.getUint32(at + 4, true);
    const end = start + keyLength + valueLength;
    expectContent(place, start, end, free, bytes.length);
    if (flags > BUCKET_ELEMENT) throw new BoltError(place, "the flags 0 or 1", `${flags}`);
    const key = bytes.subarray(start, start + keyLength);
    expectAscending(place, elements[i - 1]?.key, key);
    const value = bytes.subarray(start + keyLength, end);
    elements.push({ key, value, isBucket: flags === BUCKET_ELEMENT });
    free = end;
  }
  return elements;
}

function branchElements(
  place: number,
  bytes: Uint8Array,
  count: number,
): readonly ChildElement[] {
  if (count === 0) throw new BoltError(place, "a branch with a child", "none");
  const view = viewOf(bytes);
  const elements: ChildElement[] = [];
  let free = contentStart(place, bytes, count);
  for (let i = 0; i < count; i++) {
    const at = PAGE_HEADER_BYTES + i * ELEMENT_BYTES;
    const start = at + view.getUint32(at, true);
    const end = start + view.getUint32(at + 4, true);
    expectContent(place, start, end, free, bytes.length);
    const key = bytes.subarray(start, end);
    expectAscending(place, elements[i - 1]?.key, key);
    elements.push({ key, child: readU64(view, at + 8) });
    free = end;
  }
  return elements;
}

/** Where the first key may begin: behind the elements. */
function contentStart(place: number | string, bytes: Uint8Array, count: number): number {
  const start = PAGE_HEADER_BYTES + count * ELEMENT_BYTES;
  if (start <= bytes.length) return start;
  throw new BoltError(place, `${count} elements`, `the end of its ${bytes.length} bytes`);
}

/**
 * Contents lie one behind the other, as bbolt writes them. Overlaps would let a
 * small file hold a thousand times its size.
 */
function expectContent(
  place: number | string,
  start: number,
  end: number,
  free: number,
  limit: number,
): void {
  if (start >= free && end <= limit) return;
  throw new BoltError(
    place,
    `content between the bytes ${free} and ${limit}`,
    `some from ${start} to ${end}`,
  );
}

function expectAscending(
  place: number | string,
  before: Uint8Array | undefined,
  key: Uint8Array,
): void {
  if (key.length === 0) throw new BoltError(place, "a key", "an empty one");
  if (before === undefined || compareBytes(before, key) < 0) return;
  throw new BoltError(place, `a key above ${shown(before)}`, shown(key));
}
