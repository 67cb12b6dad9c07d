/** Who does the work: this member, the leader, or the client at another address. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  decodeOperation,
  decodeReply,
  encodeOperation,
  encodeReply,
  NOT_LEADER_BYTES,
  type Operation,
  stamp,
} from "../../src/api/v1/operation.ts";
import type { FailureReason } from "../../src/node/ports.ts";
import { encodeCommand } from "../../src/store/command.ts";
import { member, START_MS } from "./fake_node.ts";
import { startNode, type TestNode } from "./harness.ts";
import { connectRaw } from "./raw_client.ts";

const SET = {
  type: "set",
  key: "/a",
  value: "☃",
  prevValue: undefined,
  ttlSeconds: undefined,
} as const;

/** A follower whose requests `leader` answers. */
async function follower(leader: TestNode, redirect = false): Promise<TestNode> {
  const node = await startNode({ redirect });
  node.node.members = [member(1), member(2)];
  node.node.leading = member(2);
  node.node.leaderHandler = (request, done) => leader.service.handleForwarded(request, done);
  return node;
}

/** What the leader's handler says to bytes from a follower. */
function forwarded(leader: TestNode, request: Uint8Array) {
  return new Promise<ReturnType<typeof decodeReply>>((resolve) => {
    leader.service.handleForwarded(request, (reply) => resolve(decodeReply(reply)));
  });
}

Deno.test("service() relays the leader's answer when this member follows", async () => {
  await using leader = await startNode();
  await using node = await follower(leader);
  const form = { value: "☃", ttl: "5" };
  const { status, text } = await node.ask("PUT", "/v1/keys/a", form);
  assertEquals(status, 200);
  assertEquals(text, (await leader.ask("POST", "/v1/watch/a", { index: "3" })).text);
  const failed = await node.ask("PUT", "/v1/keys/a", { value: "2", prevValue: "x" });
  assertEquals([failed.status, failed.json.errorCode], [400, 101]);
  assertEquals((await node.ask("DELETE", "/v1/keys/a")).json.prevValue, "☃");
  assertEquals((await node.ask("DELETE", "/v1/keys/a")).json.errorCode, 100);
  assertEquals(node.store.index, 0);
});

Deno.test("service() stamps the leader's time when a follower's clock is off", async () => {
  await using leader = await startNode();
  await using node = await follower(leader);
  node.node.advance(3_600_000);
  const { json } = await node.ask("PUT", "/v1/keys/a", { value: "1", ttl: "5" });
  assertEquals(json.expiration, new Date(START_MS + 5000).toISOString());
});

Deno.test("service() keeps Retry-After when the leader is overloaded", async () => {
  await using leader = await startNode();
  await using node = await follower(leader);
  leader.node.failure = "overloaded";
  const { status, headers, json } = await node.ask("PUT", "/v1/keys/a", { value: "1" });
  assertEquals([status, headers.get("retry-after"), json.errorCode], [503, "1", 300]);
});

Deno.test("service() follows the leadership when it moves on the way", async () => {
  await using first = await startNode();
  await using second = await startNode();
  await using node = await follower(first);
  // The old leader finds out that it lost its office, and the follower learns of it.
  first.node.leading = undefined;
  const { leaderHandler } = node.node;
  node.node.leaderHandler = (request, done) => {
    node.node.leaderHandler = (request, done) => second.service.handleForwarded(request, done);
    leaderHandler!(request, done);
  };
  assertEquals((await node.ask("PUT", "/v1/keys/a", { value: "1" })).status, 200);
  assertEquals([first.store.index, second.store.index], [0, 3]);
});

Deno.test("service() does the work itself when it becomes the leader on the way", async () => {
  await using old = await startNode();
  await using node = await follower(old);
  node.node.leaderHandler = (_, done) => {
    node.node.leading = member(1);
    done(NOT_LEADER_BYTES);
  };
  assertEquals((await node.ask("PUT", "/v1/keys/a", { value: "1" })).json.index, 3);
});

Deno.test("service() gives up with 301 when nobody keeps the office", async () => {
  await using node = await startNode();
  node.node.leading = member(2);
  let asked = 0;
  node.node.leaderHandler = (_, done) => {
    asked++;
    done(NOT_LEADER_BYTES);
  };
  const { status, json } = await node.ask("PUT", "/v1/keys/a", { value: "1" });
  assertEquals([status, json.errorCode], [500, 301]);
  assert(asked > 1 && asked < 10, `asked ${asked} times`);
});

