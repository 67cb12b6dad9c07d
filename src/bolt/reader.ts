/**
 * Reads a bbolt file, with every structure checked on the way: no page is
 * visited twice in a walk, so a walk ends; no key lies outside of what the
 * branches above it promise, so a walk and a search find the same.
 */
import { compareBytes, readU64, shown, viewOf } from "./bytes.ts";
import { BoltError } from "./errors.ts";
import { BUCKET_HEADER_BYTES, decodePageHeader, PAGE_FLAGS, PAGE_HEADER_BYTES } from "./layout.ts";
import {
  type BoltFile,
  type BranchPage,
  expectDataPage,
  leafElements,
  type LeafPage,
  type PageElement,
  PageFile,
  readMeta,
} from "./page_file.ts";
import { PageSet } from "./page_set.ts";
import type { BoltEntry } from "./writer.ts";

/** More levels than a tree of 2^53 pages with two children each has. */
const LEVELS_MAX = 64;

/** A page on the way down, with the keys that may be below it: from `low` on, and below `high`. */
interface Step {
  readonly id: number;
  readonly low: Uint8Array | undefined;
  readonly high: Uint8Array | undefined;
}

/** Where the entries of a bucket are: below a page, or in the value of the bucket's own entry. */
type Root =
  | { readonly kind: "page"; readonly id: number }
  | { readonly kind: "inline"; readonly elements: readonly PageElement[] };

/** Opens a file. Throws `BoltError` when it has no sound meta page. */
export async function openBolt(file: BoltFile): Promise<BoltReader> {
  return new BoltReader(new PageFile(file, await readMeta(file)));
}

/** An open file: the buckets in it. */
export class BoltReader {
  readonly #pages: PageFile;
  readonly #root: Tree;

  /** For `openBolt` alone. */
  constructor(pages: PageFile) {
    this.#pages = pages;
    this.#root = new Tree(pages, { kind: "page", id: pages.meta.root });
  }

  /** Bytes of the pages that count; the file may be longer. */
  get size(): number {
    return this.#pages.meta.pageCount * this.#pages.meta.pageBytes;
  }

  /** All buckets by ascending names. */
  async *buckets(): AsyncGenerator<BoltBucket> {
    for await (const elements of this.#root.leaves()) {
      for (const element of elements) yield this.#bucket(element);
    }
  }

  /** Undefined when there is no such bucket. */
  async bucket(name: string): Promise<BoltBucket | undefined> {
    const element = await this.#root.find(new TextEncoder().encode(name));
    return element && this.#bucket(element);
  }

  /**
   * Walks through all pages, as `bbolt check` does: each has to be reached by one
   * way or to be free. Throws `BoltError` with the first one that is not.
   */
  async check(): Promise<void> {
    const { meta } = this.#pages;
    const seen = new PageSet(meta.pageCount);
    await this.#root.mark(seen);
    for await (const bucket of this.buckets()) await bucket.mark(seen);
    // Without its list, all pages that are not reached are free.
    if (meta.freelist === undefined) return;
    const { overflow } = await this.#pages.header(meta.freelist);
    seen.add(meta.freelist, overflow);
    for await (const id of this.#pages.freelist(meta.freelist)) {
      expectDataPage(meta.freelist, id, meta.pageCount);
      seen.add(id, 0);
    }
    const missing = seen.firstMissing();
    if (missing !== undefined) throw new BoltError(missing, "a page in use, or free", "neither");
  }

  #bucket({ key, value, isBucket }: PageElement): BoltBucket {
    if (!isBucket) throw new BoltError("the list of buckets", "a bucket", shown(key));
    const place = `bucket ${shown(key)}`;
    if (value.length < BUCKET_HEADER_BYTES) {
      throw new BoltError(place, `${BUCKET_HEADER_BYTES} bytes of a bucket`, `${value.length}`);
    }
    const id = readU64(viewOf(value), 0);
    const root: Root = id === 0
      ? { kind: "inline", elements: inlineElements(place, value.subarray(BUCKET_HEADER_BYTES)) }
      : { kind: "page", id };
    return new BoltBucket(key, new Tree(this.#pages, root));
  }
}

/** The keys and values of one bucket. All bytes are views: copy what is to be kept. */
class BoltBucket {
  readonly name: Uint8Array;
  readonly #tree: Tree;

  /** For `BoltReader` alone. */
  constructor(name: Uint8Array, tree: Tree) {
    this.name = name;
    this.#tree = tree;
  }

  /** All entries by ascending keys. Throws `BoltError` at damage, after what is sound before it. */
  async *entries(): AsyncGenerator<BoltEntry> {
    for await (const batch of this.batches()) {
      for (const entry of batch) yield entry;
    }
  }

