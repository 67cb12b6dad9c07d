/**
 * Which snapshot counts: finds the newest sound one at start, replaces it by one
 * that was made here or received, and keeps the one before as long as the log
 * reaches back to it. A file becomes the newest only by a rename, after it was
 * synced and read back in full.
 */
import { assert } from "../base/assert.ts";
import { DiskFullError } from "../base/errors.ts";
import type { SnapshotReader, SnapshotWriter } from "../node/ports.ts";
import type { SnapshotMeta } from "../raft/types.ts";
import { type Disk, type DiskFile, removeIfThere } from "./disk.ts";
import { CorruptionError, UnsoundSnapshotError } from "./errors.ts";
import { IncomingSnapshot } from "./incoming_snapshot.ts";
import type { Fuse } from "./fuse.ts";
import { isSamePosition, type LogPosition } from "./log_shape.ts";
import { parseSnapshotName, receivedName, SNAPSHOT_TEMPORARY_NAME, snapshotName } from "./names.ts";
import type { NeededFile } from "./presence.ts";
import {
  checkPosition,
  type ProofOptions,
  proveSnapshot,
  type SnapshotContent,
  snapshotSlices,
  writeSnapshot,
} from "./snapshot_file.ts";

interface NamedSnapshot extends LogPosition {
  readonly name: string;
}

interface DamagedSnapshot extends NamedSnapshot {
  readonly error: CorruptionError;
}

export interface ChosenSnapshot {
  /** The newest sound one. */
  readonly current: SnapshotContent | undefined;
  /** Newer ones that are not, newest first. */
  readonly damaged: readonly DamagedSnapshot[];
}

/** Snapshot files in the directory, newest first. */
export function listSnapshots(disk: Disk): NamedSnapshot[] {
  const found: NamedSnapshot[] = [];
  for (const { name } of disk.list()) {
    const position = parseSnapshotName(name);
    if (position !== undefined) found.push({ name, ...position });
  }
  return found.sort((a, b) => b.index - a.index || b.term - a.term);
}

/**
 * Reads the newest snapshot in full, and older ones only if it is damaged. Proves images only
 * where there is an older one: who takes the image in proves it once more.
 */
export async function chooseSnapshot(
  disk: Disk,
  options: ProofOptions,
  onRead: (bytes: number) => void,
): Promise<ChosenSnapshot> {
  const damaged: DamagedSnapshot[] = [];
  const all = listSnapshots(disk);
  for (const named of all) {
    try {
      const faultOfImage = named === all.at(-1) ? undefined : options.faultOfImage;
      const current = await proveSnapshot(disk, named.name, { ...options, faultOfImage }, onRead);
      checkPosition(`${disk.path}/${named.name}`, 0, current.meta, named);
      return { current, damaged };
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      damaged.push({ ...named, error });
    }
  }
  return { current: undefined, damaged };
}

export class SnapshotStore {
  readonly #disk: Disk;
  readonly #options: ProofOptions;
  readonly #fuse: Fuse;
  /** Names of damaged files: never the one to fall back on. */
  readonly #damaged: Set<string>;
  #current: SnapshotContent | undefined;
  #incoming: IncomingSnapshot | undefined;
  #receivedCount = 0;

  constructor(disk: Disk, chosen: ChosenSnapshot, options: ProofOptions, fuse: Fuse) {
    this.#disk = disk;
    this.#options = options;
    this.#fuse = fuse;
    this.#current = chosen.current;
    this.#damaged = new Set(chosen.damaged.map((each) => each.name));
  }

  /** The file of the newest one, if there is one. */
  get files(): NeededFile[] {
    const current = this.#current;
    if (current === undefined) return [];
    const { meta, sizeBytes: sizeMin } = current;
    return [{ name: snapshotName(meta.index, meta.term), sizeMin }];
  }

  /** Resolves when the snapshot is the newest one, or a newer one came meanwhile. */
  async create(
    meta: SnapshotMeta,
    slices: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    isDoubted: boolean,
  ): Promise<void> {
    const name = SNAPSHOT_TEMPORARY_NAME;
    const faultOfImage = isDoubted ? this.#options.faultOfImage : undefined;
    try {
      await this.#write(name, meta, slices);
      const content = await proveSnapshot(this.#disk, name, { ...this.#options, faultOfImage });
      const newest = this.#current?.meta.index ?? 0;
      // One of the same index takes the place of a file that may be damaged by now.
      if (meta.index >= newest) return await this.#publish(name, content);
    } catch (error) {
      if (error instanceof DiskFullError) await removeIfThere(this.#disk, name);
      throw error instanceof CorruptionError ? new UnsoundSnapshotError(error) : error;
    }
    await this.#disk.remove(name);
  }

  /** Starts to receive; drops what was received before and not adopted. */
  receive(meta: SnapshotMeta): SnapshotWriter {
    this.#incoming?.abort();
    const name = receivedName(++this.#receivedCount);
    this.#incoming = new IncomingSnapshot(this.#disk, name, meta, this.#options, this.#fuse);
    return this.#incoming;
  }

  /** Makes the received snapshot of `meta` the newest one; once more does no harm. */
  async adopt(meta: SnapshotMeta): Promise<void> {
    const current = this.#current?.meta;
    if (current !== undefined && isSamePosition(current, meta)) return;
    const incoming = this.#incoming;
    const received = incoming?.proven;
    assert(
      incoming !== undefined && received !== undefined && isSamePosition(received.meta, meta),
      "A snapshot is received in full before it is saved",
    );
    assert(current === undefined || current.index < meta.index, "Snapshots never go back");
    await this.#publish(incoming.name, received);
    // Not before: on a full disk it is tried again.
    this.#incoming = undefined;
  }

  open(): SnapshotReader | undefined {
    const current = this.#current;
    if (current === undefined) return undefined;
    const { meta, sizeBytes } = current;
    const file = this.#disk.open(snapshotName(meta.index, meta.term));
    const path = `${this.#disk.path}/${file.name}`;
    return {
      meta,
      size: sizeBytes,
      read: (offset, length) => readRange(file, offset, Math.min(length, sizeBytes - offset)),
      data: () => snapshotSlices(file, path, this.#options.sliceBytes),
      close: () => file.close(),
    };
  }

  /** Removes the snapshots that are no use: all but the newest and the one that the log reaches back to. */
  async prune(logBaseIndex: number): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    const older = listSnapshots(this.#disk).filter((each) => each.index < current.meta.index);
    const previous = older.find((each) => !this.#damaged.has(each.name));
    const kept = previous !== undefined && previous.index >= logBaseIndex ? previous : undefined;
    const needless = older.filter((each) => each !== kept);
    for (const { name } of needless) await this.#disk.remove(name);
    if (needless.length > 0) await this.#disk.syncDirectory();
  }

  /** Drops what is being received. */
  async close(): Promise<void> {
    await this.#incoming?.close();
  }

  async #publish(temporary: string, content: SnapshotContent): Promise<void> {
    const name = snapshotName(content.meta.index, content.meta.term);
    this.#disk.rename(temporary, name);
    await this.#disk.syncDirectory();
    this.#damaged.delete(name);
    this.#current = content;
  }

  async #write(
    name: string,
    meta: SnapshotMeta,
    slices: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const file = this.#disk.create(name);
    try {
      await writeSnapshot(file, meta, slices, this.#options);
    } finally {
      file.close();
    }
  }
}

function readRange(file: DiskFile, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, length));
  // Whoever sends the file would ask for the rest for ever.
  const isThere = file.read(bytes, offset) === bytes.length;
  assert(isThere, "A file of this directory shrinks only by another's hand");
  return bytes;
}
