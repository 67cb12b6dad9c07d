/** What commands do: the semantics of v1, one rule a test. */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { NOTHING } from "../../src/store/event.ts";
import type { Store } from "../../src/store/store.ts";
import { Log, START_MS } from "./log.ts";

Deno.test("set() reports a new key when there was none", () => {
  const log = new Log();
  assertEquals(log.set("/message", "Hello world"), {
    action: "SET",
    key: "/message",
    value: "Hello world",
    newKey: true,
    index: 3,
  });
  assertEquals(log.store.read("/message", START_MS), {
    kind: "file",
    item: { value: "Hello world", setIndex: 3, deadlineMs: 0 },
  });
});

Deno.test("set() reports the value before when it replaces one", () => {
  const log = new Log();
  log.set("/message", "Hello world");
  assertEquals(log.set("/message", "Hello etcd"), {
    action: "SET",
    key: "/message",
    prevValue: "Hello world",
    value: "Hello etcd",
    newKey: false,
    index: 4,
  });
});

Deno.test("set() is an event when the value stays the same", () => {
  const log = new Log();
  log.set("/u", "1");
  const events = log.watch("/u");
  log.set("/u", "1");
  assertEquals(events.map(({ prevValue, value }) => [prevValue, value]), [["1", "1"]]);
});

Deno.test("set() makes the directories above a key when they are missing", () => {
  const log = new Log();
  log.set("/a/b/c", "deep");
  assertEquals(log.store.read("/a", START_MS), { kind: "directory" });
  assertEquals(log.store.read("/a/b", START_MS), { kind: "directory" });
  assertEquals(log.value("/a/b/c"), "deep");
  assertEquals(log.store.stats().directories, 2);
});

Deno.test("set() is rejected with 102 when the key is a directory", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  assertEquals(log.set("/dir", "1"), { errorCode: 102, cause: "/dir" });
  assertEquals(log.set("/", "1"), { errorCode: 102, cause: "/" });
  assertEquals(log.list("/dir"), ["/dir/a=1"]);
});

Deno.test("set() is rejected with 102 and changes nothing when a file is above the key", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  const { directories } = log.store.stats();
  assertEquals(log.set("/dir/a/b", "1"), { errorCode: 102, cause: "/dir/a/b" });
  assertEquals(log.set("/dir/a/b/c/d", "1"), { errorCode: 102, cause: "/dir/a/b/c/d" });
  assertEquals(log.store.stats().directories, directories);
});

Deno.test("a test-and-set replaces the value when it is the one given", () => {
  const log = new Log();
  log.set("/testAndSet", "one");
  assertEquals(log.set("/testAndSet", "two", { prevValue: "one" }), {
    action: "SET",
    key: "/testAndSet",
    prevValue: "one",
    value: "two",
    newKey: false,
    index: 4,
  });
});

Deno.test("a test-and-set is rejected with 101 when the value is another one", () => {
  const log = new Log();
  log.set("/testAndSet", "one");
  assertEquals(log.set("/testAndSet", "three", { prevValue: "two" }), {
    errorCode: 101,
    cause: "TestAndSet: one!=two",
  });
  assertEquals(log.value("/testAndSet"), "one");
});

Deno.test("a test-and-set is rejected with 100 when the key is missing or a directory", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  for (const key of ["/none", "/none/deep", "/dir", "/dir/a/below-a-file", "/"]) {
    assertEquals(log.set(key, "1", { prevValue: "a" }), { errorCode: 100, cause: key });
  }
  assertEquals(log.list("/"), ["/dir/"]);
});

Deno.test("delete() reports the value that was there", () => {
  const log = new Log();
  log.set("/message", "Hello etcd");
  assertEquals(log.delete("/message"), {
    action: "DELETE",
    key: "/message",
    prevValue: "Hello etcd",
    newKey: false,
    index: 4,
  });
  assertEquals(log.store.read("/message", START_MS), { kind: "missing" });
});

