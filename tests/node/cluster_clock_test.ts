import { assertEquals } from "@std/assert";
import { ClusterClock } from "../../src/node/cluster_clock.ts";

function machine(wallMs: number) {
  const time = { wallMs, monotonicMs: 50 };
  const clock = { wallMs: () => time.wallMs, monotonicMs: () => time.monotonicMs };
  return { time, cluster: new ClusterClock(clock) };
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
  const { time, cluster } = machine(1_000_000);
  assertEquals(cluster.nowMs(), 1_000_000);
  cluster.follow(900_000);
  time.monotonicMs += 5;
  assertEquals(cluster.nowMs(), 1_000_000);
});

Deno.test("ClusterClock.raiseTo() goes on from the newest stamp of the log", () => {
  const { cluster } = machine(1_000_000);
  cluster.raiseTo(2_000_000);
  assertEquals(cluster.nowMs(), 2_000_000);
  cluster.raiseTo(1_500_000);
  assertEquals(cluster.nowMs(), 2_000_000);
});
