/** What clients see of a member whose state is not that of the others. */
import { assert, assertEquals } from "@std/assert";
import type { Failure } from "../../src/node/ports.ts";
import { startNode, until } from "./harness.ts";

const DIVERGED: Failure = { ok: false, reason: "diverged", cause: "The state differs" };

Deno.test("a diverged member answers nothing from its state, not even what was asked before", async () => {
  await using node = await startNode();
  assertEquals((await node.ask("POST", "/v1/keys/a", { value: "1" })).status, 200);
  const waiting = node.ask("GET", "/v1/watch/a");
  await until(() => node.store.watches.size === 1, "the watch");
  node.node.failure = "diverged";
  node.service.refuse(DIVERGED);
  const refused = [
    await waiting,
    await node.ask("GET", "/v1/watch/a"),
    await node.ask("GET", "/v1/watch/a?wait=false"),
    await node.ask("POST", "/v1/watch/a", { index: "1" }),
    await node.ask("GET", "/v1/keys/a?stale=true"),
    await node.ask("GET", "/v1/keys/a"),
    await node.ask("POST", "/v1/keys/a", { value: "2" }),
  ];
  for (const { status, json, headers } of refused) {
    assertEquals([status, json.errorCode], [503, 300]);
    assert(headers.has("retry-after"));
    // What it takes for its events counts for nothing.
    assert(!headers.has("x-raft-index"));
  }
  assertEquals(
    refused.slice(0, 5).map(({ json }) => json.cause),
    Array(5).fill("The state differs"),
  );
});

Deno.test("/health says why a diverged member is not healthy, and what the operator has to know of one that is", async () => {
  await using node = await startNode();
  node.node.alarm = "Members differ";
  const alarmed = await node.ask("GET", "/health");
  assertEquals([alarmed.status, JSON.parse(alarmed.text)], [
    200,
    { health: "true", alarm: "Members differ" },
  ]);
  node.node.failure = "diverged";
  const diverged = await node.ask("GET", "/health");
  assertEquals([diverged.status, JSON.parse(diverged.text)], [
    503,
    { health: "false", alarm: "The test wants diverged" },
  ]);
});
