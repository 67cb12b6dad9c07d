/** Who does the work: this member, the leader, or the client at another address. */
import { assertEquals } from "@std/assert";
import type { FailureReason } from "../../src/node/ports.ts";
import { member, START_MS } from "./fake_node.ts";
import { startNode, type TestNode } from "./harness.ts";
import { connectRaw } from "./raw_client.ts";

/** A follower whose requests `leader` answers. */
async function follower(leader: TestNode, redirect = false): Promise<TestNode> {
  const node = await startNode({ redirect });
  node.node.follow(leader.node, (request, done) => leader.service.handleForwarded(request, done));
  return node;
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

Deno.test("service() passes a write on when the leadership ends as it is proposed", async () => {
  await using leader = await startNode();
  await using node = await follower(leader);
  node.node.leading = member(1);
  node.node.propose = (_, done) => {
    node.node.leading = member(2);
    done({ ok: false, reason: "notLeader", cause: "The test ends the leadership" });
  };
  assertEquals((await node.ask("PUT", "/v1/keys/a", { value: "1" })).status, 200);
  assertEquals([node.store.index, leader.store.index], [0, 3]);
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

Deno.test("service() sends the client that writes to the leader when it redirects", async () => {
  await using leader = await startNode();
  await using node = await follower(leader, true);
  for (const method of ["PUT", "DELETE"]) {
    const target = "/v1/keys/a%20b?value=1&ttl=5";
    const { status, headers } = await node.ask(method, target);
    assertEquals(status, 307);
    assertEquals(headers.get("location"), `http://127.0.0.1:4002${target}`);
  }
  using client = await connectRaw(node);
  await client.send("DELETE /v1/keys/☃ HTTP/1.1\r\nHost: test\r\n\r\n");
  await client.until("location: http://127.0.0.1:4002/v1/keys/%E2%98%83\r\n");
  for (const query of ["", "?stale=true"]) {
    assertEquals(
      (await node.ask("GET", `/v1/keys/a${query}`)).status,
      404,
      "reads are served here",
    );
  }
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
