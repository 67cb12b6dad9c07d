/**
 * Directories that are made again, by a restore or a recovery: whatever operation
 * a crash hits, what is left is what was there before, or it keeps every node
 * away until the same command has run to its end.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { UnfinishedError } from "../../src/storage/errors.ts";
import {
  DirectoryInUseError,
  type Foundation,
  NoMemberError,
  Recovery,
  restoreInto,
} from "../../src/storage/rebuild.ts";
import { openStorage } from "../../src/storage/storage.ts";
import {
  batch,
  crashesOf,
  describe,
  entries,
  founded,
  image,
  joinBytes,
  meta,
  reload,
  seeded,
  smallOptions,
} from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

const ALONE = {
  members: [{
    id: 99,
    name: "new",
    peerUrls: ["http://127.0.0.1:7001"],
    clientUrls: ["http://127.0.0.1:4001"],
    voter: true,
  }],
  removed: [],
};

const FOUNDATION: Foundation = {
  identity: { memberId: 99, clusterId: 77, name: "new", initial: undefined },
  meta: meta(40, 5, ALONE),
  slices: image(40),
};

async function assertRebuilt(disk: MemoryDisk, place: string): Promise<void> {
  const found = await reload(disk);
  assertEquals(found.identity, FOUNDATION.identity, place);
  assertEquals(found.loaded.snapshot, FOUNDATION.meta, place);
  assertEquals(found.loaded.entries, [], place);
  assertEquals(found.image, joinBytes(image(40)), place);
  assertEquals(found.loaded.hardState, { term: 5, vote: 0, commitIndex: 40 }, place);
}

/** A member's directory with a few segments and a snapshot. */
async function usedDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const storage = await founded(disk);
  for (let index = 1; index < 40; index += 3) {
    await storage.save(batch({
      hardState: { term: 1, vote: 0, commitIndex: index - 1 },
      entries: entries(index, index + 2, 1),
    }));
  }
  await storage.createSnapshot(meta(20, 1), image(20), 10);
  await storage.close();
  return disk;
}

async function recover(disk: MemoryDisk): Promise<void> {
  const recovery = await Recovery.open(disk, smallOptions());
  try {
    if (recovery.content !== undefined) await recovery.commit(FOUNDATION);
    else await recovery.finish(() => FOUNDATION.identity);
  } finally {
    recovery.close();
  }
}

Deno.test("restoreInto() makes a directory that a node opens", async () => {
  const disk = new MemoryDisk();
  await restoreInto(disk, FOUNDATION, smallOptions());
  await assertRebuilt(disk, "at once");
  await assertRebuilt(disk.crashed(seeded(1)), "after a power cut");
});

Deno.test("a node that starts on a restored directory saves and comes back", async () => {
  const disk = new MemoryDisk();
  await restoreInto(disk, FOUNDATION, smallOptions());
  const { storage } = await openStorage(disk, smallOptions());
  await storage.save(batch({
    hardState: { term: 6, vote: 99, commitIndex: 40 },
    entries: entries(41, 43, 6),
  }));
  await storage.close();
  const { loaded } = await reload(disk);
  assertEquals(loaded.snapshot.index, 40);
  assertEquals(loaded.entries.map(({ index }) => index), [41, 42, 43]);
});

Deno.test("restoreInto() leaves the data of a node alone", async () => {
  const disk = await usedDisk();
  const before = describe((await reload(disk)).loaded);
  await assertRejects(
    () => restoreInto(disk, FOUNDATION, smallOptions()),
    DirectoryInUseError,
    "found",
  );
  assertEquals(describe((await reload(disk)).loaded), before);
});

Deno.test("restoreInto() leaves nothing, or what only a restore goes on with, when a crash hits any operation", async () => {
  const left = await crashesOf(
    new MemoryDisk(),
    (disk) => restoreInto(disk, FOUNDATION, smallOptions()),
  );
  assert(left.length > 100);
  let unfinished = 0;
  for (const { place, disk } of left) {
    const outcome = await opened(disk.killed({}));
    if (outcome === "unfinished") unfinished++;
    else assert(outcome === "new" || outcome === "rebuilt", `${outcome} when ${place}`);
    if (outcome !== "rebuilt") await restoreInto(disk, FOUNDATION, smallOptions());
    await assertRebuilt(disk, place);
  }
  assert(unfinished > 50);
});

Deno.test("a recovery leaves the old directory, or what only a recovery goes on with, when a crash hits any operation", async () => {
  const used = await usedDisk();
  const before = describe((await reload(used.killed({}))).loaded);
  const left = await crashesOf(used, recover);
  assert(left.length > 100);
  let unfinished = 0;
  for (const { place, disk } of left) {
    const outcome = await opened(disk.killed({}));
    if (outcome === "unfinished") unfinished++;
    else assert(outcome === before || outcome === "rebuilt", `${outcome} when ${place}`);
    await recover(disk);
    await assertRebuilt(disk, place);
  }
  assert(unfinished > 50);
});

Deno.test("a recovery finds all that the log holds, committed or not", async () => {
  const disk = await usedDisk();
  const recovery = await Recovery.open(disk, smallOptions());
  const { snapshot, entries, hardState } = recovery.content!.loaded;
  recovery.close();
  assertEquals([snapshot.index, entries.at(-1)!.index, hardState.commitIndex], [20, 39, 36]);
});

Deno.test("Recovery.open() refuses a directory without a member, and one in use", async () => {
  await assertRejects(() => Recovery.open(new MemoryDisk(), smallOptions()), NoMemberError);
  const disk = await usedDisk();
  const { storage } = await openStorage(disk, smallOptions());
  await assertRejects(() => Recovery.open(disk, smallOptions()), Error, "in use");
  await storage.close();
});

/** What a node finds: "unfinished", "new", "rebuilt", or the description of what it loads. */
async function opened(disk: MemoryDisk): Promise<string> {
  try {
    const { identity, loaded } = await reload(disk);
    if (identity?.memberId === 99) return "rebuilt";
    return identity === undefined && loaded.snapshot.index === 0 && loaded.entries.length === 0
      ? "new"
      : describe(loaded);
  } catch (error) {
    if (error instanceof UnfinishedError) return "unfinished";
    throw error;
  }
}

Deno.test("a recovery that goes on after a kill survives a power cut", async () => {
  let killed: MemoryDisk | undefined;
  const watched: MemoryDisk = (await usedDisk()).killed({
    before: ({ kind }) => {
      const isMarked = watched.list().some(({ name }) => name === "etcd.recovering");
      if (kind === "syncDirectory" && isMarked) killed ??= watched.killed({});
    },
  });
  await recover(watched);
  for (const { place, disk } of await crashesOf(killed!, recover)) {
    await recover(disk);
    await assertRebuilt(disk, place);
  }
});
