/**
 * Reads a snapshot that `etcdctl snapshot save` made, or the database file of a
 * member that was stopped. Every record is checked; nothing but `BoltError` comes
 * of a damaged file.
 */
import { createHash } from "node:crypto";
import { compareBytes } from "./bytes.ts";
import { BoltError } from "./errors.ts";
import type {
  EtcdFacts,
  EtcdLease,
  EtcdMember,
  EtcdRecord,
  EtcdRevision,
  EtcdRole,
  EtcdUser,
} from "./etcd_content.ts";
import {
  decodeLease,
  decodeMember,
  decodeRevision,
  decodeRevisionKey,
  decodeRole,
  decodeU64,
  decodeUser,
  mapKeyOf,
  textOf,
} from "./etcd_records.ts";
import { CHECKSUM_BYTES } from "./etcd_writer.ts";
import type { BoltFile } from "./page_file.ts";
import { PORTION_BYTES } from "./page_sinks.ts";
import { type BoltReader, openBolt } from "./reader.ts";
import type { BoltEntry, Pause } from "./writer.ts";

/** Databases have whole pages; a rest of 32 bytes is the checksum (as etcd tells it). */
const SECTOR_BYTES = 512;

/** A `Map` holds little more. */
const KEYS_MAX = 2 ** 24 - 2 ** 16;

/** An open snapshot. The bytes that it gives are views: copy what is to be kept. */
export class EtcdSnapshot {
  /** False for a file without a checksum: the database of a member, not a saved snapshot. */
  readonly hasChecksum: boolean;
  readonly facts: EtcdFacts;
  /** Of the last change or compaction; 1 when there was none. */
  readonly revision: number;
  readonly #reader: BoltReader;

  /** For `openEtcdSnapshot` alone. */
  constructor(reader: BoltReader, hasChecksum: boolean, facts: EtcdFacts, revision: number) {
    this.#reader = reader;
    this.hasChecksum = hasChecksum;
    this.facts = facts;
    this.revision = revision;
  }

  /** Every change that was not compacted away, by ascending revision. */
  async *revisions(): AsyncGenerator<EtcdRevision> {
    for await (const batch of this.batches()) {
      for (const revision of batch) yield revision;
    }
  }

  /**
   * The same as `revisions`, the changes of one page after the other: a million promises
   * would cost more than the rest.
   */
  async *batches(): AsyncGenerator<readonly EtcdRevision[]> {
    const bucket = await this.#reader.bucket("key");
    if (bucket === undefined) return;
    const place = 'bucket "key"';
    let before: EtcdRevision | undefined;
    for await (const batch of bucket.batches()) {
      const revisions: EtcdRevision[] = [];
      for (const { key, value } of batch) {
        const revision = decodeRevision(place, key, value);
        // A put and a deletion of one revision have different keys in the file.
        if (revision.main === before?.main && revision.sub === before.sub) {
          throw new BoltError(place, `one change of ${revision.main}.${revision.sub}`, "two");
        }
        before = revision;
        revisions.push(revision);
      }
      yield revisions;
    }
  }

  /**
   * The newest change of each key that is there, by ascending revision. Reads the
   * file twice: first to learn which changes were superseded, for which it keeps
   * all keys in memory, but no value.
   */
  async *live(): AsyncGenerator<EtcdRecord> {
    const isLive = await this.#findLive();
    let at = 0;
    for await (const batch of this.batches()) {
      for (const { put, ...revision } of batch) {
        if (isLive.has(at++) && put !== undefined) yield { ...revision, put };
      }
    }
  }

  /** All leases by ascending id. */
  leases(): AsyncGenerator<EtcdLease> {
    return this.#records("lease", decodeLease);
  }

  /** All users by name. */
  users(): AsyncGenerator<EtcdUser> {
    return this.#records("authUsers", decodeUser);
  }

  /** All roles by name. */
  roles(): AsyncGenerator<EtcdRole> {
    return this.#records("authRoles", decodeRole);
  }

  /** The members of the cluster that was saved. */
  members(): AsyncGenerator<EtcdMember> {
    return this.#records("members", decodeMember);
  }

