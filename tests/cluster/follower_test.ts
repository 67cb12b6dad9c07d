/** What followers owe their clients: all of the log, however they get it, and every event of it. */
import { assert, assertEquals } from "@std/assert";
import { type EventBody, eventOf } from "./client.ts";
import type { TestCluster } from "./harness.ts";
import { type Stage, stories } from "./story.ts";
import type { TestNode } from "./test_node.ts";
import { Load } from "./load.ts";
import { later, pause } from "./wait.ts";

/** Written before the leader is killed, and as many after. */
const WRITES = 100;

stories("cluster() keeps its followers up to date", [
  {
    name: "one that lags gets a snapshot",
    // The log is cut early, so that lagging a little is too much.
    options: { size: 3, flags: ["-snapCount", "40"] },
    tell: catchesUp,
  },
  {
    name: "watches see each event once and in order through a change of leader",
    options: { size: 3 },
    tell: seesEverything,
  },
]);

async function catchesUp(cluster: TestCluster, stage: Stage): Promise<void> {
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
  await stage("a follower answers for values of which JSON makes six times as much", async () => {
    const value = "\x01".repeat(1_000_000);
    for (const prevValue of [undefined, value]) {
      const event = eventOf(
        await client.ask(`${lagging!.url}/v1/keys/dense`, {
          method: "POST",
          body: `value=${value}`,
          headers: { "content-type": "application/x-www-form-urlencoded" },
        }),
      );
      assertEquals([event.value, event.prevValue], [value, prevValue]);
    }
  });
  await stage("every acknowledged write is on every node", () => load.verify());
}

async function seesEverything(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const followers = await cluster.followers();
  const leader = await cluster.leader();
  const acknowledged: EventBody[] = [];
  const lastKey = "/seen/last";
  const watchers = followers.map((node) => later(follow(cluster, node, lastKey)));
  await stage("clients write, and the leader is killed", async () => {
    for (let number = 1; number <= 2 * WRITES; number++) {
      if (number === WRITES) void leader.kill();
      const event = await write(cluster, followers[number % 2]!, `/seen/${number}`);
      if (event !== undefined) acknowledged.push(event);
    }
    let last: EventBody | undefined;
    while (last === undefined) last = await write(cluster, followers[0]!, lastKey);
    acknowledged.push(last);
  });
  for (const [number, watcher] of watchers.entries()) {
    await stage(`a watcher of "${followers[number]!.name}" has seen it all`, async () => {
      const seen = await watcher;
      const indexes = seen.map(({ index }) => index);
      assertEquals(indexes, [...new Set(indexes)].sort((a, b) => a - b));
      const byIndex = new Map(seen.map((event) => [event.index, event]));
      for (const event of acknowledged) assertEquals(byIndex.get(event.index), event);
      assert(seen.length >= acknowledged.length);
    });
  }
}

/** Undefined when it is not known what became of it. */
async function write(
  { client }: TestCluster,
  node: TestNode,
  key: string,
): Promise<EventBody | undefined> {
  const answer = await client.set(node.url, key, "x");
  await pause(2);
  return answer.status === 200 ? eventOf(answer) : undefined;
}

/** All events under `/seen` up to the first one of `lastKey`, as watches of `node` show them. */
async function follow(
  { client }: TestCluster,
  node: TestNode,
  lastKey: string,
): Promise<EventBody[]> {
  const seen: EventBody[] = [];
  let since = 1;
  do {
    const event = eventOf(await client.watch(node.url, "/seen", since));
    seen.push(event);
    since = event.index + 1;
  } while (seen.at(-1)!.key !== lastKey);
  return seen;
}
