/** What is kept count of beside the live records: how many, their hash, deadlines and leases. */
import type { ByteString } from "../byte_string.ts";
import { Leases } from "../lease/leases.ts";
import { DeadlineIndex } from "./deadlines.ts";
import { type Hash, Hasher } from "./hash.ts";
import type { Place } from "./packed_map.ts";
import { deadlineAt, digestedStart, keyAt, leaseAt, recordEnd } from "./record.ts";

const hasher = new Hasher();

export class Tally {
  readonly leases = new Leases();
  readonly deadlines = new DeadlineIndex();
  liveCount = 0;
  /** Keys that v1 and v2 see. */
  fileCount = 0;
  /** Of all live records, those of directories included: one key may have made a hundred of them. */
  liveBytes = 0;
  #hashLow = 0;
  #hashHigh = 0;

  /** The sum of the hashes of live records, directories among them. */
  get hash(): Hash {
    return { low: this.#hashLow, high: this.#hashHigh };
  }

  /** The record at `at` came. */
  add(bytes: Uint8Array, at: number, isFile: boolean): void {
    this.liveCount++;
    if (isFile) this.fileCount++;
    this.liveBytes += recordEnd(bytes, at) - at;
    this.#hashRecord(bytes, at, 1);
    const deadlineMs = deadlineAt(bytes, at);
    if (deadlineMs !== 0) this.deadlines.add(deadlineMs, keyAt(bytes, at), false);
    const lease = leaseAt(bytes, at);
    if (lease !== 0n) this.leases.attach(lease, keyAt(bytes, at));
  }

  /** The record of `key` goes. */
  remove(key: ByteString, { bytes, at }: Place, isFile: boolean): void {
    this.liveCount--;
    if (isFile) this.fileCount--;
    this.liveBytes -= recordEnd(bytes, at) - at;
    this.#hashRecord(bytes, at, -1);
    const deadlineMs = deadlineAt(bytes, at);
    if (deadlineMs !== 0) this.deadlines.delete(deadlineMs, key, false);
    const lease = leaseAt(bytes, at);
    if (lease !== 0n) this.leases.detach(lease, key);
  }

  /** The record of a directory, at `at`, came. */
  addDirectory(bytes: Uint8Array, at: number): void {
    this.liveBytes += recordEnd(bytes, at) - at;
    this.#hashRecord(bytes, at, 1);
    const deadlineMs = deadlineAt(bytes, at);
    if (deadlineMs !== 0) this.deadlines.add(deadlineMs, keyAt(bytes, at), true);
  }

  /** The record of the directory `path` goes. */
  removeDirectory(path: ByteString, { bytes, at }: Place): void {
    this.liveBytes -= recordEnd(bytes, at) - at;
    this.#hashRecord(bytes, at, -1);
    const deadlineMs = deadlineAt(bytes, at);
    if (deadlineMs !== 0) this.deadlines.delete(deadlineMs, path, true);
  }

  /** Adds a record to the hash (1), or takes it out (-1). */
  #hashRecord(bytes: Uint8Array, at: number, sign: 1 | -1): void {
    const { low, high } = hasher.start()
      .bytes(bytes, digestedStart(at), recordEnd(bytes, at)).finish();
    this.#hashLow = (this.#hashLow + sign * low) | 0;
    this.#hashHigh = (this.#hashHigh + sign * high) | 0;
  }
}