  async *#records<T>(
    name: string,
    decode: (place: string, key: Uint8Array, value: Uint8Array) => T,
  ): AsyncGenerator<T> {
    const bucket = await this.#reader.bucket(name);
    if (bucket === undefined) return;
    const place = `bucket "${name}"`;
    for await (const { key, value } of bucket.entries()) yield decode(place, key, value);
  }

  async #findLive(): Promise<BitSet> {
    const isLive = new BitSet();
    const newest = new Map<string, number>();
    let at = 0;
    for await (const batch of this.batches()) {
      for (const { key, put } of batch) {
        const name = mapKeyOf(key);
        const before = newest.get(name);
        if (before !== undefined) isLive.delete(before);
        if (put === undefined) {
          newest.delete(name);
        } else {
          newest.set(name, at);
          isLive.add(at);
        }
        at++;
      }
      if (newest.size > KEYS_MAX) {
        throw new BoltError('bucket "key"', `at most ${KEYS_MAX} keys`, "more");
      }
    }
    return isLive;
  }
}

/**
 * Opens a snapshot, checks its checksum if it has one, and reads its facts.
 * `pause` is awaited between portions. Throws `BoltError`.
 */
export async function openEtcdSnapshot(file: BoltFile, pause: Pause): Promise<EtcdSnapshot> {
  const hasChecksum = file.size % SECTOR_BYTES === CHECKSUM_BYTES;
  const database = withoutChecksum(file);
  if (hasChecksum) await verifyChecksum(file, database.size, pause);
  const reader = await openBolt(database);
  const bucket = await reader.bucket("key");
  if (bucket === undefined) throw new BoltError("an etcd snapshot", 'a bucket "key"', "none");
  const facts = await readFacts(reader);
  const last = await bucket.last();
  const revision = last === undefined ? 1 : decodeRevisionKey('bucket "key"', last.key).main;
  return new EtcdSnapshot(reader, hasChecksum, facts, Math.max(revision, facts.compactRevision));
}

/** The database in a file that may have a checksum behind it. */
export function withoutChecksum(file: BoltFile): BoltFile {
  if (file.size % SECTOR_BYTES !== CHECKSUM_BYTES) return file;
  return {
    size: file.size - CHECKSUM_BYTES,
    read: (offset, length) => file.read(offset, length),
  };
}

async function verifyChecksum(file: BoltFile, size: number, pause: Pause): Promise<void> {
  const hash = createHash("sha256");
  for (let at = 0; at < size; at += PORTION_BYTES) {
    hash.update(await file.read(at, Math.min(PORTION_BYTES, size - at)));
    await pause();
  }
  const stored = await file.read(size, CHECKSUM_BYTES);
  const found = new Uint8Array(hash.digest());
  if (compareBytes(stored, found) === 0) return;
  throw new BoltError("the last 32 bytes", `the SHA-256 ${found.toHex()}`, stored.toHex());
}

async function readFacts(reader: BoltReader): Promise<EtcdFacts> {
  const meta = await smallBucket(reader, "meta");
  const auth = await smallBucket(reader, "auth");
  const cluster = await smallBucket(reader, "cluster");
  const integer = (value: Uint8Array | undefined, place: string) =>
    value === undefined ? 0 : decodeU64(place, value);
  const revision = (name: string) => {
    const value = meta.get(name);
    return value === undefined ? 0 : decodeRevisionKey(`"${name}"`, value).main;
  };
  const version = cluster.get("clusterVersion");
  return {
    consistentIndex: integer(meta.get("consistent_index"), '"consistent_index"'),
    term: integer(meta.get("term"), '"term"'),
    // A compaction that was begun holds, for its revisions may be gone in part.
    compactRevision: Math.max(revision("finishedCompactRev"), revision("scheduledCompactRev")),
    isAuthEnabled: auth.get("authEnabled")?.[0] === 1,
    authRevision: integer(auth.get("authRevision"), '"authRevision"'),
    clusterVersion: version && textOf('"clusterVersion"', version),
  };
}

/** Far more than etcd keeps in a bucket of facts. */
const FACTS_MAX = 1000;

async function smallBucket(
  reader: BoltReader,
  name: string,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const bucket = await reader.bucket(name);
  const entries: BoltEntry[] = [];
  for await (const entry of bucket?.entries() ?? []) {
    if (entries.push(entry) > FACTS_MAX) {
      throw new BoltError(`bucket "${name}"`, `at most ${FACTS_MAX} entries`, "more");
    }
  }
  return new Map(entries.map(({ key, value }) => [mapKeyOf(key), value]));
}

/** Which of many small integers are in, at one bit each. */
class BitSet {
  #bits = new Uint8Array(1024);

  has(at: number): boolean {
    return ((this.#bits[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }

  add(at: number): void {
    if (at >> 3 >= this.#bits.length) {
      const grown = new Uint8Array(2 * this.#bits.length);
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[at >> 3]! |= 1 << (at & 7);
  }

  delete(at: number): void {
    this.#bits[at >> 3]! &= ~(1 << (at & 7));
  }
}
