/** What `etcdctl snapshot status` says of a snapshot, number by number. */
import { crc32c } from "../base/crc32c.ts";
import { decodeRevisionKey } from "./etcd_records.ts";
import { withoutChecksum } from "./etcd_reader.ts";
import type { BoltFile } from "./page_file.ts";
import { openBolt } from "./reader.ts";

export interface EtcdSnapshotStatus {
  /** CRC-32C over the names of all buckets, and their keys and values. */
  readonly hash: number;
  /** Of the last change that is in the file; 0 when there is none. */
  readonly revision: number;
  /** Entries of all buckets. */
  readonly totalKeys: number;
  /** Bytes of the database. */
  readonly totalSize: number;
}

/** Checks all pages, then reads all entries. Throws `BoltError`. */
export async function etcdSnapshotStatus(file: BoltFile): Promise<EtcdSnapshotStatus> {
  const reader = await openBolt(withoutChecksum(file));
  await reader.check();
  let hash = 0;
  let totalKeys = 0;
  for await (const bucket of reader.buckets()) {
    hash = crc32c(bucket.name, hash);
    for await (const batch of bucket.batches()) {
      for (const { key, value } of batch) hash = crc32c(value, crc32c(key, hash));
      totalKeys += batch.length;
    }
  }
  const last = await (await reader.bucket("key"))?.last();
  const revision = last === undefined ? 0 : decodeRevisionKey('bucket "key"', last.key).main;
  return { hash, revision, totalKeys, totalSize: reader.size };
}
