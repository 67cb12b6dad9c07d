/** `/v1/keys`: what the recorded exchanges leave open. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { START_MS } from "./fake_node.ts";
import { LISTENERS, startNode } from "./harness.ts";
import { connectRaw } from "./raw_client.ts";

const RESERVED = "The prefix of the given key is a keyword in etcd";

for (const kind of LISTENERS) {
  Deno.test(`keys() on ${kind} takes a value from form, multipart and query when set by POST and PUT`, async () => {
    await using node = await startNode({ kind });
    const multipart = new FormData();
    multipart.append("value", "3");
    assertEquals((await node.ask("POST", "/v1/keys/a", { value: "1" })).json.value, "1");
    assertEquals((await node.ask("PUT", "/v1/keys/a", { value: "2" })).json.prevValue, "1");
    assertEquals((await node.ask("PUT", "/v1/keys/a", multipart)).json.value, "3");
    assertEquals((await node.ask("PUT", "/v1/keys/a?value=4")).json.value, "4");
    assertEquals((await node.ask("PUT", "/v1/keys/a?value=q", { value: "5" })).json.value, "5");
    assertEquals((await node.ask("PUT", "/v1/keys/a?ttl=9", { value: "6" })).json.ttl, 8);
  });

  Deno.test(`keys() on ${kind} answers fields in v1's order and no others`, async () => {
    await using node = await startNode({ kind });
    const expiration = new Date(START_MS + 5000).toISOString();
    assertEquals(
      (await node.ask("PUT", "/v1/keys/a", { value: 'q"\n', ttl: "5" })).text,
      `{"action":"SET","key":"/a","value":"q\\"\\n","newKey":true,"expiration":"${expiration}",` +
        '"ttl":4,"index":3}',
    );
    assertEquals(
      (await node.ask("GET", "/v1/keys/a")).text,
      `{"action":"GET","key":"/a","value":"q\\"\\n","expiration":"${expiration}","ttl":4,"index":3}`,
    );
    assertEquals(
      (await node.ask("DELETE", "/v1/keys/a")).text,
      `{"action":"DELETE","key":"/a","prevValue":"q\\"\\n","expiration":"${expiration}","index":4}`,
    );
    const answer = await node.ask("GET", "/v1/keys/a");
    assertEquals(answer.text, '{"errorCode":100,"message":"Key Not Found","cause":"/a"}');
    assertEquals(answer.headers.get("content-type"), "application/json");
  });

  Deno.test(`keys() on ${kind} sends no body when asked by HEAD`, async () => {
    await using node = await startNode({ kind });
    await node.ask("PUT", "/v1/keys/dir/a", { value: "1" });
    using client = await connectRaw(node);
    await client.send("HEAD /v1/keys/dir/a HTTP/1.1\r\nHost: test\r\n\r\n");
    const head = await client.until("\r\n\r\n");
    assertMatch(head, /^HTTP\/1.1 200 /);
    assertMatch(head, /content-length: 53\r\n/i);
    await client.send("GET /version HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assertMatch((await client.untilClosed()).slice(head.length), /^HTTP\/1.1 200 /);
  });

  Deno.test(`keys() on ${kind} tells the methods when asked by OPTIONS or an unknown one`, async () => {
    await using node = await startNode({ kind });
    const options = await node.ask("OPTIONS", "/v1/keys/a");
    assertEquals([options.status, options.text], [204, ""]);
    assertEquals(options.headers.get("allow"), "GET, POST, PUT, DELETE, HEAD, OPTIONS");
    const patch = await node.ask("PATCH", "/v1/keys/a", { value: "1" });
    assertEquals(patch.status, 405);
    assertEquals(patch.headers.get("allow"), "GET, POST, PUT, DELETE, HEAD, OPTIONS");
    assertEquals(patch.json.errorCode, 405);
  });

  Deno.test(`keys() on ${kind} lists a directory whole when it takes many slices`, async () => {
    await using node = await startNode({ kind });
    const count = 3000;
    for (let i = 0; i < count; i++) {
      await node.set(`/dir/${String(i).padStart(5, "0")}`, "x".repeat(30));
    }
    const { list } = await node.ask("GET", "/v1/keys/dir");
    assertEquals(list.length, count);
    assertEquals([list[2999]!.key, list[2999]!.index], ["/dir/02999", count + 2]);
    assertEquals((await node.ask("HEAD", "/v1/keys/dir")).text, "");
  });

  Deno.test(`keys() on ${kind} refuses writes under /_etcd when the path is spelled in any way`, async () => {
    await using node = await startNode({ kind });
    const spellings = [
      "/v1/keys/_etcd",
      "/v1/keys/_etcd/",
      "/v1/keys/_etcd/x",
      "/v1/keys/%5Fetcd/x",
      "/v1/keys/%5f%65%74%63%64/machines/node1",
      "/v1/keys//_etcd/x",
      "/v1/keys/./_etcd/x",
      "/v1/keys/foo/../_etcd/x",
      "/v1/keys/foo/%2e%2e/_etcd/x",
      "/v1/keys/%2F_etcd%2Fx",
      "/v1//keys///_etcd//x",
      "//v1/keys/../keys/_etcd/x",
    ];
    for (const path of spellings) {
      for (const method of ["POST", "PUT", "DELETE"]) {
        using client = await connectRaw(node);
        await client.send(
          `${method} ${path}?value=1 HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n`,
        );
        const cause = method === "DELETE" ? "Delete" : "Set";
        const body = `{"errorCode":400,"message":"${RESERVED}","cause":"${cause}"}`;
        assertMatch(await client.until(body), /^HTTP\/1.1 400 /, path);
      }
    }
    assertEquals(node.store.index, 0);
  });
}

Deno.test("keys() takes keys that only look reserved", async () => {
  await using node = await startNode();
  for (const key of ["/_etcdx", "/a/_etcd", "/_ETCD", "/__proto__", "/constructor", "/_etcd%20"]) {
    const { status, json } = await node.ask("PUT", `/v1/keys${key}`, { value: "1" });
    assertEquals([status, json.key], [200, decodeURIComponent(key)]);
    assertEquals((await node.ask("GET", `/v1/keys${key}`)).json.value, "1");
  }
});

Deno.test("keys() deletes when the TTL is zero or less", async () => {
  await using node = await startNode();
  for (const ttl of ["0", "-1", "-9007199254740991"]) {
    await node.ask("PUT", "/v1/keys/a", { value: "1" });
    const { status, json } = await node.ask("PUT", "/v1/keys/a", { value: "2", ttl });
    assertEquals([status, json.action, json.prevValue], [200, "DELETE", "1"]);
    const missing = await node.ask("PUT", "/v1/keys/a", { value: "2", ttl });
    assertEquals([missing.status, missing.json.errorCode], [404, 100]);
  }
});

Deno.test("keys() counts down the TTL when a key is read, and forgets it at its deadline", async () => {
  await using node = await startNode();
  await node.ask("PUT", "/v1/keys/dir/a", { value: "1", ttl: "5" });
  const ttls: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    const { json } = await node.ask("GET", "/v1/keys/dir/a");
    ttls.push(json.ttl);
    const [child] = (await node.ask("GET", "/v1/keys/dir")).list;
    assertEquals(child!.ttl, json.ttl);
    node.node.advance(i === 4 ? 999 : 1000);
  }
  assertEquals(ttls, [4, 3, 2, 1, undefined]);
  assertEquals((await node.ask("GET", "/v1/keys/dir/a")).status, 200);
  node.node.advance(1);
  assertEquals((await node.ask("GET", "/v1/keys/dir/a")).status, 404);
  assertEquals((await node.ask("GET", "/v1/keys/dir/a?stale=true")).status, 404);
  assertEquals((await node.ask("GET", "/v1/keys/dir")).text, "[]");
});

Deno.test("keys() tests and sets when prevValue is given", async () => {
  await using node = await startNode();
  const missing = await node.ask("PUT", "/v1/keys/a", { value: "1", prevValue: "0" });
  assertEquals([missing.status, missing.json.errorCode, missing.json.cause], [404, 100, "/a"]);
  await node.ask("PUT", "/v1/keys/a", { value: "1" });
  const failed = await node.ask("PUT", "/v1/keys/a", { value: "3", prevValue: "2" });
  assertEquals([failed.status, failed.json.errorCode], [400, 101]);
  assertEquals(failed.json.cause, "TestAndSet: 1!=2");
  const passed = await node.ask("PUT", "/v1/keys/a?prevValue=1", { value: "2" });
  assertEquals([passed.json.prevValue, passed.json.value], ["1", "2"]);
});

Deno.test("keys() lists the root with /_etcd in its place", async () => {
  await using node = await startNode();
  assertEquals(
    (await node.ask("GET", "/v1/keys/")).text,
    '[{"action":"GET","key":"/_etcd","dir":true,"index":2}]',
  );
  for (const key of ["a", "A", "0", "z/x"]) {
    await node.ask("PUT", `/v1/keys/${key}`, { value: "1" });
  }
  const { list } = await node.ask("GET", "/v1/keys");
  assertEquals(list.map(({ key }) => key), ["/0", "/A", "/_etcd", "/a", "/z"]);
});

Deno.test("keys() neither sets nor deletes the root", async () => {
  await using node = await startNode();
  const set = await node.ask("PUT", "/v1/keys/", { value: "1" });
  assertEquals([set.status, set.json.errorCode, set.json.cause], [400, 102, "/"]);
  const deleted = await node.ask("DELETE", "/v1/keys");
  assertEquals([deleted.status, deleted.json.errorCode, deleted.json.cause], [404, 100, "/"]);
});

Deno.test("keys() reads without the quorum when stale is true", async () => {
  await using node = await startNode();
  await node.ask("PUT", "/v1/keys/a", { value: "1" });
  node.node.failure = "noLeader";
  assertEquals((await node.ask("GET", "/v1/keys/a?stale=true")).json.value, "1");
  assertEquals((await node.ask("GET", "/v1/keys/a?x=y&stale=true")).json.value, "1");
  for (const query of ["", "?stale=false", "?stale", "?stale=TRUE"]) {
    const { status, json } = await node.ask("GET", `/v1/keys/a${query}`);
    assertEquals([status, json.errorCode], [500, 301], query);
  }
});

Deno.test("keys() changes nothing when the path climbs out of the keys", async () => {
  await using node = await startNode();
  for (const path of ["/v1/keys/../../etc/passwd", "/v1/keys/%2e%2e/x", "/v1/keys/../keysx"]) {
    using client = await connectRaw(node);
    await client.send(`PUT ${path}?value=1 HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n`);
    assertMatch(await client.until('"errorCode":404'), /^HTTP\/1.1 404 /);
  }
  assertEquals(node.store.index, 0);
});

Deno.test("keys() takes raw UTF-8 in a path when the parser lets it through", async () => {
  await using node = await startNode();
  using client = await connectRaw(node);
  await client.send("PUT /v1/keys/☃?value=1 HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
  assert((await client.until('"index":3}')).includes('"key":"/☃"'));
});
