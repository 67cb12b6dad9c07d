/** Listings: direct children, sorted, as of the call. */
import { assertEquals } from "@std/assert";
import { Log, START_MS } from "./log.ts";

Deno.test("list() gives the direct children, files and directories, sorted", () => {
  const log = new Log();
  for (const key of ["/b", "/a/x", "/a/y/z", "/c/d", "/a/y/y", "/a/b"]) log.set(key, "1");
  assertEquals(log.list("/"), ["/a/", "/b=1", "/c/"]);
  assertEquals(log.list("/a"), ["/a/b=1", "/a/x=1", "/a/y/"]);
  assertEquals(log.list("/a/y"), ["/a/y/y=1", "/a/y/z=1"]);
});

Deno.test("list() leaves out siblings whose names begin alike", () => {
  const log = new Log();
  // "-" and "." sort before "/", "0" and "x" after it: all lie around the range of /foo/.
  for (const key of ["/foo/a", "/foo-b", "/foo.c", "/foo0", "/foox/d", "/foo/-", "/foo/a-/e"]) {
    log.set(key, "1");
  }
  assertEquals(log.list("/foo"), ["/foo/-=1", "/foo/a=1", "/foo/a-/"]);
  assertEquals(log.list("/"), ["/foo/", "/foo-b=1", "/foo.c=1", "/foo0=1", "/foox/"]);
});

Deno.test("list() is empty for a file, a missing key and an empty directory", () => {
  const log = new Log();
  log.set("/dir/a", "1");
  log.delete("/dir/a");
  log.set("/file", "1");
  for (const key of ["/dir", "/file", "/none", "/dir/none"]) assertEquals(log.list(key), []);
});

Deno.test("list() sorts by code point", () => {
  const log = new Log();
  const names = ["z", "é", "\uFFFD", "𝄞", "☃", "A", "~"];
  for (const name of names) log.set(`/d/${name}`, "1");
  const sorted = ["A", "z", "~", "é", "☃", "\uFFFD", "𝄞"];
  assertEquals(log.list("/d"), sorted.map((name) => `/d/${name}=1`));
});

Deno.test("list() is as of the call however late it is consumed", () => {
  const log = new Log();
  const keys = Array.from({ length: 3000 }, (_, i) => `/d/${String(i).padStart(4, "0")}`);
  for (const key of keys) log.set(key, "before");
  const listing = log.store.list("/d", START_MS)[Symbol.iterator]();

  const seen: string[] = [];
  for (let i = 0; i < keys.length; i++) {
    const { value } = listing.next();
    seen.push(`${value.key}=${value.value}`);
    const other = keys[(i * 7 + 1500) % keys.length]!;
    if (i % 3 === 0) log.set(other, "after");
    else if (i % 3 === 1) log.delete(other);
    else log.set(`${other}-new`, "after");
  }
  assertEquals(listing.next().done, true);
  assertEquals(seen, keys.map((key) => `${key}=before`));
});

Deno.test("list() of a small directory is as of the call too", () => {
  const log = new Log();
  log.set("/d/a", "before");
  log.set("/d/b", "before");
  const listing = log.store.list("/d", START_MS);
  log.delete("/d/a");
  log.set("/d/b", "after");
  assertEquals([...listing].map(({ key, value }) => [key, value]), [
    ["/d/a", "before"],
    ["/d/b", "before"],
  ]);
});

Deno.test("list() leaps over the subtrees of a thousand children", () => {
  const log = new Log();
  for (let i = 0; i < 1000; i++) {
    for (let j = 0; j < 5; j++) log.set(`/d/${1000 + i}/deep/${j}`, "x".repeat(50));
  }
  const expected = Array.from({ length: 1000 }, (_, i) => `/d/${1000 + i}/`);
  assertEquals(log.list("/d"), expected);
});

Deno.test("list() reads whole pages of text beside values that are not ASCII", () => {
  const log = new Log();
  const expected: string[] = [];
  for (let i = 1000; i < 3000; i++) {
    const value = i % 500 === 0 ? "☃𝄞é" : `plain ${i}`;
    log.set(`/d/${i}`, value);
    expected.push(`/d/${i}=${value}`);
  }
  assertEquals(log.list("/d"), expected);
});
