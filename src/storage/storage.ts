/**
 * The durable half of a node (`Storage` in `node/ports.ts`): joins the write-ahead
 * log, the snapshots and the identity of one data directory, and decides at
 * start what they say together. It never drops what may have been acknowledged:
 * what does not add up is refused with the file and the offset.
 */
import { assert } from "../base/assert.ts";
import { DiskFullError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Loaded, SnapshotReader, SnapshotWriter, Storage } from "../node/ports.ts";
import type { HardState, SaveBatch, SnapshotMeta } from "../raft/types.ts";
import type { Disk, DiskLock } from "./disk.ts";
import { CorruptionError } from "./errors.ts";
import { Fuse } from "./fuse.ts";
import { type Identity, readIdentity, writeIdentity } from "./identity.ts";
import type { LogPosition } from "./log_shape.ts";
import { IDENTITY_NAME, isTemporary, LOCK_NAME, parseSegmentName, segmentName } from "./names.ts";
import { type ReplayedLog, replayLog, segmentSequences } from "./replay.ts";
import {
  chooseSnapshot,
  type ChosenSnapshot,
  listSnapshots,
  SnapshotStore,
} from "./snapshot_store.ts";
import { createLog, Wal, type WalOptions } from "./wal.ts";

export type { Identity } from "./identity.ts";

export interface StorageOptions extends WalOptions {
  readonly logger: Logger;
  /** Bytes read so far and in all, while the directory is being opened. */
  readonly onProgress?: (bytesRead: number, bytesTotal: number) => void;
}

export interface OpenedStorage {
  readonly storage: DataStorage;
  /** Undefined in a new directory: write one before the first save. */
  readonly identity: Identity | undefined;
  readonly loaded: Loaded;
}

/** What stands at index 0, before the first entry: the founder's configuration, or nobody's. */
export function firstSnapshot(identity: Identity | undefined): SnapshotMeta {
  const configuration = identity?.initial ?? { members: [], removed: [] };
  return { index: 0, term: 0, configuration };
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
  for (const { name } of disk.list()) {
    if (isTemporary(name)) await disk.remove(name);
  }
  // A killed process may have left its last renames to the page cache.
  await disk.syncDirectory();
  const identity = readIdentity(disk);
  if (segmentSequences(disk).length === 0) {
    const isNew = identity === undefined && listSnapshots(disk).length === 0;
    if (!isNew) throw missing(disk, segmentName(1), "the log of this node");
    await createLog(disk, options);
  }
  const onRead = progress(disk, options);
  const chosen = await chooseSnapshot(disk, options, onRead);
  const snapshot = chosen.current?.meta ?? firstSnapshot(identity);
  const log = await replayLog(disk, snapshot.index, { ...options, onRead });
  checkReach(disk, log, snapshot, chosen);
  if (identity === undefined && (log.tail.sequence > 1 || snapshot.index > 0)) {
    throw missing(disk, IDENTITY_NAME, "the identity of this node");
  }
  report(disk, log, chosen, options.logger);
  const { loaded, reset } = reconcile(log, snapshot);
  const fuse = new Fuse();
  const wal = await Wal.open(disk, { ...log, hardState: loaded.hardState }, options, fuse);
  const snapshots = new SnapshotStore(disk, chosen, options, fuse);
  const storage = new DataStorage({ disk, lock, fuse, wal, snapshots, identity, reset, options });
  return { storage, identity, loaded };
}

/** Counts the bytes of what is read at start. */
function progress(disk: Disk, options: StorageOptions): (bytes: number) => void {
  const newest = listSnapshots(disk)[0]?.name;
  let total = 0;
  for (const { name, size } of disk.list()) {
    if (name === newest || parseSegmentName(name) !== undefined) total += size;
  }
  let read = 0;
  return (bytes) => {
    // An older snapshot, read when the newest is damaged, was not counted.
    read = Math.min(read + bytes, total);
    options.onProgress?.(read, total);
  };
}

/**
 * Nothing acknowledged may be missing: the log begins at the snapshot or before
 * it, and where a damaged snapshot was passed over it makes up for all of it.
 */
function checkReach(
  disk: Disk,
  log: ReplayedLog,
  snapshot: SnapshotMeta,
  { damaged }: ChosenSnapshot,
): void {
  const { base, last } = log.shape;
  const newest = damaged[0];
  const isWhole = base.index <= snapshot.index;
  if (isWhole && (newest === undefined || last.index >= newest.index)) return;
  if (newest !== undefined) throw newest.error;
  const first = log.sealed[0] ?? log.tail.segment;
  throw new CorruptionError(
    `${disk.path}/${first.name}`,
    0,
    `a log that goes on after the snapshot of index ${snapshot.index}`,
    `one that begins after index ${base.index}`,
  );
}

function missing(disk: Disk, name: string, expected: string): CorruptionError {
  return new CorruptionError(`${disk.path}/${name}`, 0, expected, "no such file beside the others");
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

/**
 * What snapshot and log say together. A received snapshot is renamed before the
 * log is reset to it: after a crash in between, the log either holds the very
 * entry that the snapshot ends with and goes on from there, or counts for
 * nothing (Raft §7, figure 13, steps 6 and 7).
 */
function reconcile(
  log: ReplayedLog,
  snapshot: SnapshotMeta,
): { readonly loaded: Loaded; readonly reset: LogPosition | undefined } {
  const { hardState, entries } = log;
  if (log.shape.termAt(snapshot.index) === snapshot.term) {
    return { loaded: { hardState, snapshot, entries }, reset: undefined };
  }
  return {
    loaded: { hardState: raised(hardState, snapshot), snapshot, entries: [] },
    reset: snapshot,
  };
}

/** No vote was cast in a term that was never saved. */
function raised(hardState: HardState, { index, term }: LogPosition): HardState {
  const vote = term > hardState.term ? 0 : hardState.vote;
  return {
    term: Math.max(hardState.term, term),
    vote,
    commitIndex: Math.max(hardState.commitIndex, index),
  };
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

  /** Resolves when `identity` is durable. The member's id is for ever. */
  async writeIdentity(identity: Identity): Promise<void> {
    this.#checkOpen();
    const { memberId } = this.#identity ?? identity;
    assert(memberId === identity.memberId, "A data directory never changes its member");
    await this.#fuse.guard(() => writeIdentity(this.#disk, identity));
    this.#identity = identity;
  }

  async save(batch: SaveBatch): Promise<void> {
    this.#checkOpen();
    assert(this.#saving === undefined, "One save at a time");
    assert(this.#identity !== undefined, "A node saves only under an identity");
    this.#saving = this.#fuse.guard(() => this.#save(batch)).finally(() => {
      this.#saving = undefined;
    });
    await this.#saving;
  }

  async createSnapshot(
    meta: SnapshotMeta,
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    keepAfter: number,
  ): Promise<void> {
    this.#checkOpen();
    assert(this.#creating === undefined, "One snapshot at a time");
    assert(keepAfter <= meta.index, "The log after a snapshot is kept");
    this.#creating = this.#fuse.guard(async () => {
      await this.#snapshots.create(meta, chunks);
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

  async #save({ hardState, snapshot, entries }: SaveBatch): Promise<void> {
    if (snapshot !== undefined) await this.#snapshots.adopt(snapshot);
    const received = snapshot ?? this.#reset;
    if (hardState === undefined && received === undefined && entries.length === 0) return;
    await this.#wal.append({ hardState, snapshot: received, entries });
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