  /** The same in batches of one page each, for whoever has many to read. */
  async *batches(): AsyncGenerator<readonly BoltEntry[]> {
    for await (const elements of this.#tree.leaves()) {
      yield elements.map((element) => this.#entry(element));
    }
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const element = await this.#tree.find(key);
    return element && this.#entry(element).value;
  }

  /** The entry with the highest key; undefined in an empty bucket. */
  async last(): Promise<BoltEntry | undefined> {
    const element = await this.#tree.last();
    return element && this.#entry(element);
  }

  /** Adds the bucket's pages to those that were seen; see `BoltReader.check`. */
  async mark(seen: PageSet): Promise<void> {
    await this.#tree.mark(seen);
  }

  #entry({ key, value, isBucket }: PageElement): BoltEntry {
    if (!isBucket) return { key, value };
    throw new BoltError(`bucket ${shown(this.name)}`, "keys and values", `a bucket ${shown(key)}`);
  }
}

/** The tree of one bucket, or of the bucket of all buckets. */
class Tree {
  readonly #pages: PageFile;
  readonly #root: Root;

  constructor(pages: PageFile, root: Root) {
    this.#pages = pages;
    this.#root = root;
  }

  /** The elements of all leaves by ascending keys. */
  async *leaves(): AsyncGenerator<readonly PageElement[]> {
    if (this.#root.kind === "inline") yield this.#root.elements;
    else yield* this.#walk(this.#root.id, new PageSet(this.#pages.meta.pageCount));
  }

  async find(key: Uint8Array): Promise<PageElement | undefined> {
    const isAtMost = (element: { readonly key: Uint8Array }) => compareBytes(element.key, key) <= 0;
    // A key below the first branch would be below its first child.
    const leaf = await this.#leaf((children) => Math.max(0, children.findLastIndex(isAtMost)));
    return leaf.find((element) => compareBytes(element.key, key) === 0);
  }

  async last(): Promise<PageElement | undefined> {
    const leaf = await this.#leaf((children) => children.length - 1);
    return leaf.at(-1);
  }

  async mark(seen: PageSet): Promise<void> {
    if (this.#root.kind === "inline") return;
    const leaves = this.#walk(this.#root.id, seen);
    while ((await leaves.next()).done !== true);
  }

  /** Goes down by the children that `choose` chooses; in a cycle the bound of the levels ends it. */
  async #leaf(
    choose: (children: BranchPage["elements"]) => number,
  ): Promise<readonly PageElement[]> {
    if (this.#root.kind === "inline") return this.#root.elements;
    let step: Step = { id: this.#root.id, low: undefined, high: undefined };
    for (let level = 1;; level++) {
      const page = await this.#page(step, level, undefined);
      if (page.kind === "leaf") return page.elements;
      step = child(page, step, choose(page.elements));
    }
  }

  async *#walk(root: number, seen: PageSet): AsyncGenerator<readonly PageElement[]> {
    /** The branches from the root down, each with the next of its children to be visited. */
    const path: { readonly page: BranchPage; readonly step: Step; next: number }[] = [];
    let step: Step | undefined = { id: root, low: undefined, high: undefined };
    while (step !== undefined) {
      const page: LeafPage | BranchPage = await this.#page(step, path.length + 1, seen);
      if (page.kind === "leaf") yield page.elements;
      else path.push({ page, step, next: 0 });
      let branch = path.at(-1);
      while (branch !== undefined && branch.next === branch.page.elements.length) {
        path.pop();
        branch = path.at(-1);
      }
      step = branch && child(branch.page, branch.step, branch.next++);
    }
  }

  /** The page that `step` leads to, with all that can be said of it without its children. */
  async #page(
    step: Step,
    level: number,
    seen: PageSet | undefined,
  ): Promise<LeafPage | BranchPage> {
    const { id, low, high } = step;
    expectDataPage("a branch", id, this.#pages.meta.pageCount);
    if (level > LEVELS_MAX) throw new BoltError(id, `at most ${LEVELS_MAX} levels`, "another one");
    const header = await this.#pages.header(id);
    seen?.add(id, header.overflow);
    const page = await this.#pages.tree(header);
    const { elements } = page;
    const [first, last] = [elements[0], elements.at(-1)];
    if (first === undefined || last === undefined) {
      // Only a bucket without entries has such a leaf, as its root.
      if (level === 1) return page;
      throw new BoltError(id, "a leaf with an entry", "none");
    }
    if (low !== undefined && compareBytes(first.key, low) < 0) {
      throw new BoltError(id, `keys from ${shown(low)} on`, shown(first.key));
    }
    if (high !== undefined && compareBytes(last.key, high) >= 0) {
      throw new BoltError(id, `keys below ${shown(high)}`, shown(last.key));
    }
    return page;
  }
}

function child(page: BranchPage, { high }: Step, at: number): Step {
  const { key, child } = page.elements[at]!;
  return { id: child, low: key, high: page.elements[at + 1]?.key ?? high };
}

function inlineElements(place: string, bytes: Uint8Array): readonly PageElement[] {
  if (bytes.length < PAGE_HEADER_BYTES) {
    throw new BoltError(place, `${PAGE_HEADER_BYTES} bytes of an inline page`, `${bytes.length}`);
  }
  const { flags, count } = decodePageHeader(viewOf(bytes));
  if (flags !== PAGE_FLAGS.leaf) {
    throw new BoltError(place, "an inline leaf", `a page with flags ${flags}`);
  }
  return leafElements(place, bytes, count);
}
