/**
 * The twin of the real disk, in memory and deterministic: it knows which writes
 * are durable, and can say what a crash would leave. The model is harsh but
 * legal: of everything unsynced any subset may survive, in sectors of 512 bytes,
 * each in any of the versions it went through; of unsynced creates, renames and
 * removes any subset may have happened. A sector itself is never torn.
 */
import { DiskFullError } from "../../src/base/errors.ts";
import {
  type Disk,
  type DiskEntry,
  DiskError,
  type DiskFile,
  type DiskLock,
  LockedError,
} from "../../src/storage/disk.ts";

export const SECTOR_BYTES = 512;

/** What is about to happen; `before` may throw to make it fail. */
export interface DiskOperation {
  readonly kind: "create" | "write" | "sync" | "rename" | "remove" | "syncDirectory";
  /** Empty for the directory. */
  readonly name: string;
  /** Where a write goes. */
  readonly offset?: number;
  readonly bytes?: Uint8Array;
}

export interface MemoryDiskOptions {
  readonly path?: string;
  /** Bytes that all files may have together. */
  readonly capacityBytes?: number;
  /** Called before everything that changes the disk; what it throws is thrown there. */
  readonly before?: (operation: DiskOperation) => void;
  /** Calls back when a sync is to complete; at once in the next microtask if absent. */
  readonly schedule?: (complete: () => void) => void;
}

interface PendingWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A file without its name. */
class Inode {
  bytes: Uint8Array;
  size: number;
  durable: Uint8Array;
  pending: PendingWrite[] = [];
  /** Writes that became durable, ever. */
  #syncedCount = 0;

  constructor(content: Uint8Array) {
    this.bytes = content.slice();
    this.size = content.length;
    this.durable = content.slice();
  }

  clone(): Inode {
    const copy = new Inode(this.durable);
    copy.bytes = this.bytes.slice(0, this.size);
    copy.size = this.size;
    copy.pending = [...this.pending];
    return copy;
  }

  content(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }

  write(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.content());
      this.bytes = grown;
    }
    this.bytes.set(bytes, offset);
    this.size = Math.max(this.size, end);
    this.pending.push({ offset, bytes: bytes.slice() });
  }

  /** How many writes there were, ever. */
  get writeCount(): number {
    return this.#syncedCount + this.pending.length;
  }

  /** The first `writeCount` writes are durable now. */
  synced(writeCount: number): void {
    const writes = this.pending.splice(0, Math.max(0, writeCount - this.#syncedCount));
    this.#syncedCount += writes.length;
    this.durable = applied(this.durable, writes);
  }

  /** What a power cut leaves. */
  afterCrash(random: () => number): Uint8Array {
    const size = random() < 0.5 ? this.size : this.durable.length;
    const survivor = new Uint8Array(size);
    survivor.set(this.durable.subarray(0, size));
    for (const [sector, writes] of this.#writesBySector()) {
      const kept = writes.slice(0, Math.floor(random() * (writes.length + 1)));
      for (const write of kept) overlay(survivor, write, sector * SECTOR_BYTES);
    }
    return survivor;
  }

  #writesBySector(): Map<number, PendingWrite[]> {
    const sectors = new Map<number, PendingWrite[]>();
    for (const write of this.pending) {
      const first = Math.floor(write.offset / SECTOR_BYTES);
      const last = Math.floor((write.offset + write.bytes.length - 1) / SECTOR_BYTES);
      for (let sector = first; sector <= last; sector++) {
        const writes = sectors.get(sector);
        if (writes === undefined) sectors.set(sector, [write]);
        else writes.push(write);
      }
    }
    return sectors;
  }
}

function applied(base: Uint8Array, writes: readonly PendingWrite[]): Uint8Array {
  const size = writes.reduce((max, { offset, bytes }) => Math.max(max, offset + bytes.length), 0);
  let result = base;
  if (size > base.length) {
    result = new Uint8Array(size);
    result.set(base);
  }
  for (const { offset, bytes } of writes) result.set(bytes, offset);
  return result;
}