Deno.test("delete() is rejected with 100 when the key is missing or a directory", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  for (const key of ["/none", "/dir", "/dir/a/b", "/"]) {
    assertEquals(log.delete(key), { errorCode: 100, cause: key });
  }
});

Deno.test("delete() leaves the directory when its last child goes", () => {
  const log = new Log();
  log.set("/dir/sub/a", "1");
  log.delete("/dir/sub/a");
  assertEquals(log.list("/dir"), ["/dir/sub/"]);
  assertEquals(log.list("/dir/sub"), []);
  assertEquals(log.set("/dir/sub", "1"), { errorCode: 102, cause: "/dir/sub" });
});

Deno.test("set() with a TTL reports the deadline and the whole seconds that remain", () => {
  const log = new Log();
  assertEquals(log.set("/foo", "bar", { ttlSeconds: 5 }), {
    action: "SET",
    key: "/foo",
    value: "bar",
    newKey: true,
    expirationMs: START_MS + 5000,
    ttlSeconds: 4,
    index: 3,
  });
  assertEquals(log.store.nextDeadlineMs(), START_MS + 5000);
});

Deno.test("set() leaves the TTL out when less than a second remains", () => {
  const log = new Log();
  const event = log.set("/foo", "bar", { ttlSeconds: 1 });
  assertEquals(event, {
    action: "SET",
    key: "/foo",
    value: "bar",
    newKey: true,
    expirationMs: START_MS + 1000,
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
    assertEquals(log.set("/foo", "gone", { ttlSeconds }), { errorCode: 100, cause: "/foo" });
  }
  assertEquals(log.set("/a/b", "gone", { ttlSeconds: 0 }), { errorCode: 100, cause: "/a/b" });
  assertEquals(log.list("/"), []);
});

Deno.test("a test-and-set with a TTL of zero compares before it deletes", () => {
  const log = new Log();
  log.set("/foo", "bar");
  assertEquals(log.set("/foo", "x", { prevValue: "other", ttlSeconds: 0 }), {
    errorCode: 101,
    cause: "TestAndSet: bar!=other",
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
  assertEquals(store.read("/dir/b", log.deadlineMs - 1).kind, "file");
  assertEquals(store.read("/dir/b", log.deadlineMs), { kind: "missing" });
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

Deno.test("index moves with every set and delete, but only with a test-and-set that passes", () => {
  const log = new Log();
  const moves = (apply: () => unknown): boolean => {
    apply();
    return log.store.index === log.index;
  };
  assertEquals(log.store.index, 0);
  assertEquals(moves(() => log.set("/dir/a", "1", { ttlSeconds: 1 })), true);
  assertEquals(moves(() => log.set("/dir", "1")), true, "102");
  assertEquals(moves(() => log.delete("/none")), true, "100");
  assertEquals(moves(() => log.set("/none", "1", { ttlSeconds: 0 })), true, "100");
  assertEquals(moves(() => log.set("/none", "1", { prevValue: "2" })), false, "100");
  assertEquals(moves(() => log.set("/dir", "1", { prevValue: "2" })), false, "100");
  assertEquals(moves(() => log.set("/dir/a", "1", { prevValue: "2" })), false, "101");
  assertEquals(moves(() => log.set("/dir/a", "1", { prevValue: "1", ttlSeconds: 9 })), true);
  assertEquals(moves(() => log.expire("/dir/a", 3)), false, "refreshed");
  assertEquals(moves(() => log.expire("/dir/a", log.index - 1)), true);
});

Deno.test("timeMs is the latest stamp of any command, rejected ones included", () => {
  const log = new Log();
  assertEquals(log.store.timeMs, 0);
  log.delete("/none");
  assertEquals(log.store.timeMs, START_MS);
  log.timeMs -= 1000;
  log.set("/a", "1");
  assertEquals(log.store.timeMs, START_MS);
});

Deno.test("keys named like parts of JavaScript objects are ordinary", () => {
  const log = new Log();
  const names = ["__proto__", "constructor", "hasOwnProperty", "toString", "prototype"];
  for (const name of names) {
    assertEquals(log.store.read(`/${name}`, START_MS), { kind: "missing" });
    log.set(`/${name}/${name}`, name);
    assertEquals(log.value(`/${name}/${name}`), name);
    const events = log.watch(`/${name}`);
    log.delete(`/${name}/${name}`);
    assertEquals(events.length, 1);
  }
  assertEquals(log.list("/"), names.toSorted().map((name) => `/${name}/`));
});

Deno.test("keys and values of every length and script come back as they were", () => {
  const log = new Log();
  const values = ["", "x", "héllo ☃ 𝄞", "\uFEFFmark", "\uFFFD", "\0", "é".repeat(70_000)];
  for (const [i, value] of values.entries()) {
    const key = `/☃/𝄞-${i}-ключ`;
    log.set(key, value);
    log.set(`/plain-${i}`, value);
    assertEquals([log.value(key), log.value(`/plain-${i}`)], [value, value]);
  }
  assertEquals(log.list("/☃").length, values.length);
});

Deno.test("a path two thousand levels deep is set, listed, watched and deleted", () => {
  const log = new Log();
  const parent = "/d".repeat(2000);
  log.set(`${parent}/leaf`, "1");
  assertEquals(log.store.stats().directories, 2000);
  assertEquals(log.list("/d"), ["/d/d/"]);
  assertEquals(log.list(parent), [`${parent}/leaf=1`]);
  const events = log.watch("/d/d/d");
  log.delete(`${parent}/leaf`);
  assertEquals(events.length, 1);
});

Deno.test("read() and list() find nothing at a key that is too long for the store", () => {
  const log = new Log();
  const key = "/" + "k".repeat(1_000_000);
  assertEquals(log.store.read(key, START_MS), { kind: "missing" });
  assertEquals(log.list(key), []);
});

Deno.test("apply() stops the member when a committed entry is no command", () => {
  const log = new Log();
  log.set("/a", "1");
  const digest = log.store.digest();
  for (const bytes of [new Uint8Array(), new Uint8Array([2, 1]), new Uint8Array([1, 9, 0, 0])]) {
    assertThrows(
      () => log.store.apply(9, bytes),
      InvariantError,
      "Expected entry 9 of the log to be a command",
    );
  }
  assertEquals(log.store.digest(), digest);
});

Deno.test("apply() refuses an entry that was applied before", () => {
  const log = new Log();
  log.set("/a", "1");
  log.index--;
  assertThrows(() => log.set("/a", "2"), InvariantError, "ascending");
});

Deno.test("digest() depends on what is there, not on how it came", () => {
  const one = new Log();
  one.set("/a", "1");
  one.set("/b", "2", { ttlSeconds: 9 });
  one.delete("/none");

  const other = new Log();
  other.set("/a", "1");
  other.set("/b", "2", { ttlSeconds: 9 });
  assertEquals(one.store.digest() === other.store.digest(), false, "the index differs");
  other.delete("/none-other");
  assertEquals(one.store.digest(), other.store.digest());

  for (const change of ["/a", "/b"]) {
    const changed = new Log();
    changed.set("/a", change === "/a" ? "1x" : "1");
    changed.set("/b", "2", { ttlSeconds: change === "/b" ? 8 : 9 });
    changed.delete("/none");
    assertEquals(one.store.digest() === changed.store.digest(), false, change);
  }
});

Deno.test("stats() counts files, directories, watches, deadlines and events", () => {
  const log = new Log(2);
  log.set("/a/b", "1");
  log.set("/a/c", "1", { ttlSeconds: 5 });
  log.set("/d", "1");
  log.watch("/a");
  assertEquals(log.store.stats(), {
    keys: 3,
    directories: 1,
    watchers: 1,
    expiring: 1,
    historyEvents: 2,
    historyFirstIndex: 4,
  });
});
