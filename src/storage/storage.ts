/**
 * The durable half of a node (`Storage` in `node/ports.ts`): joins the write-ahead
 * log, the snapshots and the identity of one data directory. What they say
 * together at start is judged in `directory.ts`.
 */
import { assert } from "../base/assert.ts";
import { DiskFullError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Loaded, SnapshotReader, SnapshotWriter, Storage } from "../node/ports.ts";
import type { SaveBatch, SnapshotMeta } from "../raft/types.ts";
import { checkFinished, isNew, readDirectory, type ReadOptions } from "./directory.ts";
import type { Disk, DiskLock } from "./disk.ts";
import { Fuse } from "./fuse.ts";
import { type Identity, writeIdentity } from "./identity.ts";
import type { LogPosition } from "./log_shape.ts";
import { IDENTITY_NAME, isTemporary, LOCK_NAME } from "./names.ts";
import type { NeededFile } from "./presence.ts";
import type { ReplayedLog } from "./replay.ts";
import type { ImageProof } from "./snapshot_file.ts";
import { type ChosenSnapshot, SnapshotStore } from "./snapshot_store.ts";
import { createLog, Wal, type WalOptions } from "./wal.ts";

export { firstSnapshot, knowsMembers } from "./directory.ts";
export type { Identity } from "./identity.ts";

export interface StorageOptions extends WalOptions, ReadOptions {
  /** See `ProofOptions`: a node that forgot it would give up what it has for a wrong image. */
  readonly faultOfImage: ImageProof | undefined;
  readonly logger: Logger;
}

export interface OpenedStorage {
  readonly storage: DataStorage;
  /** Undefined in a new directory: write one before the first save. */
  readonly identity: Identity | undefined;
  readonly loaded: Loaded;
}

/**
 * Locks and reads a data directory, makes an empty log in a new one. Rejects with
 * `LockedError`, `CorruptionError`, `FormatVersionError`, `DiskFullError`,
 * `DiskError`; only a new directory or what a crash left behind has then been
 * written to.
 */
