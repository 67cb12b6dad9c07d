import { assertEquals, assertRejects } from "@std/assert";
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
  joinBytes,
  meta,
  Model,
  receive,
  reload,
  smallOptions,
  snapshotBytes,
} from "./harness.ts";
import { type DiskOperation, MemoryDisk } from "./memory_disk.ts";

function names(disk: MemoryDisk): string[] {
  return disk.contents().map(([name]) => name);
}

Deno.test("openStorage() makes an empty log when the directory is new", async () => {
  const disk = new MemoryDisk();
  const { storage, identity, loaded } = await openStorage(disk, smallOptions());
  assertEquals(identity, undefined);
  assertEquals(loaded.hardState, { term: 0, vote: 0, commitIndex: 0 });
  assertEquals(loaded.snapshot, {
    index: 0,
    term: 0,
    configuration: { members: [], removed: [] },
  });
  assertEquals(loaded.entries, []);
  assertEquals(storage.openSnapshot(), undefined);
  await storage.close();
});

Deno.test("openStorage() gives back the identity and its first configuration when a founder wrote one", async () => {
  const disk = new MemoryDisk();
  await (await founded(disk)).close();
  const { identity, loaded } = await reload(disk);
  assertEquals(identity, FOUNDER);
  assertEquals(loaded.snapshot, { index: 0, term: 0, configuration: FOUNDER.initial! });
});

Deno.test("writeIdentity() replaces the cluster of a member when it has joined", async () => {
  const disk = new MemoryDisk();
  const { storage } = await openStorage(disk, smallOptions());
  const joining = { memberId: 5, clusterId: 0, name: "ünïcode", initial: undefined };
  await storage.writeIdentity(joining);
  await storage.writeIdentity({ ...joining, clusterId: 9 });
  await assertRejects(
    () => storage.writeIdentity({ ...joining, memberId: 6 }),
    Error,
    "never changes",
  );
  await storage.close();
  assertEquals((await reload(disk)).identity, { ...joining, clusterId: 9 });
});

Deno.test("save() keeps hard state and entries of every kind when the directory is opened again", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 3, vote: FOUNDER.memberId, commitIndex: 2 };
  const saved = [
    entryOf("noop", 1, 2, new Uint8Array(0)),
    entryOf("config", 2, 2, new Uint8Array([0, 255, 1])),
    entryOf("command", 3, 3, new Uint8Array(9).fill(8)),
  ];
  await storage.save(batch({ hardState, entries: saved }));
  await storage.close();
  const { loaded } = await reload(disk);
  assertEquals(loaded.hardState, hardState);
  assertEquals(loaded.entries, saved);
});

Deno.test("save() replaces a conflicting suffix when a batch begins at a lower index", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  await storage.save(batch({
    hardState: { term: 1, vote: 0, commitIndex: 2 },
    entries: entries(1, 9, 1),
  }));
  await storage.save(batch({
    hardState: { term: 2, vote: 0, commitIndex: 2 },
    entries: entries(4, 5, 2),
  }));
  await storage.close();
  const { loaded } = await reload(disk);
  assertEquals(loaded.entries, [...entries(1, 3, 1), ...entries(4, 5, 2)]);
});

Deno.test("save() refuses a batch that breaks a promise of the core", async () => {
  const cases: [string, Parameters<typeof batch>[0]][] = [
    ["no gap", { entries: [entry(7, 1)] }],
    ["Committed entries", { entries: [entry(2, 1)] }],
    ["contiguous", { entries: [entry(5, 1), entry(7, 1)] }],
    ["term never falls", { hardState: { term: 0, vote: 0, commitIndex: 0 } }],
    ["later term", { entries: [entry(5, 2)] }],
    ["never above", { hardState: { term: 1, vote: 0, commitIndex: 9 } }],
  ];
  for (const [message, parts] of cases) {
    const disk = new MemoryDisk();
    const storage = await founded(disk);
    await storage.save(batch({
      hardState: { term: 1, vote: 0, commitIndex: 2 },
      entries: entries(1, 4, 1),
    }));
    await assertRejects(() => storage.save(batch(parts)), Error, message);
    await assertRejects(() => storage.close(), Error, message);
    assertEquals((await reload(disk)).loaded.entries, entries(1, 4, 1));
  }
});

Deno.test("save() goes on through many segments when one is full", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  let model = new Model();
  for (let index = 1; index <= 60; index++) {
    const hardState = { term: index, vote: index % 3, commitIndex: index - 1 };
    const saved = batch({ hardState, entries: [entry(index, index)] });
    await storage.save(saved);
    model = model.save(saved);
  }
  await storage.close();
  assertEquals(names(disk).filter((name) => name.endsWith(".log")).length > 10, true);
  assertEquals(describe((await reload(disk)).loaded), describe(model));
});

