/**
 * Which of many watches of ranges see a key. Those of one key are found by it, those of a
 * prefix by the hashes of the key's prefixes, computed in one pass: what an event costs
 * does not depend on how many keys and prefixes are watched. The ranges that are neither
 * are compared with the key one by one.
 */
import { assert } from "../../base/assert.ts";
import { type ByteString, endOfPrefix } from "../byte_string.ts";
import { PATH_HASH_START, pathHash, pathHashOf } from "../keyspace/hash.ts";
import { isWithin, type Range } from "../kv/range.ts";

/** All who watch one range. */
interface Bucket<W> {
  readonly range: Range;
  readonly watches: Set<W>;
}

export class RangeIndex<W> {
  readonly #buckets = new Map<string, Bucket<W>>();
  readonly #keys = new Map<ByteString, Bucket<W>>();
  /** By the hash of the prefix. */
  readonly #prefixes = new Map<number, Bucket<W>[]>();
  /** How many prefixes of a length there are, the shortest first. */
  readonly #lengths: { readonly length: number; count: number }[] = [];
  readonly #others = new Set<Bucket<W>>();

  add(range: Range, watch: W): void {
    const name = nameOf(range);
    const known = this.#buckets.get(name);
    if (known !== undefined) return void known.watches.add(watch);
    const bucket = { range, watches: new Set([watch]) };
    this.#buckets.set(name, bucket);
    if (isOneKey(range)) this.#keys.set(range.start, bucket);
    else if (isPrefix(range)) this.#addPrefix(bucket);
    else this.#others.add(bucket);
  }

  /** `watch` was added for this range. */
  remove(range: Range, watch: W): void {
    const name = nameOf(range);
    const bucket = this.#buckets.get(name);
    assert(bucket !== undefined, "A synced watch must be where it says it is");
    bucket.watches.delete(watch);
    if (bucket.watches.size > 0) return;
    this.#buckets.delete(name);
    if (isOneKey(range)) this.#keys.delete(range.start);
    else if (isPrefix(range)) this.#removePrefix(bucket);
    else this.#others.delete(bucket);
  }

  *all(): Generator<W, void> {
    for (const { watches } of this.#buckets.values()) yield* watches;
  }

  /** Calls `visit` with all who watch a range that `key` is in, once for each such range. */
  visit(key: ByteString, visit: (watches: ReadonlySet<W>) => void): void {
    const exact = this.#keys.get(key);
    if (exact !== undefined) visit(exact.watches);
    let hash = PATH_HASH_START;
    let hashed = 0;
    for (const { length } of this.#lengths) {
      if (length > key.length) break;
      for (; hashed < length; hashed++) hash = pathHash(hash, key.charCodeAt(hashed));
      for (const { range: { start }, watches } of this.#prefixes.get(hash) ?? []) {
        if (start.length === length && key.startsWith(start)) visit(watches);
      }
    }
    for (const { range, watches } of this.#others) {
      if (isWithin(range, key)) visit(watches);
    }
  }

  #addPrefix(bucket: Bucket<W>): void {
    const { start } = bucket.range;
    const hash = pathHashOf(start);
    const alike = this.#prefixes.get(hash);
    if (alike === undefined) this.#prefixes.set(hash, [bucket]);
    else alike.push(bucket);
    const place = this.#placeOf(start.length);
    const there = this.#lengths[place];
    if (there?.length === start.length) there.count++;
    else this.#lengths.splice(place, 0, { length: start.length, count: 1 });
  }

  #removePrefix(bucket: Bucket<W>): void {
    const { start } = bucket.range;
    const hash = pathHashOf(start);
    const alike = this.#prefixes.get(hash)!.filter((other) => other !== bucket);
    if (alike.length > 0) this.#prefixes.set(hash, alike);
    else this.#prefixes.delete(hash);
    const place = this.#placeOf(start.length);
    if (--this.#lengths[place]!.count === 0) this.#lengths.splice(place, 1);
  }

  /** Where `length` is among the lengths, or would be. */
  #placeOf(length: number): number {
    const place = this.#lengths.findIndex((other) => other.length >= length);
    return place < 0 ? this.#lengths.length : place;
  }
}

function isOneKey({ start, end }: Range): boolean {
  return end === start + "\0";
}

function isPrefix({ start, end }: Range): boolean {
  return end === endOfPrefix(start);
}

function nameOf({ start, end }: Range): string {
  return end === undefined ? `${start.length}:${start}` : `${start.length}:${start}${end}`;
}
