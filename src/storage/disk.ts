/**
 * The seam between the storage and the machine: one data directory with flat
 * files in it. The real one is `real_disk.ts`; its twin in memory, which loses
 * unsynced sectors in a crash, belongs to the tests and the simulator.
 *
 * Writes are synchronous and reach only the operating system; `sync` makes them
 * durable. Creating, renaming and removing files is durable only after
 * `syncDirectory`. Nothing here retries.
 */

/** An operation of the disk failed: fatal, because what reached the platter is unknown. */
export class DiskError extends Error {
  override readonly name = "DiskError";
}

/** Another process holds the data directory. */
export class LockedError extends Error {
  override readonly name = "LockedError";
  /** The other process, 0 when it could not be told. */
  readonly pid: number;

  constructor(path: string, pid: number) {
    const holder = pid === 0 ? "another process" : `process ${pid}`;
    super(
      `Expected to be alone in "${path}", found it in use by ${holder}: stop that one first, or give this node a directory of its own with -d`,
    );
    this.pid = pid;
  }
}

/** An open file. Offsets and lengths are bytes. Every method throws `DiskError`. */
export interface DiskFile {
  readonly name: string;
  size(): number;
  /** Fills `into` from `offset` on; returns fewer bytes than asked for only at the end of the file. */
  read(into: Uint8Array, offset: number): number;
  /**
   * Writes all of `bytes` at `offset`, growing the file if need be. Throws
   * `DiskFullError` when there is no space: any part may then have been written.
   * May be called while a `sync` is under way, which need not cover it.
   */
  write(bytes: Uint8Array, offset: number): void;
  /**
   * Resolves when everything written before the call is durable (fdatasync). The event loop
   * waits along if it `mayBlock` and the disk is quick: that is sooner than to be called back.
   */
  sync(mayBlock?: boolean): Promise<void>;
  close(): void;
}

/** The exclusive right to the directory. The system frees it when the process dies. */
export interface DiskLock {
  release(): void;
}

export interface DiskEntry {
  readonly name: string;
  readonly size: number;
}

/** One data directory. Every method but `list` takes plain file names. */
export interface Disk {
  /** For messages. */
  readonly path: string;
  /** Files only, in no particular order. */
  list(): DiskEntry[];
  /** Opens a file that exists. */
  open(name: string): DiskFile;
  /** Makes an empty file, in place of an old one of that name. Throws `DiskFullError`. */
  create(name: string): DiskFile;
  /** Replaces `to` if it exists. Throws `DiskFullError`. */
  rename(from: string, to: string): void;
  /** Removes the file; not durable yet. Asynchronous, because giving back much space takes long. */
  remove(name: string): Promise<void>;
  /** Resolves when every create, rename and remove before the call is durable. */
  syncDirectory(): Promise<void>;
  /** Throws `LockedError` when somebody holds it, this process included. */
  lock(name: string): DiskLock;
}

/** Removes a file that may not be there. */
export async function removeIfThere(disk: Disk, name: string): Promise<void> {
  if (disk.list().some((entry) => entry.name === name)) await disk.remove(name);
}

/**
 * Puts `bytes` in the place of the file `name`, by way of the file `temporary`: a crash leaves
 * the old one or the new one. Resolves when it is durable. Rejects with `DiskError`, `DiskFullError`.
 */
export async function replaceFile(
  disk: Disk,
  name: string,
  temporary: string,
  bytes: Uint8Array,
): Promise<void> {
  const file = disk.create(temporary);
  try {
    file.write(bytes, 0);
    await file.sync();
  } finally {
    file.close();
  }
  disk.rename(temporary, name);
  await disk.syncDirectory();
}
