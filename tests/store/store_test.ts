/** What commands do: the semantics of v1, one rule a test. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { compare, put } from "./commands.ts";
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
    key: "/message",
    isDirectory: false,
    value: "Hello world",
    setIndex: 3,
    createdIndex: 4,
    modifiedIndex: 4,
    deadlineMs: 0,
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
  assertEquals(log.kind("/a"), "directory");
  assertEquals(log.kind("/a/b"), "directory");
  assertEquals(log.value("/a/b/c"), "deep");
  assertEquals(log.store.stats().directories, 2);
});

Deno.test("set() is rejected with 102 when the key is a directory", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  assertEquals(log.set("/dir", "1"), { kind: "rejected", reason: "notAFile", key: "/dir" });
  assertEquals(log.set("/", "1"), { kind: "rejected", reason: "notAFile", key: "/" });
  assertEquals(log.list("/dir"), ["/dir/a=1"]);
});

Deno.test("set() is rejected with 102 and changes nothing when a file is above the key", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  const { directories } = log.store.stats();
  assertEquals(log.set("/dir/a/b", "1"), { kind: "rejected", reason: "notAFile", key: "/dir/a/b" });
  assertEquals(log.set("/dir/a/b/c/d", "1"), {
    kind: "rejected",
    reason: "notAFile",
    key: "/dir/a/b/c/d",
  });
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

Deno.test("a test-and-set is rejected when the value is another one", () => {
  const log = new Log();
  log.set("/testAndSet", "one");
  assertEquals(log.set("/testAndSet", "three", { prevValue: "two" }), {
    kind: "rejected",
    reason: "testFailed",
    key: "/testAndSet",
    expected: "two",
    found: "one",
  });
  assertEquals(log.value("/testAndSet"), "one");
});

Deno.test("a test-and-set is rejected as keyNotFound when the key is missing or a directory", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  for (const key of ["/none", "/none/deep", "/dir", "/dir/a/below-a-file", "/"]) {
    assertEquals(log.set(key, "1", { prevValue: "a" }), {
      kind: "rejected",
      reason: "keyNotFound",
      key,
    });
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
  assertEquals(log.kind("/message"), "missing");
});

Deno.test("delete() is rejected as keyNotFound when the key is missing or a directory", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  for (const key of ["/none", "/dir", "/dir/a/b", "/"]) {
    assertEquals(log.delete(key), { kind: "rejected", reason: "keyNotFound", key });
  }
});

Deno.test("delete() leaves the directory when its last child goes", () => {
  const log = new Log();
  log.set("/dir/sub/a", "1");
  log.delete("/dir/sub/a");
  assertEquals(log.list("/dir"), ["/dir/sub/"]);
  assertEquals(log.list("/dir/sub"), []);
  assertEquals(log.set("/dir/sub", "1"), { kind: "rejected", reason: "notAFile", key: "/dir/sub" });
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
    assertEquals(log.kind(`/${name}`), "missing");
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

Deno.test("a path a hundred levels deep is set, listed, watched and deleted", () => {
  const log = new Log();
  const parent = "/d".repeat(100);
  log.set(`${parent}/leaf`, "1");
  assertEquals(log.store.stats().directories, 100);
  assertEquals(log.list("/d"), ["/d/d/"]);
  assertEquals(log.list(parent), [`${parent}/leaf=1`]);
  const events = log.watch("/d/d/d");
  log.delete(`${parent}/leaf`);
  assertEquals(events.length, 1);
});

Deno.test("read() and list() find nothing at a key that is too long for the store", () => {
  const log = new Log();
  const key = "/" + "k".repeat(1_000_000);
  assertEquals(log.kind(key), "missing");
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

Deno.test("apply() has the event in the history when a watch that it calls back looks there", () => {
  const log = new Log();
  const again: number[] = [];
  log.watchFirst("/a", undefined, (event) => {
    log.watchFirst("/a", event.index, ({ index }) => again.push(index));
    assertEquals(again, [event.index]);
  });
  log.set("/a", "1");
  assertEquals(again, [log.index]);
});

Deno.test("a callback finds the state as it is after its event", () => {
  const log = new Log();
  const seen: number[] = [];
  log.watchFirst("/a", undefined, () => {
    const { index, appliedIndex, changeIndex, revision } = log.store;
    seen.push(index, appliedIndex, changeIndex, revision);
    assertEquals(log.value("/a"), "1");
  });
  log.set("/a", "1");
  assertEquals(seen, [3, 3, 4, 2]);
});

Deno.test("a comparison with the largest number keeps its sign", () => {
  const log = new Log();
  log.apply(put());
  const compares = [compare({ operator: "less", target: "mod", number: 2 ** 63 })];
  const result = log.apply({ type: "txn", compares, success: [], failure: [] });
  assert(result.kind === "applied" && result.result.type === "txn");
  assertEquals(result.result.succeeded, true);
});
