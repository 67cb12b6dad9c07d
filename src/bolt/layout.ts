/**
 * The layout of a bbolt file (version 2), as far as reader and writer share it.
 *
 * A file is pages of equal size. Pages 0 and 1 are meta pages: copies of the
 * same facts from the last two transactions, of which the newer sound one
 * counts. All other pages hang below the root that it names, or are free. All
 * integers are little-endian.
 *
 *     page      id u64, flags u16, count u16, overflow u32; `overflow` pages more belong to it
 *     meta      magic u32, version u32, page size u32, flags u32, root (bucket),
 *               freelist's page u64, pages in use u64, transaction u64, FNV-64a of all this u64
 *     bucket    root page u64 (0: the page follows inline), sequence u64
 *     leaf      `count` of: flags u32, position u32, key length u32, value length u32; then the bytes
 *     branch    `count` of: position u32, key length u32, child's page u64; then the keys
 *     freelist  `count` page ids u64; 0xffff: the first u64 is the count
 *
 * A position counts from the start of its own element; a value follows its key.
 */
import { readU64, viewOf, writeU64 } from "./bytes.ts";

/** The page size of what is written here, and of what etcd writes on Linux. */
export const PAGE_BYTES = 4096;
/** The smallest and largest page size that is read. */
export const PAGE_BYTES_MIN = 1024;
/** See `PAGE_BYTES_MIN`. */
export const PAGE_BYTES_MAX = 65536;
/** Of every page, in front of its content. */
export const PAGE_HEADER_BYTES = 16;
/** Of one element of a leaf or a branch, without key and value. */
export const ELEMENT_BYTES = 16;
/** Of a bucket's value; an inline page may follow. */
export const BUCKET_HEADER_BYTES = 16;
/** bbolt takes no longer key. */
export const KEY_BYTES_MAX = 32768;

/** What a page is; each has exactly one flag. */
export const PAGE_FLAGS = { branch: 1, leaf: 2, meta: 4, freelist: 16 } as const;

/** The flag of a leaf's element whose value is a bucket. */
export const BUCKET_ELEMENT = 1;

const META_MAGIC = 0xed0cdaed;
const META_VERSION = 2;
const META_BYTES = 64;
const CHECKSUM_AT = 56;

/** Bytes of a meta page that have to be read. */
export const META_PAGE_BYTES = PAGE_HEADER_BYTES + META_BYTES;

/** Of a file that was closed without its freelist: whoever opens it looks for free pages. */
const NO_FREELIST = 2n ** 64n - 1n;

export interface PageHeader {
  readonly id: number;
  readonly flags: number;
  readonly count: number;
  /** Pages that follow and belong to this one. */
  readonly overflow: number;
}

export interface Meta {
  readonly pageBytes: number;
  /** The page of the bucket of all buckets. */
  readonly root: number;
  readonly freelist: number | undefined;
  /** Pages in use or free; what lies behind them in the file has no meaning. */
  readonly pageCount: number;
  readonly transaction: bigint;
}

/** Reads the first `PAGE_HEADER_BYTES` of a page. */
export function decodePageHeader(view: DataView): PageHeader {
  return {
    id: readU64(view, 0),
    flags: view.getUint16(8, true),
    count: view.getUint16(10, true),
    overflow: view.getUint32(12, true),
  };
}

/** Writes a header at the start of `view`. */
export function encodePageHeader(view: DataView, header: PageHeader): void {
  writeU64(view, 0, header.id);
  view.setUint16(8, header.flags, true);
  view.setUint16(10, header.count, true);
  view.setUint32(12, header.overflow, true);
}

/** A meta page from its header to its checksum; zeros follow it in the file. */
export function encodeMetaPage(id: number, meta: Meta): Uint8Array {
  const page = new Uint8Array(META_PAGE_BYTES);
  encodePageHeader(viewOf(page), { id, flags: PAGE_FLAGS.meta, count: 0, overflow: 0 });
  const bytes = page.subarray(PAGE_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, META_MAGIC, true);
  view.setUint32(4, META_VERSION, true);
  view.setUint32(8, meta.pageBytes, true);
  writeU64(view, 16, meta.root);
  if (meta.freelist === undefined) view.setBigUint64(32, NO_FREELIST, true);
  else writeU64(view, 32, meta.freelist);
  writeU64(view, 40, meta.pageCount);
  view.setBigUint64(48, meta.transaction, true);
  view.setBigUint64(CHECKSUM_AT, fnv64a(bytes.subarray(0, CHECKSUM_AT)), true);
  return page;
}

/** What is wrong with a meta page. */
export interface MetaFault {
  readonly expected: string;
  readonly found: string;
}

/** Whether a page of `META_PAGE_BYTES` is meant as a meta page, sound or not. */
export function hasMagic(page: Uint8Array): boolean {
  return viewOf(page).getUint32(PAGE_HEADER_BYTES, true) === META_MAGIC;
}

/** Reads a meta page of `META_PAGE_BYTES`; looks at nothing but the page itself. */
export function decodeMetaPage(page: Uint8Array): Meta | MetaFault {
  const { flags } = decodePageHeader(viewOf(page));
  const bytes = page.subarray(PAGE_HEADER_BYTES);
  const view = viewOf(bytes);
  const [magic, version, pageBytes] = [0, 4, 8].map((at) => view.getUint32(at, true));
  if (magic !== META_MAGIC) return fault("bbolt's magic number", `0x${magic!.toString(16)}`);
  if (version !== META_VERSION) return fault(`bbolt's version ${META_VERSION}`, `${version}`);
  const sum = fnv64a(bytes.subarray(0, CHECKSUM_AT));
  const stored = view.getBigUint64(CHECKSUM_AT, true);
  if (sum !== stored) {
    return fault(`the checksum ${sum.toString(16)}`, stored.toString(16));
  }
  if (flags !== PAGE_FLAGS.meta) return fault("a meta page", `flags ${flags}`);
  if (!isPageSize(pageBytes!)) return fault("a page size from 1 to 64 KiB", `${pageBytes}`);
  return {
    pageBytes: pageBytes!,
    root: readU64(view, 16),
    freelist: view.getBigUint64(32, true) === NO_FREELIST ? undefined : readU64(view, 32),
    pageCount: readU64(view, 40),
    transaction: view.getBigUint64(48, true),
  };
}

function isPageSize(bytes: number): boolean {
  return bytes >= PAGE_BYTES_MIN && bytes <= PAGE_BYTES_MAX && (bytes & (bytes - 1)) === 0;
}

function fault(expected: string, found: string): MetaFault {
  return { expected, found };
}

/** Fowler, Noll and Vo's hash 1a of 64 bits. */
function fnv64a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}
