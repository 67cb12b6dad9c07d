/**
 * The replicated log in memory: every entry since the last compaction. It never
 * touches the disk, and it knows nothing of commitment: its owner does.
 *
 * Ranges are inclusive at both ends, as the paper writes them. The newest entries are
 * objects, since they are saved, sent and applied within milliseconds; the ones before
 * are packed.
 */
import { assert } from "../base/assert.ts";
import { PackedEntries } from "./packed_entries.ts";
import type { Entry } from "./types.ts";

/** What an entry is counted for beside its data, so that empty ones are not free. */
const ENTRY_OVERHEAD_BYTES = 16;

/** Bytes that `entry` is counted for by every limit of the core. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}

export class Log {
  /** From `#offset` on. */
  #packed: PackedEntries;
  /** All behind the packed ones. */
  #entries: Entry[] = [];
  /** The index before the first entry held … */
  #offset: number;
  /** … and its term: all that is left of what was compacted. */
  #offsetTerm: number;

  /** Settled entries that are left unpacked. */
  readonly #unpackedEntries: number;

  /** A log that stands at (`offset`, `offsetTerm`) and goes on with `entries`. */
  constructor(
    offset: number,
    offsetTerm: number,
    entries: readonly Entry[],
    unpackedEntries: number,
  ) {
    this.#unpackedEntries = unpackedEntries;
    this.#offset = offset;
    this.#offsetTerm = offsetTerm;
    this.#packed = new PackedEntries(offset + 1);
    for (const entry of entries) this.append(entry);
  }

  /** The index before the first entry held; its term is known. */
  get offset(): number {
    return this.#offset;
  }

  get lastIndex(): number {
    return this.#packed.last + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#termBefore(this.#packed.last + 1);
  }

  /** Undefined for what was compacted and for what is not there yet. */
  termAt(index: number): number | undefined {
    const { last } = this.#packed;
    if (index > last) return this.#entries[index - last - 1]?.term;
    return index < this.#offset ? undefined : this.#termBefore(index + 1);
  }

  /** Whether the log holds an entry with this index and term (paper §5.3). */
  matches(index: number, term: number): boolean {
    return this.termAt(index) === term;
  }

  /** Invariant 1: indexes are contiguous and terms never go down. */
  append(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, "Log must have no gap");
    assert(entry.term >= this.lastTerm, "Terms must not go down in the log");
    this.#entries.push(entry);
  }

  /** Drops every entry from `index` on; none of them is settled. */
  truncateFrom(index: number): void {
    const { last } = this.#packed;
    assert(index > last && index <= this.lastIndex, "Truncation must hit an entry held");
    this.#entries.length = index - last - 1;
  }

  /** The entries up to `index` are committed and applied: from now on they are rarely asked for. */
  settle(index: number): void {
    const count = index - this.#packed.last - this.#unpackedEntries;
    // What stays is moved each time: so that must not be more than what goes.
    if (count <= this.#unpackedEntries) return;
    for (let i = 0; i < count; i++) this.#packed.append(this.#entries[i]!);
    this.#entries = this.#entries.slice(count);
  }

  /** Forgets everything: the log stands where a snapshot does. */
  reset(index: number, term: number): void {
    this.#packed = new PackedEntries(index + 1);
    this.#entries = [];
    this.#offset = index;
    this.#offsetTerm = term;
  }

  /** Forgets the entries up to `index`; nothing when they are gone already. */
  compact(index: number): void {
    if (index <= this.#offset) return;
    const term = this.termAt(index);
    assert(term !== undefined, "Compaction must not pass the end of the log");
    const { last } = this.#packed;
    if (index <= last) {
      this.#packed.forgetBefore(index + 1);
    } else {
      this.#entries = this.#entries.slice(index - last);
      this.#packed = new PackedEntries(index + 1);
    }
    this.#offset = index;
    this.#offsetTerm = term;
  }

  /** Entries `from` to `to`, all of which must be held. */
  slice(from: number, to: number): Entry[] {
    assert(
      from > this.#offset && to <= this.lastIndex,
      "Slice must lie within the log",
    );
    const { last } = this.#packed;
    if (from > last) return this.#entries.slice(from - last - 1, to - last);
    const entries: Entry[] = [];
    for (let index = from; index <= to; index++) entries.push(this.#at(index));
    return entries;
  }

  /** As `slice`, cut off before `bytesMax` is passed, but never empty unless the range is. */
  sliceWithin(from: number, to: number, bytesMax: number): Entry[] {
    let bytes = 0;
    let end = from;
    for (; end <= to; end++) {
      bytes += this.#bytesAt(end);
      if (bytes > bytesMax && end > from) break;
    }
    return this.slice(from, end - 1);
  }

  /** The least index after which the entries up to `to` are no more than `entriesMax` and `bytesMax`. */
  tailStart(to: number, entriesMax: number, bytesMax: number): number {
    let start = to;
    for (let bytes = 0; start > this.#offset && to - start < entriesMax; start--) {
      bytes += this.#bytesAt(start);
      if (bytes > bytesMax) break;
    }
    return start;
  }

  /** What the entries `from` to `to` are counted for. */
  bytes(from: number, to: number): number {
    let bytes = 0;
    for (let index = from; index <= to; index++) bytes += this.#bytesAt(index);
    return bytes;
  }

  /** Whether a log ending in (`index`, `term`) is at least as up-to-date as this one (paper §5.4.1). */
  isUpToDate(index: number, term: number): boolean {
    const lastTerm = this.lastTerm;
    return term > lastTerm || (term === lastTerm && index >= this.lastIndex);
  }

  /**
   * The largest index up to `index` whose term is at most `term`: what lies
   * between cannot match a log that has `term` at `index`, so one exchange
   * skips whole terms (paper §5.3). Stops where the log is compacted.
   */
  lastIndexWithin(index: number, term: number): number {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#offset && this.termAt(at)! > term) at--;
    return at;
  }

  /** The term of the packed entry before `index`, or of the offset. */
  #termBefore(index: number): number {
    return index - 1 === this.#offset ? this.#offsetTerm : this.#packed.termAt(index - 1);
  }

  #bytesAt(index: number): number {
    if (index > this.#packed.last) return entryBytes(this.#at(index));
    return this.#packed.lengthAt(index) + ENTRY_OVERHEAD_BYTES;
  }

  #at(index: number): Entry {
    const { last } = this.#packed;
    if (index <= last) return this.#packed.at(index);
    const entry = this.#entries[index - last - 1];
    assert(entry !== undefined, "Index must lie within the log");
    return entry;
  }
}
