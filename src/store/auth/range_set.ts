/** Ranges of keys joined to one set, for the question whether a range lies within them. */
import type { ByteString } from "../byte_string.ts";
import type { Range } from "../kv/range.ts";

export class RangeSet {
  /** Sorted, none touching the next: what lies within several lies within one of these. */
  readonly #ranges: readonly Range[];

  constructor(ranges: readonly Range[]) {
    this.#ranges = joined(ranges);
  }

  /** Whether every key of `range` is in the set. An empty range counts as its first key. */
  covers({ start, end }: Range): boolean {
    const range = this.#lastFrom(start);
    if (range === undefined) return false;
    if (range.end === undefined) return true;
    if (end !== undefined && end <= start) return start < range.end;
    return end !== undefined && end <= range.end;
  }

  has(key: ByteString): boolean {
    const range = this.#lastFrom(key);
    return range !== undefined && (range.end === undefined || key < range.end);
  }

  /** Whether any key of `range`, which is not empty, is in the set. */
  touches({ start, end }: Range): boolean {
    const ranges = this.#ranges;
    const next = ranges[this.#countFrom(start)];
    return this.has(start) || next !== undefined && (end === undefined || next.start < end);
  }

  /** The parts of `range`, which is not empty, that are in the set, in their order. */
  within({ start, end }: Range): Range[] {
    const first = Math.max(0, this.#countFrom(start) - 1);
    const parts: Range[] = [];
    for (const range of this.#ranges.slice(first)) {
      if (end !== undefined && range.start >= end) break;
      if (range.end !== undefined && range.end <= start) continue;
      const endsFirst = end === undefined || range.end !== undefined && range.end < end;
      parts.push({
        start: range.start > start ? range.start : start,
        end: endsFirst ? range.end : end,
      });
    }
    return parts;
  }

  /** The last range that starts at `key` or before. */
  #lastFrom(key: ByteString): Range | undefined {
    return this.#ranges[this.#countFrom(key) - 1];
  }

  /** How many ranges start at `key` or before. */
  #countFrom(key: ByteString): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]!.start <= key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function joined(ranges: readonly Range[]): Range[] {
  const sorted = ranges.filter(({ start, end }) => end === undefined || start < end)
    .toSorted((a, b) => a.start < b.start ? -1 : a.start > b.start ? 1 : 0);
  const all: Range[] = [];
  for (const range of sorted) {
    const last = all.at(-1);
    if (last === undefined || last.end !== undefined && last.end < range.start) {
      all.push(range);
    } else if (last.end !== undefined && (range.end === undefined || range.end > last.end)) {
      all[all.length - 1] = { start: last.start, end: range.end };
    }
  }
  return all;
}
