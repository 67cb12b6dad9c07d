/**
 * A snapshot for a client of v3: a database file as etcd's own tools read it, in
 * portions. It holds the state of one moment, made while it is sent.
 */
import { laterTurn } from "../../../base/turns.ts";
import type { BoltPlan } from "../../../bolt/writer.ts";
import type { EtcdSnapshotSource } from "../../../bolt/etcd_content.ts";
import { CHECKSUM_BYTES, planEtcdSnapshot } from "../../../bolt/etcd_writer.ts";
import { COMPATIBLE_VERSION } from "../../../version.ts";
import type { StreamCall, StreamListener } from "../call.ts";
import type { V3Context } from "../context.ts";
import type { SnapshotResponse } from "../messages/maintenance.ts";
import { StatusCode } from "../status.ts";
import { status } from "../statuses.ts";
import { messageOf } from "../../../base/errors.ts";
import { readHere } from "../waist.ts";
import { sourceOf } from "./snapshot_source.ts";

/** As large as etcd's portions: every client takes them. */
const BLOB_BYTES = 32 * 1024;

/** As long as it is under way, what changes in the store is kept twice. */
const TOO_SLOW = status(
  StatusCode.deadlineExceeded,
  "etcdserver: the snapshot was left lying for too long",
);

export class SnapshotStream implements StreamListener {
  readonly #call: StreamCall<SnapshotResponse>;
  readonly #stallMs: number;
  #isGone = false;
  #wake = () => {};

  constructor(v3: V3Context, call: StreamCall<SnapshotResponse>) {
    this.#call = call;
    this.#stallMs = v3.limits.snapshotStallMs;
    // Once more: who was root before this member caught up may be so no longer.
    readHere(v3, call, ({ isRoot }) => isRoot, (store) => {
      this.#send(sourceOf(store, v3, laterTurn)).catch((error) => {
        call.fail(status(StatusCode.internal, `etcdserver: ${messageOf(error)}`));
      });
    });
  }

  onDrain(): void {
    this.#wake();
  }

  onGone(): void {
    this.#isGone = true;
    this.#wake();
  }

  async #send(source: Promise<EtcdSnapshotSource>): Promise<void> {
    const plan: BoltPlan = await planEtcdSnapshot(await source, laterTurn);
    let left = plan.size;
    for await (const portion of plan.portions()) {
      for (let at = 0; at < portion.length; at += BLOB_BYTES) {
        if (this.#isGone) return;
        const blob = portion.subarray(at, at + BLOB_BYTES);
        left -= blob.length;
        // As in etcd, of the database: the hash behind it does not count.
        const remainingBytes = Math.max(0, left - CHECKSUM_BYTES);
        const takesMore = this.#call.send({ remainingBytes, blob, version: COMPATIBLE_VERSION });
        if (!takesMore) await this.#taken();
      }
      await laterTurn();
    }
    if (!this.#isGone) this.#call.end();
  }

  /** Resolves when the client takes more, or has gone; one that is too slow is cut off. */
  #taken(): Promise<void> {
    return new Promise((resolve) => {
      const patience = setTimeout(() => this.#call.fail(TOO_SLOW), this.#stallMs);
      this.#wake = () => {
        clearTimeout(patience);
        resolve();
      };
    });
  }
}
