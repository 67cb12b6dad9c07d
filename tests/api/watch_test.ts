import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Answer, LISTENERS, startNode, type TestNode, until } from "./harness.ts";

/** Begins to watch, and returns once the watch waits. */
async function waiting(
  node: TestNode,
  method: string,
  path: string,
  form?: Record<string, string>,
): Promise<{ answer: Promise<Answer> }> {
  const before = node.store.watches.size;
  const answer = node.ask(method, path, form);
  await until(() => node.store.watches.size > before, `a watch at ${path}`);
  return { answer };
}

async function set(node: TestNode, key: string, value: string): Promise<number> {
  return (await node.ask("PUT", `/v1/keys${key}`, { value })).json.index!;
}

for (const kind of LISTENERS) {
  Deno.test(`watch() on ${kind} gives the next event when it concerns the path`, async () => {
    await using node = await startNode({ kind });
    await set(node, "/foo/a", "before");
    const { answer } = await waiting(node, "GET", "/v1/watch/foo");
    await set(node, "/foobar", "no segment of foo");
    await set(node, "/foo/a", "x");
    const { status, text } = await answer;
    assertEquals(status, 200);
    assertEquals(
      text,
      '{"action":"SET","key":"/foo/a","prevValue":"before","value":"x","index":5}',
    );
  });

  Deno.test(`watch() on ${kind} gives the first event from an index when it is in the history`, async () => {
    await using node = await startNode({ kind });
    await set(node, "/other", "1");
    const index = await set(node, "/foo", "1");
    await set(node, "/foo", "2");
    for (const from of [1, index]) {
      const posted = await node.ask("POST", "/v1/watch/foo", { index: `${from}` });
      assertEquals([posted.json.index, posted.json.value], [index, "1"]);
      assertEquals((await node.ask("GET", `/v1/watch/foo?index=${from}`)).text, posted.text);
      assertEquals((await node.ask("POST", `/v1/watch/foo?index=${from}`)).text, posted.text);
    }
    assertEquals(node.store.watches.size, 0);
  });

  Deno.test(`watch() on ${kind} waits when its index lies in the future`, async () => {
    await using node = await startNode({ kind });
    const { answer } = await waiting(node, "POST", "/v1/watch/foo", { index: "5" });
    assertEquals(await set(node, "/foo", "3"), 3);
    assertEquals(await set(node, "/foo", "4"), 4);
    assertEquals(await set(node, "/foo", "5"), 5);
    assertEquals((await answer).json.index, 5);
  });

  Deno.test(`watch() on ${kind} tells at once with wait=false whether something has happened`, async () => {
    await using node = await startNode({ kind });
    const index = await set(node, "/quiet", "1");
    await set(node, "/busy", "1");
    const path = "/v1/watch/quiet?wait=false";
    const found = await node.ask("GET", `${path}&index=${index}`);
    assertEquals([found.status, found.json.value], [200, "1"]);
    for (const query of ["", "&index=0", `&index=${index + 1}`, `&index=${index + 100}`]) {
      const { status, headers, text } = await node.ask("GET", path + query);
      assertEquals([status, headers.get("x-raft-index"), text], [204, `${node.store.index}`, ""]);
      assertEquals(headers.get("content-length"), null);
    }
    for (let i = 0; i < 4; i++) await set(node, "/busy", "1");
    await node.forget(3);
    assertEquals((await node.ask("GET", `${path}&index=${index + 1}`)).json.errorCode, 401);
    assertEquals((await node.ask("GET", `${path}&index=x`)).json.errorCode, 203);
    assertEquals(node.store.watches.size, 0);
  });

  Deno.test(`watch() on ${kind} names the index up to which it has missed nothing when the server stops`, async () => {
    await using node = await startNode({ kind });
    const { answer } = await waiting(node, "GET", "/v1/watch/quiet");
    const index = await set(node, "/busy", "1");
    node.api.stop();
    const { status, headers } = await answer;
    assertEquals([status, headers.get("x-raft-index")], [503, `${index}`]);
    // One that comes later has waited for nothing.
    const late = await node.ask("GET", "/v1/watch/quiet?index=1");
    assertEquals([late.status, late.headers.get("x-raft-index")], [503, null]);
  });

  Deno.test(`watch() on ${kind} is answered 503 when the server stops`, async () => {
    await using node = await startNode({ kind });
    const { answer } = await waiting(node, "GET", "/v1/watch/foo");
    await node.stop();
    const { status, json } = await answer;
    assertEquals([status, json.errorCode], [503, 300]);
    assertMatch(json.cause!, /stopping/);
  });
}

