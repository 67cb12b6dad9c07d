/**
 * Remembers the first failure of the disk. After it nothing may be written any
 * longer: the kernel drops pages that it could not write, so a second sync that
 * succeeds proves nothing ("fsyncgate", 2018).
 */
import { DiskFullError } from "../base/errors.ts";

export class Fuse {
  #blown: unknown;

  /** Throws the first failure, if there was one. */
  check(): void {
    if (this.#blown !== undefined) throw this.#blown;
  }

  get blown(): boolean {
    return this.#blown !== undefined;
  }

  /** Called with whatever was caught; a full disk is no failure. */
  blow(error: unknown): void {
    if (error instanceof DiskFullError) return;
    this.#blown ??= error;
  }

  /** Runs `work` unless blown; any failure of it but a full disk blows the fuse. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    try {
      return await work();
    } catch (error) {
      this.blow(error);
      throw error;
    }
  }
}
