/** Members are cut off from each other by a proxy that holds their messages back, and healed. */
import { assert, assertEquals } from "@std/assert";
import { errorOf } from "./client.ts";
import type { TestCluster } from "./harness.ts";
import { type Stage, stories } from "./story.ts";
import type { TestNode } from "./test_node.ts";
import { Load } from "./load.ts";
import { ANYONE, type Network } from "./proxy.ts";
import { later, pause, until } from "./wait.ts";

/** By then a member that hears no leader has wanted to become one. */
const CAMPAIGN_MS = 7_500;

stories("cluster() survives cuts of its network", [
  { name: "around the leader", options: { size: 3, proxied: true }, tell: cutsTheLeader },
  {
    name: "around a follower",
    // The leader leads by one other alone: that one may be kept waiting by a busy machine.
    options: { size: 3, proxied: true, flags: ["-election", "3000"] },
    tell: cutsAFollower,
  },
  {
    name: "towards the leader, over mTLS",
    options: { size: 3, proxied: true, tls: true },
    tell: cutsTowardsTheLeader,
  },
]);

async function cutsTheLeader(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const { client } = cluster;
  const cuts = new Cuts(cluster);
  await stage("it is cut off: it acknowledges nothing, the others go on", async () => {
    const leader = await cluster.leader();
    const others = await cuts.around(leader, "both ways");
    const answers = [
      later(client.set(leader.url, "/cut", "lost")),
      later(client.get(leader.url, "/load/registers/w0")),
    ];
    await untilLeaderIsNot(cluster, leader, others[0]!);
    await cuts.load.progress();
    for (const answer of await Promise.all(answers)) {
      assert([300, 301].includes(errorOf(answer).errorCode), answer.body);
    }
    await cuts.heal();
  });
  await stage("it is heard and hears nobody: it steps down", async () => {
    const leader = await cluster.leader();
    const others = await cuts.around(leader, "towards it");
    await untilLeaderIsNot(cluster, leader, others[0]!);
    await cuts.load.progress();
    await cuts.heal();
  });
  await stage("every acknowledged write is on every node", () => cuts.load.verify());
}

async function cutsAFollower(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const cuts = new Cuts(cluster);
  const leader = await cluster.leader();
  for (const way of ["both ways", "from the leader"] as const) {
    await stage(`it is cut off ${way}: the leader stays, also when it comes back`, async () => {
      const [follower] = await cluster.followers();
      await cuts.around(follower!, way);
      await pause(CAMPAIGN_MS);
      await cuts.load.progress();
      await cuts.heal();
      assertEquals(await cluster.leader(), leader);
    });
  }
  await stage("every acknowledged write is on every node", () => cuts.load.verify());
}

/** Cuts, and clients that stay with the nodes that can answer; the story itself asks the others. */
class Cuts {
  readonly load: Load;
  readonly #cluster: TestCluster;
  readonly #network: Network;
  #served: readonly TestNode[];

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
    this.#network = cluster.network!;
    this.#served = cluster.nodes;
    this.load = new Load(cluster, { nodes: () => this.#served });
  }

  /** Cuts `node` off and returns the others. */
  async around(
    node: TestNode,
    way: "both ways" | "towards it" | "from the leader",
  ): Promise<readonly TestNode[]> {
    await this.load.progress();
    const leader = await this.#cluster.leader();
    const others = this.#cluster.nodes.filter((other) => other !== node);
    this.#served = others;
    for (const other of way === "from the leader" ? [leader] : others) {
      this.#network.cut(other.name, node.name);
      if (way !== "towards it") this.#network.cut(node.name, other.name);
    }
    return others;
  }

  async heal(): Promise<void> {
    this.#network.heal();
    this.#served = this.#cluster.nodes;
    await this.#cluster.untilWhole();
    await this.load.progress();
  }
}

async function cutsTowardsTheLeader(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  let served = cluster.nodes;
  const load = new Load(cluster, { nodes: () => served });
  await stage("nothing reaches the leader: it steps down", async () => {
    await load.progress();
    const leader = await cluster.leader();
    served = await cluster.followers();
    cluster.network!.cut(ANYONE, leader.name);
    await untilLeaderIsNot(cluster, leader, served[0]!);
    await load.progress();
    cluster.network!.heal();
    served = cluster.nodes;
    await cluster.untilWhole();
  });
  await stage("every acknowledged write is on every node", () => load.verify());
}

async function untilLeaderIsNot(
  cluster: TestCluster,
  former: TestNode,
  asked: TestNode,
): Promise<void> {
  await until(`another leader than "${former.name}"`, async () => {
    return await cluster.leader(asked) !== former;
  });
}
