/** A data directory that is taken away under a running node is noticed, and nothing else is. */
import { assertEquals, assertMatch } from "@std/assert";
import { type FileIdentity, Presence } from "../../src/storage/presence.ts";
import { openRealDisk } from "../../src/storage/real_disk.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { batch, entries, FOUNDER, meta, smallOptions } from "./harness.ts";

/** A file system of one directory. */
class Files {
  readonly all = new Map<string, FileIdentity>([
    ["/d", { dev: 1, ino: 10, size: 0 }],
    ["/d/log", { dev: 1, ino: 11, size: 100 }],
    ["/d/lock", { dev: 1, ino: 12, size: 5 }],
  ]);
  needed = [{ name: "lock", sizeMin: 0 }, { name: "log", sizeMin: 100 }];
  /** Called before each answer. */
  onStat = (_path: string): void => {};

  readonly stat = (path: string): Promise<FileIdentity> => {
    this.onStat(path);
    const found = this.all.get(path);
    if (found !== undefined) return Promise.resolve(found);
    return Promise.reject(new Deno.errors.NotFound(path));
  };
}

async function watch(): Promise<{ files: Files; presence: Presence }> {
  const files = new Files();
  const { stat } = files;
  const presence = new Presence({ path: "/d", files: () => files.needed, stat, recheckMs: 1 });
  assertEquals(await presence.look(), undefined);
  return { files, presence };
}

Deno.test("look() finds nothing while everything is in its place", async () => {
  const { files, presence } = await watch();
  files.all.set("/d/log", { dev: 1, ino: 11, size: 200 });
  files.all.set("/d/notes", { dev: 1, ino: 13, size: 1 });
  assertEquals(await presence.look(), undefined);
});

Deno.test("look() names what is gone, replaced or cut short", async () => {
  const losses: [string, (files: Files) => unknown, RegExp][] = [
    ["removed", (files) => files.all.clear(), /directory "\/d" is no longer there/],
    ["a file", (files) => files.all.delete("/d/log"), /"\/d\/log" is no longer there/],
    ["another", (files) => files.all.set("/d", { dev: 1, ino: 99, size: 0 }), /Another directory/],
    ["mounted", (files) => files.all.set("/d", { dev: 2, ino: 10, size: 0 }), /Another directory/],
    ["cut", (files) => files.all.set("/d/log", { dev: 1, ino: 11, size: 0 }), /cut short/],
  ];
  for (const [how, lose, says] of losses) {
    const { files, presence } = await watch();
    lose(files);
    assertMatch(await presence.look() ?? "nothing", says, how);
  }
});

Deno.test("look() forgives a file that the node gave up meanwhile", async () => {
  const { files, presence } = await watch();
  let number = 0;
  // Another one each time that it is looked at.
  files.onStat = (path) => {
    if (!path.startsWith("/d/log")) return;
    const name = `log${++number}`;
    files.all.delete(path);
    files.all.set(`/d/${name}`, { dev: 1, ino: 20 + number, size: 100 });
    files.needed = [{ name, sizeMin: 100 }];
  };
  assertEquals(await presence.look(), undefined);
  assertEquals(number, 1);
});

Deno.test("look() forgives a file that the node replaced meanwhile by a shorter one", async () => {
  const { files, presence } = await watch();
  let size = 100;
  files.onStat = (path) => {
    if (path !== "/d/log") return;
    size -= 10;
    files.all.set(path, { dev: 1, ino: size, size });
    files.needed = [{ name: "log", sizeMin: size }];
  };
  assertEquals(await presence.look(), undefined);
  assertEquals(size, 90);
});

Deno.test("look() finds a whole directory whatever a node writes there, and a log that was cut short", async () => {
  const path = await Deno.makeTempDir();
  try {
    const { storage } = await openStorage(await openRealDisk(path), smallOptions());
    const files = () => storage.files;
    const presence = new Presence({ path, files, stat: Deno.stat, recheckMs: 1 });
    const identity = { ...FOUNDER, initial: undefined };
    const promised = { round: 1, proposer: 2 };
    // As a node writes it that forms a cluster, joins one and serves.
    for (
      const more of [{ founding: { promised, accepted: undefined } }, { votersAwaited: 2 }, {}]
    ) {
      await storage.writeIdentity({ ...identity, ...more });
      assertEquals(await presence.look(), undefined);
    }
    const hardState = { term: 1, vote: 1, commitIndex: 0 };
    await storage.save(batch({ hardState, entries: entries(1, 400, 1) }));
    await storage.createSnapshot(meta(300, 1), [new Uint8Array(5000)], 300);
    assertEquals(await presence.look(), undefined);
    const log = storage.files.at(-1)!;
    await Deno.truncate(`${path}/${log.name}`, log.sizeMin - 1);
    assertMatch(await presence.look() ?? "nothing", /wal-\d+.log" was cut short/);
    await storage.close();
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

Deno.test("look() forgives a directory that comes back at once", async () => {
  const { files, presence } = await watch();
  const directory = files.all.get("/d")!;
  files.all.delete("/d");
  let looks = 0;
  files.onStat = () => {
    if (++looks === 2) files.all.set("/d", directory);
  };
  assertEquals(await presence.look(), undefined);
});

Deno.test("look() judges nothing when the file system does not tell", async () => {
  const { files, presence } = await watch();
  files.onStat = () => {
    throw new Deno.errors.PermissionDenied("stat");
  };
  assertEquals(await presence.look(), undefined);
});