export async function openStorage(
  disk: Disk,
  options: StorageOptions,
): Promise<OpenedStorage> {
  const lock = disk.lock(LOCK_NAME);
  try {
    return await openLocked(disk, options, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openLocked(
  disk: Disk,
  options: StorageOptions,
  lock: DiskLock,
): Promise<OpenedStorage> {
  checkFinished(disk);
  for (const { name } of disk.list()) {
    if (isTemporary(name)) await disk.remove(name);
  }
  // A killed process may have left its last renames to the page cache.
  await disk.syncDirectory();
  if (isNew(disk)) await createLog(disk, options);
  const { identity, chosen, log, loaded, reset } = await readDirectory(disk, options);
  report(disk, log, chosen, options.logger);
  const fuse = new Fuse();
  const wal = await Wal.open(disk, { ...log, hardState: loaded.hardState }, options, fuse);
  const snapshots = new SnapshotStore(disk, chosen, options, fuse);
  const storage = new DataStorage({ disk, lock, fuse, wal, snapshots, identity, reset, options });
  return { storage, identity, loaded };
}

function report(disk: Disk, log: ReplayedLog, { damaged }: ChosenSnapshot, logger: Logger): void {
  for (const { name, error } of damaged) {
    logger.warn("A snapshot is damaged, the one before it and the log make up for it", {
      file: `${disk.path}/${name}`,
      cause: error.message,
    });
  }
  if (!log.tail.torn) return;
  logger.info("The last write was cut short, as in a crash, and was never acknowledged", {
    file: `${disk.path}/${log.tail.segment.name}`,
    offset: log.tail.offset,
  });
}

interface Parts {
  readonly disk: Disk;
  readonly lock: DiskLock;
  readonly fuse: Fuse;
  readonly wal: Wal;
  readonly snapshots: SnapshotStore;
  readonly identity: Identity | undefined;
  /** A snapshot that the log does not know of yet. */
  readonly reset: LogPosition | undefined;
  readonly options: StorageOptions;
}

/** See `Storage`. After the first failure but a full disk every call rejects with it. */
export class DataStorage implements Storage {
  readonly #disk: Disk;
  readonly #lock: DiskLock;
  readonly #fuse: Fuse;
  readonly #wal: Wal;
  readonly #snapshots: SnapshotStore;
  readonly #logger: Logger;
  #identity: Identity | undefined;
  #reset: LogPosition | undefined;
  #saving: Promise<void> | undefined;
  #creating: Promise<void> | undefined;
  #closed = false;

  /** Made by `openStorage` only. */
  constructor(parts: Parts) {
    this.#disk = parts.disk;
    this.#lock = parts.lock;
    this.#fuse = parts.fuse;
    this.#wal = parts.wal;
    this.#snapshots = parts.snapshots;
    this.#logger = parts.options.logger;
    this.#identity = parts.identity;
    this.#reset = parts.reset;
  }

  /** The files that a restart would need. */
  get files(): NeededFile[] {
    const small = this.#identity === undefined ? [LOCK_NAME] : [LOCK_NAME, IDENTITY_NAME];
    // The next identity may well be shorter: it has what is still to be remembered.
    const rewritten = small.map((name) => ({ name, sizeMin: 0 }));
    return [...rewritten, ...this.#snapshots.files, ...this.#wal.files];
  }

  /** Resolves when `identity` is durable. The id is for ever once the member has joined. */
  async writeIdentity(identity: Identity): Promise<void> {
    this.#checkOpen();
    const known = this.#identity?.clusterId ? this.#identity : identity;
    assert(known.memberId === identity.memberId, "A data directory never changes its member");
    await this.#fuse.guard(() => writeIdentity(this.#disk, identity));
    this.#identity = identity;
  }

  async save(batch: SaveBatch, mayBlock = false): Promise<void> {
    this.#checkOpen();
    assert(this.#saving === undefined, "One save at a time");
    assert(this.#identity !== undefined, "A node saves only under an identity");
    this.#saving = this.#fuse.guard(() => this.#save(batch, mayBlock)).finally(() => {
      this.#saving = undefined;
    });
    await this.#saving;
  }

  async createSnapshot(
    meta: SnapshotMeta,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    keepAfter: number,
    isDoubted = false,
  ): Promise<void> {
    this.#checkOpen();
    assert(this.#creating === undefined, "One snapshot at a time");
    assert(keepAfter <= meta.index, "The log after a snapshot is kept");
    this.#creating = this.#fuse.guard(async () => {
      await this.#snapshots.create(meta, chunks, isDoubted);
      await this.#tidy(keepAfter);
    }).finally(() => {
      this.#creating = undefined;
    });
    await this.#creating;
  }

  openSnapshot(): SnapshotReader | undefined {
    this.#checkOpen();
    return this.#snapshots.open();
  }

  receiveSnapshot(meta: SnapshotMeta): SnapshotWriter {
    this.#checkOpen();
    return this.#snapshots.receive(meta);
  }

  /** Also waits for what is under way. Rejects when the disk had failed. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled([this.#saving, this.#creating]);
    try {
      await this.#snapshots.close();
      await this.#wal.close();
    } finally {
      this.#lock.release();
    }
    this.#fuse.check();
  }

  async #save(
    { hardState, snapshot, entries }: SaveBatch,
    mayBlock: boolean,
  ): Promise<void> {
    if (snapshot !== undefined) await this.#snapshots.adopt(snapshot);
    const received = snapshot ?? this.#reset;
    if (hardState === undefined && received === undefined && entries.length === 0) return;
    await this.#wal.append({ hardState, snapshot: received, entries, mayBlock });
    this.#reset = undefined;
    if (snapshot !== undefined) await this.#tidy(snapshot.index);
  }

  /** Gives up what the newest snapshot replaces. What was saved stays saved when this finds the disk full. */
  async #tidy(keepAfter: number): Promise<void> {
    try {
      await this.#wal.retireThrough(keepAfter);
      await this.#snapshots.prune(this.#wal.shape.base.index);
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      this.#logger.warn("Old files could not be removed", { cause: error.message });
    }
  }

  #checkOpen(): void {
    assert(!this.#closed, "The storage is open");
    this.#fuse.check();
  }
}
