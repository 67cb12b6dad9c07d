/** All keys as the page reads them, whether they are a path or not. */
import { assertEquals } from "@std/assert";
import type { FlatView } from "../../src/dashboard/view.ts";
import type { TestNode } from "../api/harness.ts";
import { basicOf, enableUsers } from "../api/users.ts";
import { OWN, startDashboard } from "./harness.ts";
import { put } from "./v3_writes.ts";

async function flat(node: TestNode, query = ""): Promise<FlatView> {
  const { status, text } = await node.ask("GET", `/dashboard/api/flat${query}`);
  assertEquals(status, 200, text);
  return JSON.parse(text);
}

Deno.test("GET of the flat view has every key in the order of bytes, with its numbers", async () => {
  await using node = await startDashboard();
  await put(node, "foo", "bar");
  await put(node, "\xff\x00", "\u{1f600}");
  await put(node, "/a//b", "odd");
  await node.set("/a/b", "path");
  await put(node, "foo", "again");
  const { keys, next } = await flat(node);
  assertEquals(next, "");
  assertEquals(keys.map(({ key, hex }) => key ?? hex), ["/a//b", "/a/b", "foo", "ff00"]);
  const { hex, value, length, version, createRevision, modRevision, lease } = keys[2]!;
  assertEquals(
    [hex, value, length, version, createRevision, modRevision, lease],
    ["666f6f", "again", 5, 2, 2, 6, ""],
  );
  assertEquals(keys[3]!.value, "\u{1f600}");
});

Deno.test("GET of the flat view gives pages, and those that begin with a text", async () => {
  await using node = await startDashboard();
  for (let i = 0; i < 250; i++) await put(node, `p${String(i).padStart(3, "0")}`, "x");
  await put(node, "q", "x");
  const first = await flat(node, "?prefix=p");
  assertEquals([first.keys.length, first.keys[0]!.key], [200, "p000"]);
  const second = await flat(node, `?prefix=p&from=${first.next}`);
  assertEquals([second.keys.length, second.keys[0]!.key, second.next], [50, "p200", ""]);
  assertEquals((await flat(node, "?prefix=zz")).keys, []);
});

Deno.test("GET of one key of the flat view gives its value, all of it when asked", async () => {
  await using node = await startDashboard();
  await put(node, "long", "x".repeat(100_000));
  const [cut] = (await flat(node, "?key=6c6f6e67")).keys;
  assertEquals([cut!.value.length, cut!.length], [65_536, 100_000]);
  const [whole] = (await flat(node, "?key=6c6f6e67&whole=true")).keys;
  assertEquals(whole!.value.length, 100_000);
  const ask = async (query: string) =>
    (await node.ask("GET", `/dashboard/api/flat${query}`)).status;
  assertEquals(await ask("?key=6e6f"), 404);
  assertEquals(await ask("?key=6"), 400);
  assertEquals(await ask("?from=zz"), 400);
  assertEquals(await ask(`?key=${"61".repeat(4_097)}`), 414);
});

Deno.test("the flat view shows what may be read, and refuses whoever may read none of it", async () => {
  await using node = await startDashboard();
  for (const key of ["/a/1", "/b/1", "foo"]) await put(node, key, "x");
  await enableUsers(node.service);
  const ask = (asker: string, query = "") =>
    node.ask("GET", `/dashboard/api/flat${query}`, undefined, {
      headers: { ...OWN.headers, ...basicOf(asker) },
    });
  const seen = async (asker: string) =>
    (JSON.parse((await ask(asker)).text) as FlatView).keys.map(({ key }) => key);
  assertEquals(await seen("root"), ["/a/1", "/b/1", "foo"]);
  assertEquals(await seen("ann"), ["/a/1"]);
  assertEquals((await ask("bob")).status, 403);
  assertEquals((await ask("ann", "?prefix=/b/")).status, 403);
  assertEquals((await ask("ann", "?key=666f6f")).status, 403);
});

Deno.test("the flat view tells nothing of keys that may not be read, and goes past them", async () => {
  await using node = await startDashboard();
  for (let i = 0; i < 450; i++) await put(node, `%secret${i}`, "x");
  for (let i = 0; i < 201; i++) await put(node, `/a/${String(i).padStart(3, "0")}`, "x");
  for (let i = 0; i < 450; i++) await put(node, `zsecret${i}`, "x");
  await enableUsers(node.service);
  const ask = async (query: string): Promise<FlatView> =>
    JSON.parse(
      (await node.ask("GET", `/dashboard/api/flat${query}`, undefined, {
        headers: { ...OWN.headers, ...basicOf("ann") },
      })).text,
    );
  const first = await ask("");
  assertEquals([first.keys.length, first.keys[0]!.key], [200, "/a/000"]);
  assertEquals(first.next, "2f612f323030", "the key /a/200, which ann may read");
  const second = await ask(`?from=${first.next}`);
  assertEquals([second.keys.map(({ key }) => key), second.next], [["/a/200"], ""]);
});

Deno.test("a page of the flat view ends early when its values are long", async () => {
  await using node = await startDashboard();
  for (const key of ["a", "b", "c"]) await put(node, key, "x".repeat(600_000));
  const first = await flat(node);
  assertEquals([first.keys.map(({ key }) => key), first.next], [["a", "b"], "63"]);
  assertEquals((await flat(node, `?from=${first.next}`)).keys.map(({ key }) => key), ["c"]);
});
