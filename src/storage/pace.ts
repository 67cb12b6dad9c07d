/**
 * Bulk work in slices: between two of them the event loop runs, and what was
 * written is synced now and then, so that neither the loop nor the saves of the
 * log wait behind hundreds of dirty megabytes.
 */
import type { Scheduler } from "../node/ports.ts";
import type { DiskFile } from "./disk.ts";

export interface PaceOptions {
  readonly scheduler: Scheduler;
  /** Bytes read or written between two turns of the event loop. */
  readonly sliceBytes: number;
  /** Bytes of a bulk file written between two syncs. */
  readonly bulkSyncBytes: number;
}

/** Resolves in a later turn of the event loop. */
export function pause(scheduler: Scheduler): Promise<void> {
  return new Promise((resolve) => scheduler.defer(resolve));
}

/** Writes one file from front to back. The caller syncs at the end. */
export class PacedWriter {
  readonly #file: DiskFile;
  readonly #options: PaceOptions;
  #offset = 0;
  #unpaused = 0;
  #unsynced = 0;

  constructor(file: DiskFile, options: PaceOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** Bytes written so far. */
  get offset(): number {
    return this.#offset;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { sliceBytes, bulkSyncBytes, scheduler } = this.#options;
    for (let at = 0; at < bytes.length; at += sliceBytes) {
      const slice = bytes.subarray(at, at + sliceBytes);
      this.#file.write(slice, this.#offset);
      this.#offset += slice.length;
      this.#unpaused += slice.length;
      this.#unsynced += slice.length;
      if (this.#unsynced >= bulkSyncBytes) {
        this.#unsynced = 0;
        await this.#file.sync();
      }
      if (this.#unpaused >= sliceBytes) {
        this.#unpaused = 0;
        await pause(scheduler);
      }
    }
  }
}
