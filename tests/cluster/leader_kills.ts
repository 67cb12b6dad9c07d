/**
 * Counts on a cluster of three: how long nobody can write after the leader was
 * killed, and after it was stopped in order, and that no write is lost.
 *
 *     deno run -A tests/cluster/leader_kills.ts [--kills 50] [--stops 20] [--tls]
 */
import { parseArgs } from "@std/cli/parse-args";
import { TestCluster } from "./harness.ts";
import type { TestNode } from "./test_node.ts";
import { Load } from "./load.ts";

const { kills = "50", stops = "20", tls } = parseArgs(Deno.args, {
  string: ["kills", "stops"],
  boolean: ["tls"],
});

await using cluster = await TestCluster.prepare({ size: 3, tls });
await cluster.explain(async () => {
  await cluster.start();
  const load = new Load(cluster);
  const afterKills: number[] = [];
  for (let number = 1; number <= Number(kills); number++) {
    afterKills.push(await measureKill(load));
  }
  report("killed", "until the next acknowledged write", afterKills);
  const afterStops: number[] = [];
  for (let number = 1; number <= Number(stops); number++) {
    afterStops.push(await measureStop(load));
  }
  report("stopped in order", "longest pause of a writer on a follower", afterStops);
  await load.verify();
  const { acknowledged, unknown } = load.ledger;
  console.log(`${acknowledged} writes acknowledged, 0 lost, ${unknown} without an answer`);
});

/** Milliseconds from the leader's death to the first acknowledgement of a write sent after it. */
async function measureKill(load: Load): Promise<number> {
  await load.settle();
  const leader = await cluster.leader();
  await leader.kill();
  const killedMs = performance.now();
  await Promise.any(cluster.awake.map((node, number) => writeUntilAcknowledged(node, number)));
  const measured = performance.now() - killedMs;
  await leader.start();
  await cluster.untilWhole();
  return measured;
}

async function writeUntilAcknowledged(node: TestNode, number: number): Promise<void> {
  for (;;) {
    const answer = await cluster.client.set(node.url, `/probe/${number}`, "x");
    if (answer.status === 200) return;
  }
}

/** The longest time in milliseconds between two acknowledgements of one writer, while the leader stops. */
async function measureStop(load: Load): Promise<number> {
  await load.settle();
  const leader = await cluster.leader();
  const [follower] = await cluster.followers();
  let stopped = false;
  const stopping = leader.stop().then((code) => {
    if (code !== 0) throw new Error(`Expected status 0, found ${code}`);
    stopped = true;
  });
  let longest = 0;
  let acknowledgedMs = performance.now();
  while (!stopped) {
    await writeUntilAcknowledged(follower!, 0);
    const nowMs = performance.now();
    longest = Math.max(longest, nowMs - acknowledgedMs);
    acknowledgedMs = nowMs;
  }
  await stopping;
  await leader.start();
  await cluster.untilWhole();
  return longest;
}

function report(what: string, measure: string, measured: readonly number[]): void {
  if (measured.length === 0) return;
  const sorted = measured.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!.toFixed(0);
  console.log(
    `Leader ${what} ${sorted.length} times; ${measure}, ms: ` +
      `min ${sorted[0]!.toFixed(0)}, median ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`,
  );
}
