/** Watches: one event each, by path segment, from the history or from the future. */
import { assert, assertEquals } from "@std/assert";
import { pathHashOf } from "../../src/store/keyspace/hash.ts";
import type { Watch } from "../../src/store/watch/hub.ts";
import { put, treePut } from "./commands.ts";
import { Log, slices } from "./log.ts";
import type { V1Event } from "./v1_words.ts";

Deno.test("watch() waits for the next event of a key", () => {
  const log = new Log();
  log.set("/foo", "before");
  const events = log.watch("/foo");
  assertEquals(log.store.watches.size, 1);
  const set = log.set("/foo", "1");
  log.set("/foo", "2");
  assertEquals(events, [set] as V1Event[]);
  assertEquals(log.store.watches.size, 0);
});

Deno.test("watch() covers a path and all under it, by segment", () => {
  const log = new Log();
  const watched = ["/", "/w", "/w/x", "/w/x/y/z", "/w/x/y/z/below", "/wx"].map((path) =>
    [path, log.watch(path)] as const
  );
  log.set("/w/x/y/z", "deep");
  const seen = watched.filter(([, events]) => events.length === 1).map(([path]) => path);
  assertEquals(seen, ["/", "/w", "/w/x", "/w/x/y/z"]);
  log.set("/wxy", "sibling");
  log.set("/wx", "the key itself");
  assertEquals(watched.at(-1)![1].map(({ key }) => key), ["/wx"]);
});

Deno.test("watch() sees no event where nothing changed", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  const events = log.watch("/");
  log.set("/dir", "rejected");
  log.set("/dir/a", "rejected", { prevValue: "2" });
  log.delete("/none");
  log.expire("/dir/a", 99);
  assertEquals(events, []);
});

Deno.test("watch() with an index calls at once when the history has the event", () => {
  const log = new Log();
  log.set("/foo", "1"); // 3
  log.set("/bar", "2"); // 4
  log.set("/foo", "3"); // 5
  const first = (path: string, since: number) => log.watch(path, since).map(({ index }) => index);
  assertEquals(first("/foo", 3), [3]);
  assertEquals(first("/foo", 4), [5]);
  assertEquals(first("/", 4), [4]);
  assertEquals(first("/foo", 0), [3]);
  assertEquals(first("/foo", 6), []);
  assertEquals(log.store.watches.size, 1);
});

Deno.test("watch() with an index in the future waits until an event has it or a higher one", () => {
  const log = new Log();
  const events = [log.watch("/foo", 4), log.watch("/foo", 6), log.watch("/foo", 1000)];
  const indexes = () => events.map(([event]) => event?.index);
  log.set("/foo", "3");
  assertEquals(indexes(), [undefined, undefined, undefined]);
  log.set("/foo", "4");
  assertEquals(indexes(), [4, undefined, undefined]);
  log.set("/other", "5");
  log.delete("/none"); // 6: no event
  log.set("/foo", "7");
  assertEquals(indexes(), [4, 7, undefined]);
});

Deno.test("watch() says from where one can watch when the history no longer reaches back", () => {
  const log = new Log();
  for (let i = 3; i <= 7; i++) log.set("/foo", `${i}`);
  log.keep(3);
  const watch = (since: number) => {
    const seen: number[] = [];
    const first = log.watchFirst("/foo", since, ({ index }) => seen.push(index));
    return first.kind === "cleared" ? log.store.watches.clearedOf("path").logIndex : seen;
  };
  assertEquals(watch(4), 4);
  assertEquals(watch(0), 4);
  assertEquals(watch(5), [5]);
  assertEquals(log.store.watches.size, 0);
});

Deno.test("watch() can look back to any index while nothing was dropped", () => {
  const log = new Log();
  assertEquals(log.watch("/", 1), []);
  log.index = 99;
  log.set("/foo", "1");
  assertEquals(log.watch("/", 1).map(({ index }) => index), [100]);
  assertEquals(log.store.stats().historyFirstIndex, 0);
});

Deno.test("watch() looks back by changes, not by the keys and directories that they touch", () => {
  const log = new Log({ lookBackEvents: 3 });
  for (let i = 0; i < 20; i++) log.set(`/dir/${i}`, "");
  log.apply({
    type: "treeDelete",
    key: "/dir",
    isDirectory: true,
    recursive: true,
    prevValue: undefined,
    prevIndex: 0,
  });
  log.apply(treePut({ key: "/new/deep/er/file" }));
  const seen = (since: number) => {
    const view = { kind: "path", api: "v2", path: "/", recursive: true } as const;
    const watch = log.store.watches.watch(view, since, NO_CALLBACKS);
    if (watch.isCleared) return "cleared";
    const all = rest(watch);
    return typeof all === "string" ? all : [...new Set(all)];
  };
  const { index, store: { changeIndex } } = log;
  assertEquals(seen(changeIndex - 3), "cleared");
  assertEquals(seen(changeIndex - 2), [index - 2, index - 1, index]);
  assertEquals(seen(changeIndex - 1), [index - 1, index]);
});

