/**
 * Makes a state of what another program has kept: its keys with every change that it
 * still knows, oldest first, under the numbers that it gave. Revisions go on from there.
 */
import { assert } from "../../base/assert.ts";
import { Alarms } from "../alarms.ts";
import { Auth } from "../auth/auth.ts";
import type { AuthContent } from "../auth/content.ts";
import type { ByteString } from "../byte_string.ts";
import type { Head } from "../head.ts";
import { Change } from "../keyspace/change.ts";
import { Keyspace } from "../keyspace/keyspace.ts";
import { writeImage } from "./writer.ts";

/** What was put; the value may be a view. */
export interface ForeignPut {
  readonly createRevision: number;
  readonly version: number;
  readonly value: Uint8Array;
  /** 0n, or one that was granted: of any other it is not known when it ends. */
  readonly lease: bigint;
}

/** Where the state goes on. */
export interface ForeignEnd {
  /** Of the last change, though it may be gone. */
  readonly revision: number;
  /** Revisions below it can't be read; 0 when all can. */
  readonly compactedRevision: number;
  /** The log index from which on commands are applied; at least `revision`. */
  readonly appliedIndex: number;
  readonly auth: AuthContent;
}

/** Takes leases first, then changes, then the end. */
export class ForeignState {
  readonly #keys = new Keyspace();
  readonly #timeMs: number;
  #change: Change;

  /** `timeMs`: when all of it was, for those who ask how old it is; Unix ms. */
  constructor(timeMs: number) {
    this.#timeMs = timeMs;
    this.#change = new Change(0, timeMs, 0, 0, 2);
  }

  /** Keys that are there. */
  get count(): number {
    return this.#keys.count;
  }

  /** `id` is not there yet. */
  grant(id: bigint, ttlSeconds: number): void {
    this.#keys.leases.grant(id, ttlSeconds, 1);
  }

  hasLease(id: bigint): boolean {
    return this.#keys.leases.get(id) !== undefined;
  }

  /** The next change; without `put` a deletion, which may be of a key that is not known. Revisions never descend. */
  add(revision: number, key: ByteString, put: ForeignPut | undefined): void {
    const change = this.#changeOf(revision);
    if (put !== undefined) {
      const { createRevision, version, value, lease } = put;
      assert(lease === 0n || this.hasLease(lease), "A key hangs on a lease that is there");
      const rest = { deadlineMs: 0, keepsCreatedIndex: false, isQuiet: false } as const;
      const counted = { createRevision, version };
      this.#keys.put(change, key, { action: "set", value, lease, counted, ...rest }, false);
    } else if (this.#keys.find(key) !== undefined) {
      this.#keys.delete(change, key, "delete");
    }
    change.events.length = 0;
  }

  /** The image of the state, as `Store.restore` takes it. */
  finish({ revision, compactedRevision, appliedIndex, auth }: ForeignEnd): Iterable<Uint8Array> {
    assert(appliedIndex >= revision, "The log has an entry for each revision");
    const keys = this.#keys;
    keys.compactBefore(keys.versions.lowerBound("revision", compactedRevision));
    const { logIndex: index, changeIndex } = this.#change;
    const head: Head = {
      timeMs: this.#timeMs,
      ...{ index, appliedIndex, revision, changeIndex, compactedRevision },
    };
    return writeImage(head, keys, new Alarms(), Auth.of(auth));
  }

  /** One entry of the log for each revision, of the same number. */
  #changeOf(revision: number): Change {
    const { logIndex, changeIndex } = this.#change;
    assert(revision >= logIndex, "Changes come by ascending revision");
    if (revision > logIndex) {
      this.#change = new Change(revision, this.#timeMs, revision - 1, changeIndex, 2);
    }
    return this.#change;
  }
}
