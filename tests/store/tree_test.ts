/** What v2's commands do where v3 and v2 meet in one key space. */
import { assert, assertEquals } from "@std/assert";
import { encodeCommand } from "../../src/store/command/codec.ts";
import { NOBODY } from "../../src/store/command/command.ts";
import type { Event } from "../../src/store/event.ts";
import type { Result } from "../../src/store/result.ts";
import { Store } from "../../src/store/store.ts";
import type { View } from "../../src/store/watch/view.ts";
import { put, setCommand, treePut, utf8 } from "./commands.ts";
import { Log } from "./log.ts";
import { plainEvent } from "./plain.ts";

function rejection(result: Result): string {
  return result.kind === "rejected" ? `${result.reason} ${result.key}` : result.kind;
}

/** The events that `view` is told from `since` on, live or from the history. */
function told(log: Log, view: View, since?: number): Event[] {
  const seen: Event[] = [];
  const watch = log.store.watches.watch(view, since, {
    onEvents: (events) => seen.push(...events),
    onBehind: () => {},
  });
  const reading = watch.read(1000);
  if (reading.kind === "events") seen.push(...reading.events);
  return seen;
}

Deno.test("v1 and v2 write nothing below a file, not even what v3 has put there", () => {
  const log = new Log();
  for (const key of ["/a", "/a/b"]) log.apply(put({ key }));
  const key = "/a/b";
  for (const each of [treePut({ key }), treePut({ key, prevExist: false })]) {
    assertEquals(rejection(log.apply(each)), "notADirectory /a");
  }
  assertEquals(rejection(log.apply(setCommand({ key }))), "notAFile /a/b");
  assertEquals(rejection(log.apply({ type: "delete", key })), "notAFile /a/b");
  assertEquals(log.value("/a/b"), "bar");
  assertEquals(log.list("/"), ["/a=bar"]);
});

Deno.test("a directory of v3's files alone goes with the last of them", () => {
  const log = new Log();
  log.apply(put({ key: "/a/b/c" }));
  log.apply(put({ key: "/a/d" }));
  assertEquals(log.list("/a"), ["/a/b/", "/a/d=bar"]);
  log.apply({ type: "deleteRange", key: "/a/b/", rangeEnd: "/a/b0", wantsPrevious: false });
  assertEquals(log.list("/a"), ["/a/d=bar"]);
  log.apply({ type: "deleteRange", key: "/a/d", rangeEnd: "", wantsPrevious: false });
  assertEquals(log.list("/"), []);
});

/** A store that was restored from the image of the one at the end of `log`. */
async function restored(log: Log): Promise<Store> {
  const store = new Store();
  await store.restore(log.store.snapshot());
  return store;
}

Deno.test("a directory of v3's files alone goes with the last of them in a restored state, too", async () => {
  // Files and directories count alike, and a file that hides a directory counts besides it.
  const keys = ["/a/b", "/a/b/c", "/a/d/e/f", "/a/g", "/h/i/j", "/h/k"];
  for (const last of keys) {
    const log = new Log();
    for (const key of keys) log.apply(put({ key }));
    const store = await restored(log);
    let index = log.index;
    const remove = (key: string) => {
      const command = { type: "deleteRange", key, rangeEnd: "", wantsPrevious: false } as const;
      store.apply(++index, encodeCommand(command, NOBODY, log.timeMs));
    };
    for (const key of keys) if (key !== last) remove(key);
    const above = last.split("/").slice(1, -1).map((_, i, names) =>
      `/${names.slice(0, i + 1).join("/")}`
    );
    assertEquals(store.stats().directories, above.length, last);
    for (const path of above) assertEquals(store.hasDirectory(path), true, path);
    remove(last);
    assertEquals(store.stats().directories, 0, last);
  }
});

Deno.test("the bytes that are there count the directories above a key, as long as they are there", async () => {
  const log = new Log();
  const deep = `/${Array(100).fill("d".repeat(30)).join("/")}`;
  log.apply(put({ key: "/d" }));
  const { liveBytes: before } = log.store;
  log.apply(put({ key: `${deep}/file` }));
  // Each level spells out its path: those of a hundred are more than a hundred kilobytes.
  assert(log.store.liveBytes > before + 100_000);
  assertEquals((await restored(log)).liveBytes, log.store.liveBytes);
  log.apply({ type: "deleteRange", key: `${deep}/file`, rangeEnd: "", wantsPrevious: false });
  assertEquals(log.store.liveBytes, before);
});