/** Writes the part of `write` that lies in the sector at `start`. */
function overlay(target: Uint8Array, write: PendingWrite, start: number): void {
  const from = Math.max(start, write.offset);
  const to = Math.min(start + SECTOR_BYTES, write.offset + write.bytes.length, target.length);
  if (from >= to) return;
  target.set(write.bytes.subarray(from - write.offset, to - write.offset), from);
}

type Directory = Map<string, Inode>;

type DirectoryChange =
  | { readonly kind: "link"; readonly name: string; readonly inode: Inode }
  | { readonly kind: "rename"; readonly from: string; readonly to: string; readonly inode: Inode }
  | { readonly kind: "remove"; readonly name: string; readonly inode: Inode };

/** Makes `change`, which moves or removes one file and no other that got its name, because an earlier change was lost. */
function changeDirectory(directory: Directory, change: DirectoryChange): void {
  switch (change.kind) {
    case "link":
      directory.set(change.name, change.inode);
      return;
    case "rename":
      if (directory.get(change.from) === change.inode) directory.delete(change.from);
      directory.set(change.to, change.inode);
      return;
    case "remove":
      if (directory.get(change.name) === change.inode) directory.delete(change.name);
      return;
  }
}

export class MemoryDisk implements Disk {
  readonly path: string;
  readonly #options: MemoryDiskOptions;
  #files: Directory = new Map();
  #durableFiles: Directory = new Map();
  #pending: DirectoryChange[] = [];
  /** Directory changes that became durable, ever. */
  #syncedCount = 0;
  #locked = false;
  #halted = false;

  constructor(options: MemoryDiskOptions = {}) {
    this.path = options.path ?? "/memory";
    this.#options = options;
  }

  /** A disk that holds `files`, all durable. */
  static holding(
    files: Iterable<readonly [string, Uint8Array]>,
    options: MemoryDiskOptions = {},
  ): MemoryDisk {
    const disk = new MemoryDisk(options);
    for (const [name, content] of files) disk.put(name, content);
    return disk;
  }

