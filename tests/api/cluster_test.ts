/** Members, leader, `/_etcd`, and what the program says of itself. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { COMPATIBLE_CLUSTER_VERSION, COMPATIBLE_VERSION, VERSION } from "../../src/version.ts";
import { member } from "./fake_node.ts";
import { startNode, type TestNode } from "./harness.ts";

async function threeMembers(): Promise<TestNode> {
  const node = await startNode();
  node.node.members = [member(3), member(1), member(2)];
  return node;
}

Deno.test("machines() tells the client URLs, the leader's first", async () => {
  await using node = await threeMembers();
  const [one, two, three] = [1, 2, 3].map((number) => `http://127.0.0.1:400${number}`);
  assertEquals((await node.ask("GET", "/machines")).text, `${one},${two},${three}`);
  node.node.leading = member(2);
  const { text, headers } = await node.ask("GET", "/v1/machines");
  assertEquals(text, `${two}, ${one}, ${three}`);
  assertStringIncludes(headers.get("content-type")!, "text/plain");
});

Deno.test("leader() tells the peer URL, byte for byte as in the member's record", async () => {
  await using node = await threeMembers();
  node.node.leading = member(3);
  const { text } = await node.ask("GET", "/leader");
  assertEquals(text, "http://127.0.0.1:7003");
  assertEquals((await node.ask("GET", "/v1/leader")).text, text);
  const record = (await node.ask("GET", "/v1/keys/_etcd/machines/node3")).json.value;
  assertEquals(/^raft=(.*)&etcd=/.exec(record!)![1], text);
});

Deno.test("machines() and keys() show no place that is reserved, and nobody removes one by no name", async () => {
  await using node = await threeMembers();
  node.node.members.push({ ...member(4), name: "", clientUrls: [], voter: false });
  assertEquals((await node.ask("GET", "/v1/keys/_etcd/machines")).list.length, 3);
  assertEquals((await node.ask("GET", "/v1/keys/_etcd/machines/")).list.length, 3);
  assertEquals((await node.ask("GET", "/v1/machines")).text.split(", ").length, 3);
  await node.ask("DELETE", "/v1/machines/");
  assertEquals(node.node.members.length, 4);
});

Deno.test("leader() answers 301 when there is none", async () => {
  await using node = await threeMembers();
  node.node.leading = undefined;
  const { status, json } = await node.ask("GET", "/v1/leader");
  assertEquals([status, json.errorCode, json.message], [500, 301, "During Leader Election"]);
});

Deno.test("keys() shows the members when /_etcd is read", async () => {
  await using node = await threeMembers();
  const index = (await node.ask("PUT", "/v1/keys/a", { value: "1" })).json.index!;
  assertEquals((await node.ask("GET", "/v1/keys/_etcd")).list, [
    { action: "GET", key: "/_etcd/machines", dir: true, index },
  ]);
  const { list } = await node.ask("GET", "/v1/keys/_etcd/machines/");
  assertEquals(
    list,
    [1, 2, 3].map((number) => ({
      action: "GET",
      key: `/_etcd/machines/node${number}`,
      value: `raft=http://127.0.0.1:700${number}&etcd=http://127.0.0.1:400${number}`,
      index,
    })),
  );
  assertEquals((await node.ask("GET", "/v1/keys/%5Fetcd/machines/node2")).json, list[1]);
  const missing = await node.ask("GET", "/v1/keys/_etcd/machines/node9");
  assertEquals([missing.status, missing.json.errorCode], [404, 100]);
  assertEquals(missing.json.cause, "/_etcd/machines/node9");
  assertEquals((await node.ask("GET", "/v1/keys/_etcd/x")).status, 404);
});

Deno.test("keys() tells the index of the last change of the membership when there are no keys", async () => {
  await using node = await threeMembers();
  for (const key of ["", "/_etcd", "/_etcd/machines"]) {
    const { list } = await node.ask("GET", `/v1/keys${key}`);
    assertEquals(list.map(({ index }) => index), list.map(() => 2), key);
  }
  assertEquals((await node.ask("GET", "/v1/keys/_etcd/machines/node1")).json.index, 2);
  // Of the last command, be it of a key or of a member.
  assertEquals((await node.ask("PUT", "/v1/keys/a", { value: "1" })).json.index, 3);
  await node.ask("DELETE", "/v1/machines/node3");
  assertEquals((await node.ask("GET", "/v1/keys/_etcd/machines/node1")).json.index, 4);
  assertEquals((await node.ask("GET", "/v1/keys/a")).json.index, 3);
});

Deno.test("machines() removes a member when it is deleted", async () => {
  await using node = await threeMembers();
  assertEquals(
    (await node.ask("DELETE", "/v1/machines/node2")).text,
    '{"action":"DELETE","key":"/_etcd/machines/node2",' +
      '"prevValue":"raft=http://127.0.0.1:7002&etcd=http://127.0.0.1:4002","index":3}',
  );
  assertEquals(node.node.removed, ["node2"]);
  const again = await node.ask("DELETE", "/v1/machines/node2");
  assertEquals([again.status, again.json.errorCode], [404, 100]);
  assertEquals(again.json.cause, "/_etcd/machines/node2");
});

Deno.test("machines() says why when a member is not removed", async () => {
  await using node = await threeMembers();
  node.node.failure = "refused";
  const { status, json } = await node.ask("DELETE", "/v1/machines/node2");
  assertEquals([status, json.errorCode], [500, 300]);
  assertEquals(json.cause, "The test wants refused");
});

Deno.test("info() tells what program this is", async () => {
  await using node = await startNode();
  const banner = await node.ask("GET", "/");
  assertEquals(banner.text, `etcd v${VERSION}`);
  assertStringIncludes(banner.headers.get("content-type")!, "text/plain");
  const version = await node.ask("GET", "/version");
  const numbers = { etcdserver: COMPATIBLE_VERSION, etcdcluster: COMPATIBLE_CLUSTER_VERSION };
  assertEquals(JSON.parse(version.text), numbers);
  assertEquals(version.headers.get("x-etcd-deno-version"), VERSION);
});

Deno.test("info() is healthy when a linearizable read works, and not else", async () => {
  await using node = await startNode({ api: { healthTimeoutMs: 20 } });
  const health = async () => {
    const { status, json } = await node.ask("GET", "/health");
    return [status, json.health];
  };
  assertEquals(await health(), [200, "true"]);
  node.node.failure = "noLeader";
  assertEquals(await health(), [503, "false"]);
  node.node.failure = undefined;
  node.node.silent = true;
  assertEquals(await health(), [503, "false"]);
  const { healthSuccesses, healthFailures } = node.service.requests;
  assertEquals([healthSuccesses, healthFailures], [1, 2], "as the metrics tell");
});

Deno.test("v2 says in etcd's words which alarm a write meets", async () => {
  await using node = await startNode();
  const cause = async (alarm: "noSpace" | "corrupt") => {
    const raise = { type: "alarm", action: "activate", alarm, member: 1n } as const;
    await new Promise((resolve) => node.service.write(raise, false, resolve));
    const { status, text } = await node.ask("PUT", "/v2/keys/a?value=1");
    return [status, JSON.parse(text).cause];
  };
  assertEquals(await cause("noSpace"), [500, "etcdserver: mvcc: database space exceeded"]);
  assertEquals(await cause("corrupt"), [500, "etcdserver: corrupt cluster"]);
});

Deno.test("/health fails under an alarm unless it is excluded, and needs no quorum to be serializable", async () => {
  await using node = await startNode({ api: { healthTimeoutMs: 20 } });
  const health = async (query: string) => {
    const { status, text } = await node.ask("GET", `/health${query}`);
    return [status, text];
  };
  const raise = { type: "alarm", action: "activate", alarm: "noSpace", member: 1n } as const;
  await new Promise((resolve) => node.service.write(raise, false, resolve));
  const alarmed = [503, '{"health":"false","reason":"ALARM NOSPACE"}'];
  assertEquals(await health(""), alarmed);
  assertEquals(await health("?exclude=CORRUPT"), alarmed);
  assertEquals(await health("?serializable=true"), alarmed);
  assertEquals(await health("?exclude=NOSPACE"), [200, '{"health":"true"}']);
  node.node.failure = "noLeader";
  assertEquals(await health("?exclude=NOSPACE&serializable=false"), [503, '{"health":"false"}']);
  assertEquals(await health("?exclude=NOSPACE&serializable=true"), [200, '{"health":"true"}']);
});