Deno.test("a directory of v3's files that comes again counts nothing of before", () => {
  const log = new Log();
  for (const key of ["/a/b", "/a/c", "/a/d"]) log.apply(put({ key }));
  log.apply({
    ...{ type: "treeDelete", key: "/a", isDirectory: true, recursive: true },
    ...{ prevValue: undefined, prevIndex: 0 },
  });
  log.apply(put({ key: "/a/b" }));
  log.apply({ type: "deleteRange", key: "/a/b", rangeEnd: "", wantsPrevious: false });
  assertEquals(log.list("/"), []);
});

Deno.test("a directory that takes the place of a file counts in the one above it", () => {
  const log = new Log();
  log.apply(put({ key: "/a/b" }));
  log.apply(put({ key: "/a/c" }));
  log.apply(treePut({ key: "/a/b", isDirectory: true }));
  log.apply({ type: "deleteRange", key: "/a/c", rangeEnd: "", wantsPrevious: false });
  assertEquals(log.list("/"), ["/a/"]);
  assertEquals(log.list("/a"), ["/a/b/"]);
});

Deno.test("a directory that takes the place of a file leaves those above it as they were", () => {
  const log = new Log();
  log.apply(put({ key: "/a/b" }));
  log.apply(put({ key: "/other" }));
  const before = log.store.read("/a", log.timeMs);
  log.apply(treePut({ key: "/a/b", isDirectory: true }));
  assertEquals(log.store.read("/a", log.timeMs), before);
  assertEquals(log.kind("/a/b"), "directory");
});

Deno.test("a directory that a file hid tells the same from the history when another replaces both", () => {
  const log = new Log();
  const view = { kind: "path", api: "v2", path: "/a", recursive: false } as const;
  const live = told(log, view);
  log.apply(treePut({ key: "/a", isDirectory: true }));
  log.apply(put({ key: "/a" }));
  log.apply(treePut({ key: "/a", isDirectory: true }));
  assertEquals(live.map(({ action, isDirectory }) => [action, isDirectory]), [
    ["set", true],
    ["set", false],
    ["set", true],
  ]);
  assertEquals(told(log, view, 1).map(plainEvent), live.map(plainEvent));
});

Deno.test("who waits behind the index of a new cluster misses nothing", () => {
  const log = new Log();
  const index = log.store.changeIndex;
  log.apply(treePut({ key: "/early" }));
  const view = { kind: "path", api: "v2", path: "/", recursive: true } as const;
  assertEquals(told(log, view, index).map(({ key }) => key), ["/early"]);
  assert(index > 0, "etcd's clients say nothing of an index of 0, which means from now on");
  assertEquals(log.store.changeIndex, 4, "as in a new cluster of etcd 3.4");
});

Deno.test("an update of a directory is told alike when it happens and from the history", () => {
  const log = new Log();
  const view = { kind: "path", api: "v2", path: "/", recursive: true } as const;
  const live = told(log, view);
  log.apply(treePut({ key: "/d", isDirectory: true }));
  const update = { key: "/d", isDirectory: true, prevExist: true, value: utf8("") } as const;
  log.apply(treePut({ ...update, ttlSeconds: 5 }));
  log.apply(treePut({ ...update, ttlSeconds: 9 }));
  assertEquals(live.map(({ after }) => after?.modifiedIndex), [4, 5, 6]);
  assertEquals(told(log, view, 1).map(plainEvent), live.map(plainEvent));
});

Deno.test("v2 tells of a key that is created with refresh=true, and not of one that is refreshed", () => {
  const log = new Log();
  const live = told(log, { kind: "path", api: "v2", path: "/a", recursive: false });
  const create = treePut({ key: "/a", prevExist: false, refresh: true, ttlSeconds: 5 });
  log.apply(create);
  log.apply({ ...create, prevExist: true });
  assertEquals(live.map(({ action }) => action), ["create"]);
  assertEquals(log.store.changeIndex, 5);
});

Deno.test("an expiry takes a file below a file, too", () => {
  const log = new Log();
  log.apply(treePut({ key: "/a/b", ttlSeconds: 1 }));
  log.apply(put({ key: "/a" }));
  log.timeMs += 1000;
  const [result] = log.expireDue();
  assert(result !== undefined && "action" in result);
  assertEquals(log.list("/"), ["/a=bar"]);
});
