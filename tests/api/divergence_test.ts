/** What clients see of a member whose state is not that of the others. */
import { assert, assertEquals } from "@std/assert";
import { formatId } from "../../src/base/ids.ts";
import { backupRoutes } from "../../src/api/admin/backup.ts";
import { Backups } from "../../src/operations/backups.ts";
import { startDashboard } from "../dashboard/harness.ts";
import { startNode, type TestNode, until } from "./harness.ts";

const SECRET = "a-value-that-nobody-may-read-here";

/** Routes that say nothing of what is in the store, and go on for the operator. */
const FOR_OPERATORS = new Set([
  "/",
  "/version",
  "/machines",
  "/v1/machines",
  "/v2/machines",
  "/v2/peers",
  "/v2/members",
  "/admin/digest",
  "/v1/stats/digest",
  "/dashboard",
  "/dashboard/api/status",
  "/dashboard/api/samples",
]);

/** Everything that `node` serves, one request each, with a key where there is one to name. */
function requestsOf(node: TestNode): { readonly method: string; readonly path: string }[] {
  const queries = ["", "?stale=true", "?index=1", "?wait=false", "?path=%2Fsecret&since=1"];
  return node.api.routes.flatMap(({ path, subtree, methods }) =>
    Object.keys(methods).flatMap((method) =>
      queries.map((query) => ({ method, path: `${path}${subtree ? "/secret" : ""}${query}` }))
    )
  );
}

function isForOperators(path: string): boolean {
  const bare = path.replace(/\?.*/, "").replace(/\/secret$/, "");
  return FOR_OPERATORS.has(bare) || /^\/dashboard\/[^/]+$/.test(bare);
}

Deno.test("a diverged member serves nobody, on whatever path it is asked", async () => {
  await using node = await startDashboard({
    routes: ({ node }) =>
      backupRoutes(
        new Backups({
          node: {
            barrier: (done) => node.barrier(done),
            capture: () => node.refusal ?? { ok: false, reason: "stopping", cause: "no state" },
            nowMs: () => node.nowMs(),
            clusterId: 1,
          },
          name: "node1",
          version: "1.0.0",
          scheduler: { defer: (task) => void setImmediate(task) },
          stallMs: 1000,
        }),
      ),
  });
  assertEquals((await node.ask("POST", "/v1/keys/secret", { value: SECRET })).status, 200);
  const requests = requestsOf(node);
  assert(requests.length > 100, `${requests.length} requests`);
  const waiting = [
    node.ask("GET", "/v1/watch/secret"),
    node.ask("GET", "/dashboard/api/events?path=%2Fsecret&since=100"),
  ];
  await until(() => node.store.watches.size === waiting.length, "those who wait");
  node.node.diverge();
  for (const { status, text } of await Promise.all(waiting)) {
    assertEquals([status, text.includes("The test wants diverged")], [503, true]);
  }
  for (const { method, path } of requests) {
    const headers = { "x-etcd-dashboard": "1" };
    const body = method === "POST" || method === "PUT" ? { value: "2" } : undefined;
    const { status, text } = await node.ask(method, path, body, { headers });
    const what = `${method} ${path}: ${status} ${text}`;
    assert(!text.includes(SECRET), what);
    // What is malformed is refused before anybody looks into the store.
    if (!isForOperators(path) && status !== 400) assertEquals(status, 503, what);
  }
});

Deno.test("a diverged member changes no members, by whatever API it is asked", async () => {
  await using node = await startNode();
  node.node.diverge();
  const before = node.node.members;
  const init = { headers: { "content-type": "application/json" } };
  const body = '{"peerURLs":["http://a:1"]}';
  const id = `/${formatId(1)}`;
  for (const [method, path] of [["POST", ""], ["PUT", id], ["DELETE", id]] as const) {
    const answer = await node.ask(method, `/v2/members${path}`, body, init);
    assertEquals(answer.status, 503, method);
  }
  assertEquals(node.node.members, before);
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
