/** What the key space keeps beside what is there. */
import { assert, assertEquals } from "@std/assert";
import { Change } from "../../src/store/keyspace/change.ts";
import { Keyspace, type Put } from "../../src/store/keyspace/keyspace.ts";
import { Cursor } from "../../src/store/keyspace/packed_map.ts";
import { readSlice } from "../../src/store/kv/range.ts";
import { utf8 } from "./commands.ts";

const PUT: Put = {
  action: "set",
  value: utf8("1"),
  deadlineMs: 0,
  lease: 0n,
  keepsCreatedIndex: false,
  isQuiet: false,
};

/** A key space in which `keys` were put, and then all but the last one deleted. */
function deletedAllButLast(keys: readonly string[]): Keyspace {
  const keyspace = new Keyspace();
  let index = 0;
  const change = () => {
    index++;
    return new Change(index, index, index, index - 1, 2);
  };
  for (const key of keys) keyspace.put(change(), key, PUT, false);
  for (const key of keys.slice(0, -1)) keyspace.delete(change(), key, "delete");
  return keyspace;
}

Deno.test("a deleted key is remembered until its deletion is compacted, and no longer", () => {
  const keys = Array.from({ length: 100 }, (_, i) => `/${1000 + i}`);
  const keyspace = deletedAllButLast(keys);
  const remembered = () => keys.filter((key) => keyspace.findRecord(key) !== undefined).length;
  assertEquals([keyspace.count, remembered()], [1, 100]);
  keyspace.compactBefore(keyspace.versions.fromEnd(40));
  keyspace.trim();
  assertEquals(remembered(), 41);
  keyspace.compactBefore(keyspace.versions.end);
  keyspace.trim();
  assertEquals([keyspace.count, remembered(), keyspace.versions.count], [1, 1, 0]);
});

Deno.test("trim() cuts off what was compacted a part at a time", () => {
  const keyspace = deletedAllButLast(Array.from({ length: 1000 }, (_, i) => `/${1000 + i}`));
  keyspace.compactBefore(keyspace.versions.end);
  const counts: number[] = [];
  while (keyspace.versions.count > 0) {
    keyspace.trim();
    counts.push(keyspace.versions.count);
  }
  assertEquals(counts, [1743, 1487, 1231, 975, 719, 463, 207, 0]);
});

/** How often a cursor goes on to another record while `run` runs. */
function stepsOf(run: () => void): number {
  const { next } = Cursor.prototype;
  let steps = 0;
  Cursor.prototype.next = function (this: Cursor) {
    steps++;
    return next.call(this);
  };
  try {
    run();
  } finally {
    Cursor.prototype.next = next;
  }
  return steps;
}

Deno.test("who deletes the keys of a directory in their order does not pass over those that went before", () => {
  const keys = Array.from({ length: 1000 }, (_, i) => `/events/${1000 + i}`);
  const steps = stepsOf(() => assertEquals(deletedAllButLast(keys).directoryCount, 1));
  assert(steps < 10 * keys.length, `${steps} steps`);
});

Deno.test("readSlice() looks at no more keys than it gives, however many there are", () => {
  const keyspace = new Keyspace();
  const keys = Array.from({ length: 1000 }, (_, i) => `/${1000 + i}`);
  for (const [i, key] of keys.entries()) {
    keyspace.put(new Change(i + 1, i + 1, i + 1, i, 2), key, PUT, false);
  }
  for (const revision of [0, 500]) {
    const steps = stepsOf(() => {
      const found = readSlice(keyspace, { start: keys[3]!, end: undefined }, revision, 10);
      assertEquals(found.map(({ key }) => key), keys.slice(3, 13));
    });
    assert(steps <= 11, `${steps} steps`);
  }
  const end = keys[5]!;
  assertEquals(readSlice(keyspace, { start: keys[4]!, end }, 0, 10).length, 1);
});
