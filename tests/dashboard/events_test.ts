/** The page's long poll. */
import { assertEquals } from "@std/assert";
import type { EventsView } from "../../src/dashboard/view.ts";
import { LISTENERS, type TestNode, until } from "../api/harness.ts";
import { enableUsers } from "../api/users.ts";
import { startDashboard } from "./harness.ts";
import { putTogether } from "./v3_writes.ts";

async function poll(node: TestNode, query: string): Promise<EventsView> {
  const { status, text } = await node.ask("GET", `/dashboard/api/events?${query}`);
  assertEquals(status, 200, text);
  return JSON.parse(text);
}

const set = (node: TestNode, key: string, value = "x") =>
  node.ask("POST", `/v1/keys${key}`, { value });

const briefly = ({ events, next, gap }: EventsView) =>
  `${events.map(({ action, key, index }) => `${action} ${key} ${index}`).join(", ")}; ` +
  `next ${next}${gap ? ", gap" : ""}`;

Deno.test("a poll without an index gives the newest events and tells where to go on", async () => {
  await using node = await startDashboard();
  assertEquals(briefly(await poll(node, "path=/")), "; next 1");
  for (let i = 0; i < 7; i++) await set(node, `/a/${i}`);
  await set(node, "/b");
  const newest = await poll(node, "path=/a");
  assertEquals([newest.events.map(({ index }) => index), newest.next], [[5, 6, 7, 8, 9], 11]);
  assertEquals(briefly(await poll(node, "path=/b")), "SET /b 10; next 11");
  assertEquals(node.store.watches.size, 0);
});

for (const kind of LISTENERS) {
  Deno.test(`a poll waits for what happens under its path, on ${kind}`, async () => {
    await using node = await startDashboard({ kind });
    const waiting = poll(node, "path=/foo&since=3");
    await until(() => node.store.watches.size === 1, "the poll to wait");
    await set(node, "/foobar");
    await set(node, "/foo/bar");
    assertEquals(briefly(await waiting), "SET /foo/bar 4; next 5");
    assertEquals(node.store.watches.size, 0);
  });
}

Deno.test("a poll brings all that has happened, in portions", async () => {
  await using node = await startDashboard();
  for (let i = 0; i < 7; i++) await set(node, `/a/${i}`, "v".repeat(1000));
  const first = await poll(node, "path=/a&since=3");
  assertEquals(first.events.map(({ index }) => index), [3, 4, 5, 6, 7]);
  assertEquals([first.events[0]!.value.length, first.events[0]!.length], [120, 1000]);
  assertEquals(
    briefly(await poll(node, `path=/a&since=${first.next}`)),
    "SET /a/5 8, SET /a/6 9; next 10",
  );
});

const many = (count: number) => Array.from({ length: count }, (_, i) => `/a/${i}`);

Deno.test("a poll cuts no entry in two: what is left of one would never be asked for", async () => {
  await using node = await startDashboard();
  await set(node, "/b");
  await set(node, "/c");
  await putTogether(node, many(4));
  const first = await poll(node, "path=/&since=3");
  assertEquals(briefly(first), "SET /b 3, SET /c 4; next 5");
  assertEquals((await poll(node, `path=/&since=${first.next}`)).events.length, 4);
});

Deno.test("a poll tells of a gap when one entry has more events than an answer", async () => {
  await using node = await startDashboard();
  await putTogether(node, many(6));
  const { events, next, gap } = await poll(node, "path=/&since=3");
  assertEquals([events.length, next, gap], [5, 4, true]);
});

Deno.test("a poll says that events are missing", async () => {
  await using node = await startDashboard();
  for (let i = 0; i < 5; i++) await set(node, `/a/${i}`);
  await node.forget(2);
  assertEquals(
    briefly(await poll(node, "path=/&since=3")),
    "SET /a/3 6, SET /a/4 7; next 8, gap",
  );
});

Deno.test("an event tells the whole seconds that its key lives", async () => {
  await using node = await startDashboard();
  await node.ask("POST", "/v1/keys/a", { value: "x", ttl: "5" });
  await set(node, "/b");
  const { events } = await poll(node, "path=/&since=3");
  assertEquals(events.map(({ key, ttlSeconds }) => [key, ttlSeconds]), [["/a", 5], ["/b", 0]]);
});

Deno.test("a poll that waits brings nothing that its user may not read", async () => {
  await using node = await startDashboard();
  await enableUsers(node.service);
  const headers = { authorization: `Basic ${btoa("ann:ann")}` };
  const query = "path=/&since=3";
  const waiting = node.ask("GET", `/dashboard/api/events?${query}`, undefined, { headers });
  await until(() => node.store.watches.size === 1, "the poll to wait");
  const root = { headers: { authorization: `Basic ${btoa("root:root")}` } };
  for (const key of ["/b/secret", "/a/own"]) {
    assertEquals((await node.ask("POST", `/v1/keys${key}`, { value: "x" }, root)).status, 200);
  }
  const { text } = await waiting;
  assertEquals(JSON.parse(text).events.map(({ key }: { key: string }) => key), ["/a/own"]);
});

Deno.test("a poll ends empty after a while", async () => {
  await using node = await startDashboard({ pollWaitMs: 1 });
  assertEquals(briefly(await poll(node, "path=/&since=3")), "; next 3");
  assertEquals(node.store.watches.size, 0);
});

Deno.test("a poll is turned away when too many wait", async () => {
  await using node = await startDashboard({ pollsMax: 1 });
  const waiting = poll(node, "path=/&since=3");
  await until(() => node.store.watches.size === 1, "the poll to wait");
  assertEquals((await node.ask("GET", "/dashboard/api/events?path=/&since=3")).status, 503);
  await set(node, "/foo");
  await waiting;
});

Deno.test("a poll whose page is closed leaves nothing behind", async () => {
  await using node = await startDashboard();
  const closed = new AbortController();
  const gone = node.ask("GET", "/dashboard/api/events?path=/&since=3", undefined, {
    signal: closed.signal,
  }).catch(() => "closed");
  await until(() => node.store.watches.size === 1, "the poll to wait");
  closed.abort();
  assertEquals(await gone, "closed");
  await until(() => node.store.watches.size === 0, "the watch to end");
});

Deno.test("a poll is answered when the node stops", async () => {
  await using node = await startDashboard();
  const waiting = node.ask("GET", "/dashboard/api/events?path=/&since=3");
  await until(() => node.store.watches.size === 1, "the poll to wait");
  node.api.stop();
  assertEquals((await waiting).status, 503);
});

Deno.test("a poll's path is decoded once: a percent sign that is left is the key's own", async () => {
  await using node = await startDashboard();
  await node.ask("POST", "/v1/keys/a%2541", { value: "of the percent sign" });
  await node.ask("POST", "/v1/keys/aA", { value: "of the letter" });
  const query = (key: string) => `path=${encodeURIComponent(key)}&since=1`;
  assertEquals(briefly(await poll(node, query("/a%41"))), "SET /a%41 3; next 4");
  assertEquals(briefly(await poll(node, query("/aA"))), "SET /aA 4; next 5");
});
