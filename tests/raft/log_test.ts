/** The log in memory beside a plain list of all entries. */
import { assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { Log } from "../../src/raft/log.ts";
import { BLOCK_ENTRIES } from "../../src/raft/packed_entries.ts";
import type { Entry, EntryKind } from "../../src/raft/types.ts";
import { SeededRandom } from "./random.ts";

const shared = Uint8Array.from({ length: 256 }, (_, i) => i);

function entry(index: number, term: number, kind: EntryKind = "command"): Entry {
  // In the middle of a buffer that others use, too.
  const start = index % 200;
  return { index, term, kind, data: shared.subarray(start, start + index % 50) };
}

/** A log and what it has to say. */
class Pair {
  readonly log: Log;
  readonly entries: Entry[] = [];
  first = 101;
  settled = 100;

  constructor(unpackedEntries: number) {
    this.log = new Log(100, 3, [], unpackedEntries);
  }

  get last(): number {
    return 100 + this.entries.length;
  }

  at(index: number): Entry {
    return this.entries[index - 101]!;
  }

  append(term: number): void {
    const next = entry(this.last + 1, term, (["noop", "config", "command"] as const)[term % 3]!);
    this.log.append(next);
    this.entries.push(next);
  }

  check(from: number, to: number): void {
    assertEquals([this.log.offset, this.log.lastIndex], [this.first - 1, this.last]);
    assertEquals(this.log.lastTerm, this.entries.at(-1)?.term ?? 3);
    assertEquals(this.log.termAt(this.last + 1), undefined);
    if (this.first > 101) assertEquals(this.log.termAt(this.first - 2), undefined);
    assertEquals(this.log.termAt(this.first - 1), this.at(this.first - 1)?.term ?? 3);
    for (const index of [from, to]) assertEquals(this.log.termAt(index), this.at(index).term);
    const expected = this.entries.slice(from - 101, to - 100);
    assertEquals(this.log.slice(from, to), expected);
    const bytes = expected.reduce((sum, { data }) => sum + data.length + 16, 0);
    assertEquals(this.log.bytes(from, to), bytes);
    assertEquals(this.log.sliceWithin(from, to, bytes), expected);
    assertEquals(this.log.tailStart(to, to - from + 1, bytes), from - 1);
    const within = this.log.lastIndexWithin(to, this.at(from).term);
    assertEquals(this.log.termAt(within), this.at(from).term);
  }
}

for (const unpackedEntries of [0, 1, 7, 64]) {
  Deno.test(`Log says the same of its entries, packed or not, ${unpackedEntries} left unpacked`, () => {
    const random = new SeededRandom(unpackedEntries);
    const pair = new Pair(unpackedEntries);
    let term = 3;
    for (let step = 0; step < 400; step++) {
      if (random.chance(0.1)) term++;
      for (let i = random.below(20); i >= 0; i--) pair.append(term);
      if (random.chance(0.2) && pair.last > pair.settled) {
        const from = pair.settled + 1 + random.below(pair.last - pair.settled);
        pair.log.truncateFrom(from);
        pair.entries.length = from - 101;
      }
      if (random.chance(0.5)) {
        pair.settled += random.below(pair.last - pair.settled + 1);
        pair.log.settle(pair.settled);
      }
      if (random.chance(0.05) && pair.settled >= pair.first) {
        pair.first += random.below(pair.settled - pair.first + 2);
        pair.log.compact(pair.first - 1);
      }
      if (pair.last < pair.first) continue;
      const from = pair.first + random.below(pair.last - pair.first + 1);
      pair.check(from, from + random.below(pair.last - from + 1));
    }
    assertEquals(pair.last > 10 * BLOCK_ENTRIES, true);
  });
}

Deno.test("Log never cuts off what is packed, since that is committed", () => {
  const pair = new Pair(0);
  for (let i = 0; i < 5; i++) pair.append(3);
  pair.log.settle(103);
  assertThrows(() => pair.log.truncateFrom(103), InvariantError);
  pair.log.truncateFrom(104);
  assertEquals(pair.log.lastIndex, 103);
});

Deno.test("Log goes on where a snapshot stands", () => {
  const pair = new Pair(0);
  for (let i = 0; i < 5; i++) pair.append(3);
  pair.log.settle(104);
  pair.log.reset(500, 9);
  assertEquals([pair.log.offset, pair.log.lastIndex, pair.log.lastTerm], [500, 500, 9]);
  pair.log.append(entry(501, 9));
  assertEquals(pair.log.slice(501, 501), [entry(501, 9)]);
});
