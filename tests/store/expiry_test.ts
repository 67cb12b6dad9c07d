/** Keys with a TTL: what is reported, who still sees them, and how they expire. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { NOTHING } from "../../src/store/result.ts";
import type { Store } from "../../src/store/store.ts";
import { Log, START_MS } from "./log.ts";

Deno.test("set() with a TTL reports the deadline and the whole seconds that remain", () => {
  const log = new Log();
  assertEquals(log.set("/foo", "bar", { ttlSeconds: 5 }), {
    action: "SET",
    key: "/foo",
    value: "bar",
    newKey: true,
    expirationMs: START_MS + 5000,
    ttlSeconds: 5,
    index: 3,
  });
  assertEquals(log.store.nextDeadlineMs(), START_MS + 5000);
});

Deno.test("set() tells the TTL of a second, too", () => {
  const log = new Log();
  const event = log.set("/foo", "bar", { ttlSeconds: 1 });
  assertEquals(event, {
    action: "SET",
    key: "/foo",
    value: "bar",
    newKey: true,
    expirationMs: START_MS + 1000,
    ttlSeconds: 1,
    index: 3,
  });
});

Deno.test("set() without a TTL makes a key permanent", () => {
  const log = new Log();
  log.set("/u", "2", { ttlSeconds: 100 });
  assertEquals(log.set("/u", "3"), {
    action: "SET",
    key: "/u",
    prevValue: "2",
    value: "3",
    newKey: false,
    index: 4,
  });
  assertEquals(log.store.nextDeadlineMs(), Infinity);
  assertEquals(log.store.stats().expiring, 0);
});

Deno.test("set() with a TTL of zero or less deletes", () => {
  const log = new Log();
  for (const ttlSeconds of [0, -1, -Number.MAX_SAFE_INTEGER]) {
    log.set("/foo", "bar");
    assertEquals(log.set("/foo", "gone", { ttlSeconds }), {
      action: "DELETE",
      key: "/foo",
      prevValue: "bar",
      newKey: false,
      index: log.index,
    });
    assertEquals(log.set("/foo", "gone", { ttlSeconds }), {
      kind: "rejected",
      reason: "keyNotFound",
      key: "/foo",
    });
  }
  assertEquals(log.set("/a/b", "gone", { ttlSeconds: 0 }), {
    kind: "rejected",
    reason: "keyNotFound",
    key: "/a/b",
  });
  assertEquals(log.list("/"), []);
});

Deno.test("a test-and-set with a TTL of zero compares before it deletes", () => {
  const log = new Log();
  log.set("/foo", "bar");
  assertEquals(log.set("/foo", "x", { prevValue: "other", ttlSeconds: 0 }), {
    kind: "rejected",
    reason: "testFailed",
    key: "/foo",
    expected: "other",
    found: "bar",
  });
  assertEquals(log.set("/foo", "x", { prevValue: "bar", ttlSeconds: 0 }), {
    action: "DELETE",
    key: "/foo",
    prevValue: "bar",
    newKey: false,
    index: 5,
  });
});

Deno.test("delete() reports the deadline of a key that had one", () => {
  const log = new Log();
  log.set("/u", "4", { ttlSeconds: 50 });
  assertEquals(log.delete("/u"), {
    action: "DELETE",
    key: "/u",
    prevValue: "4",
    newKey: false,
    expirationMs: START_MS + 50_000,
    index: 4,
  });
  assertEquals(log.store.nextDeadlineMs(), Infinity);
});

Deno.test("set() never makes a deadline beyond the year 9999", () => {
  const log = new Log();
  log.set("/foo", "bar", { ttlSeconds: Number.MAX_SAFE_INTEGER });
  assertEquals(new Date(log.store.nextDeadlineMs()).toISOString(), "9999-12-31T23:59:59.999Z");
});

Deno.test("set() counts its TTL from the latest time when its own stamp is earlier", () => {
  const log = new Log();
  log.set("/now", "1");
  log.timeMs -= 3_600_000;
  log.set("/foo", "bar", { ttlSeconds: 5 });
  assertEquals(log.store.timeMs, START_MS);
  assertEquals(log.store.nextDeadlineMs(), START_MS + 5000);
});

Deno.test("read() and list() no longer see a file from its deadline on", () => {
  const { store, ...log } = expiringLog();
  assertEquals(store.read("/dir/b", log.deadlineMs - 1)?.value, "2");
  assertEquals(store.read("/dir/b", log.deadlineMs), undefined);
  assertEquals([...store.list("/dir", log.deadlineMs - 1)].map(({ key }) => key), [
    "/dir/a",
    "/dir/b",
    "/dir/c",
  ]);
  assertEquals([...store.list("/dir", log.deadlineMs)].map(({ key }) => key), ["/dir/a", "/dir/c"]);
});

function expiringLog(): { store: Store; deadlineMs: number } {
  const log = new Log();
  log.set("/dir/a", "1");
  log.set("/dir/b", "2", { ttlSeconds: 1 });
  log.set("/dir/c", "3", { ttlSeconds: 2 });
  return { store: log.store, deadlineMs: START_MS + 1000 };
}

Deno.test("an expiry removes the file and is an event when its guard fits", () => {
  const log = new Log();
  log.set("/foo", "bar", { ttlSeconds: 5 });
  const events = log.watch("/foo");
  log.timeMs += 5000;
  const expired = {
    action: "DELETE",
    key: "/foo",
    prevValue: "bar",
    newKey: false,
    expirationMs: START_MS + 5000,
    index: 4,
  } as const;
  assertEquals(log.expire("/foo", 3), expired);
  assertEquals(events, [expired]);
});

Deno.test("an expiry does nothing when the key was set again, deleted or is a directory", () => {
  const log = new Log();
  log.set("/foo", "bar", { ttlSeconds: 5 });
  log.set("/foo", "refreshed", { ttlSeconds: 5 });
  log.set("/dir/a", "1");
  const before = log.store.index;
  const events = log.watch("/");
  for (const key of ["/foo", "/dir", "/none", "/"]) {
    assertStrictEquals(log.expire(key, 3), NOTHING);
  }
  assertEquals(log.value("/foo"), "refreshed");
  assertEquals(log.store.index, before);
  assertEquals(events, []);
});

Deno.test("a key lives on for commands until its expiry is applied", () => {
  const log = new Log();
  log.set("/foo", "bar", { ttlSeconds: 5 });
  log.timeMs += 6000;
  assertEquals(log.value("/foo"), undefined);
  assertEquals(log.set("/foo", "again", { prevValue: "bar" }), {
    action: "SET",
    key: "/foo",
    prevValue: "bar",
    value: "again",
    newKey: false,
    index: 4,
  });
});

Deno.test("due() gives the expiries in the order of the deadlines, and again until they are applied", () => {
  const log = new Log();
  for (
    const [key, ttlSeconds] of [["/c", 3], ["/a", 1], ["/d", 4], ["/b", 2], ["/e", 1]] as const
  ) {
    log.set(key, "1", { ttlSeconds });
  }
  const now = START_MS + 3000;
  assertEquals(log.store.due(START_MS + 999, 10), []);
  assertEquals(log.store.due(now, 2).length, 2);
  assertEquals(log.store.due(now, 10), log.store.due(now, 10));
  log.timeMs = now;
  const expired = log.expireDue().map((result) => "key" in result ? result.key : result);
  assertEquals(expired, ["/a", "/e", "/b", "/c"]);
  assertEquals(log.store.nextDeadlineMs(), START_MS + 4000);
  assertEquals(log.store.due(now, 10), []);
});

Deno.test("due() makes nothing of a key that was refreshed", () => {
  const log = new Log();
  log.set("/foo", "1", { ttlSeconds: 5 });
  const late = log.store.due(START_MS + 5000, 1)[0]!;
  log.set("/foo", "2", { ttlSeconds: 60 });
  assertEquals(log.store.due(START_MS + 5000, 1), []);
  assertStrictEquals(log.store.apply(++log.index, late), NOTHING);
  assertEquals(log.value("/foo"), "2");
});

Deno.test("the deadlines take no more room when a key is refreshed ten thousand times", () => {
  const log = new Log();
  for (let i = 0; i < 10_000; i++) log.set("/foo", "bar", { ttlSeconds: 1 + i % 100 });
  assertEquals(log.store.stats().expiring, 1);
  assertEquals(log.store.due(START_MS + 1_000_000, 10).length, 1);
});

Deno.test("stats() counts files, directories, watches, deadlines and events", () => {
  const log = new Log();
  log.set("/a/b", "1");
  log.set("/a/c", "1", { ttlSeconds: 5 });
  log.set("/d", "1");
  log.keep(2);
  log.watch("/a");
  const { historyBytes, liveBytes, sizeBytes, ...counts } = log.store.stats();
  assert(historyBytes > 0 && liveBytes > 0 && sizeBytes > historyBytes + liveBytes);
  assertEquals(counts, {
    keys: 3,
    files: 3,
    directories: 1,
    watchers: 1,
    slowWatchers: 0,
    expiring: 1,
    leases: 0,
    historyEvents: 2,
    historyFirstIndex: 4,
  });
});
