/** What is written is a bbolt file that reads back the same, in bounded pieces. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { compareBytes } from "../../src/bolt/bytes.ts";
import { SourceChangedError } from "../../src/bolt/errors.ts";
import { PAGE_BYTES } from "../../src/bolt/layout.ts";
import { PageFile, readMeta } from "../../src/bolt/page_file.ts";
import { PORTION_BYTES } from "../../src/bolt/page_sinks.ts";
import { openBolt } from "../../src/bolt/reader.ts";
import { type BoltEntry, type BucketSource, planBolt } from "../../src/bolt/writer.ts";
import { randomBytes } from "../fuzz/mutate.ts";
import { SeededRandom } from "../sim/random.ts";
import { bucket, bytesOf, entry, joined, memoryFile, pause, textOf, written } from "./harness.ts";

async function readAll(bytes: Uint8Array): Promise<Map<string, BoltEntry[]>> {
  const reader = await openBolt(memoryFile(bytes));
  await reader.check();
  const found = new Map<string, BoltEntry[]>();
  for await (const { name, ...others } of named(reader)) {
    found.set(textOf(name), others.entries);
  }
  return found;
}

async function* named(
  reader: Awaited<ReturnType<typeof openBolt>>,
): AsyncGenerator<{ name: Uint8Array; entries: BoltEntry[] }> {
  for await (const bucket of reader.buckets()) {
    yield { name: bucket.name, entries: await Array.fromAsync(bucket.entries()) };
  }
}

/** Keys of one length, ascending. */
function keyOf(i: number, length: number): Uint8Array {
  return bytesOf(`${i}`.padStart(6, "0").padEnd(length, "."));
}

function anyEntries(random: SeededRandom): BoltEntry[] {
  const entries = new Map<string, BoltEntry>();
  const keyMax = random.pick([8, 20, 400, 5000]);
  const valueMax = random.pick([0, 60, 3000, 20_000, 300_000]);
  for (let left = random.skewed(0, 400); left > 0; left--) {
    const key = randomBytes(random, random.skewed(1, keyMax));
    entries.set(key.toHex(), { key, value: randomBytes(random, random.skewed(0, valueMax)) });
  }
  return [...entries.values()].sort((a, b) => compareBytes(a.key, b.key));
}

Deno.test("planBolt() writes what openBolt() reads back, whatever the sizes", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = new SeededRandom(seed);
    const expected = new Map(
      Array.from({ length: random.integer(0, 4) }, (_, i) => [`b${i}`, anyEntries(random)]),
    );
    const sources = [...expected].map(([name, entries]) => bucket(name, entries));
    assertEquals(await readAll(await written(...sources.toReversed())), expected, `seed ${seed}`);
  }
});

Deno.test("planBolt() gives every branch two children, on all levels and at every right edge", async () => {
  // Leaves of one entry, so that each count of entries is a shape of its own.
  const value = new Uint8Array(PAGE_BYTES);
  for (const keyLength of [900, 1300, 2030, 5000]) {
    for (let count = 1; count < 60; count++) {
      const entries = Array.from(
        { length: count },
        (_, i) => ({ key: keyOf(i, keyLength), value }),
      );
      const bytes = await written(bucket("b", entries));
      const reader = await openBolt(memoryFile(bytes));
      await reader.check();
      assertEquals((await Array.fromAsync((await reader.bucket("b"))!.entries())).length, count);
      const meta = await readMeta(memoryFile(bytes));
      const pages = new PageFile(memoryFile(bytes), meta);
      for (let id = 3; id < meta.pageCount;) {
        const header = await pages.header(id);
        const page = await pages.tree(header);
        assert(page.kind === "leaf" || page.elements.length >= 2, `${keyLength} ${count} ${id}`);
        id += header.overflow + 1;
      }
    }
  }
});

Deno.test("planBolt() knows the size before, and hands out portions of 128 KiB at most", async () => {
  const entries = Array.from(
    { length: 3000 },
    (_, i) => ({ key: keyOf(i, 17), value: new Uint8Array(i === 1000 ? 1_600_000 : 300) }),
  );
  const plan = await planBolt([bucket("key", entries)], pause);
  const portions = await Array.fromAsync(plan.portions());
  assertEquals(portions.reduce((sum, { length }) => sum + length, 0), plan.size);
  assertEquals(plan.size % PAGE_BYTES, 0);
  assert(portions.every(({ length }) => length <= PORTION_BYTES));
  assert(new Set(portions.map(({ buffer }) => buffer)).size === portions.length);
});

Deno.test("planBolt() takes entries that come as promises, and lets the event loop run between batches", async () => {
  let pauses = 0;
  const source: BucketSource = {
    name: bytesOf("b"),
    async *entries() {
      for (let i = 0; i < 2000; i++) yield { key: keyOf(i, 10), value: new Uint8Array(100) };
    },
  };
  const counted = () => {
    pauses++;
    return Promise.resolve();
  };
  const plan = await planBolt([source], counted);
  assert(pauses >= 5, `${pauses} pauses in the first pass`);
  const found = await readAll(await joined(plan.portions()));
  assertEquals(found.get("b")?.length, 2000);
  assert(pauses >= 10, `${pauses} pauses in both passes`);
});

Deno.test("planBolt() holds one value of many at a time", async () => {
  const value = new Uint8Array(1_500_000);
  let given = 0;
  const source: BucketSource = {
    name: bytesOf("b"),
    *entries() {
      for (; given < 20; given++) yield { key: keyOf(given, 10), value };
    },
  };
  const plan = await planBolt([source], pause);
  given = 0;
  let bytes = 0;
  for await (const { length } of plan.portions()) {
    bytes += length;
    assert(given * value.length - bytes < 3 * value.length, "The source is far ahead");
  }
});

Deno.test("portions() fails before the end when the entries are others than for the plan", async () => {
  let count = 500;
  const source: BucketSource = {
    name: bytesOf("b"),
    entries: () =>
      Array.from({ length: count }, (_, i) => ({ key: keyOf(i, 10), value: keyOf(i, 99) })),
  };
  const plan = await planBolt([source], pause);
  count = 400;
  await assertRejects(() => joined(plan.portions()), SourceChangedError, "found those of");
});

Deno.test("planBolt() refuses keys that do not ascend, are empty or too long", async () => {
  const refused = [
    [entry("b", ""), entry("a", "")],
    [entry("a", ""), entry("a", "")],
    [entry("", "")],
    [entry("k".repeat(32_769), "")],
  ];
  for (const entries of refused) {
    await assertRejects(() => planBolt([bucket("b", entries)], pause), InvariantError);
  }
  await assertRejects(() => planBolt([bucket("b", []), bucket("b", [])], pause), InvariantError);
});

Deno.test("portions() lets go of its source when nobody reads on", async () => {
  let released = 0;
  const source: BucketSource = {
    name: bytesOf("b"),
    *entries() {
      try {
        for (let i = 0; i < 5000; i++) yield { key: keyOf(i, 10), value: new Uint8Array(500) };
      } finally {
        released++;
      }
    },
  };
  const plan = await planBolt([source], pause);
  for await (const _ of plan.portions()) break;
  assertEquals(released, 2);
});
