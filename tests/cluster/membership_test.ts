/** Members come, go, move and come back with nothing, while clients write and read. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Answer, errorOf, eventOf } from "./client.ts";
import { type TestCluster, untilAllVote } from "./harness.ts";
import { PROTOCOL } from "../../src/transport/handshake.ts";
import { type Stage, stories } from "./story.ts";
import type { TestNode } from "./test_node.ts";
import { Load } from "./load.ts";
import { freePort } from "./ports.ts";
import { until } from "./wait.ts";

/** Rounds over the addresses of `-C`, one a second: a dead member's name is free after an election time-out. */
const PATIENTLY = ["-r", "30"];

stories("cluster() takes members in and lets them go", [
  { name: "growing and shrinking over HTTP", options: { size: 3 }, tell: growsAndShrinks },
  {
    name: "growing and shrinking over mTLS",
    options: { size: 3, tls: true },
    tell: growsAndShrinks,
  },
  { name: "moving and starting from nothing", options: { size: 3 }, tell: movesAndWipes },
  { name: "what is refused", options: { size: 3 }, tell: refuses },
  { name: "-redirect", options: { size: 3, flags: ["-redirect"] }, tell: redirects },
]);

async function growsAndShrinks(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const load = new Load(cluster);
  await stage("a fourth node joins through a follower", async () => {
    await load.progress();
    const [follower] = await cluster.followers();
    const leader = await cluster.leader();
    const newcomer = cluster.add("node4");
    await newcomer.start("-C", follower!.peerAddress);
    await cluster.untilWhole();
    await untilAllVote(leader, 4);
  });
  await stage("a follower is removed through another one", async () => {
    const [removed, other] = await cluster.followers();
    await remove(cluster, removed!, other!);
    await load.progress();
  });
  await stage("the leader is removed: it hands over first", async () => {
    const leader = await cluster.leader();
    await load.settle();
    await remove(cluster, leader, leader);
    await load.settle();
  });
  await stage("every acknowledged write is on every node that is left", () => load.verify());
}

/** Has `asked` remove `node`, which is told and ends; it is also told when it comes back. */
async function remove(cluster: TestCluster, node: TestNode, asked: TestNode): Promise<void> {
  const answer = await removalOf(cluster, node, asked);
  if (answer !== undefined) {
    const event = eventOf(answer);
    assertEquals([event.action, event.key], ["DELETE", `/_etcd/machines/${node.name}`]);
    assertStringIncludes(event.prevValue!, node.url);
  }
  cluster.forget(node);
  for (const attempt of ["at once", "when it comes back"]) {
    if (attempt === "when it comes back") node.spawn();
    const { code } = await node.process.ended;
    assertEquals(code, 0, attempt);
    assertMatch(node.process.log, /ERROR .*removed from the cluster/);
  }
  await cluster.untilWhole();
}

/**
 * What the removal was answered. Undefined when a busy machine took longer for it than a
 * request may wait: then the answer said that it may still take effect, and it did.
 */
function removalOf(
  cluster: TestCluster,
  node: TestNode,
  asked: TestNode,
): Promise<Answer | undefined> {
  let isUnknown = false;
  const url = `${asked.url}/v1/machines/${node.name}`;
  return until(`the removal of "${node.name}"`, async () => {
    if (isUnknown && node.process.hasEnded) return { answer: undefined };
    const answer = await cluster.client.ask(url, { method: "DELETE" });
    isUnknown ||= answer.body.includes("may still take effect");
    // A busy machine may keep a member from being heard for three heartbeats.
    const isEarly = answer.body.includes("alive, add or restart members first");
    if (isEarly || isUnknown) return false;
    return { answer };
  }).then(({ answer }) => answer);
}

async function movesAndWipes(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const load = new Load(cluster);
  for (const role of ["a follower", "the leader"] as const) {
    await stage(`${role} comes back at other addresses`, async () => {
      await load.progress();
      const leader = await cluster.leader();
      const moving = role === "the leader" ? leader : (await cluster.followers())[0]!;
      await moving.stop();
      moving.clientPort = freePort();
      moving.peerPort = freePort();
      await moving.start();
      await cluster.untilWhole();
      const record = `raft=${moving.peerUrl}&etcd=${moving.url}`;
      for (const node of cluster.nodes) {
        assertEquals((await cluster.members(node)).get(moving.name), record);
      }
    });
  }
  await stage("a follower comes back under its name with an empty directory", async () => {
    await load.progress();
    const [wiped, other] = await cluster.followers();
    await wiped!.kill();
    await Deno.remove(wiped!.directory, { recursive: true });
    await wiped!.start("-C", other!.peerAddress, ...PATIENTLY);
    await cluster.untilWhole();
    assertEquals((await cluster.members(other!)).size, 3);
    await load.progress();
  });
  await stage("a newcomer corrects an address where nobody can call it", async () => {
    const [first] = cluster.nodes;
    const newcomer = cluster.add("node4");
    const unreachable = ["-s", `127.0.0.2:${newcomer.peerPort}`, "-sl", "127.0.0.1"];
    await newcomer.spawn(...unreachable, "-C", first!.peerAddress).says(/Joined the cluster/);
    await newcomer.kill();
    await newcomer.start("-C", first!.peerAddress);
    await cluster.untilWhole();
  });
  await stage("every acknowledged write is on every node", () => load.verify());
}

