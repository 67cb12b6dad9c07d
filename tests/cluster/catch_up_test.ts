/** A member that has missed more than the others' logs still hold gets a snapshot, while clients write. */
import { assert } from "@std/assert";
import { eventOf } from "./client.ts";
import { story } from "./harness.ts";
import { Load } from "./load.ts";

story("cluster() brings a lagging member up by a snapshot", {
  size: 3,
  // The log is cut early, so that lagging a little is too much.
  flags: ["-snapCount", "40"],
}, async (cluster, stage) => {
  await cluster.start();
  const { client } = cluster;
  const load = new Load(cluster);
  const [lagging] = await cluster.followers();
  await stage("a follower is down while much is written", async () => {
    await load.progress();
    await lagging!.kill();
    const leader = await cluster.leader();
    // Several chunks of a transfer.
    for (let number = 0; number < 30; number++) {
      eventOf(await client.set(leader.url, `/big/${number}`, `${number}`.padEnd(100_000, ".")));
    }
    await load.progress(200);
  });
  await stage("it gets a snapshot and goes on with the log", async () => {
    await lagging!.start();
    await cluster.untilWhole();
    await load.progress(100);
    await cluster.untilEven();
    assert(cluster.nodes.some(({ process }) => / A member needs a snapshot /.test(process.log)));
  });
  await stage("it starts from the snapshot that it got", async () => {
    await lagging!.kill();
    await lagging!.start();
    await cluster.untilWhole();
  });
  await stage("every acknowledged write is on every node", () => load.verify());
});
