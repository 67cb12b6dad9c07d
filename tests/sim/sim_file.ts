/**
 * The bytes of one simulated file and how much of them a power cut would leave.
 * Sectors of 512 bytes are written whole or not at all; those written since the
 * last sync may each be there or not, in any combination (torn, lost, reordered).
 *
 * Invariants:
 *   1. a sector without an entry in `#dirty` is durable as it stands;
 *   2. an entry holds what the platter has, or will have when the sync under
 *      way is done.
 */
import type { SeededRandom } from "./random.ts";

export const SECTOR_BYTES = 512;

interface DirtySector {
  /** What the platter holds; undefined: zeros. */
  old: Uint8Array | undefined;
  /** What the sync under way will leave there, once it was written over; undefined: what stands. */
  syncing: Uint8Array | undefined;
  /** Which sync covers the last write: one of a lower number does not. */
  epoch: number;
}

export class SimFile {
  #bytes = new Uint8Array(4 * SECTOR_BYTES);
  #size = 0;
  #durableSize = 0;
  #dirty = new Map<number, DirtySector>();
  /** Counts the syncs that have begun. */
  #epoch = 0;

  get size(): number {
    return this.#size;
  }

  get isDurable(): boolean {
    return this.#dirty.size === 0 && this.#size === this.#durableSize;
  }

  read(into: Uint8Array, offset: number): number {
    const length = Math.max(0, Math.min(into.length, this.#size - offset));
    into.set(this.#bytes.subarray(offset, offset + length));
    return length;
  }

  /** What lies there now, for checks. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  /** `flush` says of each sector written a second time whether the platter got the first in between. */
  write(bytes: Uint8Array, offset: number, flush: () => boolean): void {
    if (bytes.length === 0) return;
    const end = offset + bytes.length;
    this.#grow(end);
    const last = Math.floor((end - 1) / SECTOR_BYTES);
    for (let sector = Math.floor(offset / SECTOR_BYTES); sector <= last; sector++) {
      this.#touch(sector, flush);
    }
    this.#bytes.set(bytes, offset);
    this.#size = Math.max(this.#size, end);
  }

  /** Begins a sync; the returned function ends it: what was written before is durable then. */
  beginSync(): () => void {
    const covered = ++this.#epoch;
    const size = this.#size;
    return () => {
      for (const [sector, dirty] of this.#dirty) {
        if (dirty.epoch < covered) {
          this.#dirty.delete(sector);
        } else if (dirty.syncing !== undefined) {
          dirty.old = dirty.syncing;
          dirty.syncing = undefined;
        }
      }
      this.#durableSize = Math.max(this.#durableSize, size);
    };
  }

  /** The power goes: each unsynced sector is kept with the probability `kept`. */
  cut(random: SeededRandom, kept: number): void {
    const size = this.#size === this.#durableSize || random.chance(kept)
      ? this.#size
      : this.#durableSize + SECTOR_BYTES *
          Math.floor((this.#size - this.#durableSize) / SECTOR_BYTES * random.next());
    for (const [sector, { old, syncing }] of this.#dirty) {
      if (random.chance(kept)) continue;
      const content = syncing !== undefined && random.chance(kept) ? syncing : old;
      const at = sector * SECTOR_BYTES;
      if (content === undefined) this.#bytes.fill(0, at, at + SECTOR_BYTES);
      else this.#bytes.set(content, at);
    }
    this.#bytes.fill(0, size);
    this.#size = this.#durableSize = size;
    this.#dirty = new Map();
  }

  /** All of it reaches the platter. */
  settle(): void {
    this.#dirty = new Map();
    this.#durableSize = this.#size;
  }

  /** Damages one bit. */
  flip(bit: number): void {
    this.#bytes[bit >> 3]! ^= 1 << (bit & 7);
  }

  #touch(sector: number, flush: () => boolean): void {
    const dirty = this.#dirty.get(sector);
    if (dirty === undefined) {
      const isNew = sector * SECTOR_BYTES >= this.#durableSize;
      const old = isNew ? undefined : this.#copy(sector);
      this.#dirty.set(sector, { old, syncing: undefined, epoch: this.#epoch });
    } else if (dirty.epoch < this.#epoch) {
      dirty.syncing = this.#copy(sector);
      dirty.epoch = this.#epoch;
    } else if (flush()) {
      dirty.old = this.#copy(sector);
      dirty.syncing = undefined;
    }
  }

  #copy(sector: number): Uint8Array {
    return this.#bytes.slice(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  }

  #grow(size: number): void {
    if (size <= this.#bytes.length) return;
    const capacity = Math.max(size, 2 * this.#bytes.length);
    const bytes = new Uint8Array(Math.ceil(capacity / SECTOR_BYTES) * SECTOR_BYTES);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}
