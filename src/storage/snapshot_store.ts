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
import type { Disk, DiskFile } from "./disk.ts";
import { CorruptionError, DamagedTransferError, FormatVersionError } from "./errors.ts";
import type { Fuse } from "./fuse.ts";
import type { LogPosition } from "./log_shape.ts";
import {
  parseSnapshotName,
  SNAPSHOT_RECEIVED_NAME,
  SNAPSHOT_TEMPORARY_NAME,
  snapshotName,
} from "./names.ts";
import type { PaceOptions } from "./pace.ts";
import {
  proveSnapshot,
  sameConfiguration,
  type SnapshotContent,
  snapshotSlices,
  writeSnapshot,
} from "./snapshot_file.ts";

interface NamedSnapshot extends LogPosition {
  readonly name: string;
}

export interface DamagedSnapshot extends NamedSnapshot {
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

/** Reads the newest snapshot in full, and older ones only if it is damaged. */
export async function chooseSnapshot(
  disk: Disk,
  options: PaceOptions,
  onRead: (bytes: number) => void,
): Promise<ChosenSnapshot> {
  const damaged: DamagedSnapshot[] = [];
  for (const named of listSnapshots(disk)) {
    try {
      const current = await proveSnapshot(disk, named.name, options, onRead);
      checkPosition(`${disk.path}/${named.name}`, current.meta, named);
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
  readonly #options: PaceOptions;
  readonly #fuse: Fuse;
  /** Names of damaged files: never the one to fall back on. */
  readonly #damaged: Set<string>;
  #current: SnapshotContent | undefined;
  #incoming: IncomingSnapshot | undefined;

  constructor(disk: Disk, chosen: ChosenSnapshot, options: PaceOptions, fuse: Fuse) {
    this.#disk = disk;
    this.#options = options;
    this.#fuse = fuse;
    this.#current = chosen.current;
    this.#damaged = new Set(chosen.damaged.map((each) => each.name));
  }

  get current(): SnapshotContent | undefined {
    return this.#current;
  }

  /** Resolves when the snapshot is the newest one, or a newer one came meanwhile. */
  async create(
    meta: SnapshotMeta,
    slices: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const name = SNAPSHOT_TEMPORARY_NAME;
    try {
      const file = this.#disk.create(name);
      try {
        await writeSnapshot(file, meta, slices, this.#options);
      } finally {
        file.close();
      }
    } catch (error) {
      if (error instanceof DiskFullError) this.#discard(name);
      throw error;
    }
    const content = await proveSnapshot(this.#disk, name, this.#options);
    if (this.#current !== undefined && this.#current.meta.index >= meta.index) {
      return this.#disk.remove(name);
    }
    await this.#publish(name, content);
  }

  /** Starts to receive; drops what was received before and not adopted. */
  receive(meta: SnapshotMeta): SnapshotWriter {
    this.#incoming?.abort();
    const incoming = new IncomingSnapshot(this.#disk, meta, this.#options, this.#fuse);
    this.#incoming = incoming;
    return incoming;
  }

  /** Makes the received snapshot of `meta` the newest one; once more does no harm. */
  async adopt(meta: SnapshotMeta): Promise<void> {
    const { index, term } = meta;
    const current = this.#current?.meta;
    if (current?.index === index && current.term === term) return;
    const received = this.#incoming?.proven;
    assert(
      received?.meta.index === index && received.meta.term === term,
      "A snapshot is received in full before it is saved",
    );
    assert(current === undefined || current.index < index, "Snapshots never go back");
    this.#incoming = undefined;
    await this.#publish(SNAPSHOT_RECEIVED_NAME, received);
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
    for (const { name } of needless) this.#disk.remove(name);
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

  #discard(name: string): void {
    if (this.#disk.list().some((entry) => entry.name === name)) this.#disk.remove(name);
  }
}

/** See `SnapshotWriter`: bytes come in, and count only when all of them are proven. */
class IncomingSnapshot implements SnapshotWriter {
  readonly #disk: Disk;
  readonly #meta: SnapshotMeta;
  readonly #options: PaceOptions;
  readonly #fuse: Fuse;
  readonly #file: DiskFile;
  #state: "receiving" | "finishing" | "proven" | "dropped" = "receiving";
  #size = 0;
  #proven: SnapshotContent | undefined;
  #finished: Promise<void> | undefined;

  constructor(disk: Disk, meta: SnapshotMeta, options: PaceOptions, fuse: Fuse) {
    this.#disk = disk;
    this.#meta = meta;
    this.#options = options;
    this.#fuse = fuse;
    this.#file = disk.create(SNAPSHOT_RECEIVED_NAME);
  }

  get size(): number {
    return this.#size;
  }

  get proven(): SnapshotContent | undefined {
    return this.#proven;
  }

  write(bytes: Uint8Array): void {
    assert(this.#state === "receiving", "A snapshot takes bytes until it is finished");
    this.#file.write(bytes, this.#size);
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
    if (!this.#fuse.blown) this.abort();
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
      if (error instanceof DamagedTransferError) {
        this.#drop();
      } else {
        this.#fuse.blow(error);
      }
      throw error;
    }
  }

  async #prove(): Promise<SnapshotContent> {
    const name = SNAPSHOT_RECEIVED_NAME;
    const path = `${this.#disk.path}/${name}`;
    try {
      const content = await proveSnapshot(this.#disk, name, this.#options);
      checkPosition(path, content.meta, this.#meta);
      if (sameConfiguration(content.meta.configuration, this.#meta.configuration)) return content;
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
    this.#disk.remove(SNAPSHOT_RECEIVED_NAME);
  }
}

function checkPosition(path: string, found: LogPosition, expected: LogPosition): void {
  if (found.index === expected.index && found.term === expected.term) return;
  throw new CorruptionError(
    path,
    0,
    `a snapshot of index ${expected.index} and term ${expected.term}`,
    `index ${found.index} and term ${found.term}`,
  );
}

function readRange(file: DiskFile, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, length));
  return bytes.subarray(0, file.read(bytes, offset));
}
