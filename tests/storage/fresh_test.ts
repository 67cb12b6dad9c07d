/** Starting afresh must never remove what is not a node's. */
import { assertEquals, assertRejects } from "@std/assert";
import { LockedError } from "../../src/storage/disk.ts";
import { removeNodeFiles } from "../../src/storage/fresh.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { batch, entries, founded, image, meta, smallOptions } from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

Deno.test("removeNodeFiles() removes what a node wrote, and nothing else, durably", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 1 };
  await storage.save(batch({ hardState, entries: entries(1, 14, 1) }));
  await storage.createSnapshot(meta(1, 1), image(1), 0);
  await storage.close();
  const foreign = ["notes.txt", "wal-1.log", "snapshot.snap", "etcd.lock"];
  for (const name of foreign) disk.put(name, new Uint8Array([1]));
  const written = disk.contents().map(([name]) => name).filter((name) => !foreign.includes(name));
  assertEquals(await removeNodeFiles(disk), written);
  const left = disk.crashed(() => 0.9).contents().map(([name]) => name);
  assertEquals(left, [...foreign].sort());
  const { storage: fresh, identity } = await openStorage(disk, smallOptions());
  assertEquals(identity, undefined);
  await fresh.close();
});

Deno.test("removeNodeFiles() removes nothing when a node runs on the directory", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const before = disk.contents();
  await assertRejects(() => removeNodeFiles(disk), LockedError);
  assertEquals(disk.contents(), before);
  await storage.close();
});