Deno.test("service() answers as v1 does when the node has no result", async () => {
  await using node = await startNode();
  const expected: Record<FailureReason, [number, number]> = {
    notLeader: [500, 301],
    noLeader: [500, 301],
    superseded: [500, 300],
    unknown: [500, 300],
    diskFull: [500, 300],
    refused: [500, 300],
    full: [400, 103],
    overloaded: [503, 300],
    diverged: [503, 300],
    stopping: [503, 300],
  };
  for (const [reason, answer] of Object.entries(expected)) {
    node.node.failure = reason as FailureReason;
    const { status, json } = await node.ask("GET", "/v1/keys/a");
    assertEquals([status, json.errorCode], answer, reason);
    assertEquals(json.cause, `The test wants ${reason}`);
    if (reason === "notLeader") continue;
    const written = await node.ask("PUT", "/v1/keys/a", { value: "1" });
    assertEquals([written.status, written.json.errorCode], answer, reason);
  }
});

Deno.test("service() sends the client to the leader when it redirects", async () => {
  await using leader = await startNode();
  await using node = await follower(leader, true);
  for (const method of ["GET", "PUT", "DELETE"]) {
    const target = "/v1/keys/a%20b?value=1&ttl=5";
    const { status, headers } = await node.ask(method, target);
    assertEquals(status, 307);
    assertEquals(headers.get("location"), `http://127.0.0.1:4002${target}`);
  }
  using client = await connectRaw(node);
  await client.send("GET /v1/keys/☃ HTTP/1.1\r\nHost: test\r\n\r\n");
  await client.until("location: http://127.0.0.1:4002/v1/keys/%E2%98%83\r\n");
  assertEquals((await node.ask("GET", "/v1/keys/a?stale=true")).status, 404);
  node.node.leading = undefined;
  assertEquals((await node.ask("PUT", "/v1/keys/a?value=1")).json.errorCode, 301);
  node.node.leading = member(1);
  assertEquals((await node.ask("PUT", "/v1/keys/a?value=1")).status, 200);
});

Deno.test("service() sends nobody to a leader that is no committed member", async () => {
  await using leader = await startNode();
  await using node = await follower(leader, true);
  node.node.leading = member(3);
  assertEquals((await node.ask("PUT", "/v1/keys/a?value=1")).json.errorCode, 301);
});

Deno.test("handleForwarded() refuses when the bytes are no client's operation", async () => {
  await using leader = await startNode();
  const expiry = encodeCommand({ type: "expire", key: "/a", setIndex: 3, timeMs: 0 });
  const good = encodeOperation(SET);
  for (const bytes of [new Uint8Array(0), new Uint8Array(9), expiry, good.subarray(0, -1)]) {
    const reply = await forwarded(leader, bytes);
    assertEquals(reply?.status, 400);
    assertStringIncludes(reply?.body as string, '"errorCode":402');
  }
  const late = await forwarded(leader, encodeOperation({ ...SET, ttlSeconds: 2 ** 52 }));
  assertStringIncludes(late?.body as string, '"errorCode":202');
  assertEquals(leader.store.index, 0);
});

Deno.test("decodeOperation() returns what encodeOperation() was given", () => {
  const operations: Operation[] = [
    SET,
    { ...SET, prevValue: "p", ttlSeconds: -7 },
    { type: "delete", key: "/a" },
  ];
  for (const operation of operations) {
    assertEquals(decodeOperation(encodeOperation(operation)), stamp(operation, 0));
  }
});

Deno.test("decodeReply() returns what encodeReply() was given, and refuses other bytes", async () => {
  const reply = { status: 404, body: '{"cause":"☃"}' };
  assertEquals(decodeReply(encodeReply(reply)), reply);
  assertEquals(decodeReply(NOT_LEADER_BYTES), undefined);
  await using node = await startNode();
  node.node.leading = member(2);
  for (const bytes of [[], [1], [0, 99], [255, 255, 1]]) {
    node.node.leaderHandler = (_, done) => done(Uint8Array.from(bytes));
    const { status, json } = await node.ask("PUT", "/v1/keys/a", { value: "1" });
    assertEquals([status, json.errorCode], [500, 500]);
  }
});
