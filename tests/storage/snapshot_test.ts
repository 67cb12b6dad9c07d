/** Snapshots: made here, received, read while replaced, and what they let go of. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { CorruptionError } from "../../src/storage/errors.ts";
import { snapshotName } from "../../src/storage/names.ts";
import { openRealDisk } from "../../src/storage/real_disk.ts";
import {
  batch,
  describe,
  entries,
  entry,
  founded,
  FOUNDER,
  image,
  joinBytes,
  meta,
  Model,
  receive,
  reload,
  snapshotBytes,
} from "./harness.ts";
import { type DiskOperation, MemoryDisk } from "./memory_disk.ts";

function names(disk: MemoryDisk): string[] {
  return disk.contents().map(([name]) => name);
}

Deno.test("createSnapshot() replaces the log when it is durable, and segments are used again", async () => {
  const operations: DiskOperation[] = [];
  const disk = new MemoryDisk({ before: (operation) => operations.push(operation) });
  const storage = await founded(disk);
  let model = new Model();
  for (let index = 1; index <= 80; index++) {
    const saved = batch({
      hardState: { term: 1, vote: 0, commitIndex: index },
      entries: [entry(index, 1)],
    });
    await storage.save(saved);
    model = model.save(saved);
    if (index % 20 !== 0) continue;
    await storage.createSnapshot(meta(index, 1), image(index), index - 5);
    model = model.compacted(meta(index, 1));
  }
  await storage.close();
  const segments = names(disk).filter((name) => name.endsWith(".log"));
  assertEquals(segments.length < 5, true);
  const reused = operations.filter(({ kind, name }) =>
    kind === "rename" && name.endsWith(".spare.tmp")
  );
  assertEquals(reused.length > 1, true);
  const { loaded, image: joined } = await reload(disk);
  assertEquals(describe(loaded), describe(model));
  assertEquals(joined, joinBytes(image(80)));
});

Deno.test("createSnapshot() keeps every entry after the last one to give up, wherever segments end", async () => {
  for (let index = 1; index < 30; index++) {
    const disk = new MemoryDisk();
    const storage = await founded(disk);
    for (let saved = 1; saved <= 30; saved++) {
      const hardState = { term: 1, vote: 0, commitIndex: saved };
      await storage.save(batch({ hardState, entries: [entry(saved, 1)] }));
    }
    await storage.createSnapshot(meta(index, 1), image(index), index);
    await storage.close();
    assertEquals((await reload(disk)).loaded.entries, entries(index + 1, 30, 1));
  }
});

Deno.test("createSnapshot() keeps the one before when the log reaches back to it", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 6 };
  await storage.save(batch({ hardState, entries: entries(1, 6, 1) }));
  for (const index of [2, 4, 6]) {
    await storage.createSnapshot(meta(index, 1), image(index), 0);
  }
  await storage.close();
  assertEquals(names(disk).filter((name) => name.endsWith(".snap")), [
    "snapshot-0000000000000004-0000000000000001.snap",
    "snapshot-0000000000000006-0000000000000001.snap",
  ]);
});

Deno.test("createSnapshot() takes slices that come asynchronously, empty ones and none", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 2 };
  await storage.save(batch({ hardState, entries: entries(1, 2, 1) }));
  async function* slices(): AsyncIterable<Uint8Array> {
    yield new Uint8Array([1]);
    await Promise.resolve();
    yield new Uint8Array(0);
    yield new Uint8Array([2, 3]);
  }
  await storage.createSnapshot(meta(1, 1), slices(), 0);
  const reader = storage.openSnapshot()!;
  assertEquals([...reader.data()], [new Uint8Array([1]), new Uint8Array([2, 3])]);
  reader.close();
  await storage.createSnapshot(meta(2, 1), [], 0);
  const empty = storage.openSnapshot()!;
  assertEquals([empty.meta.index, [...empty.data()].length], [2, 0]);
  empty.close();
  await storage.close();
});

Deno.test("openSnapshot() reads the whole file when a newer one replaces it meanwhile", async () => {
  const storage = await founded(new MemoryDisk());
  const hardState = { term: 1, vote: 0, commitIndex: 9 };
  await storage.save(batch({ hardState, entries: entries(1, 9, 1) }));
  await storage.createSnapshot(meta(3, 1), image(3), 3);
  const reader = storage.openSnapshot()!;
  await storage.createSnapshot(meta(5, 1), image(5), 5);
  await storage.createSnapshot(meta(7, 1), image(7), 7);
  const bytes = await snapshotBytes(meta(3, 1));
  assertEquals(reader.size, bytes.length);
  assertEquals(joinBytes([reader.read(0, 10), reader.read(10, 1 << 20)]), bytes);
  assertEquals(reader.read(bytes.length, 10).length, 0);
  assertEquals(joinBytes([...reader.data()]), joinBytes(image(3)));
  reader.close();
  await storage.close();
});

Deno.test("data() hands out no slice that fails its checksum", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 2 };
  await storage.save(batch({ hardState, entries: entries(1, 2, 1) }));
  await storage.createSnapshot(meta(2, 1), image(2), 0);
  const name = names(disk).find((each) => each.endsWith(".snap"))!;
  const file = disk.open(name);
  // In the last slice, of 17 bytes; the trailer has 32.
  file.write(new Uint8Array([99]), file.size() - 40);
  file.close();
  const reader = storage.openSnapshot()!;
  const slices: Uint8Array[] = [];
  assertThrows(
    () => {
      for (const slice of reader.data()) slices.push(slice);
    },
    CorruptionError,
    "slice 2 of the state",
  );
  assertEquals(slices, image(2).slice(0, 2));
  reader.close();
  await storage.close();
});

Deno.test("save() adopts a received snapshot and drops the log when they conflict", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 2 };
  await storage.save(batch({ hardState, entries: entries(1, 30, 1) }));
  const snapshot = meta(20, 4);
  await receive(storage, snapshot, await snapshotBytes(snapshot));
  const installed = batch({
    hardState: { term: 5, vote: 0, commitIndex: 20 },
    snapshot,
    entries: entries(21, 22, 5),
  });
  await storage.save(installed);
  assertEquals(storage.openSnapshot()?.meta, snapshot);
  storage.openSnapshot()!.close();
  await storage.close();
  // The old log is gone, but for what waits to be used again.
  assertEquals(names(disk).filter((name) => name.endsWith(".log")).length <= 2, true);
  const { loaded, image: joined } = await reload(disk);
  assertEquals(loaded.hardState, { term: 5, vote: 0, commitIndex: 20 });
  assertEquals(loaded.snapshot, snapshot);
  assertEquals(loaded.entries, entries(21, 22, 5));
  assertEquals(joined, joinBytes(image(20)));
});

Deno.test("openSnapshot() gives no part of a file that somebody else has cut short", async () => {
  const path = await Deno.makeTempDir();
  try {
    const storage = await founded(await openRealDisk(path));
    const hardState = { term: 1, vote: 0, commitIndex: 20 };
    await storage.save(batch({ hardState, entries: entries(1, 20, 1) }));
    await storage.createSnapshot(meta(20, 1), image(20), 20);
    const reader = storage.openSnapshot()!;
    assertEquals(reader.read(0, reader.size).length, reader.size);
    await Deno.truncate(`${path}/${snapshotName(20, 1)}`, 100);
    assertThrows(() => reader.read(90, 20), InvariantError, "another's hand");
    reader.close();
    await storage.close();
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("save() keeps what follows a received snapshot when the log holds its last entry", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 2 };
  await storage.save(batch({ hardState, entries: entries(1, 30, 1) }));
  const snapshot = meta(20, 1);
  await receive(storage, snapshot, await snapshotBytes(snapshot));
  await storage.save(batch({ snapshot, hardState: { term: 1, vote: 0, commitIndex: 20 } }));
  await storage.close();
  assertEquals((await reload(disk)).loaded.entries, entries(21, 30, 1));
});

Deno.test("receiveSnapshot() drops what was unfinished when another one begins", async () => {
  const storage = await founded(new MemoryDisk());
  const abandoned = storage.receiveSnapshot(meta(5, 1));
  abandoned.write(new Uint8Array(10));
  const snapshot = meta(6, 1);
  await receive(storage, snapshot, await snapshotBytes(snapshot));
  const hardState = { term: 1, vote: 0, commitIndex: 6 };
  await storage.save(batch({ hardState, snapshot }));
  await storage.close();
});

Deno.test("finish() rejects and the storage goes on when a received snapshot is not what was announced", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const snapshot = meta(5, 1);
  const bytes = await snapshotBytes(snapshot);
  const flipped = bytes.slice();
  flipped[200]! ^= 1;
  const wrong: [typeof snapshot, Uint8Array][] = [
    [snapshot, flipped],
    [snapshot, bytes.subarray(0, -1)],
    [snapshot, new Uint8Array([...bytes, 0])],
    [snapshot, new Uint8Array(0)],
    [meta(6, 1), bytes],
    [meta(5, 2), bytes],
    [meta(5, 1, FOUNDER.initial!), bytes],
  ];
  for (const [announced, sent] of wrong) {
    await assertRejects(() => receive(storage, announced, sent), Error, "sent again");
  }
  await receive(storage, snapshot, bytes);
  await storage.save(batch({ snapshot, hardState: { term: 1, vote: 0, commitIndex: 5 } }));
  await storage.close();
  assertEquals((await reload(disk)).loaded.snapshot, snapshot);
});

Deno.test("createSnapshot() keeps the hard state when it gives up the segment that held it", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 4, vote: 3, commitIndex: 5 };
  await storage.save(batch({ hardState, entries: entries(1, 5, 4) }));
  for (let index = 6; index <= 40; index++) {
    await storage.save(batch({ entries: [entry(index, 4)] }));
  }
  await storage.createSnapshot(meta(30, 4), image(30), 30);
  await storage.close();
  assertEquals(names(disk).includes("wal-0000000000000001.log"), false);
  assertEquals((await reload(disk)).loaded.hardState, hardState);
});

Deno.test("createSnapshot() puts another file in the place of a damaged one of the same index", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 3 };
  await storage.save(batch({ hardState, entries: entries(1, 3, 1) }));
  await storage.createSnapshot(meta(3, 1), image(3), 3);
  const [name, bytes] = disk.contents().find(([name]) => name.endsWith(".snap"))!;
  bytes[bytes.length - 1]! ^= 1;
  disk.put(name, bytes);
  await storage.createSnapshot(meta(3, 1), image(3), 3);
  await storage.close();
  assertEquals((await reload(disk)).image, joinBytes(image(3)));
});
