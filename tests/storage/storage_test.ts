/** What `Storage` promises, on a disk that does not fail: identity, log, order, opening and closing. */
import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../src/storage/disk.ts";
import { type Identity, openStorage } from "../../src/storage/storage.ts";
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
  reload,
  smallOptions,
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
    () => storage.writeIdentity({ ...joining, memberId: 6, clusterId: 9 }),
    Error,
    "never changes",
  );
  await storage.close();
  assertEquals((await reload(disk)).identity, { ...joining, clusterId: 9 });
});

Deno.test("writeIdentity() gives a newcomer the id of the place that it was given", async () => {
  const disk = new MemoryDisk();
  const { storage } = await openStorage(disk, smallOptions());
  const asking = { memberId: 5, clusterId: 0, name: "new", initial: undefined };
  await storage.writeIdentity(asking);
  await storage.writeIdentity({ ...asking, memberId: 6, clusterId: 9 });
  await storage.close();
  assertEquals((await reload(disk)).identity, { ...asking, memberId: 6, clusterId: 9 });
});

Deno.test("writeIdentity() keeps what a node has promised and accepted before it is a member, and how many voters it awaits", async () => {
  const promised = { round: 2 ** 32 - 1, proposer: Number.MAX_SAFE_INTEGER };
  const choice = { clusterId: 9, founder: 5, name: "ünïcode" };
  const accepted = { ballot: { round: 7, proposer: 8 }, choice };
  const blank = { memberId: 5, clusterId: 0, name: "new", initial: undefined };
  const cases: readonly (readonly [Identity, version: number])[] = [
    [{ ...blank, founding: { promised, accepted: undefined } }, 2],
    [{ ...blank, founding: { promised, accepted } }, 2],
    [{ ...blank, clusterId: 9, votersAwaited: 3 }, 2],
    // Earlier versions of the program read it again.
    [{ ...blank, clusterId: 9 }, 1],
  ];
  for (const [identity, version] of cases) {
    const disk = new MemoryDisk();
    const { storage } = await openStorage(disk, smallOptions());
    await storage.writeIdentity(identity);
    await storage.close();
    const [, bytes] = disk.contents().find(([name]) => name === "etcd.identity")!;
    assertEquals(new DataView(bytes.buffer, bytes.byteOffset).getUint32(8), version);
    assertEquals((await reload(disk)).identity, identity);
  }
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

Deno.test("close() waits for a snapshot that is being made, and drops one that is being received", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  const hardState = { term: 1, vote: 0, commitIndex: 3 };
  await storage.save(batch({ hardState, entries: entries(1, 3, 1) }));
  const creating = storage.createSnapshot(meta(2, 1), image(2), 0);
  storage.receiveSnapshot(meta(9, 1)).write(new Uint8Array(10));
  await storage.close();
  await creating;
  await storage.close();
  assertEquals(names(disk).filter((name) => name.startsWith("snapshot")), [
    "snapshot-0000000000000002-0000000000000001.snap",
  ]);
  await assertRejects(() => storage.save(batch({})), Error, "is open");
});

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
