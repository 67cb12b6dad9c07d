/**
 * Counts on one node: rounds of load, `kill -9` and restart, in which nothing
 * acknowledged may be lost and the index may never go back.
 *
 *     deno run -A tests/cluster/kill_rounds.ts [--rounds 200]
 */
import { parseArgs } from "@std/cli/parse-args";
import { TestCluster } from "./harness.ts";
import { Ledger } from "./ledger.ts";
import { Load } from "./load.ts";
import { pause } from "./wait.ts";

/** Acknowledged writes before a kill, at most. */
const WRITES_MAX = 200;

/** A start is cut short by a kill in one of so many rounds … */
const CUT_STARTS = 4;
/** … after so long at most: as long as a start takes. */
const START_MS = 300;

const REPORT_EVERY = 20;

const { rounds = "200" } = parseArgs(Deno.args, { string: ["rounds"] });

// A snapshot now and then, so that kills come during them too.
await using cluster = await TestCluster.prepare({ size: 1, flags: ["-snapCount", "500"] });
await cluster.explain(() => run(Number(rounds)));

async function run(rounds: number): Promise<void> {
  const ledger = new Ledger();
  const node = cluster.nodes[0]!;
  const startedMs = performance.now();
  await node.start();
  let cutStarts = 0;
  for (let round = 1; round <= rounds; round++) {
    const load = new Load(cluster, { name: `r${round}-`, ledger, writers: 8, paceMs: 0 });
    await load.progress(Math.ceil(Math.random() * WRITES_MAX));
    await node.kill();
    if (round % CUT_STARTS === 0) {
      cutStarts++;
      node.spawn();
      await pause(Math.random() * START_MS);
      await node.kill();
    }
    await node.start();
    await load.verify();
    if (round % REPORT_EVERY === 0 || round === rounds) {
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
      console.log(
        `${round} rounds in ${seconds} s: ${ledger.acknowledged} writes acknowledged, 0 lost, ` +
          `${ledger.unknown} without an answer; index ${ledger.newestIndex}, never back; ` +
          `${cutStarts} starts cut short`,
      );
    }
  }
}
