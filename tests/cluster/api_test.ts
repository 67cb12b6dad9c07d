/** The v1 API as a new user meets it: one node, one request a line of the README's table. */
import { assert, assertEquals } from "@std/assert";
import { type Answer, type Client, errorOf, type EventBody, eventOf, listingOf } from "./client.ts";
import type { TestCluster } from "./harness.ts";
import { type Stage, stories } from "./story.ts";
import type { TestNode } from "./test_node.ts";
import { COMPATIBLE_VERSION, VERSION } from "../../src/version.ts";

interface Asker {
  (method: string, path: string, body?: BodyInit): Promise<Answer>;
}

function askerOf(client: Client, { url }: TestNode): Asker {
  return (method, path, body) =>
    client.ask(url + path, { method, ...(body === undefined ? {} : { body }) });
}

function form(fields: Record<string, string>): URLSearchParams {
  return new URLSearchParams(fields);
}

function multipart(fields: Record<string, string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  return data;
}

stories("node() serves every request of the v1 API", [
  { name: "over HTTP", options: { size: 1 }, tell: servesTheTable },
  { name: "over mTLS", options: { size: 1, tls: true }, tell: servesTheTable },
]);

async function servesTheTable(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  await stage("starts on an empty directory", () => node.start());
  const ask = askerOf(cluster.client, node);
  await stage("sets, gets and deletes", () => setsAndGets(ask));
  await stage("tests and sets", () => testsAndSets(ask));
  await stage("lists directories", () => lists(ask));
  await stage("watches", () => watches(ask));
  await stage("tells who it is", () => tells(ask, node));
  await stage("ends a key by its TTL, once", () => expires(ask));
}

async function setsAndGets(ask: Asker): Promise<void> {
  const set = await ask("POST", "/v1/keys/message", form({ value: "Hello world" }));
  assertEquals(
    set.body,
    '{"action":"SET","key":"/message","value":"Hello world","newKey":true,"index":3}',
  );
  assertEquals(set.headers.get("content-type"), "application/json");
  const put = await ask("PUT", "/v1/keys/message", form({ value: "Hello etcd" }));
  assertEquals(eventOf(put), {
    action: "SET",
    key: "/message",
    prevValue: "Hello world",
    value: "Hello etcd",
    index: 4,
  });
  for (const path of ["/v1/keys/message", "/v1/keys/message?stale=true"]) {
    const read = eventOf(await ask("GET", path));
    assertEquals(read, { action: "GET", key: "/message", value: "Hello etcd", index: 4 });
  }
  const parts = await ask("POST", "/v1/keys/parts", multipart({ value: "a=b&c" }));
  assertEquals(eventOf(parts).value, "a=b&c");
  const query = await ask("PUT", "/v1/keys/query?value=in%20the%20query");
  assertEquals(eventOf(query).value, "in the query");
  const deleted = eventOf(await ask("DELETE", "/v1/keys/message"));
  assertEquals(deleted, {
    action: "DELETE",
    key: "/message",
    prevValue: "Hello etcd",
    index: 7,
  });
  const missing = await ask("GET", "/v1/keys/message");
  assertEquals(missing.status, 404);
  assertEquals(errorOf(missing), {
    errorCode: 100,
    message: "Key Not Found",
    cause: "/message",
  });
}

async function testsAndSets(ask: Asker): Promise<void> {
  await ask("POST", "/v1/keys/lock", form({ value: "one" }));
  const refused = await ask("POST", "/v1/keys/lock", form({ prevValue: "two", value: "three" }));
  assertEquals(refused.status, 400);
  assertEquals(errorOf(refused).errorCode, 101);
  const done = await ask("POST", "/v1/keys/lock", form({ prevValue: "one", value: "two" }));
  assertEquals(eventOf(done).prevValue, "one");
  assertEquals(eventOf(done).value, "two");
}

async function lists(ask: Asker): Promise<void> {
  for (const name of ["b", "a", "c/d"]) {
    await ask("POST", `/v1/keys/tree/${name}`, form({ value: name }));
  }
  const found = listingOf(await ask("GET", "/v1/keys/tree"));
  assertEquals(found.map(({ key, dir = false }) => ({ key, dir })), [
    { key: "/tree/a", dir: false },
    { key: "/tree/b", dir: false },
    { key: "/tree/c", dir: true },
  ]);
  const one = listingOf(await ask("GET", "/v1/keys/tree/c"));
  assertEquals(one.map(({ value }) => value), ["c/d"]);
}

async function watches(ask: Asker): Promise<void> {
  const first = eventOf(await ask("POST", "/v1/keys/seen/a", form({ value: "1" })));
  const past = await ask("POST", "/v1/watch/seen", form({ index: String(first.index) }));
  assertEquals(eventOf(past), first);
  const future = ask("POST", "/v1/watch/seen", form({ index: String(first.index + 1) }));
  let waiting = true;
  const next = ask("GET", "/v1/watch/seen").finally(() => waiting = false);
  // When the GET has come to wait can't be seen from here: writes until it has an answer.
  const written: EventBody[] = [];
  while (waiting) {
    written.push(eventOf(await ask("POST", "/v1/keys/seen/b", form({ value: "2" }))));
  }
  assertEquals(eventOf(await future), written[0]);
  const seen = eventOf(await next);
  assertEquals(seen, written.find(({ index }) => index === seen.index));
  const beyond = await ask("POST", "/v1/watch/seen", form({ index: "none" }));
  assertEquals(errorOf(beyond).errorCode, 203);
}

async function tells(ask: Asker, node: TestNode): Promise<void> {
  const body = async (path: string) => (await ask("GET", path)).body;
  assertEquals(await body("/"), `etcd v${VERSION}`);
  assertEquals(JSON.parse(await body("/version")).etcdserver, COMPATIBLE_VERSION);
  assertEquals(await body("/health"), '{"health":"true"}');
  assertEquals(await body("/machines"), node.url);
  assertEquals(await body("/v1/machines"), node.url);
  assertEquals(await body("/leader"), node.peerUrl);
  assertEquals(await body("/v1/leader"), node.peerUrl);
  const [member] = listingOf(await ask("GET", "/v1/keys/_etcd/machines"));
  assertEquals(member?.key, "/_etcd/machines/node1");
  assertEquals(member?.value, `raft=${node.peerUrl}&etcd=${node.url}`);
  const reserved = await ask("POST", "/v1/keys/_etcd/machines/x", form({ value: "y" }));
  assertEquals(errorOf(reserved).errorCode, 400);
  const last = await ask("DELETE", "/v1/machines/node1");
  assertEquals(errorOf(last).errorCode, 300);
  assertEquals((await ask("GET", "/nowhere")).status, 404);
  assertEquals((await ask("PATCH", "/v1/keys/x")).status, 405);
}

async function expires(ask: Asker): Promise<void> {
  const set = eventOf(await ask("POST", "/v1/keys/brief", form({ value: "x", ttl: "1" })));
  assert(set.expiration !== undefined);
  const ended = await ask("POST", "/v1/watch/brief", form({ index: String(set.index + 1) }));
  const expiry = eventOf(ended);
  assertEquals(expiry, {
    action: "DELETE",
    key: "/brief",
    prevValue: "x",
    expiration: set.expiration,
    index: set.index + 1,
  });
  assertEquals((await ask("GET", "/v1/keys/brief")).status, 404);
  const after = eventOf(await ask("POST", "/v1/keys/after", form({ value: "x" })));
  assertEquals(after.index, expiry.index + 1);
}
