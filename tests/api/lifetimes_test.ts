/** What is told of lifetimes by a member whose clock is behind the leader's. */
import { assertEquals } from "@std/assert";
import { startNode } from "./harness.ts";

Deno.test("a TTL that was just set is told as set by a member whose clock is behind", async () => {
  await using node = await startNode();
  await node.ask("PUT", "/v1/keys/one", { value: "1", ttl: "100" });
  await node.ask("PUT", "/v2/keys/two", { value: "2", ttl: "500" });
  await node.ask("PUT", "/v2/keys/below", { dir: "true", ttl: "500" });
  node.node.advance(-3);
  assertEquals((await node.ask("GET", "/v1/keys/one")).json.ttl, 99);
  const { node: { nodes } } = JSON.parse((await node.ask("GET", "/v2/keys/")).text);
  const ttls = nodes.map(({ key, ttl }: { key: string; ttl: number }) => [key, ttl]);
  assertEquals(ttls, [["/below", 500], ["/one", 100], ["/two", 500]]);
});
