/**
 * A sorted map from strings that never pauses: a B-tree of two levels whose
 * leaves ("chunks") hold a few hundred keys in arrays. Keys are ordered by
 * UTF-16 code units, as `<` compares strings. Knows nothing of what it holds.
 *
 * Nothing is ever rehashed and a change moves at most one chunk. An image of
 * the whole map costs O(1): it only begins a new epoch, and a writer copies the
 * root, or a chunk, that an earlier epoch made, before it changes it.
 *
 * Invariants:
 *   1. no chunk is empty, none holds more than CHUNK_KEYS_MAX keys;
 *   2. keys ascend strictly within a chunk and from chunk to chunk;
 *   3. `firstKeys[i]` is `chunks[i].keys[0]`;
 *   4. arrays made in an earlier epoch are never changed.
 */
import { assert } from "../base/assert.ts";

/** Half a thousand pointers move in a fraction of a microsecond; larger chunks gain little in the root. */
const CHUNK_KEYS_MAX = 256;

/** Chunks built by `append` leave room, so that the first inserts after it don't split them all. */
const CHUNK_KEYS_APPENDED = 192;

const NO_KEYS: readonly string[] = [];

interface Chunk<T> {
  readonly keys: string[];
  readonly items: T[];
  readonly epoch: number;
}

interface Root<T> {
  readonly firstKeys: string[];
  readonly chunks: Chunk<T>[];
  readonly epoch: number;
}

