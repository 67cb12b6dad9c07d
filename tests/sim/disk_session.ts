/**
 * One process's use of a simulated disk: the seam that the real storage code
 * runs on. Adds time to syncs, and the faults: a power cut in the middle of a
 * turn, failing and slow operations, a full disk.
 */
import { DiskFullError } from "../../src/base/errors.ts";
import { DiskError, LockedError } from "../../src/storage/disk.ts";
import type { Disk, DiskEntry, DiskFile, DiskLock } from "../../src/storage/disk.ts";
import type { SimDisk } from "./sim_disk.ts";
import type { SimFile } from "./sim_file.ts";

/** The machine stopped here: no code after this point has run in its world. */
export class PowerCutError extends Error {
  override readonly name = "PowerCutError";
}

/** What the machine around the disk decides at each operation. */
export interface DiskWorld {
  /** Called before each operation; may throw `PowerCutError`, `DiskError`. */
  before(operation: "read" | "write" | "create" | "rename" | "remove" | "sync"): void;
  /** Runs `done` when the disk has done the work of a sync. */
  work(done: () => void): void;
  /** Bytes that all files together may have. */
  capacityBytes(): number;
}

export class DiskSession implements Disk {
  readonly path: string;
  readonly #disk: SimDisk;
  readonly #world: DiskWorld;
  readonly #locks = new Set<string>();

  constructor(path: string, disk: SimDisk, world: DiskWorld) {
    this.path = path;
    this.#disk = disk;
    this.#world = world;
  }

  list(): DiskEntry[] {
    this.#world.before("read");
    return this.#disk.names.map((name) => ({ name, size: this.#disk.get(name)!.size }));
  }

  open(name: string): DiskFile {
    this.#world.before("read");
    const file = this.#disk.get(name);
    if (file === undefined) throw new DiskError(`Expected a file "${name}", found none`);
    return new SessionFile(name, file, this.#disk, this.#world);
  }

  create(name: string): DiskFile {
    this.#world.before("create");
    this.#needSpace(0);
    return new SessionFile(name, this.#disk.create(name), this.#disk, this.#world);
  }

  rename(from: string, to: string): void {
    this.#world.before("rename");
    if (!this.#disk.rename(from, to)) throw new DiskError(`Expected a file "${from}", found none`);
  }

  /** Takes effect when it resolves; until then a crash finds the file. */
  remove(name: string): Promise<void> {
    return this.#attempt("remove", () => {
      if (!this.#disk.remove(name)) throw new DiskError(`Expected a file "${name}", found none`);
    });
  }

  syncDirectory(): Promise<void> {
    let end = () => {};
    const done = this.#attempt("sync", () => end());
    end = this.#disk.beginSync();
    return done;
  }

  lock(name: string): DiskLock {
    if (this.#locks.has(name)) throw new LockedError(`${this.path}/${name}`, 1);
    this.#locks.add(name);
    return { release: () => this.#locks.delete(name) };
  }

  #attempt(operation: "remove" | "sync", finish: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#world.before(operation);
      this.#world.work(() => {
        try {
          finish();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #needSpace(bytes: number): void {
    if (this.#disk.size + bytes > this.#world.capacityBytes()) throw full();
  }
}

class SessionFile implements DiskFile {
  readonly name: string;
  readonly #file: SimFile;
  readonly #disk: SimDisk;
  readonly #world: DiskWorld;
  /** Syncs of one file are done one after the other. */
  readonly #syncs: (() => void)[] = [];
  #open = true;

  constructor(name: string, file: SimFile, disk: SimDisk, world: DiskWorld) {
    this.name = name;
    this.#file = file;
    this.#disk = disk;
    this.#world = world;
  }

  size(): number {
    this.#check("read");
    return this.#file.size;
  }

  read(into: Uint8Array, offset: number): number {
    this.#check("read");
    return this.#file.read(into, offset);
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#check("write");
    const growth = offset + bytes.length - this.#file.size;
    if (growth > 0 && this.#disk.size + growth > this.#world.capacityBytes()) throw full();
    this.#disk.write(this.#file, bytes, offset);
  }

  sync(): Promise<void> {
    return new Promise((resolve) => {
      this.#check("sync");
      this.#syncs.push(() => {
        const end = this.#file.beginSync();
        this.#world.work(() => {
          end();
          resolve();
          this.#syncs.shift();
          this.#syncs[0]?.();
        });
      });
      if (this.#syncs.length === 1) this.#syncs[0]!();
    });
  }

  close(): void {
    if (!this.#open) throw new DiskError(`Expected "${this.name}" to be open, found it closed`);
    this.#open = false;
  }

  #check(operation: "read" | "write" | "sync"): void {
    if (!this.#open) throw new DiskError(`Expected "${this.name}" to be open, found it closed`);
    this.#world.before(operation);
  }
}

function full(): DiskFullError {
  return new DiskFullError("No space left on the simulated disk");
}
