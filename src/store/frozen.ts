/** The keys of one moment, to be read at any pace while the store goes on. */
import type { Head } from "./head.ts";
import type { Cursors, Keyspace } from "./keyspace/keyspace.ts";
import { flagsAt, modRevisionAt, TOMBSTONE, versionAt } from "./keyspace/record.ts";
import type { ByteString } from "./byte_string.ts";
import type { KeyValue } from "./result.ts";

export interface FrozenLease {
  readonly id: bigint;
  readonly ttlSeconds: number;
}

/** What one step of `arrange` looks at: a few milliseconds. */
const STEP_KEYS = 8192;

export class FrozenStore {
  readonly head: Head;
  readonly leases: readonly FrozenLease[];
  readonly #cursors: Cursors;
  /** Those of `byRevision`, in its order once they have been arranged. */
  #keys: readonly ByteString[] = [];

  constructor(head: Head, keys: Keyspace) {
    this.head = head;
    this.leases = [...keys.leases.values()].map(({ id, ttlSeconds }) => ({ id, ttlSeconds }));
    this.#cursors = keys.frozenCursors();
  }

  /** Finds the order of `byRevision`, in steps between which others may have their turn. */
  *arrange(): Generator<void, void> {
    const keys: ByteString[] = [];
    const revisions: number[] = [];
    const all = this.#cursors.cursor();
    while (all.next()) {
      const revision = modRevisionAt(all.bytes, all.at);
      const isGone = (flagsAt(all.bytes, all.at) & TOMBSTONE) !== 0;
      if (isGone && revision !== this.head.revision) continue;
      keys.push(all.key());
      revisions.push(revision);
      if (keys.length % STEP_KEYS === 0) yield;
    }
    const order = yield* ascending(revisions);
    const arranged: ByteString[] = [];
    for (const at of order) {
      arranged.push(keys[at]!);
      if (arranged.length % STEP_KEYS === 0) yield;
    }
    this.#keys = arranged;
  }

  /**
   * After `arrange`: all keys with their versions, by ascending revision, those of one revision
   * in their order; those that the last revision has deleted, too, with version 0, so that its
   * number is among them. Values are in memory that stays as it is.
   */
  *byRevision(): Generator<KeyValue, void> {
    const cursor = this.#cursors.cursor();
    for (const key of this.#keys) {
      cursor.seek(key);
      yield { key, version: versionAt(cursor.bytes, cursor.at) };
    }
  }
}

/** The places of `values` in ascending order, equal ones as they stand: a merge sort in steps. */
function* ascending(values: readonly number[]): Generator<void, Uint32Array> {
  const count = values.length;
  let order = new Uint32Array(count);
  for (let at = 0; at < count; at++) order[at] = at;
  for (let at = 0; at < count; at += STEP_KEYS) {
    order.subarray(at, at + STEP_KEYS).sort((a, b) => values[a]! - values[b]! || a - b);
    yield;
  }
  let merged = new Uint32Array(count);
  for (let width = STEP_KEYS; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count);
      const end = Math.min(middle + width, count);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at++) {
        const takesLeft = right >= end ||
          (left < middle && values[order[left]!]! <= values[order[right]!]!);
        merged[at] = order[takesLeft ? left++ : right++]!;
        if (at % STEP_KEYS === 0) yield;
      }
    }
    [order, merged] = [merged, order];
  }
  return order;
}