export class SortedMap<T> {
  #epoch = 0;
  #root: Root<T> = { firstKeys: [], chunks: [], epoch: 0 };
  #size = 0;
  // Where the last search ended: a look-up and the change that follows share it.
  #searched: string | undefined;
  #found = false;
  #chunkAt = 0;
  #slot = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): T | undefined {
    return this.#find(key) ? this.#root.chunks[this.#chunkAt]!.items[this.#slot] : undefined;
  }

  /** Puts `item` at `key`, in place of one that may be there. */
  set(key: string, item: T): void {
    if (this.#find(key)) {
      this.#ownChunk(this.#chunkAt).items[this.#slot] = item;
    } else {
      this.#insert(key, item);
      this.#searched = undefined;
      this.#size++;
    }
  }

  /** Adds a key that sorts after all others, faster than `set`. */
  append(key: string, item: T): void {
    const { firstKeys, chunks } = this.#ownRoot();
    const last = chunks.at(-1);
    assert(last === undefined || last.keys.at(-1)! < key, "An appended key must be the largest");
    if (last === undefined || last.keys.length >= CHUNK_KEYS_APPENDED) {
      firstKeys.push(key);
      chunks.push({ keys: [key], items: [item], epoch: this.#epoch });
    } else {
      const own = this.#ownChunk(chunks.length - 1);
      own.keys.push(key);
      own.items.push(item);
    }
    this.#searched = undefined;
    this.#size++;
  }

  /** Whether `key` was there. */
  delete(key: string): boolean {
    if (!this.#find(key)) return false;
    this.#searched = undefined;
    const at = this.#chunkAt;
    const { keys, items } = this.#ownChunk(at);
    keys.splice(this.#slot, 1);
    items.splice(this.#slot, 1);
    this.#size--;
    const { firstKeys, chunks } = this.#ownRoot();
    if (keys.length === 0) {
      firstKeys.splice(at, 1);
      chunks.splice(at, 1);
    } else {
      firstKeys[at] = keys[0]!;
      this.#mergeIfSmall(at);
    }
    return true;
  }

  /**
   * A position in the map as it is now, before the first entry. It is good
   * until the next change; for longer, call `keepImage` before that.
   */
  cursor(): Cursor<T> {
    return new Cursor(this.#root);
  }

  /** Cursors that exist now keep seeing the map as it is now, whatever changes later. */
  keepImage(): void {
    this.#epoch++;
  }

  /** Whether `key` is there; sets `#chunkAt` and `#slot` to where it is, or belongs. */
  #find(key: string): boolean {
    if (key === this.#searched) return this.#found;
    const { firstKeys, chunks } = this.#root;
    this.#chunkAt = Math.max(0, upperBound(firstKeys, key) - 1);
    const keys = chunks[this.#chunkAt]?.keys ?? NO_KEYS;
    const slot = upperBound(keys, key) - 1;
    this.#found = slot >= 0 && keys[slot] === key;
    this.#slot = this.#found ? slot : slot + 1;
    this.#searched = key;
    return this.#found;
  }

  /** Inserts at the position that `#find` left. */
  #insert(key: string, item: T): void {
    const { firstKeys, chunks } = this.#ownRoot();
    if (chunks.length === 0) {
      firstKeys.push(key);
      chunks.push({ keys: [key], items: [item], epoch: this.#epoch });
      return;
    }
    if (chunks[this.#chunkAt]!.keys.length >= CHUNK_KEYS_MAX) this.#split();
    const { keys, items } = this.#ownChunk(this.#chunkAt);
    keys.splice(this.#slot, 0, key);
    items.splice(this.#slot, 0, item);
    if (this.#slot === 0) firstKeys[this.#chunkAt] = key;
  }

  /** Makes room at the position; keys that come in order leave full chunks behind. */
  #split(): void {
    const at = this.#chunkAt;
    const { firstKeys, chunks } = this.#ownRoot();
    const { keys, items } = chunks[at]!;
    const epoch = this.#epoch;
    const ascending = at === chunks.length - 1 && this.#slot === keys.length;
    const middle = ascending ? keys.length - 1 : keys.length >> 1;
    chunks[at] = { keys: keys.slice(0, middle), items: items.slice(0, middle), epoch };
    chunks.splice(at + 1, 0, { keys: keys.slice(middle), items: items.slice(middle), epoch });
    firstKeys.splice(at + 1, 0, keys[middle]!);
    if (this.#slot > middle) {
      this.#chunkAt++;
      this.#slot -= middle;
    }
  }

  /** Joins a chunk with the next one when both together are half full at most. */
  #mergeIfSmall(at: number): void {
    const { firstKeys, chunks } = this.#ownRoot();
    const left = chunks[at]!;
    const right = chunks[at + 1];
    if (right === undefined || left.keys.length + right.keys.length > CHUNK_KEYS_MAX / 2) return;
    chunks[at] = {
      keys: left.keys.concat(right.keys),
      items: left.items.concat(right.items),
      epoch: this.#epoch,
    };
    chunks.splice(at + 1, 1);
    firstKeys.splice(at + 1, 1);
  }

  #ownRoot(): Root<T> {
    if (this.#root.epoch !== this.#epoch) {
      const { firstKeys, chunks } = this.#root;
      this.#root = { firstKeys: firstKeys.slice(), chunks: chunks.slice(), epoch: this.#epoch };
    }
    return this.#root;
  }

  #ownChunk(at: number): Chunk<T> {
    const chunk = this.#root.chunks[at]!;
    if (chunk.epoch === this.#epoch) return chunk;
    const own = { keys: chunk.keys.slice(), items: chunk.items.slice(), epoch: this.#epoch };
    this.#ownRoot().chunks[at] = own;
    return own;
  }
}

/** Walks over a map in the order of its keys; `key` is undefined before the first and after the last. */
export class Cursor<T> {
  key: string | undefined;
  item: T | undefined;
  readonly #root: Root<T>;
  #chunkAt = 0;
  #slot = -1;

  constructor(root: Root<T>) {
    this.#root = root;
  }

  /** Goes to the first entry whose key is `key` or larger. */
  seek(key: string): void {
    const { firstKeys, chunks } = this.#root;
    this.#chunkAt = Math.max(0, upperBound(firstKeys, key) - 1);
    const keys = chunks[this.#chunkAt]?.keys ?? NO_KEYS;
    const slot = upperBound(keys, key) - 1;
    this.#slot = slot >= 0 && keys[slot] === key ? slot : slot + 1;
    this.#load();
  }

  next(): void {
    this.#slot++;
    this.#load();
  }

  #load(): void {
    const { chunks } = this.#root;
    let chunk = chunks[this.#chunkAt];
    if (chunk !== undefined && this.#slot >= chunk.keys.length) {
      chunk = chunks[++this.#chunkAt];
      this.#slot = 0;
    }
    this.key = chunk?.keys[this.#slot];
    this.item = chunk?.items[this.#slot];
  }
}

/** How many of the sorted `keys` are `key` or smaller. */
function upperBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
