/** Members by id on real nodes, as etcd's clients administer them: places, newcomers, learners. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { JsonObject } from "../api/v3/recorded/match.ts";
import type { TestCluster } from "./harness.ts";
import { type Stage, stories } from "./story.ts";
import type { TestNode } from "./test_node.ts";
import { until } from "./wait.ts";

/** Rounds over the addresses of `-C`, one a second. */
const PATIENTLY = ["-r", "30"];

interface Listed {
  readonly ID: string;
  readonly name?: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs?: readonly string[];
  readonly isLearner?: boolean;
}

stories("cluster() is administered by the ids of its members", [
  { name: "a newcomer takes its place", options: { size: 3 }, tell: takesPlaces },
  { name: "a newcomer takes its place under mTLS", options: { size: 1, tls: true }, tell: grows },
  { name: "a learner waits", options: { size: 3 }, tell: promotes },
]);

async function takesPlaces(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const newcomer = cluster.add("node4");
  const [one, other] = cluster.nodes as [TestNode, TestNode];
  let id = "";
  await stage("a place that nobody takes is shown, and costs no quorum", async () => {
    id = await reserve(cluster, one, newcomer);
    const place = await until(
      "another member to know the place",
      () => memberOf(cluster, other, id),
    );
    assertEquals(place, { ID: id, peerURLs: [newcomer.peerUrl] });
    const [follower] = await cluster.followers();
    await follower!.kill();
    await until("two of three to write", async () => {
      const url = `${(await cluster.leader(cluster.awake[0])).url}/v2/keys/a?value=1`;
      return (await cluster.client.ask(url, { method: "PUT" })).status < 300;
    });
    await follower!.start();
  });
  await stage("the newcomer from that address has the id that was given out", async () => {
    await newcomer.start("-C", other.peerAddress);
    await cluster.untilWhole();
    const taken = await memberOf(cluster, newcomer, id);
    assertEquals([taken?.name, taken?.clientURLs], ["node4", [newcomer.url]]);
    assertEquals((await listed(cluster, one)).length, 4);
    await newcomer.stop();
    await newcomer.start();
    await cluster.untilWhole();
    assertEquals((await memberOf(cluster, one, id))?.name, "node4");
  });
  await stage("assigned addresses hold until the member starts again", async () => {
    const peerURLs = ["http://127.0.0.1:9"];
    await until("every member to know them", async () => {
      const found = await Promise.all(cluster.running.map((node) => memberOf(cluster, node, id)));
      if (found.every((one) => one?.peerURLs.join() === peerURLs.join())) return true;
      // It was started just now: its own word may have come after the operator's.
      if (found.some((one) => one?.peerURLs.join() === newcomer.peerUrl)) {
        await ask(cluster, one, "update", { ID: id, peerURLs });
      }
      return false;
    });
    await cluster.untilEven();
    await newcomer.stop();
    await newcomer.start();
    await until("its own addresses to be recorded", async () => {
      return (await memberOf(cluster, one, id))?.peerURLs.join() === newcomer.peerUrl;
    });
  });
  await stage("the leader is removed by its id, and remembered", async () => {
    const leader = await cluster.leader();
    const gone = (await listed(cluster, leader)).find(({ name }) => name === leader.name)!;
    await until("its removal", async () => {
      const { status, body } = await tryTo(cluster, leader, "remove", { ID: gone.ID });
      return status === 200 || body.message === "etcdserver: member not found";
    });
    assertEquals((await leader.process.ended).code, 0);
    assertMatch(leader.process.log, /ERROR .*removed from the cluster/);
    cluster.forget(leader);
    const [asked] = cluster.running;
    const url = `${asked!.url}/v2/members/${BigInt(gone.ID).toString(16)}`;
    assertEquals((await cluster.client.ask(url, { method: "DELETE" })).status, 410);
    await cluster.untilWhole();
  });
  await stage("a member that is to remove itself answers before it ends", async () => {
    const [follower] = await cluster.followers();
    const own = (await listed(cluster, follower!)).find(({ name }) => name === follower!.name)!;
    // Etcdctl has such a limit, too; a call with one is not waited for at the end.
    const limit = { "grpc-timeout": "5S" };
    const { status, body } = await until("the leader to have heard everybody", async () => {
      const found = await tryTo(cluster, follower!, "remove", { ID: own.ID }, limit);
      return found.status !== 412 && found;
    });
    assertEquals([status, body.message], [200, undefined]);
    assertEquals((await follower!.process.ended).code, 0);
    cluster.forget(follower!);
    await cluster.untilWhole();
  });
}

