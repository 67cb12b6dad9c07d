/** Figures that a node shows, compared with what was counted beside it. */
import { assert, assertEquals } from "@std/assert";
import { until } from "../cluster/wait.ts";
import { FlagNode } from "./flag_node.ts";

async function figures(node: FlagNode): Promise<(name: string) => number> {
  const { text } = await node.ask("/metrics");
  const found = new Map(
    text.split("\n").filter((line) => !line.startsWith("#")).map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
  return (name) => {
    const matching = [...found].filter(([key]) => key === name || key.startsWith(`${name}{`));
    assert(matching.length > 0, name);
    return matching.reduce((sum, [, value]) => sum + value, 0);
  };
}

Deno.test("bytes sent to a peer are those that it received, and not the other way round", async () => {
  await using leader = await FlagNode.start("-n", "a");
  await using follower = await FlagNode.start("-n", "b", "-C", leader.peerAddress);
  const written = 30 * 50_000;
  for (let i = 0; i < 30; i++) await leader.set(`k${i}`, "x".repeat(50_000));
  const [sent, received] = [
    "etcd_network_peer_sent_bytes_total",
    "etcd_network_peer_received_bytes_total",
  ];
  await until("all to have come", async () => (await figures(follower))(received) > written);
  const [at, there] = [await figures(leader), await figures(follower)];
  assert(at(sent) > written && there(sent) < written / 5, `sent ${at(sent)}, ${there(sent)}`);
  assert(
    there(received) > written && at(received) < written / 5,
    `received ${there(received)}, ${at(received)}`,
  );
  const apart = Math.abs(at(sent) - there(received)) / written;
  assert(apart < 0.1, `${at(sent)} sent, ${there(received)} received`);
});

Deno.test("keys, directories, watches, requests and bytes of the log are as many as were made", async () => {
  await using node = await FlagNode.start();
  const before = await figures(node);
  const value = "x".repeat(1000);
  for (let i = 0; i < 40; i++) await node.set(`d${i % 4}/k${i}`, value);
  for (let i = 0; i < 10; i++) await node.ask(`/v1/keys/d${i % 4}/k${i}`, { method: "DELETE" });
  const body = new URLSearchParams({ value, ttl: "9000" });
  for (const key of ["t1", "t2"]) await node.ask(`/v1/keys/${key}`, { method: "POST", body });
  const leaving = new AbortController();
  const watching = [1, 2, 3].map((n) =>
    node.ask(`/v1/watch/d${n}`, { signal: leaving.signal }).catch(() => undefined)
  );
  await until(
    "the watches",
    async () => (await figures(node))("etcd_debugging_store_watchers") === 3,
  );
  const now = await figures(node);
  const grown = (name: string) => now(name) - before(name);
  assertEquals(now("etcd_store_keys"), 32);
  assertEquals(now("etcd_store_expiring_keys"), 2);
  assertEquals(now("etcd_store_directories"), 4);
  assertEquals(grown('etcd_http_received_total{method="POST"}'), 42);
  assertEquals(grown('etcd_http_received_total{method="DELETE"}'), 10);
  assertEquals(grown('etcd_debugging_store_writes_total{action="set"}'), 42);
  assertEquals(grown('etcd_debugging_store_writes_total{action="delete"}'), 10);
  assertEquals(grown("etcd_debugging_store_watch_requests_total"), 3);
  assertEquals(grown("etcd_server_proposals_applied_total"), 52);
  assertEquals(grown("etcd_server_proposals_committed_total"), 52);
  const logged = grown("etcd_disk_wal_write_bytes_total");
  assert(logged > 42 * 1000 && logged < 42 * 1000 * 3, `${logged} bytes of log`);
  assert(grown("etcd_disk_wal_fsync_duration_seconds_count") >= 20);
  leaving.abort();
  await Promise.all(watching);
  await until(
    "the watches to leave",
    async () => (await figures(node))("etcd_debugging_store_watchers") === 0,
  );
});

Deno.test("a process's own figures are the kernel's", async () => {
  await using node = await FlagNode.start();
  const shown = await figures(node);
  const status = await Deno.readTextFile("/proc/self/status");
  const resident = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) * 1024;
  const apart = Math.abs(shown("process_resident_memory_bytes") - resident) / resident;
  assert(apart < 0.3, `${shown("process_resident_memory_bytes")} shown, ${resident} resident`);
  const startSeconds = shown("process_start_time_seconds");
  assert(startSeconds < Date.now() / 1000 && startSeconds > Date.now() / 1000 - 3600);
});
