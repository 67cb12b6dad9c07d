/** What the original was recorded to answer, from real nodes: one and three, plain and under mutual TLS. */
import { assertEquals } from "@std/assert";
import { TestCluster } from "../cluster/harness.ts";
import { readScenarios, type Scenario } from "./v2_cases.ts";
import { Player } from "./v2_player.ts";

interface Place {
  readonly size: number;
  readonly tls: boolean;
  readonly files: readonly string[];
}

/** All of it once; elsewhere what may depend on who is asked, and how. */
const PLACES: readonly Place[] = [
  {
    size: 1,
    tls: false,
    files: [
      ...["keys.json", "compare.json", "directories.json", "parameters.json", "paths.json"],
      ...["ttl.json", "watch.json", "walks.json", "cluster.json", "compared.json"],
    ],
  },
  { size: 1, tls: true, files: ["keys.json", "paths.json"] },
  { size: 3, tls: false, files: ["three-nodes.json", "compare.json", "watch.json", "walks.json"] },
  { size: 3, tls: true, files: ["three-nodes.json", "keys.json"] },
  { size: 1, tls: false, files: ["auth.json"] },
  { size: 3, tls: true, files: ["auth.json"] },
];

for (const { size, tls, files } of PLACES) {
  const where = `${size} node${size === 1 ? "" : "s"}${tls ? " under mutual TLS" : ""}`;
  Deno.test(`v2 answers as recorded on ${where}`, async () => {
    await using cluster = await TestCluster.prepare({ size, tls });
    await cluster.start();
    const scenarios = files.flatMap(readScenarios).filter(({ nodes = size }) => nodes === size);
    // Of three, one that follows is asked where a scenario does not say whom.
    await assertPlays(cluster.nodes.map(({ url }) => url).toReversed(), scenarios);
  });
}

async function assertPlays(urls: readonly string[], scenarios: readonly Scenario[]): Promise<void> {
  const player = new Player(urls);
  for (const scenario of scenarios) await player.play(scenario);
  assertEquals(player.problems, []);
}
