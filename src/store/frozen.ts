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

export class FrozenStore {
  readonly head: Head;
  readonly leases: readonly FrozenLease[];
  readonly #cursors: Cursors;

  constructor(head: Head, keys: Keyspace) {
    this.head = head;
    this.leases = [...keys.leases.values()].map(({ id, ttlSeconds }) => ({ id, ttlSeconds }));
    this.#cursors = keys.frozenCursors();
  }

  /**
   * All keys with their versions, by ascending revision, those of one revision in their
   * order; those that the last revision has deleted, too, with version 0, so that its
   * number is among them. Values are in memory that stays as it is.
   */
  *byRevision(): Generator<KeyValue, void> {
    const keys: ByteString[] = [];
    const revisions: number[] = [];
    const all = this.#cursors.cursor();
    while (all.next()) {
      const revision = modRevisionAt(all.bytes, all.at);
      const isGone = (flagsAt(all.bytes, all.at) & TOMBSTONE) !== 0;
      if (isGone && revision !== this.head.revision) continue;
      keys.push(all.key());
      revisions.push(revision);
    }
    const order = Uint32Array.from(keys.keys());
    order.sort((a, b) => revisions[a]! - revisions[b]! || a - b);
    const cursor = this.#cursors.cursor();
    for (const at of order) {
      cursor.seek(keys[at]!);
      yield { key: keys[at]!, version: versionAt(cursor.bytes, cursor.at) };
    }
  }
}
