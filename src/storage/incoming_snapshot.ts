/**
 * A snapshot that comes from the leader in pieces. Its bytes count only when all
 * of them are here, durable and proven; until then it is a temporary file beside
 * the others. Which snapshot is the newest is `snapshot_store.ts`'s affair.
 */
import { assert } from "../base/assert.ts";
import { DamagedTransferError } from "../base/errors.ts";
import type { SnapshotWriter } from "../node/ports.ts";
import { isSameConfiguration } from "../raft/configuration.ts";
import type { SnapshotMeta } from "../raft/types.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { CorruptionError, FormatVersionError } from "./errors.ts";
import type { Fuse } from "./fuse.ts";
import {
  checkPosition,
  type ProofOptions,
  proveSnapshot,
  type SnapshotContent,
} from "./snapshot_file.ts";

/** See `SnapshotWriter`. */
export class IncomingSnapshot implements SnapshotWriter {
  readonly name: string;
  readonly #disk: Disk;
  readonly #meta: SnapshotMeta;
  readonly #options: ProofOptions;
  readonly #fuse: Fuse;
  readonly #file: DiskFile;
  #state: "receiving" | "finishing" | "proven" | "dropped" = "receiving";
  #size = 0;
  #proven: SnapshotContent | undefined;
  #finished: Promise<void> | undefined;
  #removed: Promise<void> | undefined;

  constructor(
    disk: Disk,
    name: string,
    meta: SnapshotMeta,
    options: ProofOptions,
    fuse: Fuse,
  ) {
    this.name = name;
    this.#disk = disk;
    this.#meta = meta;
    this.#options = options;
    this.#fuse = fuse;
    this.#file = disk.create(name);
  }

  get size(): number {
    return this.#size;
  }

  get proven(): SnapshotContent | undefined {
    return this.#proven;
  }

  write(bytes: Uint8Array): void {
    assert(this.#state === "receiving", "A snapshot takes bytes until it is finished");
    try {
      this.#file.write(bytes, this.#size);
    } catch (error) {
      this.#fuse.blow(error);
      throw error;
    }
    this.#size += bytes.length;
  }

  finish(): Promise<void> {
    assert(this.#state === "receiving", "A snapshot is finished once");
    this.#state = "finishing";
    this.#finished = this.#finish();
    return this.#finished;
  }

  abort(): void {
    assert(this.#state !== "finishing", "A snapshot that is being proven can't be dropped");
    if (this.#state === "receiving") this.#file.close();
    if (this.#state !== "dropped") this.#drop();
  }

  /** Aborts as soon as that is possible. */
  async close(): Promise<void> {
    await this.#finished?.catch(() => {});
    this.abort();
    await this.#removed;
  }

  async #finish(): Promise<void> {
    try {
      try {
        await this.#file.sync();
      } finally {
        this.#file.close();
      }
      this.#proven = await this.#prove();
      this.#state = "proven";
    } catch (error) {
      // A damaged transfer is not this disk's fault; anything else is.
      if (!(error instanceof DamagedTransferError)) this.#fuse.blow(error);
      this.#drop();
      throw error;
    }
  }

  async #prove(): Promise<SnapshotContent> {
    const path = `${this.#disk.path}/${this.name}`;
    try {
      const content = await proveSnapshot(this.#disk, this.name, this.#options);
      checkPosition(path, 0, content.meta, this.#meta);
      if (isSameConfiguration(content.meta.configuration, this.#meta.configuration)) return content;
      throw new CorruptionError(path, 0, "the announced configuration", "another one");
    } catch (cause) {
      if (!(cause instanceof CorruptionError || cause instanceof FormatVersionError)) throw cause;
      const { index } = this.#meta;
      throw new DamagedTransferError(
        `Expected a sound snapshot of index ${index} from the leader, found a damaged one: it has to be sent again`,
        { cause },
      );
    }
  }

  #drop(): void {
    this.#state = "dropped";
    this.#proven = undefined;
    // Nobody waits for the space: a failure shows at the next call.
    this.#removed = this.#disk.remove(this.name).catch((error) => this.#fuse.blow(error));
  }
}
