/** v3 on three members, by the gateway: whichever is asked, and whoever leads. */
import { assert, assertEquals } from "@std/assert";
import { eventsOf, Lines } from "../api/v3/recorded/lines.ts";
import { isObject, type Json, type JsonObject } from "../api/v3/recorded/match.ts";
import type { TestCluster } from "./harness.ts";
import { type Stage, story } from "./story.ts";
import type { TestNode } from "./test_node.ts";
import { pause, until } from "./wait.ts";

const TTL_S = 3;
/** Of a million bytes each: more than a frame of the peer protocol holds. */
const LARGE_KEYS = 18;
const LEASE = "8589934592123";

story("cluster() serves v3 from every member, and through a change of leader", {
  size: 3,
}, async (cluster, stage) => {
  await cluster.start();
  const followers = await cluster.followers();
  const [one, other] = followers;
  await writesAnywhere(stage, one!, other!);
  await keepsLeases(stage, cluster, one!, other!);
});

async function writesAnywhere(stage: Stage, one: TestNode, other: TestNode): Promise<void> {
  await stage("what one follower has acknowledged, another tells at once", async () => {
    for (let number = 1; number <= 50; number++) {
      await ask(one, "kv/put", { key: btoa("a"), value: btoa(`${number}`) });
      const found = await ask(other, "kv/range", { key: btoa("a") });
      assertEquals(valueOf(found), `${number}`);
    }
  });
  await stage(
    "a transaction by a follower is one revision, with the results of its reads",
    async () => {
      const put = { request_put: { key: btoa("b"), value: btoa("x"), prev_kv: true } };
      const range = { request_range: { key: btoa("b") } };
      const { responses } = await ask(one, "kv/txn", { success: [put, range] });
      const [, second] = responses as readonly JsonObject[];
      assertEquals(valueOf(second!["response_range"] as JsonObject), "x");
    },
  );
  await stage("a follower answers with more than members say to each other at once", async () => {
    const value = btoa("x".repeat(1_000_000));
    for (let number = 0; number < LARGE_KEYS; number++) {
      await ask(other, "kv/put", { key: btoa(`large/${number}`), value });
    }
    const range = { key: btoa("large/"), range_end: btoa("large0"), prev_kv: true };
    const { prev_kvs } = await ask(one, "kv/deleterange", range);
    const previous = prev_kvs as readonly { readonly value: string }[];
    assertEquals(previous.length, LARGE_KEYS);
    assert(previous.every((kv) => kv.value === value));
  });
}

async function keepsLeases(
  stage: Stage,
  cluster: TestCluster,
  one: TestNode,
  other: TestNode,
): Promise<void> {
  let watch: Lines | undefined;
  await stage("a lease and its key are made at a follower, and watched at another", async () => {
    watch = new Lines(
      `${other.url}/v3/watch`,
      {},
      JSON.stringify({ create_request: { key: btoa("l") } }),
    );
    await watch.next(20_000);
    await ask(one, "lease/grant", { ID: LEASE, TTL: `${TTL_S}` });
    await ask(one, "kv/put", { key: btoa("l"), value: btoa("1"), lease: LEASE });
    assertEquals(eventsOf((await watch.next(20_000))!).length, 1);
  });
  await stage("a lease that is renewed outlives its TTL, and the leader", async () => {
    const rounds = TTL_S * 3;
    for (let round = 0; round < rounds; round++) {
      if (round === 2) await (await cluster.leader()).kill();
      await renew(one);
      await pause(500);
    }
    assertEquals(valueOf(await ask(other, "kv/range", { key: btoa("l") })), "1");
  });
  await stage("a lease that nobody renews ends, and takes its key along", async () => {
    const message = await watch!.next(30_000);
    const [event] = eventsOf(message!);
    assertEquals(isObject(event) ? event["type"] : undefined, "DELETE");
    const { TTL } = await ask(one, "lease/timetolive", { ID: LEASE });
    assertEquals(TTL, "-1");
  });
  await watch?.close();
}

/** Until it has succeeded: there may be no leader for a while. */
async function renew(node: TestNode): Promise<void> {
  await until("the lease to be renewed", async () => {
    const response = await fetch(`${node.url}/v3/lease/keepalive`, {
      method: "POST",
      body: JSON.stringify({ ID: LEASE }),
    });
    const { result } = await response.json() as { result?: { TTL?: string } };
    return result?.TTL === `${TTL_S}`;
  });
}

async function ask(node: TestNode, path: string, body: Json): Promise<JsonObject> {
  const response = await fetch(`${node.url}/v3/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  assertEquals(response.status, 200, JSON.stringify(answer));
  return answer;
}

/** The value of the only key of a range's response. */
function valueOf({ kvs }: JsonObject): string | undefined {
  const [first] = kvs as readonly { readonly value: string }[];
  return first === undefined ? undefined : atob(first.value);
}