Deno.test("watch() cannot look back when no history is kept", () => {
  const log = new Log();
  log.set("/foo", "1");
  log.keep(0);
  assertEquals(log.watchFirst("/", 3, () => {}), { kind: "cleared" });
  assertEquals(log.watch("/", 4), []);
});

Deno.test("cancel() ends a watch, twice as well as once", () => {
  const log = new Log();
  const seen: V1Event[] = [];
  for (const since of [undefined, 5000]) {
    const first = log.watchFirst("/foo", since, (event) => seen.push(event));
    const other = log.watch("/foo");
    assert(first.kind === "waiting");
    const { watch } = first;
    watch.cancel();
    watch.cancel();
    assertEquals(log.store.watches.size, 1);
    log.index += 1000;
    log.set("/foo", "1");
    assertEquals(other.length, 1);
    watch.cancel();
    assertEquals(log.store.watches.size, 0);
  }
  assertEquals(seen, []);
});

Deno.test("a callback may watch again and sees each event once", () => {
  const log = new Log();
  const seen: number[] = [];
  const follow = (since: number | undefined) => {
    log.watchFirst("/foo", since, ({ index }) => {
      seen.push(index);
      follow(index + 1);
    });
  };
  follow(undefined);
  for (let i = 3; i < 10; i++) log.set(`/foo/${i % 3}`, "1");
  assertEquals(seen, [3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("a callback may watch the next event without an index", () => {
  const log = new Log();
  const seen: number[] = [];
  const follow = () => {
    log.watchFirst("/foo", undefined, ({ index }) => {
      seen.push(index);
      follow();
    });
  };
  follow();
  for (let i = 3; i < 6; i++) log.set("/foo", "1");
  assertEquals(seen, [3, 4, 5]);
});

Deno.test("a callback may cancel a watch that is due for the same event", () => {
  const log = new Log();
  const seen: string[] = [];
  let second: { cancel(): void } | undefined;
  log.watchFirst("/foo", undefined, () => {
    seen.push("first");
    second?.cancel();
  });
  const first = log.watchFirst("/foo", undefined, () => seen.push("second"));
  if (first.kind === "waiting") second = first.watch;
  log.set("/foo", "1");
  assertEquals(seen, ["first"]);
  assertEquals(log.store.watches.size, 0);
});

Deno.test("ten thousand watches of one key are told in one pass, in the order they came", () => {
  const log = new Log();
  const order: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    log.watchFirst("/foo", undefined, () => order.push(i));
  }
  log.set("/foo", "1");
  assertEquals(order, Array.from({ length: 10_000 }, (_, i) => i));
  assertEquals(log.store.watches.size, 0);
});

Deno.test("paths with the same hash are kept apart", () => {
  const [one, other] = collidingPaths();
  const log = new Log();
  const events = log.watch(one);
  const others = log.watch(other);
  log.set(`${one}/x`, "1");
  assertEquals([events.length, others.length], [1, 0]);
  log.set(`${one}/x`, "2");
  log.set(other, "3");
  assertEquals(others.map(({ key }) => key), [other]);
  assertEquals(log.store.watches.size, 0);
});

function collidingPaths(): [string, string] {
  const paths = new Map<number, string>();
  for (let i = 0; i < 1_000_000; i++) {
    const path = `/${i.toString(36)}`;
    const hash = pathHashOf(path);
    const other = paths.get(hash);
    if (other !== undefined) return [other, path];
    paths.set(hash, path);
  }
  throw new Error("Among a million paths some must have the same 32-bit hash");
}

Deno.test("a watch goes on across a restore and gets what the state is ahead by", async () => {
  const ahead = new Log();
  const behind = new Log();
  for (const log of [ahead, behind]) log.set("/a", "1");
  const root = behind.watch("/");
  const late = behind.watch("/b", 5);
  const never = behind.watch("/none");
  ahead.set("/b", "too early"); // 4
  ahead.set("/b", "2"); // 5
  await behind.store.restore(slices(ahead.store));
  assertEquals(root.map(({ index }) => index), [4]);
  assertEquals(late.map(({ index }) => index), [5]);
  assertEquals(never, []);
  assertEquals(behind.store.watches.size, 1);
});

Deno.test("a callback that watches on during a restore sees each event once", async () => {
  const ahead = new Log();
  const behind = new Log();
  for (let i = 3; i <= 9; i++) ahead.set("/a", `${i}`);
  const seen: number[] = [];
  const follow = () => {
    const since = seen.length === 0 ? undefined : seen.at(-1)! + 1;
    behind.watchFirst("/", since, ({ index }) => {
      seen.push(index);
      follow();
    });
  };
  follow();
  await behind.store.restore(slices(ahead.store));
  assertEquals(seen, [3, 4, 5, 6, 7, 8, 9]);
  assertEquals(behind.store.watches.size, 1);
});

Deno.test("a watch is told that a restore jumped over events that it waited for", async () => {
  const ahead = new Log();
  const behind = new Log();
  const told: string[] = [];
  const watch = (path: string, since?: number) => {
    behind.watchFirst(
      path,
      since,
      ({ index }) => told.push(`${path} event ${index}`),
      () => told.push(`${path} cleared`),
    );
  };
  watch("/a");
  watch("/b", 5);
  watch("/c", 6);
  watch("/d", 8);
  for (let i = 3; i <= 7; i++) ahead.set("/c", `${i}`);
  ahead.keep(2);
  await behind.store.restore(slices(ahead.store));
  assertEquals(told.toSorted(), ["/a cleared", "/b cleared", "/c event 6"]);
  assertEquals(behind.store.watches.size, 1, "/d waits for what is still to come");
});

const EVERYTHING = { kind: "range", range: { start: "\0", end: undefined } } as const;
const NO_CALLBACKS = { onEvents: () => {}, onBehind: () => {} };

/** The log indexes of what `watch` reads until it is synced, or that some of it is gone. */
function rest(watch: Watch): number[] | "cleared" {
  const indexes: number[] = [];
  while (!watch.isSynced) {
    const reading = watch.read(2);
    if (reading.kind === "cleared") return "cleared";
    indexes.push(...reading.events.map(({ logIndex }) => logIndex));
  }
  return indexes;
}

Deno.test("a watch that another's callback pauses reads the entry that it was not told of", () => {
  const log = new Log();
  const seen: number[] = [];
  log.store.watches.watch(EVERYTHING, undefined, {
    ...NO_CALLBACKS,
    onEvents: () => later.pause(),
  });
  const later = log.store.watches.watch(EVERYTHING, undefined, {
    ...NO_CALLBACKS,
    onEvents: (events) => seen.push(...events.map(({ logIndex }) => logIndex)),
  });
  log.set("/a", "3");
  log.set("/a", "4");
  assertEquals([seen, rest(later)], [[], [3, 4]]);
});

Deno.test("a slow watch that lost something to a compaction is told so behind a restore", async () => {
  const ahead = new Log();
  const behind = new Log();
  const watch = behind.store.watches.watch(EVERYTHING, undefined, NO_CALLBACKS);
  watch.pause();
  for (const log of [ahead, behind]) {
    for (let i = 3; i <= 9; i++) log.set("/a", `${i}`);
    log.keep(1);
    // The list is cut a part at each entry.
    log.set("/a", "again");
  }
  await behind.store.restore(slices(ahead.store));
  assertEquals(rest(watch), "cleared");
});

Deno.test("a slow watch that begins in the midst of an entry misses nothing behind a restore", async () => {
  const ahead = new Log();
  const behind = new Log();
  const success = ["/a", "/b", "/c"].map((key) => put({ key }));
  for (const log of [ahead, behind]) log.apply({ type: "txn", compares: [], success, failure: [] });
  const view = { kind: "path", api: "v2", path: "/", recursive: true } as const;
  const watch = behind.store.watches.watch(view, 5, NO_CALLBACKS);
  await behind.store.restore(slices(ahead.store));
  const reading = watch.read(10);
  assert(reading.kind === "events");
  assertEquals(reading.events.map(({ key }) => key), ["/b", "/c"]);
});

Deno.test("a paused watch that waits for the future has lost nothing of the past", () => {
  const log = new Log();
  const watch = log.store.watches.watch(EVERYTHING, 100, NO_CALLBACKS);
  watch.pause();
  for (let i = 3; i <= 9; i++) log.set("/a", `${i}`);
  log.keep(0);
  assertEquals(rest(watch), []);
});

Deno.test("a cancelled watch that reads stays cancelled", () => {
  const log = new Log();
  log.set("/a", "3");
  const watch = log.store.watches.watch(EVERYTHING, 1, NO_CALLBACKS);
  watch.cancel();
  assertEquals(watch.read(10), { kind: "events", events: [], scanned: 0, isSynced: true });
  assertEquals(log.store.watches.size, 0);
  log.set("/a", "4");
});

Deno.test("a watch has lost nothing when only what it does not see is gone behind a restore", async () => {
  const ahead = new Log();
  const behind = new Log();
  for (const log of [ahead, behind]) log.set("/a", "3");
  const watches = [undefined, 1].map((since) =>
    behind.store.watches.watch(EVERYTHING, since, NO_CALLBACKS)
  );
  for (const watch of watches) rest(watch);
  // v3 sees no directories.
  for (const key of ["/d", "/e"]) ahead.apply(treePut({ key, isDirectory: true }));
  ahead.keep(0);
  await behind.store.restore(slices(ahead.store));
  assertEquals(watches.map(rest), [[], []]);
});
