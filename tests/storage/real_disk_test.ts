/** The real disk and its twin behave alike; processes that share a directory, and die. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DiskFullError } from "../../src/base/errors.ts";
import { type Disk, DiskError, type DiskFile, LockedError } from "../../src/storage/disk.ts";
import { openRealDisk } from "../../src/storage/real_disk.ts";
import { openStorage } from "../../src/storage/storage.ts";
import {
  batch,
  describe,
  entries,
  founded,
  image,
  joinBytes,
  meta,
  Model,
  receive,
  reload,
  seeded,
  smallOptions,
  snapshotBytes,
} from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

/** Runs `test` in a directory of its own. */
async function inDirectory(test: (path: string) => Promise<void>): Promise<void> {
  const path = Deno.makeTempDirSync({ prefix: "storage-test-" });
  try {
    await test(path);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

/** Both twins must behave alike. */
async function onBothDisks(test: (disk: Disk) => Promise<void>): Promise<void> {
  await test(new MemoryDisk());
  await inDirectory(async (path) => await test(await openRealDisk(path)));
}

Deno.test("DiskFile reads what was written at any offset, and grows", async () => {
  await onBothDisks(async (disk) => {
    const file = disk.create("a");
    file.write(new Uint8Array([1, 2, 3]), 0);
    file.write(new Uint8Array([9]), 1);
    file.write(new Uint8Array([7, 8]), 5);
    await file.sync();
    assertEquals(file.size(), 7);
    const into = new Uint8Array(10);
    assertEquals(file.read(into, 0), 7);
    assertEquals([...into], [1, 9, 3, 0, 0, 7, 8, 0, 0, 0]);
    assertEquals(file.read(into, 6), 1);
    assertEquals(file.read(into, 7), 0);
    file.write(new Uint8Array([4]), 7);
    assertEquals(file.size(), 8);
    file.close();
  });
});

Deno.test("DiskFile writes where it is told after a write that ended in the middle", async () => {
  await inDirectory(async (path) => {
    const file = (await openRealDisk(path)).create("a");
    file.write(Uint8Array.of(1, 2), 0);
    const { prototype } = Deno.FsFile;
    const { writeSync } = prototype;
    let writes = 0;
    // Two of four bytes find room, and then none, as on a file system that copies on write.
    prototype.writeSync = function (bytes) {
      if (writes++ > 0) throw new Error("No space left on device (os error 28)");
      return writeSync.call(this, bytes.subarray(0, 2));
    };
    try {
      assertThrows(() => file.write(Uint8Array.of(3, 4, 5, 6), 2));
    } finally {
      prototype.writeSync = writeSync;
    }
    file.write(Uint8Array.of(7, 8), 2);
    const into = new Uint8Array(10);
    assertEquals([...into.subarray(0, file.read(into, 0))], [1, 2, 7, 8]);
    file.close();
  });
});

Deno.test("Disk creates in place of an old file, renames over another one, and lists", async () => {
  await onBothDisks(async (disk) => {
    for (const [name, length] of [["a", 5], ["b", 6], ["a", 2]] as const) {
      const file = disk.create(name);
      file.write(new Uint8Array(length), 0);
      file.close();
    }
    disk.rename("a", "b");
    disk.create("c").close();
    await disk.remove("c");
    await disk.syncDirectory();
    assertEquals(disk.list(), [{ name: "b", size: 2 }]);
  });
});

/** Whether the event loop waits for a sync of `file`. */
async function blocks(file: DiskFile, mayBlock: boolean): Promise<boolean> {
  const { prototype } = Deno.FsFile;
  const { syncDataSync } = prototype;
  let waited = false;
  prototype.syncDataSync = function () {
    waited = true;
    syncDataSync.call(this);
  };
  try {
    await file.sync(mayBlock);
  } finally {
    prototype.syncDataSync = syncDataSync;
  }
  return waited;
}

Deno.test("DiskFile lets the event loop wait for a sync if it may, and 32 in a row were quick", async () => {
  await inDirectory(async (path) => {
    let nowMs = 0;
    let tookMs = 1;
    const clock = { monotonicMs: () => nowMs += tookMs, wallMs: () => 0 };
    const file = (await openRealDisk(path, clock)).create("a");
    for (let sync = 0; sync < 32; sync++) {
      assert(!await blocks(file, true), `the disk after ${sync}`);
    }
    assert(!await blocks(file, false), "when others wait");
    tookMs = 1.1;
    assert(await blocks(file, true), "when nobody does");
    assert(!await blocks(file, true), "after one that took longer");
    file.close();
  });
});

Deno.test("Disk fails when a file is not there", async () => {
  await onBothDisks(async (disk) => {
    assertThrows(() => disk.open("a"), DiskError);
    assertThrows(() => disk.rename("a", "b"), DiskError);
    await assertRejects(() => disk.remove("a"), DiskError);
  });
});

Deno.test("Disk goes on reading a file that was removed or replaced", async () => {
  await onBothDisks(async (disk) => {
    const file = disk.create("a");
    file.write(new Uint8Array([5]), 0);
    await disk.remove("a");
    const other = disk.create("a");
    other.write(new Uint8Array([6]), 0);
    other.close();
    const into = new Uint8Array(1);
    file.read(into, 0);
    assertEquals(into[0], 5);
    file.close();
  });
});

Deno.test("Disk.lock() is exclusive until it is released", async () => {
  await onBothDisks(async (disk) => {
    const lock = disk.lock("lock");
    assertThrows(() => disk.lock("lock"), LockedError);
    lock.release();
    disk.lock("lock").release();
    await Promise.resolve();
  });
});

Deno.test("openRealDisk() makes directories and files for their owner only", async () => {
  await inDirectory(async (path) => {
    const nested = `${path}/x/y/`;
    const disk = await openRealDisk(nested);
    disk.create("a").close();
    assertEquals(Deno.statSync(nested).mode! & 0o777, 0o700);
    assertEquals(Deno.statSync(`${path}/x`).mode! & 0o777, 0o700);
    assertEquals(Deno.statSync(`${nested}/a`).mode! & 0o777, 0o600);
    await openRealDisk(nested);
    await assertRejects(
      () => openRealDisk(`${nested}a`),
      DiskError,
      "Could not make the directory",
    );
  });
});

Deno.test({
  name: "DiskFile.write() throws DiskFullError when there is no space",
  // The device that is always full is Linux's.
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inDirectory(async (path) => {
      const disk = await openRealDisk(path);
      Deno.symlinkSync("/dev/full", `${path}/full`);
      const file = disk.open("full");
      assertThrows(() => file.write(new Uint8Array(10), 0), DiskFullError, "No space to write");
      file.close();
    }),
});

Deno.test("openStorage() finds everything on a real disk when it is opened again", async () => {
  await inDirectory(async (path) => {
    const disk = await openRealDisk(path);
    const storage = await founded(disk);
    let model = new Model();
    for (let index = 1; index <= 60; index += 2) {
      const saved = batch({
        hardState: { term: index, vote: 1, commitIndex: index - 1 },
        entries: entries(index, index + 1, index),
      });
      await storage.save(saved);
      model = model.save(saved);
    }
    await storage.createSnapshot(meta(40, 39), image(40), 30);
    model = model.compacted(meta(40, 39));
    const received = meta(90, 70);
    await receive(storage, received, await snapshotBytes(received));
    const installed = batch({
      hardState: { term: 70, vote: 0, commitIndex: 90 },
      snapshot: received,
      entries: entries(91, 95, 70),
    });
    await storage.save(installed);
    model = model.save(installed);
    await storage.close();
    const { loaded, image: joined } = await reload(disk);
    assertEquals(describe(loaded), describe(model));
    assertEquals(joined, joinBytes(image(90)));
  });
});

interface Writer {
  readonly child: Deno.ChildProcess;
  /** The next index that the process was told is durable. */
  next(): Promise<number>;
  /** Kills it with -9; resolves with the last index it was told. */
  kill(): Promise<number>;
}

function startWriter(path: string): Writer {
  const script = new URL("./writer_process.ts", import.meta.url).pathname;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", config, script, path],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const lines = () => text.split("\n").slice(0, -1);
  const more = async () => {
    const { value, done } = await reader.read();
    text += value ?? "";
    return !done;
  };
  return {
    child,
    next: async () => {
      const before = lines().length;
      while (lines().length === before) assert(await more(), "The writer has ended");
      return Number(lines().at(-1));
    },
    kill: async () => {
      child.kill("SIGKILL");
      while (await more());
      await child.status;
      return Number(lines().at(-1) ?? 0);
    },
  };
}

Deno.test("openStorage() refuses a directory that another process holds, and names it, until that is killed", async () => {
  await inDirectory(async (path) => {
    const writer = startWriter(path);
    await writer.next();
    const disk = await openRealDisk(path);
    const error = await assertRejects(() => openStorage(disk, smallOptions()), LockedError);
    assertEquals(error.pid, writer.child.pid);
    assert(error.message.includes(`process ${writer.child.pid}`));
    await writer.kill();
    const { storage } = await openStorage(disk, smallOptions());
    await storage.close();
  });
});

Deno.test("openStorage() finds what was acknowledged when the process was killed again and again", async () => {
  await inDirectory(async (path) => {
    const random = seeded(5);
    const disk = await openRealDisk(path);
    let acknowledged = 0;
    for (let round = 0; round < 4; round++) {
      const writer = startWriter(path);
      let index = await writer.next();
      const until = index + Math.floor(random() * 120);
      while (index < until) index = await writer.next();
      acknowledged = await writer.kill();
      const { loaded } = await reload(disk);
      const last = loaded.entries.at(-1)?.index ?? loaded.snapshot.index;
      assert(last === acknowledged || last === acknowledged + 1, `${last}, ${acknowledged}`);
      const first = loaded.snapshot.index + 1;
      assertEquals(loaded.entries, entries(first, last, 1));
    }
    assert(acknowledged > 100);
  });
});

Deno.test("Disk.list() passes over a file that vanishes meanwhile", async () => {
  await inDirectory(async (path) => {
    const disk = await openRealDisk(path);
    disk.create("a").close();
    Deno.writeTextFileSync(`${path}/foreign`, "");
    const { statSync } = Deno;
    try {
      Deno.statSync = (name) => {
        if (String(name).endsWith("/foreign")) Deno.removeSync(name);
        return statSync(name);
      };
      assertEquals(disk.list(), [{ name: "a", size: 0 }]);
    } finally {
      Deno.statSync = statSync;
    }
  });
});
