import { assertEquals } from "@std/assert";
import { ClusterClock } from "../../src/node/cluster_clock.ts";

function machine(wallMs: number, stampedMs = 0) {
  const time = { wallMs, monotonicMs: 50 };
  const clock = { wallMs: () => time.wallMs, monotonicMs: () => time.monotonicMs };
  return { time, cluster: new ClusterClock(clock, stampedMs) };
}

Deno.test("ClusterClock.nowMs() ignores jumps of the wall clock while the process runs", () => {
  const { time, cluster } = machine(1_000_000);
  time.wallMs += 3_600_000;
  time.monotonicMs += 10;
  assertEquals(cluster.nowMs(), 1_000_010);
});

Deno.test("ClusterClock.follow() takes over the leader's time whatever the own clock says", () => {
  const { time, cluster } = machine(1_000_000);
  cluster.follow(4_600_000);
  time.monotonicMs += 5;
  assertEquals(cluster.nowMs(), 4_600_005);
});

Deno.test("ClusterClock.nowMs() never goes back when the leader's time is behind", () => {
  const { time, cluster } = machine(4_600_000);
  cluster.follow(1_000_000);
  assertEquals(cluster.nowMs(), 1_000_000);
  cluster.follow(900_000);
  time.monotonicMs += 5;
  assertEquals(cluster.nowMs(), 1_000_000);
});

Deno.test("ClusterClock goes by the leader's time when the own clock was ahead at the start", () => {
  const { time, cluster } = machine(4_600_000);
  assertEquals(cluster.nowMs(), 4_600_000);
  cluster.follow(1_000_000);
  time.monotonicMs += 5;
  assertEquals(cluster.nowMs(), 1_000_005);
});

Deno.test("ClusterClock.nowMs() never goes back when this member has led by its own clock", () => {
  const { cluster } = machine(4_600_000);
  cluster.lead(1_000_000);
  cluster.follow(4_000_000);
  assertEquals(cluster.nowMs(), 4_600_000);
});

Deno.test("ClusterClock.lead() goes on from the newest stamp of the log", () => {
  const { cluster } = machine(1_000_000, 1_200_000);
  assertEquals(cluster.nowMs(), 1_200_000);
  cluster.lead(2_000_000);
  assertEquals(cluster.nowMs(), 2_000_000);
  cluster.lead(1_500_000);
  assertEquals(cluster.nowMs(), 2_000_000);
});
