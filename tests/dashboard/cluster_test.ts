/** What the dashboard's page asks, asked of real processes under mutual TLS. */
import { assert, assertEquals } from "@std/assert";
import type { SamplesView, StatusView } from "../../src/dashboard/view.ts";
import { TestCluster } from "../cluster/harness.ts";
import type { TestNode } from "../cluster/test_node.ts";
import { until } from "../cluster/wait.ts";

async function ask<T>({ client }: TestCluster, node: TestNode, path: string): Promise<T> {
  const { status, body } = await client.ask(`${node.url}/dashboard/api/${path}`);
  assertEquals(status, 200, body);
  return JSON.parse(body);
}

Deno.test("every member of a cluster under mutual TLS tells the same about all", async () => {
  await using cluster = await TestCluster.prepare({ size: 3, tls: true });
  await cluster.explain(async () => {
    await cluster.start();
    await cluster.client.set(cluster.nodes[0]!.url, "/foo", "bar", { ttl: 60 });
    await cluster.untilEven();
    for (const node of cluster.nodes) {
      // The first ping between two members may be on its way.
      const view = await until(`"${node.name}" to know how far the others are`, async () => {
        const found = await ask<StatusView>(cluster, node, "status");
        const ready = found.members.every(({ role, latencyMs, lag, rssBytes }) =>
          rssBytes !== null && (role === "leader" || latencyMs !== null && lag === 0)
        );
        return ready && found;
      });
      assertEquals(view.node, node.name);
      assertEquals(view.clientTls, "mutual");
      assertEquals(view.margin.headline, "Can lose 1");
      assertEquals(
        view.members.map(({ name, role, self }) => [name, role, self]),
        cluster.nodes.map((
          { name },
          i,
        ) => [name, i === 0 ? "leader" : "follower", name === node.name]),
      );
      assert(view.members.every(({ rssBytes, version }) => rssBytes! > 0 && version !== null));
      assertEquals([view.totals.keys, view.totals.expiring], [1, 1]);
      // Its own and the authority's, on both ports of three members.
      assertEquals(view.certificates.length, 12);
      assertEquals(
        new Set(view.certificates.map(({ subject }) => subject)),
        new Set([
          "O=etcd, CN=server",
          "O=etcd, CN=server2",
          "O=etcd, CN=server3",
          "O=etcd, CN=etcd test CA",
        ]),
      );
    }
    const samples = await until("a sample of the write", async () => {
      const found = await ask<SamplesView>(cluster, cluster.nodes[1]!, "samples?after=0");
      return found.writes.some((rate) => rate > 0) && found;
    });
    assert(samples.syncP99Ms.some((ms) => ms !== null && ms > 0));
    // Among members only.
    const report = await cluster.client.ask(`${cluster.nodes[0]!.url}/peer/report`);
    assertEquals(report.status, 404);
  });
});

Deno.test("-dashboard=off leaves nothing of it, but members still tell each other", async () => {
  await using cluster = await TestCluster.prepare({ size: 1, flags: ["-dashboard=off"] });
  await cluster.explain(async () => {
    const [node] = cluster.nodes;
    await node!.start();
    const { client } = cluster;
    for (const path of ["/dashboard/", "/dashboard/api/status", "/dashboard/app.js"]) {
      assertEquals((await client.ask(node!.url + path)).status, 404, path);
    }
    assertEquals((await client.ask(`${node!.peerUrl}/peer/report`)).status, 200);
  });
});
