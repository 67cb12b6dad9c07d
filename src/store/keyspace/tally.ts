/** What is kept count of beside the live records: how many, their hash, deadlines and leases. */
import type { ByteString } from "../byte_string.ts";
import { Leases } from "../lease/leases.ts";
import { DeadlineIndex } from "./deadlines.ts";
import type { Place } from "./packed_map.ts";
import { deadlineAt, keyAt, leaseAt, recordEnd } from "./record.ts";
import { RecordHash } from "./record_hash.ts";

export class Tally {
  readonly leases = new Leases();
  readonly deadlines = new DeadlineIndex();
  liveCount = 0;
  /** Keys that v1 and v2 see. */
  fileCount = 0;
  /** Of all live records, those of directories included: one key may have made a hundred of them. */
  liveBytes = 0;
  /** Of live records, directories among them. */
  readonly hash = new RecordHash();

  /** The record at `at` came. */
  add(bytes: Uint8Array, at: number, isFile: boolean): void {
    this.liveCount++;
    if (isFile) this.fileCount++;
    this.liveBytes += recordEnd(bytes, at) - at;
    this.hash.add(bytes, at);
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
    this.hash.remove(bytes, at);
    const deadlineMs = deadlineAt(bytes, at);
    if (deadlineMs !== 0) this.deadlines.delete(deadlineMs, key, false);
    const lease = leaseAt(bytes, at);
    if (lease !== 0n) this.leases.detach(lease, key);
  }

  /** The record of a directory, at `at`, came. */
  addDirectory(bytes: Uint8Array, at: number): void {
    this.liveBytes += recordEnd(bytes, at) - at;
    this.hash.add(bytes, at);
    const deadlineMs = deadlineAt(bytes, at);
    if (deadlineMs !== 0) this.deadlines.add(deadlineMs, keyAt(bytes, at), true);
  }

  /** The record of the directory `path` goes. */
  removeDirectory(path: ByteString, { bytes, at }: Place): void {
    this.liveBytes -= recordEnd(bytes, at) - at;
    this.hash.remove(bytes, at);
    const deadlineMs = deadlineAt(bytes, at);
    if (deadlineMs !== 0) this.deadlines.delete(deadlineMs, path, true);
  }
}
