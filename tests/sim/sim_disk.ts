/**
 * The disk of one simulated machine: a flat directory that outlives processes.
 * What was created, renamed or removed since the last directory sync may be
 * undone by a power cut, each operation by itself; the bytes of the files are
 * `sim_file.ts`'s. Processes use it through `disk_session.ts`.
 */
import type { SeededRandom } from "./random.ts";
import { SimFile } from "./sim_file.ts";

type DirectoryOperation =
  | { readonly type: "create"; readonly name: string; readonly file: SimFile }
  | { readonly type: "rename"; readonly name: string; readonly to: string; readonly file: SimFile }
  | { readonly type: "remove"; readonly name: string };

export class SimDisk {
  readonly #random: SeededRandom;
  /** What a process sees. */
  #files = new Map<string, SimFile>();
  /** What the platter has. */
  #durable = new Map<string, SimFile>();
  /** What turns `#durable` into `#files`. */
  #pending: DirectoryOperation[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get names(): string[] {
    return [...this.#files.keys()];
  }

  get isEmpty(): boolean {
    return this.#files.size === 0;
  }

  /** Bytes of all files. */
  get size(): number {
    let size = 0;
    for (const file of this.#files.values()) size += file.size;
    return size;
  }

  get(name: string): SimFile | undefined {
    return this.#files.get(name);
  }

  create(name: string): SimFile {
    const file = new SimFile();
    this.#files.set(name, file);
    this.#pending.push({ type: "create", name, file });
    return file;
  }

  /** False when there is no such file. */
  rename(name: string, to: string): boolean {
    const file = this.#files.get(name);
    if (file === undefined) return false;
    this.#files.delete(name);
    this.#files.set(to, file);
    this.#pending.push({ type: "rename", name, to, file });
    return true;
  }

  /** False when there is no such file. */
  remove(name: string): boolean {
    this.#pending.push({ type: "remove", name });
    return this.#files.delete(name);
  }

  write(file: SimFile, bytes: Uint8Array, offset: number): void {
    file.write(bytes, offset, this.#flushes);
  }

  /** Begins a sync of the directory; the returned function ends it. */
  beginSync(): () => void {
    const covered = this.#pending.length;
    return () => {
      for (const operation of this.#pending.splice(0, covered)) this.#commit(operation);
    };
  }

  /** The power goes: what is not durable is there, or not. */
  cut(): void {
    const random = this.#random;
    const kept = random.pick([0, 1, 0.5, random.next()]);
    for (const operation of this.#pending) {
      if (random.chance(kept)) this.#commit(operation);
    }
    this.#pending = [];
    this.#files = new Map(this.#durable);
    for (const file of new Set(this.#files.values())) file.cut(random, kept);
  }

  /** Another disk is put in. */
  wipe(): void {
    this.#files.clear();
    this.#durable.clear();
    this.#pending = [];
  }

  /**
   * Damages one bit of a file that `chosen` names; returns where, or undefined.
   * Bits turn in what has lain there for long: everything is durable first. Else
   * damage to the last batch could not be told from a write that was cut short.
   */
  flip(chosen: (name: string) => boolean): string | undefined {
    this.beginSync()();
    for (const file of this.#files.values()) file.settle();
    const names = this.names.filter((name) => chosen(name) && this.#files.get(name)!.size > 0);
    if (names.length === 0) return undefined;
    const name = this.#random.pick(names);
    const file = this.#files.get(name)!;
    const bit = this.#random.integer(0, file.size * 8 - 1);
    file.flip(bit);
    return `${name}:${bit >> 3}`;
  }

  /** What a rename undone or done twice leaves behind: a name without a file, or a file with two. */
  #commit(operation: DirectoryOperation): void {
    switch (operation.type) {
      case "create":
        this.#durable.set(operation.name, operation.file);
        return;
      case "rename":
        if (this.#durable.get(operation.name) === operation.file) {
          this.#durable.delete(operation.name);
        }
        this.#durable.set(operation.to, operation.file);
        return;
      case "remove":
        this.#durable.delete(operation.name);
        return;
    }
  }

  /** The page cache writes back on its own now and then. */
  readonly #flushes = (): boolean => this.#random.chance(0.3);
}