  /** The content of all files as a process would read them now, sorted by name. */
  contents(): [string, Uint8Array][] {
    return [...this.#files].map(([name, inode]): [string, Uint8Array] => [
      name,
      inode.content().slice(),
    ]).sort(([a], [b]) => a < b ? -1 : 1);
  }

  /** Puts a file there, durable, as nobody's write. */
  put(name: string, content: Uint8Array): void {
    const inode = new Inode(content);
    this.#files.set(name, inode);
    this.#durableFiles.set(name, inode);
  }

  /** Takes a file away, durably, as nobody's remove. */
  drop(name: string): void {
    this.#files.delete(name);
    this.#durableFiles.delete(name);
  }

  /** What the next process finds after the machine lost its power; this disk goes on unharmed. */
  crashed(random: () => number, options: MemoryDiskOptions = this.#options): MemoryDisk {
    const files = new Map(this.#durableFiles);
    for (const change of this.#pending) {
      if (random() < 0.5) changeDirectory(files, change);
    }
    const survivors = [...files].map(([name, inode]): [string, Uint8Array] => [
      name,
      inode.afterCrash(random),
    ]);
    return MemoryDisk.holding(survivors, options);
  }

  /** What the next process finds when this one was killed: everything, but still unsynced. */
  killed(options: MemoryDiskOptions = this.#options): MemoryDisk {
    const disk = new MemoryDisk(options);
    const clones = new Map<Inode, Inode>();
    const clone = (inode: Inode) => {
      const copy = clones.get(inode) ?? inode.clone();
      clones.set(inode, copy);
      return copy;
    };
    for (const [name, inode] of this.#files) disk.#files.set(name, clone(inode));
    for (const [name, inode] of this.#durableFiles) disk.#durableFiles.set(name, clone(inode));
    disk.#pending = this.#pending.map((change) => ({ ...change, inode: clone(change.inode) }));
    return disk;
  }

  /** What a kernel does with pages that it could not write: they are read as they were, and count as written. */
  dropUnsynced(): void {
    for (const inode of this.#files.values()) inode.pending = [];
  }

  /** From here on the process is dead: every operation throws, no sync completes. */
  halt(): void {
    this.#halted = true;
  }

  list(): DiskEntry[] {
    this.#checkAlive();
    return [...this.#files].map(([name, inode]) => ({ name, size: inode.size }));
  }

  open(name: string): DiskFile {
    this.#checkAlive();
    return this.#handle(name, this.#inode(name));
  }

  create(name: string): DiskFile {
    this.#before({ kind: "create", name });
    const inode = new Inode(new Uint8Array(0));
    this.#change({ kind: "link", name, inode });
    return this.#handle(name, inode);
  }

  rename(from: string, to: string): void {
    this.#before({ kind: "rename", name: from });
    this.#change({ kind: "rename", from, to, inode: this.#inode(from) });
  }

  remove(name: string): Promise<void> {
    try {
      this.#before({ kind: "remove", name });
      this.#change({ kind: "remove", name, inode: this.#inode(name) });
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async syncDirectory(): Promise<void> {
    this.#before({ kind: "syncDirectory", name: "" });
    const count = this.#syncedCount + this.#pending.length;
    await this.#completed();
    const changes = this.#pending.splice(0, Math.max(0, count - this.#syncedCount));
    this.#syncedCount += changes.length;
    for (const change of changes) changeDirectory(this.#durableFiles, change);
  }

  lock(_name: string): DiskLock {
    this.#checkAlive();
    if (this.#locked) throw new LockedError(this.path, 0);
    this.#locked = true;
    return { release: () => this.#locked = false };
  }

  #inode(name: string): Inode {
    const inode = this.#files.get(name);
    if (inode === undefined) throw new DiskError(`No file "${name}"`);
    return inode;
  }

  #change(change: DirectoryChange): void {
    changeDirectory(this.#files, change);
    this.#pending.push(change);
  }

  #handle(name: string, inode: Inode): DiskFile {
    let isOpen = true;
    const check = () => {
      this.#checkAlive();
      if (!isOpen) throw new DiskError(`File "${name}" is closed`);
    };
    return {
      name,
      size: () => {
        check();
        return inode.size;
      },
      read: (into, offset) => {
        check();
        const part = inode.content().subarray(offset, offset + into.length);
        into.set(part);
        return part.length;
      },
      write: (bytes, offset) => {
        check();
        this.#before({ kind: "write", name, offset, bytes });
        this.#write(inode, bytes, offset);
      },
      sync: async () => {
        check();
        this.#before({ kind: "sync", name });
        const count = inode.writeCount;
        await this.#completed();
        inode.synced(count);
      },
      close: () => {
        if (!isOpen) throw new DiskError(`File "${name}" is closed twice`);
        isOpen = false;
      },
    };
  }

  /** Writes what there is room for. */
  #write(inode: Inode, bytes: Uint8Array, offset: number): void {
    const capacity = this.#options.capacityBytes;
    if (capacity === undefined) return inode.write(bytes, offset);
    let used = 0;
    for (const each of this.#files.values()) used += each.size;
    const room = Math.max(0, capacity - used) + Math.max(0, inode.size - offset);
    inode.write(bytes.subarray(0, room), offset);
    if (room < bytes.length) throw new DiskFullError("No space in memory");
  }

  #completed(): Promise<void> {
    return new Promise((resolve) => {
      const complete = () => {
        if (!this.#halted) resolve();
      };
      if (this.#options.schedule === undefined) queueMicrotask(complete);
      else this.#options.schedule(complete);
    });
  }

  #before(operation: DiskOperation): void {
    this.#checkAlive();
    this.#options.before?.(operation);
  }

  #checkAlive(): void {
    if (this.#halted) throw new DiskError("The process is dead");
  }
}