async function grows(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.nodes[0]!.start();
  await stage("one member becomes three, a place at a time", async () => {
    const [first] = cluster.nodes;
    for (const name of ["node2", "node3"]) {
      const newcomer = cluster.add(name);
      const id = await reserve(cluster, first!, newcomer);
      const { status, body } = await tryTo(cluster, first!, "add", {
        peerURLs: ["https://127.0.0.1:9"],
      });
      assertEquals([status, body.message], [412, NOT_ENOUGH]);
      await newcomer.start("-C", first!.peerAddress);
      await cluster.untilWhole();
      assertEquals((await memberOf(cluster, newcomer, id))?.name, name);
    }
  });
}

const NOT_ENOUGH = "etcdserver: re-configuration failed due to not enough started members";

async function promotes(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const newcomer = cluster.add("node4");
  const [one] = cluster.nodes as [TestNode];
  let id = "";
  await stage("a learner that was added as one does not vote by itself", async () => {
    id = await reserve(cluster, one, newcomer, true);
    const early = await tryTo(cluster, one, "promote", { ID: id });
    assertEquals(
      [early.status, early.body.message],
      [412, "etcdserver: can only promote a learner member which is in sync with leader"],
    );
    await newcomer.start("-C", one.peerAddress);
    await until("the learner to have the log", async () => {
      return (await cluster.client.ask(`${newcomer.url}/v2/members`)).body.includes("node4");
    });
    const { status } = await cluster.client.ask(`${newcomer.url}/v3/kv/put`, {
      method: "POST",
      body: JSON.stringify({ key: btoa("a"), value: btoa("1") }),
    });
    assertEquals(status, 503);
    assert((await memberOf(cluster, one, id))?.isLearner);
  });
  await stage("it does when it is promoted", async () => {
    await until("its promotion", async () => {
      return (await tryTo(cluster, one, "promote", { ID: id })).status === 200;
    });
    await until("it to serve as a voter", async () => {
      const { status } = await tryTo(cluster, newcomer, "list", { linearizable: true });
      return status === 200;
    });
    assertEquals((await memberOf(cluster, newcomer, id))?.isLearner, undefined);
    await cluster.untilWhole();
  });
  await stage("a member that has lost its disk is replaced: remove, add, start", async () => {
    const [follower] = await cluster.followers();
    await follower!.kill();
    await Deno.remove(follower!.directory, { recursive: true });
    const asked = cluster.awake.find((node) => node !== follower)!;
    const before = (await listed(cluster, asked)).find(({ name }) => name === follower!.name)!;
    await until("the dead one to be removed", async () => {
      return (await tryTo(cluster, asked, "remove", { ID: before.ID })).status === 200;
    });
    const again = await reserve(cluster, asked, follower!);
    await follower!.start("-C", asked.peerAddress, ...PATIENTLY);
    await cluster.untilWhole();
    assertEquals((await memberOf(cluster, asked, again))?.name, follower!.name);
  });
}

/** Has a place reserved for `newcomer`, and returns its id; waits until all members are alive. */
function reserve(
  cluster: TestCluster,
  asked: TestNode,
  newcomer: TestNode,
  isLearner = false,
): Promise<string> {
  return until("a place to be reserved", async () => {
    const { status, body } = await tryTo(cluster, asked, "add", {
      peerURLs: [newcomer.peerUrl],
      isLearner,
    });
    return status === 200 && (body.member as unknown as Listed).ID;
  });
}

async function listed(cluster: TestCluster, asked: TestNode): Promise<readonly Listed[]> {
  const { members } = await ask(cluster, asked, "list", {});
  return members as unknown as readonly Listed[];
}

async function memberOf(
  cluster: TestCluster,
  asked: TestNode,
  id: string,
): Promise<Listed | undefined> {
  return (await listed(cluster, asked)).find(({ ID }) => ID === id);
}

async function ask(
  cluster: TestCluster,
  node: TestNode,
  what: string,
  request: object,
): Promise<JsonObject> {
  const { status, body } = await tryTo(cluster, node, what, request);
  assertEquals(status, 200, JSON.stringify(body));
  return body;
}

async function tryTo(
  cluster: TestCluster,
  node: TestNode,
  what: string,
  request: object,
  headers: Readonly<Record<string, string>> = {},
) {
  const { status, body } = await cluster.client.ask(`${node.url}/v3/cluster/member/${what}`, {
    method: "POST",
    headers,
    body: JSON.stringify(request),
  });
  return { status, body: JSON.parse(body) as JsonObject };
}
