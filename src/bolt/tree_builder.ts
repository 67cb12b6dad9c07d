/**
 * Builds the tree of one bucket from the bottom up, from entries in ascending
 * order. It holds one leaf and two branches a level, whatever the bucket's size.
 *
 * A leaf is closed before an entry that does not fit; an entry larger than a
 * page has a leaf of its own, with overflow pages. A branch has two children at
 * least: bbolt stops the process ("parent must have at least 2 children") when it
 * deletes from below a branch with one child.
 */
import { assert } from "../base/assert.ts";
import { compareBytes } from "./bytes.ts";
import { ELEMENT_BYTES, KEY_BYTES_MAX, PAGE_BYTES, PAGE_HEADER_BYTES } from "./layout.ts";

export interface LeafElement {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly flags: number;
}

export interface BranchElement {
  /** The first key below the child. */
  readonly key: Uint8Array;
  readonly child: number;
}

/** Where finished pages go; answers with the id that the page was given. */
export interface PageSink {
  /** `bytes` is the length of the page's content, header included. */
  leaf(elements: readonly LeafElement[], bytes: number): number;
  branch(elements: readonly BranchElement[], bytes: number): number;
}

interface Branch {
  readonly elements: BranchElement[];
  bytes: number;
}

interface Level {
  /** Full, but held back until it is known that the next one gets two children. */
  held: Branch | undefined;
  open: Branch;
}

const CHILDREN_MIN = 2;

export class TreeBuilder {
  readonly #sink: PageSink;
  readonly #levels: Level[] = [];
  #leaf: LeafElement[] = [];
  #leafBytes = PAGE_HEADER_BYTES;
  #last: Uint8Array | undefined;

  constructor(sink: PageSink) {
    this.#sink = sink;
  }

  /** Takes the next entry; its bytes must not change before the leaf is closed. */
  add(element: LeafElement): void {
    const { key, value } = element;
    assert(key.length > 0 && key.length <= KEY_BYTES_MAX, "A bbolt key has 1 to 32768 bytes");
    assert(
      this.#last === undefined || compareBytes(this.#last, key) < 0,
      "The keys of a bbolt bucket must ascend",
    );
    this.#last = key;
    const bytes = ELEMENT_BYTES + key.length + value.length;
    if (this.#leaf.length > 0 && this.#leafBytes + bytes > PAGE_BYTES) this.#closeLeaf();
    this.#leaf.push(element);
    this.#leafBytes += bytes;
  }

  /** Closes all that is open; returns the page of the root. */
  finish(): number {
    if (this.#levels.length === 0) return this.#sink.leaf(this.#leaf, this.#leafBytes);
    this.#closeLeaf();
    for (let at = 0;; at++) {
      const { held, open } = this.#levels[at]!;
      const [only, ...others] = open.elements;
      if (held === undefined && others.length === 0) return only!.child;
      this.#closeLevel(at);
    }
  }

  #closeLeaf(): void {
    const child = this.#sink.leaf(this.#leaf, this.#leafBytes);
    this.#addChild(0, this.#leaf[0]!.key, child);
    this.#leaf = [];
    this.#leafBytes = PAGE_HEADER_BYTES;
  }

  #addChild(at: number, key: Uint8Array, child: number): void {
    const level = this.#levels[at] ??= { held: undefined, open: emptyBranch() };
    const bytes = ELEMENT_BYTES + key.length;
    const { open } = level;
    if (open.elements.length >= CHILDREN_MIN && open.bytes + bytes > PAGE_BYTES) {
      if (level.held !== undefined) this.#closeBranch(at, level.held);
      level.held = open;
      level.open = emptyBranch();
    }
    // A copy, so that a key of many bytes' memory is not kept for as long as its branch.
    append(level.open, { key: key.slice(), child });
  }

  /** At the end of the bucket: the last branch may have one child only, and gets a second or goes. */
  #closeLevel(at: number): void {
    const { held, open } = this.#levels[at]!;
    const branches = held === undefined ? [open] : balanced(held, open);
    for (const branch of branches) this.#closeBranch(at, branch);
  }

  #closeBranch(at: number, branch: Branch): void {
    const child = this.#sink.branch(branch.elements, branch.bytes);
    this.#addChild(at + 1, branch.elements[0]!.key, child);
  }
}

function emptyBranch(): Branch {
  return { elements: [], bytes: PAGE_HEADER_BYTES };
}

function append(branch: Branch, element: BranchElement): void {
  branch.elements.push(element);
  branch.bytes += ELEMENT_BYTES + element.key.length;
}

function balanced(held: Branch, open: Branch): readonly Branch[] {
  if (open.elements.length >= CHILDREN_MIN) return [held, open];
  const elements = [...held.elements, ...open.elements];
  // Two long keys fill a branch; a third makes it overflow, which is allowed.
  const cut = elements.length >= 2 * CHILDREN_MIN ? elements.length - CHILDREN_MIN : 0;
  return [elements.slice(0, cut), elements.slice(cut)]
    .filter((part) => part.length > 0)
    .map((part) => {
      const branch = emptyBranch();
      for (const element of part) append(branch, element);
      return branch;
    });
}
