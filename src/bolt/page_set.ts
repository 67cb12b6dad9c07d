/** Which pages a walk has come by: one bit a page, so that even a hostile file costs little. */
import { BoltError } from "./errors.ts";
import { DATA_PAGE_MIN } from "./page_file.ts";

export class PageSet {
  readonly #count: number;
  readonly #bits: Uint8Array;

  /** For the pages below `count`. */
  constructor(count: number) {
    this.#count = count;
    this.#bits = new Uint8Array(Math.ceil(count / 8));
  }

  /** Adds `id` and `overflow` pages behind it. Throws `BoltError` when one is there already. */
  add(id: number, overflow: number): void {
    for (let page = id; page <= id + overflow; page++) {
      const bit = 1 << (page & 7);
      if ((this.#bits[page >> 3]! & bit) !== 0) {
        throw new BoltError(page, "one way to the page", "a second one");
      }
      this.#bits[page >> 3]! |= bit;
    }
  }

  /** The first page behind the meta pages that was not added. */
  firstMissing(): number | undefined {
    for (let page = DATA_PAGE_MIN; page < this.#count; page++) {
      if ((this.#bits[page >> 3]! & (1 << (page & 7))) === 0) return page;
    }
    return undefined;
  }
}
