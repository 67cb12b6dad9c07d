/**
 * File descriptors set aside for the data directory. Clients that open more
 * connections than the process may have must not be what stops the log from
 * opening its next segment: what fails for want of a descriptor gets one of these.
 */
import { isOutOfDescriptors } from "../base/descriptors.ts";

/** Files that the storage opens at once: a segment, a snapshot written, one read, a directory. */
const RESERVE = 8;

export class DescriptorReserve {
  readonly #path: string;
  readonly #held: Deno.FsFile[] = [];
  #isOpen = false;

  /** `path`: a directory that can be opened. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Sets them aside, as many as there are. Nothing on Windows, which opens no directories and has no such limit. */
  open(): void {
    this.#isOpen = Deno.build.os !== "windows";
    this.refill();
  }

  /** What `operation` returns; when it finds no descriptor, it is called again with one of the reserve. */
  lend<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      const spare = isOutOfDescriptors(error) ? this.#held.pop() : undefined;
      if (spare === undefined) throw error;
      spare.close();
      return operation();
    }
  }

  /** Sets aside again what was lent, as far as that is possible. */
  refill(): void {
    while (this.#isOpen && this.#held.length < RESERVE) {
      try {
        this.#held.push(Deno.openSync(this.#path));
      } catch {
        return;
      }
    }
  }

  close(): void {
    this.#isOpen = false;
    for (const file of this.#held.splice(0)) file.close();
  }
}
