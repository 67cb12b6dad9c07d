/** The sum of the hashes of records: the same for the same records, in whatever order they came and went. */
import { type Hash, Hasher } from "./hash.ts";
import { digestedStart, recordEnd } from "./record.ts";

const hasher = new Hasher();

export class RecordHash implements Hash {
  low = 0;
  high = 0;

  /** The record at `at` came. */
  add(bytes: Uint8Array, at: number): void {
    this.#count(bytes, at, 1);
  }

  /** It went. */
  remove(bytes: Uint8Array, at: number): void {
    this.#count(bytes, at, -1);
  }

  #count(bytes: Uint8Array, at: number, sign: 1 | -1): void {
    const { low, high } = hasher.start()
      .bytes(bytes, digestedStart(at), recordEnd(bytes, at)).finish();
    this.low = (this.low + sign * low) | 0;
    this.high = (this.high + sign * high) | 0;
  }
}