Deno.test("watch() sees an expiry once when it is applied", async () => {
  await using node = await startNode();
  const { json: { expiration } } = await node.ask("PUT", "/v1/keys/a", { value: "1", ttl: "5" });
  const { answer } = await waiting(node, "GET", "/v1/watch/a");
  node.node.advance(5000);
  assertEquals(
    (await answer).text,
    `{"action":"DELETE","key":"/a","prevValue":"1","expiration":"${expiration}","index":4}`,
  );
  const { text } = await node.ask("POST", "/v1/watch/a", { index: "4" });
  assertEquals(text, (await answer).text);
});

Deno.test("watch() takes index 0 for none", async () => {
  await using node = await startNode();
  await set(node, "/a", "1");
  const { answer } = await waiting(node, "POST", "/v1/watch/a", { index: "0" });
  await set(node, "/a", "2");
  assertEquals((await answer).json.value, "2");
});

Deno.test("watch() covers everything when the path is the root", async () => {
  await using node = await startNode();
  const { answer } = await waiting(node, "GET", "/v1/watch");
  await set(node, "/deep/er", "1");
  assertEquals((await answer).json.key, "/deep/er");
});

Deno.test("watch() answers 401 when the history no longer reaches back", async () => {
  await using node = await startNode();
  for (let i = 0; i < 4; i++) await set(node, "/a", `${i}`);
  await node.forget(2);
  const { status, json } = await node.ask("POST", "/v1/watch/a", { index: "3" });
  assertEquals([status, json.errorCode], [400, 401]);
  assertEquals(json.message, "The event in requested index is outdated and cleared");
  const oldest = Number(/index (\d+)/.exec(json.cause!)![1]);
  assertEquals((await node.ask("POST", "/v1/watch/a", { index: `${oldest}` })).json.index, oldest);
  assertEquals(node.store.watches.size, 0);
});

Deno.test("watch() answers 401 when a restored state leaves a gap", async () => {
  await using node = await startNode();
  await using ahead = await startNode();
  const { answer } = await waiting(node, "GET", "/v1/watch/a");
  for (let i = 0; i < 4; i++) await set(ahead, "/a", `${i}`);
  await ahead.forget(1);
  await node.store.restore(ahead.store.snapshot());
  const { status, json } = await answer;
  assertEquals([status, json.errorCode], [400, 401]);
});

Deno.test("watch() answers 503 with Retry-After when too many wait", async () => {
  await using node = await startNode({ api: { watchesMax: 2 } });
  const first = await waiting(node, "GET", "/v1/watch/a");
  const second = await waiting(node, "GET", "/v1/watch/b");
  let isAnswered = false;
  const refused = node.ask("GET", "/v1/watch/c").finally(() => isAnswered = true);
  await until(() => isAnswered || node.store.watches.size > 2, "an answer, or a third watch");
  assertEquals(node.store.watches.size, 2);
  const { status, headers, json } = await refused;
  assertEquals([status, headers.get("retry-after"), json.errorCode], [503, "1", 300]);
  await set(node, "/a", "1");
  assertEquals((await first.answer).status, 200);
  const third = await waiting(node, "GET", "/v1/watch/c");
  await set(node, "/c", "1");
  await set(node, "/b", "1");
  assertEquals((await third.answer).status, 200);
  assertEquals((await second.answer).status, 200);
});

Deno.test("watch() answers all when many wait for one event", async () => {
  await using node = await startNode();
  const count = 500;
  const answers = Array.from({ length: count }, () => node.ask("GET", "/v1/watch/a"));
  await until(() => node.store.watches.size === count, "all watches");
  const { text } = await node.ask("PUT", "/v1/keys/a", { value: "1" });
  assert((await Promise.all(answers)).every((answer) => answer.text === text));
});
