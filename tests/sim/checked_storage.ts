/** A member's storage, watched by the checker of what is durable. */
import type { SnapshotReader, SnapshotWriter, Storage } from "../../src/node/ports.ts";
import type { MemberId, SaveBatch, SnapshotMeta } from "../../src/raft/types.ts";
import type { DurabilityCheck } from "./durability_check.ts";

export class CheckedStorage implements Storage {
  readonly #id: MemberId;
  readonly #storage: Storage;
  readonly #check: DurabilityCheck;

  constructor(id: MemberId, storage: Storage, check: DurabilityCheck) {
    this.#id = id;
    this.#storage = storage;
    this.#check = check;
  }

  async save(batch: SaveBatch, mayBlock?: boolean): Promise<void> {
    this.#check.saving(this.#id, batch);
    await this.#storage.save(batch, mayBlock);
    this.#check.saved(this.#id, batch);
  }

  createSnapshot(
    meta: SnapshotMeta,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    keepAfter: number,
    isDoubted?: boolean,
  ): Promise<void> {
    return this.#storage.createSnapshot(meta, chunks, keepAfter, isDoubted);
  }

  openSnapshot(): SnapshotReader | undefined {
    return this.#storage.openSnapshot();
  }

  receiveSnapshot(meta: SnapshotMeta): SnapshotWriter {
    return this.#storage.receiveSnapshot(meta);
  }

  close(): Promise<void> {
    return this.#storage.close();
  }
}
