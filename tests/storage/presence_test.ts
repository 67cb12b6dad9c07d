/** A data directory that is taken away under a running node is noticed, and nothing else is. */
import { assertEquals, assertMatch } from "@std/assert";
import { type FileIdentity, Presence } from "../../src/storage/presence.ts";

/** A file system of one directory. */
class Files {
  readonly all = new Map<string, FileIdentity>([
    ["/d", { dev: 1, ino: 10, size: 0 }],
    ["/d/log", { dev: 1, ino: 11, size: 100 }],
    ["/d/lock", { dev: 1, ino: 12, size: 5 }],
  ]);
  needed = ["lock", "log"];
  /** Called before each answer. */
  onStat = () => {};

  readonly stat = (path: string): Promise<FileIdentity> => {
    this.onStat();
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
  files.all.delete("/d/log");
  files.onStat = () => files.needed = ["lock"];
  assertEquals(await presence.look(), undefined);
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
