/**
 * How many files and directories are right below each directory that goes with the last
 * of them. To look for another one instead would pass over every tombstone below it: the
 * end of thousands of keys of one directory would take the square of their number.
 */
import type { ByteString } from "../byte_string.ts";

export class ChildCounts {
  /** One less than there are. A directory with one alone, as many have, takes no room here. */
  readonly #others = new Map<ByteString, number>();

  /** A child came: the first one comes with `directory` itself and is not told. */
  came(directory: ByteString): void {
    this.#add(directory, 1);
  }

  /** A child went; tells whether it was the last. */
  went(directory: ByteString): boolean {
    return this.#add(directory, -1) < 0;
  }

  /** The directory is gone. */
  forget(directory: ByteString): void {
    this.#others.delete(directory);
  }

  /** For restoring: the directory is there, and each of its children is going to be told. */
  begin(directory: ByteString): void {
    this.#add(directory, -1);
  }

  #add(directory: ByteString, change: 1 | -1): number {
    const others = (this.#others.get(directory) ?? 0) + change;
    if (others === 0) this.#others.delete(directory);
    else this.#others.set(directory, others);
    return others;
  }
}
