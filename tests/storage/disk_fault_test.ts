/** A full disk is outlived, a failing one is not. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DiskFullError } from "../../src/base/errors.ts";
import { type Disk, DiskError, type DiskFile } from "../../src/storage/disk.ts";
import { openStorage } from "../../src/storage/storage.ts";
import {
  batch,
  describe,
  entries,
  entry,
  entryOf,
  founded,
  FOUNDER,
  image,
  meta,
  Model,
  receive,
  reload,
  seeded,
  smallOptions,
  snapshotBytes,
} from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

Deno.test("save() rejects for ever when a sync has failed once", async () => {
  let failing = false;
  let syncs = 0;
  const disk = new MemoryDisk({
    before: ({ kind }) => {
      if (kind === "sync") syncs++;
      if (failing && kind === "sync") throw new DiskError("Sync failed");
    },
  });
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 0 };
  failing = true;
  await assertRejects(() => storage.save(batch({ hardState })), DiskError, "Sync failed");
  failing = false;
  const before = syncs;
  await assertRejects(() => storage.save(batch({ hardState })), DiskError, "Sync failed");
  await assertRejects(() => storage.createSnapshot(meta(0, 0), [], 0), DiskError);
  await assertRejects(() => storage.writeIdentity(FOUNDER), DiskError);
  await assertRejects(() => storage.close(), DiskError);
  assertEquals(syncs, before);
});

Deno.test("save() rejects for ever when the next segment could not be made in the background", async () => {
  const disk = new MemoryDisk({
    before: ({ kind, name }) => {
      if (kind === "write" && name === "wal-next.tmp" && isFailing) throw new DiskError("EIO");
    },
  });
  let isFailing = false;
  const storage = await founded(disk);
  isFailing = true;
  const hardState = { term: 1, vote: 0, commitIndex: 0 };
  await storage.save(batch({ hardState, entries: entries(1, 10, 1) }));
  await new Promise((resolve) => setTimeout(resolve, 0));
  await assertRejects(() => storage.save(batch({ entries: [entry(11, 1)] })), DiskError, "EIO");
  await assertRejects(() => storage.close(), DiskError, "EIO");
  assertEquals((await reload(disk.killed({}))).loaded.entries, entries(1, 10, 1));
});

Deno.test("save() tries for the next segment in the background only once when the disk is full", async () => {
  let tries = 0;
  let isFull = false;
  const disk = new MemoryDisk({
    before: ({ kind, name }) => {
      if (!isFull || kind !== "create" || name !== "wal-next.tmp") return;
      tries++;
      throw new DiskFullError("No space");
    },
  });
  const storage = await founded(disk, smallOptions({ segmentBytes: 4096 }));
  isFull = true;
  for (let index = 1; index <= 28; index++) {
    const hardState = { term: 1, vote: 0, commitIndex: 0 };
    await storage.save(batch({ hardState, entries: [entry(index, 1)] }));
  }
  assertEquals(tries, 1);
  await storage.close();
});

Deno.test("save() rejects with DiskFullError and counts nothing when no segment can be made", async () => {
  // Three segments and the identity, no fourth segment.
  const disk = new MemoryDisk({ capacityBytes: 3700 });
  const storage = await founded(disk);
  let model = new Model();
  let refused = 0;
  let index = 1;
  for (let round = 0; round < 40; round++) {
    const saved = batch({
      hardState: { term: 1, vote: 0, commitIndex: index - 1 },
      entries: [entry(index, 1)],
    });
    try {
      await storage.save(saved);
      model = model.save(saved);
      index++;
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      refused++;
      assertEquals(describe((await reload(disk.killed({}))).loaded), describe(model));
    }
  }
  assertEquals(refused > 5, true);
  assertEquals(index > 10, true);
  await storage.close();
  assertEquals(describe((await reload(disk)).loaded), describe(model));
});

Deno.test("save() works again when there is space", async () => {
  let isFull = false;
  const disk = new MemoryDisk({
    before: ({ kind }) => {
      if (isFull && kind === "write") throw new DiskFullError("No space");
    },
  });
  const storage = await founded(disk);
  const first = batch({
    hardState: { term: 1, vote: 0, commitIndex: 0 },
    entries: entries(1, 3, 1),
  });
  await storage.save(first);
  const second = batch({ entries: entries(4, 60, 1) });
  isFull = true;
  await assertRejects(() => storage.save(second), DiskFullError);
  await assertRejects(() => storage.save(second), DiskFullError);
  isFull = false;
  await storage.save(second);
  await storage.close();
  assertEquals((await reload(disk)).loaded.entries, entries(1, 60, 1));
});

Deno.test("save() leaves no trace of a batch that found the disk full half-way", async () => {
  const disk = new MemoryDisk();
  const plain = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 0 };
  await plain.save(batch({ hardState, entries: [entry(1, 1)] }));
  await plain.close();
  let isFull = false;
  const copying = onceWritten(disk.killed(), ({ length }) => {
    if (isFull && length > 100) throw new DiskFullError("No space");
  });
  const { storage } = await openStorage(copying.disk, smallOptions());
  isFull = true;
  const refused = batch({ entries: [entryOf("command", 2, 1, new Uint8Array(150).fill(1))] });
  await assertRejects(() => storage.save(refused), DiskFullError);
  assertEquals((await reload(copying.memory.killed())).loaded.entries, [entry(1, 1)]);
  isFull = false;
  await storage.save(batch({ entries: [entry(2, 1)] }));
  await storage.close();
  assertEquals((await reload(copying.memory)).loaded.entries, [entry(1, 1), entry(2, 1)]);
});

/** A disk on which every write succeeds in full and may still be said to have failed. */
function onceWritten(
  memory: MemoryDisk,
  after: (bytes: Uint8Array) => void,
): { readonly disk: Disk; readonly memory: MemoryDisk } {
  const wrap = (file: DiskFile): DiskFile => ({
    ...file,
    write: (bytes, offset) => {
      file.write(bytes, offset);
      after(bytes);
    },
  });
  const disk: Disk = {
    path: memory.path,
    list: () => memory.list(),
    open: (name) => wrap(memory.open(name)),
    create: (name) => wrap(memory.create(name)),
    rename: (from, to) => memory.rename(from, to),
    remove: (name) => memory.remove(name),
    syncDirectory: () => memory.syncDirectory(),
    lock: (name) => memory.lock(name),
  };
  return { disk, memory };
}

