/**
 * Leases as the log knows them: which there are, with what TTL, and which keys hang
 * on them. When a lease ends is not known here: the leader counts, and says so by an
 * entry.
 */
import { assert } from "../../base/assert.ts";
import type { ByteString } from "../byte_string.ts";
import { Hasher } from "../keyspace/hash.ts";

/** The longest TTL of a lease, in seconds, as in etcd (`MaxLeaseTTL`). */
export const LEASE_TTL_MAX = 9_000_000_000;

export interface Lease {
  /** 64 bits with a sign; never 0n. */
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** The entry that granted it: no other grant has the same, whatever its id. */
  readonly grantIndex: number;
  readonly keys: ReadonlySet<ByteString>;
}

interface OwnLease extends Lease {
  readonly keys: Set<ByteString>;
}

const hasher = new Hasher();

export class Leases {
  readonly #leases = new Map<bigint, OwnLease>();
  #hashLow = 0;
  #hashHigh = 0;

  get size(): number {
    return this.#leases.size;
  }

  /** Of all leases; their keys are in the hash of the keys. */
  get hash(): { readonly low: number; readonly high: number } {
    return { low: this.#hashLow, high: this.#hashHigh };
  }

  get(id: bigint): Lease | undefined {
    return this.#leases.get(id);
  }

  values(): Iterable<Lease> {
    return this.#leases.values();
  }

  /** `id` is not there. */
  grant(id: bigint, ttlSeconds: number, grantIndex: number): void {
    assert(!this.#leases.has(id), "A lease is granted once");
    this.#leases.set(id, { id, ttlSeconds, grantIndex, keys: new Set() });
    this.#count(id, ttlSeconds, grantIndex, 1);
  }

  /** Nothing hangs on it any longer. */
  end(id: bigint): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    assert(lease.keys.size === 0, "A lease ends after its keys");
    this.#leases.delete(id);
    this.#count(id, lease.ttlSeconds, lease.grantIndex, -1);
  }

  /** `id` is there, or 0n, on which nothing hangs. */
  attach(id: bigint, key: ByteString): void {
    if (id !== 0n) this.#leases.get(id)?.keys.add(key);
  }

  detach(id: bigint, key: ByteString): void {
    if (id !== 0n) this.#leases.get(id)?.keys.delete(key);
  }

  #count(id: bigint, ttlSeconds: number, grantIndex: number, sign: 1 | -1): void {
    const bits = BigInt.asUintN(64, id);
    const { low, high } = hasher.start()
      .integer(Number(bits >> 32n)).integer(Number(bits & 0xffff_ffffn))
      .integer(ttlSeconds).integer(grantIndex).finish();
    this.#hashLow = (this.#hashLow + sign * low) | 0;
    this.#hashHigh = (this.#hashHigh + sign * high) | 0;
  }
}