async function refuses(cluster: TestCluster, stage: Stage): Promise<void> {
  const { client } = cluster;
  const [first, second, third] = cluster.nodes as [TestNode, TestNode, TestNode];
  await cluster.start();
  await stage("a newcomer under the name of a member that lives", async () => {
    const twin = cluster.add("twin");
    const { code } = await twin.spawn("-n", first.name, "-C", second.peerAddress, "-r", "1").ended;
    assertEquals(code, 1);
    assertMatch(twin.process.log, /ERROR .*"node1" is alive at .*choose another name with -n/);
    cluster.forget(twin);
  });
  await stage("a newcomer at the address of another member", async () => {
    const twin = cluster.add("twin");
    await third.kill();
    twin.peerPort = third.peerPort;
    const { code } = await twin.spawn("-C", first.peerAddress, "-r", "1").ended;
    assertEquals(code, 1);
    assertMatch(twin.process.log, /ERROR .*belongs to member "node3"/);
    cluster.forget(twin);
  });
  await stage("the removal of a member that the others need", async () => {
    // The name of a member that is missed is free, so the refusal becomes that of the address.
    const member = {
      id: 1,
      protocol: PROTOCOL,
      name: third.name,
      peerUrls: [second.peerUrl],
      clientUrls: [third.url],
    };
    await until("the cluster to miss its third member", async () => {
      const url = `${first.peerUrl}/peer/join`;
      const answer = await client.ask(url, { method: "POST", body: JSON.stringify(member) });
      return errorOf(answer).cause.includes(`belongs to member "${second.name}"`);
    });
    for (const needed of [first, second]) {
      const url = `${first.url}/v1/machines/${needed.name}`;
      await until(`"${needed.name}" to be needed`, async () => {
        const { cause, errorCode } = errorOf(await client.ask(url, { method: "DELETE" }));
        assertEquals(errorCode, 300);
        return cause.includes("has 1 alive, add or restart members first");
      });
    }
  });
  await stage("a newcomer of which a page of another site tells", async () => {
    const member = {
      id: 7,
      name: "page",
      peerUrls: ["http://127.0.0.1:1"],
      clientUrls: ["http://a"],
    };
    for (const name of ["origin", "sec-fetch-site"]) {
      const { status, body } = await client.ask(`${first.peerUrl}/peer/join`, {
        method: "POST",
        body: JSON.stringify(member),
        headers: { [name]: "http://page.example" },
      });
      assertEquals(status, 403, body);
    }
  });
  await stage("the removal of nobody", async () => {
    const answer = await client.ask(`${second.url}/v1/machines/nobody`, { method: "DELETE" });
    assertEquals(answer.status, 404);
  });
  await stage("a directory of another cluster", async () => {
    const stranger = cluster.add("stranger");
    await stranger.start();
    await stranger.stop();
    const { code } = await stranger.spawn("-C", first.peerAddress).ended;
    assertEquals(code, 1);
    assertMatch(
      stranger.process.log,
      /ERROR .*a directory of cluster "\w+", which .* belongs to, found one of cluster "\w+" at ".*stranger"/,
    );
    cluster.forget(stranger);
  });
  await stage("and none of it has changed anything", async () => {
    await third.start();
    await cluster.untilWhole();
  });
}

async function redirects(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const { client } = cluster;
  const leader = await cluster.leader();
  const [follower] = await cluster.followers();
  await stage(
    "a follower sends writers to the leader, with path and query as they were",
    async () => {
      const target = "/v1/keys/a%20b?value=1&ttl=100";
      for (const method of ["PUT", "POST"]) {
        const answer = await client.ask(follower!.url + target, { method });
        assertEquals(answer.status, 307);
        assertEquals(answer.headers.get("location"), leader.url + target);
      }
      const read = await client.ask(`${follower!.url}/v1/keys/a`);
      assertEquals(read.status, 404, "a follower serves reads itself, as the original did");
    },
  );
  await stage("the leader serves", async () => {
    assertEquals((await client.set(leader.url, "/x", "1")).status, 200);
  });
  await stage("a follower serves stale reads and watches itself", async () => {
    await cluster.untilEven();
    assertEquals((await client.get(follower!.url, "/x", { stale: true })).status, 200);
    const { index } = eventOf(await client.set(leader.url, "/x", "2"));
    assertEquals(eventOf(await client.watch(follower!.url, "/x", index)).value, "2");
  });
}
