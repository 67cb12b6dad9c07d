/** Watches go on through a change of leader, on those that stay and on the one that takes over. */
import { assert, assertEquals } from "@std/assert";
import { type EventBody, eventOf } from "./client.ts";
import { story, type TestCluster, type TestNode } from "./harness.ts";
import { pause } from "./wait.ts";

/** Written before the leader is killed, and after. */
const WRITES = 100;

story("cluster() shows each event once and in order", { size: 3 }, async (cluster, stage) => {
  await cluster.start();
  const followers = await cluster.followers();
  const leader = await cluster.leader();
  const acknowledged: EventBody[] = [];
  const lastKey = "/seen/last";
  const watchers = followers.map((node) => follow(cluster, node, lastKey));
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
});

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