Deno.test("createSnapshot() rejects with DiskFullError and the one before stays", async () => {
  const disk = new MemoryDisk({ capacityBytes: 3600 });
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 3 };
  await storage.save(batch({ hardState, entries: entries(1, 3, 1) }));
  await storage.createSnapshot(meta(1, 1), image(1), 0);
  const large = [new Uint8Array(5000)];
  await assertRejects(() => storage.createSnapshot(meta(2, 1), large, 0), DiskFullError);
  await storage.save(batch({ entries: [entry(4, 1)] }));
  await storage.createSnapshot(meta(3, 1), image(3), 0);
  await storage.close();
  assertEquals((await reload(disk)).loaded.snapshot.index, 3);
});

Deno.test("openStorage() makes durable what a failed sync has left in the page cache", async () => {
  let isFailing = false;
  const options = smallOptions({ segmentBytes: 8192 });
  const disk = new MemoryDisk({
    before: ({ kind, name }) => {
      if (isFailing && kind === "sync" && name.endsWith(".log")) throw new DiskError("Sync failed");
    },
  });
  const storage = await founded(disk, options);
  const hardState = { term: 1, vote: 0, commitIndex: 0 };
  await storage.save(batch({ hardState, entries: [entry(1, 1)] }));
  isFailing = true;
  await assertRejects(() => storage.save(batch({ entries: [entry(2, 1)] })), DiskError);
  const restarted = disk.killed({});
  restarted.dropUnsynced();
  const { storage: again, loaded } = await openStorage(restarted, options);
  assertEquals(loaded.entries.length, 2, "it counts as saved from here on");
  await again.save(batch({ entries: [entry(3, 1)] }));
  const after = await reload(restarted.crashed(seeded(1), {}), options);
  assertEquals(after.loaded.entries.map(({ index }) => index), [1, 2, 3]);
});

Deno.test("openStorage() makes a seal durable whose sync has failed", async () => {
  let isFailing = false;
  const disk = new MemoryDisk({
    before: ({ kind, name }) => {
      if (isFailing && kind === "sync" && name.endsWith(".log")) throw new DiskError("Sync failed");
    },
  });
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 0 };
  // No room for this one in the first segment, which gets its seal.
  const large = entryOf("command", 2, 1, new Uint8Array(3000));
  await storage.save(batch({ hardState, entries: [entry(1, 1)] }));
  isFailing = true;
  await assertRejects(() => storage.save(batch({ entries: [large] })), DiskError);
  const restarted = disk.killed({});
  restarted.dropUnsynced();
  const { storage: again } = await openStorage(restarted, smallOptions());
  await again.save(batch({ entries: [entry(2, 1)] }));
  const after = await reload(restarted.crashed(seeded(1), {}));
  assertEquals(after.loaded.entries.map(({ index }) => index), [1, 2]);
});

Deno.test("createSnapshot() leaves nothing behind when its rename finds the disk full", async () => {
  let isFull = false;
  const disk = new MemoryDisk({
    before: ({ kind }) => {
      if (isFull && kind === "rename") throw new DiskFullError("No space");
    },
  });
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 3 };
  await storage.save(batch({ hardState, entries: entries(1, 3, 1) }));
  isFull = true;
  await assertRejects(() => storage.createSnapshot(meta(2, 1), image(2), 0), DiskFullError);
  assertEquals(disk.list().filter(({ name }) => name.startsWith("snapshot-")), []);
  await storage.close();
});

Deno.test("save() adopts a received snapshot whose rename found the disk full once", async () => {
  let isFull = true;
  const disk = new MemoryDisk({
    before: ({ kind, name }) => {
      if (isFull && kind === "rename" && name.startsWith("snapshot-received-")) {
        throw new DiskFullError("No space");
      }
    },
  });
  const storage = await founded(disk);
  const received = meta(90, 70);
  await receive(storage, received, await snapshotBytes(received));
  const hardState = { term: 70, vote: 0, commitIndex: 90 };
  const installed = batch({ hardState, snapshot: received });
  await assertRejects(() => storage.save(installed), DiskFullError);
  isFull = false;
  await storage.save(installed);
  await storage.close();
  assertEquals((await reload(disk)).loaded.snapshot.index, 90);
});

Deno.test("a received snapshot whose bytes can't be written ends all writing", async () => {
  let isFailing = false;
  const memory = new MemoryDisk();
  await (await founded(memory)).close();
  const { disk } = onceWritten(memory, () => {
    if (isFailing) throw new DiskError("Write failed");
  });
  const { storage } = await openStorage(disk, smallOptions());
  const writer = storage.receiveSnapshot(meta(90, 70));
  isFailing = true;
  assertThrows(() => writer.write(new Uint8Array(10)), DiskError);
  isFailing = false;
  const hardState = { term: 1, vote: 0, commitIndex: 0 };
  await assertRejects(() => storage.save(batch({ hardState })), DiskError);
});
