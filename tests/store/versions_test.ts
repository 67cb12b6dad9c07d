/** The versions list: what it finds, cuts off and keeps. */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import v8 from "node:v8";
import vm from "node:vm";
import { type Numbers, Versions } from "../../src/store/keyspace/versions.ts";
import { Log } from "./log.ts";

/** Appends an entry for each change index, all three numbers alike. */
function filled(indexes: readonly number[], keyBytes = 5): Versions {
  const versions = new Versions();
  for (const index of indexes) {
    const numbers = { logIndex: index, changeIndex: index, revision: index };
    const head = { ...numbers, action: "set", flags: 0, timeMs: index } as const;
    versions.append(head, "k".repeat(keyBytes));
  }
  return versions;
}

/** The change indexes of the entries from `place` on. */
function indexesFrom(versions: Versions, place: number): number[] {
  const indexes: number[] = [];
  for (let at = place; at < versions.end; at = versions.after(at)) {
    indexes.push(versions.numbersBefore(versions.after(at)).changeIndex);
  }
  return indexes;
}

function numbers(index: number): Numbers {
  return { logIndex: index, changeIndex: index, revision: index };
}

Deno.test("lowerBound() finds the first entry with a number or a larger one", () => {
  const versions = filled([10, 11, 15, 17]);
  const from = (index: number) => indexesFrom(versions, versions.lowerBound("changeIndex", index));
  assertEquals(from(0), [10, 11, 15, 17]);
  assertEquals(from(11), [11, 15, 17]);
  assertEquals(from(12), [15, 17]);
  assertEquals(from(18), []);
});

Deno.test("fromEnd() is the place of the newest entries", () => {
  const versions = filled([10, 11, 15, 17]);
  assertEquals(indexesFrom(versions, versions.fromEnd(2)), [15, 17]);
  assertEquals(versions.fromEnd(0), versions.end);
  assertEquals(versions.fromEnd(9), versions.first);
});

Deno.test("cutFirst() cuts off the oldest entry and remembers its numbers", () => {
  const versions = filled([10, 11, 15]);
  assertEquals(versions.cutOff, numbers(0));
  versions.cutFirst();
  assertEquals(indexesFrom(versions, versions.first), [11, 15]);
  assertEquals(versions.cutOff, numbers(10));
  versions.cutFirst();
  versions.cutFirst();
  assertEquals([versions.count, versions.size], [0, 0]);
  assertEquals(versions.numbersBefore(versions.end), numbers(15));
  assertEquals(versions.lowerBound("revision", 1), versions.end);
});

Deno.test("the list goes on in the same way however many entries it has cut off", () => {
  const versions = new Versions();
  for (let index = 1; index <= 5000; index++) {
    const head = { ...numbers(index), action: "set", flags: 0, timeMs: index } as const;
    versions.append(head, "k".repeat(index % 7 === 0 ? 100_000 : 50));
    if (index > 7) versions.cutFirst();
    const first = Math.max(1, index - 6);
    assertEquals(indexesFrom(versions, versions.first)[0], first);
    assertEquals(indexesFrom(versions, versions.lowerBound("logIndex", index)), [index]);
    assertEquals(versions.numbersBefore(versions.end).logIndex, index);
    assertEquals(versions.count, Math.min(index, 7));
  }
});

/** Makes garbage go at once. The flag counts for realms that are made after it. */
const collectGarbage: () => void = (() => {
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc");
})();

/** Bytes of the process that are in use. */
function bytesInUse(): number {
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

Deno.test("what was cut off takes no memory, however large its entries were", () => {
  const before = bytesInUse();
  const versions = filled(Array.from({ length: 60 }, (_, i) => i + 1), 300_000);
  assertGreater(bytesInUse() - before, 15_000_000);
  while (versions.count > 1) versions.cutFirst();
  assertLess(bytesInUse() - before, 5_000_000);
  assertEquals(indexesFrom(versions, versions.first), [60]);
});

Deno.test("excess() names what is too old or too much, but not what has to be kept", () => {
  const versions = filled(Array.from({ length: 1000 }, (_, i) => i + 1), 5000);
  assertEquals(versions.excess(0, Infinity, 0), undefined);
  const old = versions.excess(500, Infinity, 0)!;
  assert(old.logIndex < 500 && old.logIndex > 400, `${old.logIndex}`);
  const much = versions.excess(0, versions.size / 2, 0)!;
  assert(much.logIndex >= 500 && much.logIndex < 600, `${much.logIndex}`);
  const kept = versions.excess(2000, 0, 700)!;
  assert(kept.logIndex <= 300 && kept.logIndex > 200, `${kept.logIndex}`);
  assertEquals(versions.excess(2000, 0, 1000), undefined);
});

Deno.test("compactionDue() asks once for what is then cut off a part at a time", () => {
  const log = new Log();
  for (let i = 0; i < 3000; i++) log.set("/k", "x".repeat(1000));
  const due = () => log.store.compactionDue(0, 500_000, 0);
  log.apply(due()!);
  assertEquals(due(), undefined);
  assert(log.store.stats().historyBytes > 1_000_000);
  for (let i = 0; i < 1000; i++) log.set("/k", "x".repeat(1000));
  log.apply(due()!);
  log.set("/k", "1");
  assertLess(log.store.stats().historyBytes, 1_000_000);
});

Deno.test("a snapshot of one large value that changed often has what compaction has left", () => {
  const log = new Log();
  for (let i = 0; i < 200; i++) log.set("/k", "x".repeat(100_000) + i);
  log.keep(10);
  let bytes = 0;
  for (const slice of log.store.snapshot()) bytes += slice.length;
  assertLess(bytes, 1_200_000);
});
