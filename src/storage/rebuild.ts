/**
 * Rebuilds a data directory around one snapshot: for `etcd restore` from a
 * backup, for a node from a directory of etcd, for `etcd recover` from what the
 * directory held itself.
 *
 * The snapshot is written beside the rest and proven; then it takes a name that
 * keeps every node away, which is the moment from which it counts and all else
 * does not; and it takes its own name when the rest has been made to fit. So a
 * crash at any point leaves what was there before, or a directory that the same
 * command, run again, goes on with.
 */
import { assert } from "../base/assert.ts";
import type { Configuration, SnapshotMeta } from "../raft/types.ts";
import { type DirectoryContent, isNew, readDirectory, type ReadOptions } from "./directory.ts";
import type { Disk, DiskLock } from "./disk.ts";
import { UnfinishedError } from "./errors.ts";
import { type Identity, writeIdentity } from "./identity.ts";
import {
  IDENTITY_NAME,
  isNodeFile,
  isTemporary,
  LOCK_NAME,
  SNAPSHOT_TEMPORARY_NAME,
  snapshotName,
  UNFINISHED_NAMES,
} from "./names.ts";
import type { SegmentOptions } from "./segment.ts";
import { type ProofOptions, proveSnapshot, writeSnapshot } from "./snapshot_file.ts";
import { createLog } from "./wal.ts";

export interface RebuildOptions extends SegmentOptions, ProofOptions {}

/** What the directory is to hold. */
export interface Foundation {
  readonly identity: Identity;
  readonly meta: SnapshotMeta;
  /** The state machine's image at `meta.index`. */
  readonly slices: Iterable<Uint8Array>;
}

/** There is data in a directory that should be empty. */
export class DirectoryInUseError extends Error {
  override readonly name = "DirectoryInUseError";
}

/**
 * Lays `foundation` in a directory without data of a node, or in which a restore
 * was cut short. Rejects with `DirectoryInUseError`, `LockedError`, `UnfinishedError`,
 * `DiskFullError`, `DiskError`.
 */
export async function restoreInto(
  disk: Disk,
  foundation: Foundation,
  options: RebuildOptions,
): Promise<void> {
  const lock = disk.lock(LOCK_NAME);
  try {
    const names = disk.list().map(({ name }) => name);
    const data = names.find((name) => isNodeFile(name) && !isTemporary(name));
    if (data !== undefined && !names.includes(UNFINISHED_NAMES.restore)) {
      throw new DirectoryInUseError(
        `Expected a directory without data of a node, found "${data}" in "${disk.path}": choose another with -d`,
      );
    }
    await rebuild(disk, UNFINISHED_NAMES.restore, foundation, options);
  } finally {
    lock.release();
  }
}

/** There is no member in a directory. */
export class NoMemberError extends Error {
  override readonly name = "NoMemberError";
}

/**
 * A member's directory that is being recovered; nobody else uses it until it is
 * closed. Nothing is written before `commit` or `finish`.
 */
export class Recovery {
  /** What the directory holds; undefined when a recovery was cut short after its commit. */
  readonly content: DirectoryContent | undefined;
  readonly #disk: Disk;
  readonly #lock: DiskLock;
  readonly #options: RebuildOptions;

  private constructor(
    disk: Disk,
    lock: DiskLock,
    content: DirectoryContent | undefined,
    options: RebuildOptions,
  ) {
    this.#disk = disk;
    this.#lock = lock;
    this.content = content;
    this.#options = options;
  }

  /**
   * Locks and reads the directory. Rejects with `NoMemberError`, `LockedError`,
   * `UnfinishedError`, `CorruptionError`, `FormatVersionError`, `DiskError`.
   */
  static async open(disk: Disk, options: RebuildOptions & ReadOptions): Promise<Recovery> {
    const lock = disk.lock(LOCK_NAME);
    try {
      const names = disk.list().map(({ name }) => name);
      if (names.includes(UNFINISHED_NAMES.restore)) throw new UnfinishedError(disk.path, "restore");
      if (names.includes(UNFINISHED_NAMES.recover)) {
        return new Recovery(disk, lock, undefined, options);
      }
      if (isNew(disk)) {
        throw new NoMemberError(
          `Expected the data directory of a member in "${disk.path}", found no file of one: name another with -d`,
        );
      }
      return new Recovery(disk, lock, await readDirectory(disk, options), options);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Replaces everything by `foundation`, which holds at least what the directory did. */
  async commit(foundation: Foundation): Promise<void> {
    assert(this.content !== undefined, "A directory is recovered once");
    const { snapshot, entries } = this.content.loaded;
    const last = entries.at(-1) ?? snapshot;
    assert(foundation.meta.index >= last.index, "A recovery drops no entry");
    await rebuild(this.#disk, UNFINISHED_NAMES.recover, foundation, this.#options);
  }

  /** Goes on with a recovery that was cut short, under the identity that `make` gives its member. */
  async finish(make: (recovered: Configuration) => Identity): Promise<Identity> {
    const disk = this.#disk;
    // The marker may be in the page cache only, and what follows removes all that it replaces.
    await disk.syncDirectory();
    const { meta } = await proveSnapshot(disk, UNFINISHED_NAMES.recover, this.#options);
    const identity = make(meta.configuration);
    await settle(disk, UNFINISHED_NAMES.recover, identity, meta, this.#options);
    return identity;
  }

  close(): void {
    this.#lock.release();
  }
}

async function rebuild(
  disk: Disk,
  marker: string,
  { identity, meta, slices }: Foundation,
  options: RebuildOptions,
): Promise<void> {
  const file = disk.create(SNAPSHOT_TEMPORARY_NAME);
  try {
    await writeSnapshot(file, meta, slices, options);
  } finally {
    file.close();
  }
  await proveSnapshot(disk, SNAPSHOT_TEMPORARY_NAME, options);
  disk.rename(SNAPSHOT_TEMPORARY_NAME, marker);
  await disk.syncDirectory();
  await settle(disk, marker, identity, meta, options);
}

/** Makes the rest of the directory fit the snapshot in `marker`, which gets its own name last. */
async function settle(
  disk: Disk,
  marker: string,
  identity: Identity,
  meta: SnapshotMeta,
  options: RebuildOptions,
): Promise<void> {
  for (const { name } of disk.list()) {
    if (isNodeFile(name) && name !== marker && name !== IDENTITY_NAME) await disk.remove(name);
  }
  await disk.syncDirectory();
  await createLog(disk, options);
  await writeIdentity(disk, identity);
  disk.rename(marker, snapshotName(meta.index, meta.term));
  await disk.syncDirectory();
}
