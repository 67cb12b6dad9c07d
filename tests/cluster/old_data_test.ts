/** A node of today opens the data of a node of version 1.0, and goes on with it. */
import { assertEquals } from "@std/assert";
import { eventOf, listingOf } from "./client.ts";
import type { TestCluster } from "./harness.ts";
import { type Stage, story } from "./story.ts";

const DIRECTORY = new URL("../../fixtures/data/v1-node/", import.meta.url);

/** A file of the log has room from the start; the fixture goes without the zeros. */
const SEGMENT_BYTES = 16 * 1024 * 1024;

/** What the node of version 1.0 was asked to keep. */
const KEPT: Readonly<Record<string, string>> = {
  "/": "/_etcd/ /a=2 /dir/ /late/ /long=kept /☃=héllo",
  "/dir": [1, 10, 11, 12, 2, 4, 5, 6, 7, 8, 9].map((i) => `/dir/k${i}=v${i}`).join(" "),
  "/late": [20, 21, 22, 23, 24, 25, 26].map((i) => `/late/k${i}=v${i}`).join(" "),
};

story("node() opens the data of version 1.0", { size: 1 }, opensOldData);

async function opensOldData(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  await Deno.mkdir(node.directory);
  for await (const { name } of Deno.readDir(DIRECTORY)) {
    const path = `${node.directory}/${name}`;
    await Deno.copyFile(new URL(name, DIRECTORY), path);
    if (name.endsWith(".log")) await Deno.truncate(path, SEGMENT_BYTES);
  }
  await stage("has every key", async () => {
    await node.start();
    await assertKept(cluster);
  });
  await stage("has its history", async () => {
    const { key, value, index } = eventOf(await cluster.client.watch(node.url, "/dir", 10));
    assertEquals([key, value, index], ["/dir/k7", "v7", 10]);
  });
  await stage("goes on, and opens what it wrote", async () => {
    await cluster.client.set(node.url, "/dir/k3", "again");
    await node.kill();
    await node.start();
    await cluster.client.delete(node.url, "/dir/k3");
    await assertKept(cluster);
  });
}

async function assertKept(cluster: TestCluster): Promise<void> {
  for (const [directory, kept] of Object.entries(KEPT)) {
    const listing = listingOf(await cluster.client.get(cluster.nodes[0]!.url, directory));
    const found = listing.map(({ key, dir, value }) => dir ? `${key}/` : `${key}=${value}`);
    assertEquals(found.join(" "), kept);
  }
}
