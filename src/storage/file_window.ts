/**
 * Reads a file from front to back through a window in memory. What it hands out
 * are views that stay valid: each refill takes a fresh buffer, so that an entry
 * or a snapshot slice needs no copy of its own.
 */
import { assert } from "../base/assert.ts";
import type { DiskFile } from "./disk.ts";
import type { Refuse } from "./errors.ts";

export class FileWindow {
  readonly size: number;
  readonly #file: DiskFile;
  readonly #windowBytes: number;
  #start = 0;
  #buffer = new Uint8Array(0);
  #view = new DataView(this.#buffer.buffer);
  #furthest = 0;

  constructor(file: DiskFile, windowBytes: number) {
    this.#file = file;
    this.#windowBytes = windowBytes;
    this.size = file.size();
  }

  /** The end of what was read from the disk so far: when it grew, it is time to let the event loop run. */
  get furthest(): number {
    return this.#furthest;
  }

  /** `length` bytes at `offset`; refuses what the file does not have. */
  bytes(offset: number, length: number, refuse: Refuse): Uint8Array {
    if (offset + length > this.size) {
      refuse(`${length} bytes`, `the end of the file after ${Math.max(0, this.size - offset)}`);
    }
    const at = this.#seek(offset, length);
    return this.#buffer.subarray(at, at + length);
  }

  /** A view in which `offset` lies at `at`, with at least `length` bytes after it. */
  view(offset: number, length: number): { readonly view: DataView; readonly at: number } {
    assert(offset + length <= this.size, "A view lies inside of the file");
    const at = this.#seek(offset, length);
    return { view: this.#view, at };
  }

  #seek(offset: number, length: number): number {
    const end = this.#start + this.#buffer.length;
    if (offset < this.#start || offset + length > end) this.#refill(offset, length);
    return offset - this.#start;
  }

  #refill(offset: number, length: number): void {
    const wanted = Math.min(Math.max(this.#windowBytes, length), this.size - offset);
    const buffer = new Uint8Array(wanted);
    const read = this.#file.read(buffer, offset);
    assert(read === wanted, "A file of this directory shrinks only by another's hand");
    this.#start = offset;
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer);
    this.#furthest = offset + wanted;
  }
}