Deno.test("save() makes a larger segment when a batch does not fit into one", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const large = entryOf("command", 2, 1, new Uint8Array(5000).fill(3));
  const hardState = { term: 1, vote: 0, commitIndex: 0 };
  await storage.save(batch({ hardState, entries: [entry(1, 1)] }));
  await storage.save(batch({ entries: [large] }));
  await storage.save(batch({ entries: [entry(3, 1)] }));
  await storage.close();
  assertEquals((await reload(disk)).loaded.entries, [entry(1, 1), large, entry(3, 1)]);
});

Deno.test("save() writes once and syncs once when a batch holds many entries", async () => {
  const operations: DiskOperation[] = [];
  const disk = new MemoryDisk({ before: (operation) => operations.push(operation) });
  const storage = await founded(disk, smallOptions({ segmentBytes: 65536, sliceBytes: 65536 }));
  operations.length = 0;
  await storage.save(batch({
    hardState: { term: 1, vote: 0, commitIndex: 0 },
    entries: entries(1, 500, 1),
  }));
  // The second write is the mark, which nobody waits for.
  assertEquals(operations.map((operation) => operation.kind), ["write", "sync", "write"]);
  await storage.close();
});

Deno.test("save() resolves only after its sync has completed", async () => {
  const waiting: (() => void)[] = [];
  let isHeld = false;
  const disk = new MemoryDisk({
    schedule: (complete) => isHeld ? waiting.push(complete) : complete(),
  });
  const storage = await founded(disk);
  isHeld = true;
  let isSaved = false;
  const saving = storage.save(batch({
    hardState: { term: 1, vote: 0, commitIndex: 0 },
    entries: [entry(1, 1)],
  })).then(() => isSaved = true);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([waiting.length, isSaved], [1, false]);
  isHeld = false;
  waiting[0]!();
  await saving;
  await storage.close();
});

Deno.test("save() rejects a second call when one is under way", async () => {
  const storage = await founded(new MemoryDisk());
  const first = storage.save(batch({ hardState: { term: 1, vote: 0, commitIndex: 0 } }));
  await assertRejects(() => storage.save(batch({})), Error, "One save at a time");
  await first;
  await storage.close();
});

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
  const { loaded, image: joined } = await reload(disk);
  assertEquals(loaded.hardState, { term: 5, vote: 0, commitIndex: 20 });
  assertEquals(loaded.snapshot, snapshot);
  assertEquals(loaded.entries, entries(21, 22, 5));
  assertEquals(joined, joinBytes(image(20)));
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

Deno.test("save() makes a larger segment in place of one that nothing was written to", async () => {
  let isCut = false;
  const disk: MemoryDisk = new MemoryDisk({
    before: ({ kind, name }) => {
      if (!isCut || kind !== "write" || !name.endsWith("2.log")) return;
      disk.halt();
      throw new DiskError("The process is dead");
    },
  });
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 0 };
  await storage.save(batch({ hardState, entries: entries(1, 14, 1) }));
  isCut = true;
  // The first segment was sealed, the second one has no batch.
  await assertRejects(() => storage.save(batch({ entries: entries(15, 20, 1) })), DiskError);
  const next = disk.killed({});
  const { storage: again, loaded } = await openStorage(next, smallOptions());
  assertEquals(loaded.entries, entries(1, 14, 1));
  await again.save(batch({ entries: entries(15, 90, 1) }));
  await again.close();
  assertEquals((await reload(next)).loaded.entries, entries(1, 90, 1));
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

Deno.test("openStorage() removes segments that were being retired when the process ended", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  for (let index = 1; index <= 60; index++) {
    const hardState = { term: 1, vote: 0, commitIndex: index };
    await storage.save(batch({ hardState, entries: [entry(index, 1)] }));
  }
  const oldest = disk.contents().filter(([name]) => name.endsWith(".log")).slice(0, 1);
  await storage.createSnapshot(meta(55, 1), image(55), 50);
  await storage.close();
  for (const [name, content] of oldest) disk.put(name, content);
  assertEquals((await reload(disk)).loaded.entries, entries(56, 60, 1));
  assertEquals(names(disk).includes("wal-0000000000000001.log"), false);
});

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

Deno.test("openStorage() refuses a directory that is open already", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  await assertRejects(() => openStorage(disk, smallOptions()), Error, "in use by");
  await storage.close();
  await (await openStorage(disk, smallOptions())).storage.close();
});

Deno.test("openStorage() reports progress up to all bytes when it reads a log", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 9 };
  await storage.save(batch({ hardState, entries: entries(1, 90, 1) }));
  await storage.createSnapshot(meta(9, 1), image(9), 0);
  await storage.close();
  const seen: [number, number][] = [];
  await reload(disk, smallOptions({ onProgress: (read, total) => seen.push([read, total]) }));
  const total = seen[0]![1];
  assertEquals(seen.length > 4, true);
  assertEquals(
    seen.every(([read, each], i) => each === total && read >= (seen[i - 1]?.[0] ?? 0)),
    true,
  );
  assertEquals(seen.at(-1)![0], total);
});
