/** What a node tells of itself to machines: metrics, statistics, health. */
import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import type { Answer } from "../cluster/client.ts";
import type { TestCluster } from "../cluster/harness.ts";
import { freePort } from "../cluster/ports.ts";
import { type Stage, stories } from "../cluster/story.ts";
import type { TestNode } from "../cluster/test_node.ts";
import { until } from "../cluster/wait.ts";
import { type Family, parseExposition } from "./exposition.ts";

stories("node() tells machines how it is", [
  { name: "serves metrics on a port of their own", options: { size: 1 }, tell: servesMetrics },
  { name: "tells of its peers", options: { size: 3 }, tell: tellsOfPeers },
  { name: "is alive and not ready without a quorum", options: { size: 2 }, tell: isNotReady },
]);

type Metrics = ReadonlyMap<string, Family>;

function valueOf(metrics: Metrics, name: string, rest = ""): number {
  const value = metrics.get(name)?.samples.get(rest);
  assert(value !== undefined, `Expected a sample "${name}${rest}"`);
  return value;
}

async function scrape(cluster: TestCluster, url: string): Promise<Metrics> {
  const { status, headers, body } = await cluster.client.ask(`${url}/metrics`);
  assertEquals(status, 200);
  assertEquals(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(body);
}

async function servesMetrics(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  const port = freePort();
  const url = `http://127.0.0.1:${port}`;
  const { client } = cluster;
  const audited = `${node.directory}.audit`;
  await node.start("-metrics", `${port}`, "-audit", audited);
  await stage("counts what clients do", async () => {
    await client.set(node.url, "/a", "1");
    await client.set(node.url, "/a", "2", { prevValue: "no" });
    await client.set(node.url, "/a", "2", { prevValue: "1" });
    await client.get(node.url, "/a");
    await client.get(node.url, "/missing");
    await client.delete(node.url, "/a");
    await client.delete(node.url, "/a");
    const metrics = await scrape(cluster, url);
    const store = (family: string, action: string) =>
      valueOf(metrics, `etcd_debugging_store_${family}_total`, `{action="${action}"}`);
    assertEquals(store("writes", "set"), 1);
    assertEquals(store("writes", "compareAndSwap"), 1);
    assertEquals(store("writes_failed", "compareAndSwap"), 1);
    assertEquals(store("writes", "delete"), 1);
    assertEquals(store("writes_failed", "delete"), 1);
    assertEquals(store("reads", "get"), 1);
    assertEquals(store("reads_failed", "get"), 1);
    assertEquals(valueOf(metrics, "etcd_http_received_total", '{method="POST"}'), 3);
    assertEquals(valueOf(metrics, "etcd_http_received_total", '{method="DELETE"}'), 2);
  });
  await stage("counts what v3 does to the key space, and lists its methods", async () => {
    const ask = async (path: string, body: object) => {
      const response = await fetch(`${node.url}/v3/${path}`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      await response.body?.cancel();
    };
    const before = await scrape(cluster, url);
    await ask("kv/put", { key: "YQ==", value: "MQ==" });
    await ask("kv/put", { value: "MQ==" });
    await ask("kv/range", { key: "YQ==" });
    const after = await scrape(cluster, url);
    const grown = (name: string, rest = "") =>
      valueOf(after, name, rest) - (before.get(name)?.samples.get(rest) ?? 0);
    assertEquals(grown("etcd_mvcc_put_total"), 1);
    assertEquals(grown("etcd_mvcc_range_total"), 1);
    assertEquals(grown("etcd_debugging_mvcc_current_revision"), 1);
    assertEquals(valueOf(after, "etcd_server_quota_backend_bytes"), 2 ** 31);
    const sizes = ["etcd_mvcc", "etcd_debugging_mvcc"].map((of) => `${of}_db_total_size_in_bytes`);
    for (const name of [...sizes, "etcd_mvcc_db_total_size_in_use_in_bytes"]) {
      assertGreater(grown(name), 0, name);
    }
    assertGreater(grown("etcd_network_client_grpc_received_bytes_total"), 30);
    assertGreater(grown("etcd_network_client_grpc_sent_bytes_total"), 300);
    assertEquals(grown("etcd_debugging_mvcc_put_total"), 1);
    const put = 'grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"}';
    assertEquals(grown("grpc_server_handled_total", `{grpc_code="OK",${put}`), 1);
    await ask("kv/deleterange", { key: "YQ==" });
  });
  await stage("counts what the log and the disk do", async () => {
    const before = await scrape(cluster, url);
    for (const value of ["1", "2", "3"]) await client.set(node.url, "/b", value, { ttl: 600 });
    const after = await scrape(cluster, url);
    const grown = (name: string, rest?: string) =>
      valueOf(after, name, rest) - valueOf(before, name, rest);
    assertEquals(grown("etcd_server_proposals_committed_total"), 3);
    assertEquals(grown("etcd_server_proposals_applied_total"), 3);
    assertGreater(grown("etcd_disk_wal_write_bytes_total"), 0);
    assertGreater(grown("etcd_disk_wal_fsync_duration_seconds", "_count"), 2);
    assertGreater(grown("etcd_disk_wal_fsync_duration_seconds", "_sum"), 0);
    assertGreater(grown("etcd_disk_backend_commit_duration_seconds", "_count"), 2);
    // What is written before it is synced counts, too.
    assertGreater(
      valueOf(after, "etcd_disk_backend_commit_duration_seconds", "_sum"),
      valueOf(after, "etcd_disk_wal_fsync_duration_seconds", "_sum"),
    );
    assertEquals(valueOf(after, "etcd_store_keys"), 1);
    assertEquals(valueOf(after, "etcd_store_expiring_keys"), 1);
    assertEquals(valueOf(after, "etcd_server_is_leader"), 1);
    assertEquals(valueOf(after, "etcd_server_leader_changes_seen_total"), 1);
    assertGreater(valueOf(after, "process_resident_memory_bytes"), 2 ** 20);
  });
  await stage("says so when it is well", async () => {
    for (const path of ["/livez", "/readyz"]) {
      assertEquals((await client.ask(url + path)).body, "ok\n");
      assertEquals((await client.ask(node.url + path)).body, "ok\n");
    }
    const { body } = await client.ask(`${url}/readyz?verbose&exclude=space`);
    assertEquals(
      body,
      "[+]leader ok\n[+]disk ok\n[+]directory ok\n[+]data_corruption ok\n" +
        "[+]serializable_read ok\n[+]linearizable_read ok\nok\n",
    );
    assertEquals(
      (await client.ask(`${url}/livez?verbose`)).body,
      "[+]timers ok\n[+]serializable_read ok\nok\n",
    );
    assertEquals((await client.ask(`${url}/readyz/disk?verbose`)).body, "[+]disk ok\nok\n");
    assertEquals((await client.ask(`${url}/readyz/nonsense`)).status, 404);
  });
  await stage("serves nothing of the data there", async () => {
    for (const path of ["/v1/keys/b", "/v1/machines", "/v1/stats/store", "/"]) {
      assertEquals((await client.ask(url + path)).status, 404);
    }
  });
  await stage("gives the original's statistics", async () => {
    const self = JSON.parse((await client.ask(`${node.url}/v1/stats/self`)).body);
    assertEquals([self.name, self.state, self.leaderInfo.leader], ["node1", "leader", "node1"]);
    assertMatch(self.leaderInfo.uptime, /^\d+(\.\d+)?s$/);
    const store = JSON.parse((await client.ask(`${node.url}/v1/stats/store`)).body);
    assertEquals([store.setsSuccess, store.compareAndSwapFail, store.watchers], [4, 1, 0]);
  });
  await stage("counts logins by what has become of them", async () => {
    const v3 = async (path: string, body: object) => {
      const response = await fetch(`${node.url}/v3/auth/${path}`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      await response.body?.cancel();
      return response.status;
    };
    await v3("user/add", { name: "root", password: "r" });
    await v3("user/grant", { user: "root", role: "root" });
    await v3("enable", {});
    const basic = { authorization: `Basic ${btoa("root:r")}` };
    // A password that comes with every request is looked at once.
    for (let i = 0; i < 3; i++) {
      const read = await fetch(`${node.url}/v2/keys/`, { headers: basic });
      await read.body?.cancel();
      assertEquals(read.status, 200);
    }
    assertEquals(await v3("authenticate", { name: "root", password: "r" }), 200);
    assertEquals(await v3("authenticate", { name: "nobody", password: "x" }), 400);
    const metrics = await scrape(cluster, url);
    const logins = (result: string) =>
      valueOf(metrics, "etcd_auth_logins_total", `{result="${result}"}`);
    assertEquals(["succeeded", "failed", "slowed"].map(logins), [2, 1, 0]);
    const audit = await Deno.readTextFile(audited);
    const lines = audit.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.filter(({ action }) => action === "login").length, 2);
    assertEquals(new Set(lines.map(({ address }) => address)), new Set(["127.0.0.1"]));
  });
}

async function tellsOfPeers(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const leader = await cluster.leader();
  const [follower] = await cluster.followers();
  const others = cluster.nodes.filter((node) => node !== leader).map(({ name }) => name).sort();
  await stage("measures round trips to both", async () => {
    await until("pings to both followers to be answered", async () => {
      const { followers } = await leaderStats(cluster, leader);
      assertEquals(Object.keys(followers).sort(), others);
      return Object.values(followers).every(({ latency }) => latency.maximum > 0);
    });
    const metrics = await scrape(cluster, leader.url);
    const { samples } = metrics.get("etcd_network_peer_round_trip_time_seconds")!;
    assertEquals([...samples.keys()].filter((key) => key.startsWith("_count")).length, 2);
    assertEquals(metrics.get("etcd_network_active_peers")!.samples.size, 2);
    for (const way of ["send", "receive"]) {
      const { samples } = metrics.get(`etcd_network_snapshot_${way}_inflights_total`)!;
      assertEquals([...samples.values()], [0, 0]);
    }
    for (const value of metrics.get("etcd_network_peer_sent_bytes_total")!.samples.values()) {
      assertGreater(value, 0);
    }
  });
  await stage("tells rates while the leader calls", async () => {
    await until("a rate of appends", async () => {
      const self = JSON.parse((await cluster.client.ask(`${leader.url}/v1/stats/self`)).body);
      return self.sendPkgRate > 0 && self.sendBandwidthRate > 0 && self.sendAppendRequestCnt > 0;
    });
  });
  await stage("sends whoever asks a follower for them to the leader", async () => {
    const answer = await cluster.client.ask(`${follower!.url}/v1/stats/leader`);
    assertEquals(answer.status, 307);
    assertEquals(answer.headers.get("location"), `${leader.url}/v1/stats/leader`);
    const self = JSON.parse((await cluster.client.ask(`${follower!.url}/v1/stats/self`)).body);
    assertEquals([self.state, self.leaderInfo.leader], ["follower", leader.name]);
    assertGreater(self.recvAppendRequestCnt, 0);
  });
}

interface FollowerStats {
  readonly latency: { readonly maximum: number };
  readonly counts: { readonly fail: number; readonly success: number };
}

async function leaderStats(
  cluster: TestCluster,
  leader: TestNode,
): Promise<{ leader: string; followers: Record<string, FollowerStats> }> {
  const { status, body }: Answer = await cluster.client.ask(`${leader.url}/v1/stats/leader`);
  assertEquals(status, 200);
  return JSON.parse(body);
}

async function isNotReady(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const [first, second] = cluster.nodes;
  await stage("says which checks fail, and lives", async () => {
    await second!.kill();
    const answer = await until("the node to be unready", async () => {
      const answer = await cluster.client.ask(`${first!.url}/readyz`);
      return answer.status === 503 && answer.body.includes("[-]leader") && answer;
    });
    assertMatch(answer.body, /^\[-\]leader failed: No leader is known$/m);
    assertMatch(answer.body, /^\[\+\]disk ok$/m);
    assertMatch(answer.body, /^\[-\]linearizable_read failed: .+$/m);
    assertMatch(answer.body, /^not ok$/m);
    assertEquals((await cluster.client.ask(`${first!.url}/livez`)).status, 200);
    const metrics = await scrape(cluster, first!.url);
    assertEquals(valueOf(metrics, "etcd_server_has_leader"), 0);
  });
  await stage("is ready again with the other one", async () => {
    await second!.start();
    await until("the node to be ready", async () => {
      return (await cluster.client.ask(`${first!.url}/readyz`)).status === 200;
    });
  });
}
