/** The twin must lose what a real disk may lose: a test bed that loses nothing proves nothing. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { DiskFullError } from "../../src/base/errors.ts";
import { seeded } from "./harness.ts";
import { MemoryDisk, SECTOR_BYTES } from "./memory_disk.ts";

function contentOf(disk: MemoryDisk, name: string): Uint8Array {
  return disk.contents().find(([each]) => each === name)![1];
}

/** A disk with a durable file of `length` ones. */
async function withOnes(length: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const file = disk.create("a");
  file.write(new Uint8Array(length).fill(1), 0);
  await file.sync();
  file.close();
  await disk.syncDirectory();
  return disk;
}

Deno.test("crashed() keeps what was synced", async () => {
  const disk = await withOnes(3000);
  for (let seed = 0; seed < 20; seed++) {
    assertEquals(contentOf(disk.crashed(seeded(seed)), "a"), new Uint8Array(3000).fill(1));
  }
});

Deno.test("crashed() keeps any subset of the sectors that were not synced, each whole", async () => {
  const disk = await withOnes(4 * SECTOR_BYTES);
  const file = disk.open("a");
  file.write(new Uint8Array(4 * SECTOR_BYTES).fill(2), 0);
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const content = contentOf(disk.crashed(seeded(seed)), "a");
    const sectors = [0, 1, 2, 3].map((i) => new Set(content.subarray(i * 512, i * 512 + 512)));
    assert(sectors.every((bytes) => bytes.size === 1));
    seen.add(sectors.map((bytes) => [...bytes][0]).join(""));
  }
  assertEquals(seen.size, 16);
});

Deno.test("crashed() may leave a sector in any version it went through, in order", async () => {
  const disk = await withOnes(SECTOR_BYTES);
  const file = disk.open("a");
  file.write(new Uint8Array([2]), 0);
  file.write(new Uint8Array([3]), 1);
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    seen.add(contentOf(disk.crashed(seeded(seed)), "a").subarray(0, 2).join(" "));
  }
  assertEquals([...seen].sort(), ["1 1", "2 1", "2 3"]);
});

Deno.test("crashed() may forget creates, renames and removes that were not synced", async () => {
  const disk = await withOnes(1);
  disk.create("b").close();
  disk.rename("b", "c");
  await disk.remove("a");
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const names = disk.crashed(seeded(seed)).contents().map(([name]) => name);
    seen.add(names.join(" "));
  }
  assertEquals([...seen].sort(), ["", "a", "a b", "a c", "b", "c"]);
});

Deno.test("killed() keeps everything, still unsynced", async () => {
  const disk = await withOnes(1);
  const file = disk.open("a");
  file.write(new Uint8Array([2]), 0);
  const killed = disk.killed();
  assertEquals(contentOf(killed, "a"), new Uint8Array([2]));
  assertEquals(contentOf(killed.crashed(() => 0), "a"), new Uint8Array([1]));
  const again = killed.open("a");
  await again.sync();
  assertEquals(contentOf(killed.crashed(() => 0), "a"), new Uint8Array([2]));
  assertEquals(contentOf(disk.crashed(() => 0), "a"), new Uint8Array([1]));
});

Deno.test("sync() covers what was written before it began, and nothing later", async () => {
  const waiting: (() => void)[] = [];
  const disk = new MemoryDisk({ schedule: (complete) => void waiting.push(complete) });
  disk.put("a", new Uint8Array(2));
  const file = disk.open("a");
  file.write(new Uint8Array([1]), 0);
  const syncing = file.sync();
  file.write(new Uint8Array([1]), 1);
  assertEquals([...contentOf(disk.crashed(() => 0), "a")], [0, 0]);
  waiting[0]!();
  await syncing;
  assertEquals([...contentOf(disk.crashed(() => 0), "a")], [1, 0]);
});

Deno.test("write() takes what there is room for when the disk is full", () => {
  const disk = new MemoryDisk({ capacityBytes: 10 });
  const file = disk.create("a");
  file.write(new Uint8Array(8).fill(1), 0);
  assertThrows(() => file.write(new Uint8Array(8).fill(2), 4), DiskFullError);
  assertEquals([...contentOf(disk, "a")], [1, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
  file.write(new Uint8Array(10).fill(3), 0);
});
