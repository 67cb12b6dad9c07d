/**
 * A cluster loses members and gets them back, while clients write and read.
 * In the end every acknowledged write is on every node.
 */
import { assert, assertEquals } from "@std/assert";
import { errorOf, eventOf } from "./client.ts";
import type { TestCluster } from "./harness.ts";
import { type Stage, stories } from "./story.ts";
import { Load } from "./load.ts";
import { later, pause, until } from "./wait.ts";

/** How long a node is paused: several elections. */
const PAUSE_MS = 5_000;

/** What a member logs when its patience with a silent leader is over, with `-v`. */
const WANTS_TO_LEAD = "role=preCandidate";

const VERBOSE = ["-v"];

stories("cluster() heals itself while clients write and read", [
  {
    name: "three nodes over HTTP",
    options: { size: 3, flags: VERBOSE },
    tell: losesOneAfterTheOther,
  },
  {
    name: "three nodes over mTLS",
    options: { size: 3, tls: true, flags: VERBOSE },
    tell: losesOneAfterTheOther,
  },
  { name: "five nodes over HTTP", options: { size: 5 }, tell: losesTwoAndAThird },
  { name: "five nodes over mTLS", options: { size: 5, tls: true }, tell: losesTwoAndAThird },
]);

async function losesOneAfterTheOther(cluster: TestCluster, stage: Stage): Promise<void> {
  await stage("the nodes find each other by -C", () => cluster.start());
  await stage("every node tells the same", () => tellsTheSame(cluster));
  await stage("every node serves every request", () => servesEverywhere(cluster));
  const load = new Load(cluster);
  await stage("a follower is killed and comes back", () => losesFollower(cluster, load));
  await stage("the leader is killed and comes back", () => losesLeader(cluster, load));
  await stage("the leader stops in order: no election", () => stopsLeader(cluster, load));
  await stage("the leader is paused and wakes up", () => pausesLeader(cluster, load));
  await stage("all are killed and come back", () => losesAll(cluster, load));
  await stage("every acknowledged write is on every node", () => load.verify());
}

async function losesTwoAndAThird(cluster: TestCluster, stage: Stage): Promise<void> {
  await stage("the nodes find each other by -C", () => cluster.start());
  const load = new Load(cluster);
  await stage("the leader and a follower are killed", () => losesTwo(cluster, load));
  await stage("a third one: nobody acknowledges, and everybody says so", async () => {
    await load.stop();
    await losesQuorum(cluster);
  });
  await stage("they come back with every acknowledged write", async () => {
    const dead = cluster.nodes.filter(({ isRunning }) => !isRunning);
    await Promise.all(dead.map((node) => node.start()));
    await cluster.untilWhole();
    await load.verify();
  });
}

async function tellsTheSame(cluster: TestCluster): Promise<void> {
  const { client, nodes } = cluster;
  const leader = await cluster.leader();
  const others = nodes.filter((node) => node !== leader);
  const members = nodes.map(({ name, peerUrl, url }) => [name, `raft=${peerUrl}&etcd=${url}`]);
  for (const node of nodes) {
    assertEquals((await client.ask(`${node.url}/v1/leader`)).body, leader.peerUrl);
    const machines = (await client.ask(`${node.url}/v1/machines`)).body.split(", ");
    assertEquals(machines, [leader, ...others].map(({ url }) => url));
    assertEquals([...await cluster.members(node)], members);
  }
}

async function servesEverywhere({ client, nodes }: TestCluster): Promise<void> {
  let prevValue: string | undefined;
  for (const node of nodes) {
    const value = node.name;
    const set = eventOf(
      await client.set(node.url, "/x", value, prevValue === undefined ? {} : { prevValue }),
    );
    assertEquals([set.value, set.prevValue], [value, prevValue]);
    for (const other of nodes) {
      assertEquals(eventOf(await client.get(other.url, "/x")).value, value);
      const refused = await client.set(other.url, "/x", "y", { prevValue: "z" });
      assertEquals([refused.status, errorOf(refused).errorCode], [400, 101]);
      assertEquals(eventOf(await client.watch(other.url, "/x", set.index)), set);
    }
    prevValue = value;
  }
  for (const node of nodes) {
    const missing = await client.delete(node.url, "/nothing");
    assertEquals([missing.status, errorOf(missing).errorCode], [404, 100]);
  }
  assertEquals(eventOf(await client.delete(nodes[1]!.url, "/x")).action, "DELETE");
  assertEquals((await client.get(nodes[2]!.url, "/x")).status, 404);
}

async function losesFollower(cluster: TestCluster, load: Load): Promise<void> {
  await load.progress();
  const [follower, other] = await cluster.followers();
  await follower!.kill();
  await load.progress();
  // As in the README: the same command again; -C is ignored.
  await follower!.start("-C", other!.peerAddress);
  await cluster.untilWhole();
}

async function losesLeader(cluster: TestCluster, load: Load): Promise<void> {
  const leader = await cluster.leader();
  await leader.kill();
  await load.progress();
  await leader.start();
  await cluster.untilWhole();
}

async function stopsLeader(cluster: TestCluster, load: Load): Promise<void> {
  await load.settle();
  const leader = await cluster.leader();
  const others = await cluster.followers();
  const campaigns = () => others.map(({ process }) => process.log.split(WANTS_TO_LEAD).length);
  const before = campaigns();
  assertEquals(await leader.stop(), 0);
  await load.settle();
  // The heir is told to lead, and asks nobody first whether it may.
  assertEquals(campaigns(), before);
  await leader.start();
  await cluster.untilWhole();
}

async function pausesLeader(cluster: TestCluster, load: Load): Promise<void> {
  const { client } = cluster;
  const sleeper = await cluster.leader();
  eventOf(await client.set(sleeper.url, "/paused", "old"));
  sleeper.pause();
  const pausedMs = performance.now();
  const leader = await cluster.leader();
  eventOf(await client.set(leader.url, "/paused", "new"));
  // These wait in the sockets of the paused process, which believes that it leads.
  const read = later(client.get(sleeper.url, "/paused"));
  const write = later(client.set(sleeper.url, "/woken", "x"));
  await load.progress();
  await pause(PAUSE_MS - (performance.now() - pausedMs));
  sleeper.resume();
  assertEquals(eventOf(await read).value, "new");
  const written = await write;
  if (written.status === 200) assertEquals(await cluster.value(leader, "/woken"), "x");
  await cluster.untilWhole();
  await until("the old leader to follow", async () => {
    return (await cluster.leader(sleeper)) !== sleeper;
  });
  await load.progress();
}

async function losesAll(cluster: TestCluster, load: Load): Promise<void> {
  await load.progress();
  await Promise.all(cluster.nodes.map((node) => node.kill()));
  await Promise.all(cluster.nodes.map((node) => node.start()));
  await cluster.untilWhole();
  await load.progress();
}

async function losesTwo(cluster: TestCluster, load: Load): Promise<void> {
  await load.progress();
  const leader = await cluster.leader();
  const [follower] = await cluster.followers();
  await Promise.all([leader.kill(), follower!.kill()]);
  await load.progress();
}

async function losesQuorum(cluster: TestCluster): Promise<void> {
  const [follower] = await cluster.followers();
  await follower!.kill();
  await Promise.all(cluster.running.flatMap(({ url }) => [
    cluster.client.set(url, "/alone", "x").then((answer) => {
      assert([300, 301].includes(errorOf(answer).errorCode), answer.body);
    }),
    cluster.client.ask(`${url}/health`).then(({ status }) => assertEquals(status, 503)),
  ]));
}
