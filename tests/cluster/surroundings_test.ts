/** What surrounds a process may be odd: who reads its log, its limits, its directory. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { TestCluster } from "./harness.ts";
import { NodeProcess } from "./node_process.ts";
import { freePort } from "./ports.ts";
import { type Stage, stories } from "./story.ts";
import type { TestNode } from "./test_node.ts";
import { until, within } from "./wait.ts";

stories("node() goes on in odd surroundings, or says what is wrong", [
  {
    name: "serves and stops while nobody reads its log",
    options: { size: 1 },
    tell: outlivesStuckReader,
  },
  { name: "stops while it waits to join", options: { size: 1 }, tell: stopsWhileJoining },
  ...["removed", "moved", "replaced", "emptied", "robbed of its log"].map((how) => ({
    name: `its directory is ${how}`,
    options: { size: 1 },
    tell: (cluster: TestCluster, stage: Stage) => noticesLoss(cluster, stage, how),
  })),
  { name: "may have small files only", options: { size: 1 }, tell: namesFileLimit },
]);

async function outlivesStuckReader(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  const logFile = `${cluster.directory}/fifo`;
  await new Deno.Command("mkfifo", { args: [logFile] }).output();
  // Opened for both, it needs no other end.
  using pipe = await Deno.open(logFile, { read: true, write: true });
  pipe.writeSync(new Uint8Array(PIPE_BYTES));
  const process = NodeProcess.spawn(node.commandLine, { logFile });
  cluster.atEnd(() => process.kill());
  await stage("acknowledges writes", async () => {
    await until("the node to serve", () => isHealthy(cluster));
    for (let i = 0; i < 20; i++) await cluster.client.set(node.url, "/x", `${i}`);
    assertEquals(await cluster.value(node, "/x"), "19");
  });
  await stage("ends in order at a signal", async () => {
    process.signal("SIGTERM");
    const { code } = await within("the process to end", process.ended);
    assertEquals(code, 0);
  });
}

async function stopsWhileJoining(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  await stage("ends in order at a signal", async () => {
    const process = node.spawn("-C", `127.0.0.1:${freePort()}`, "-r", "1000");
    await process.says(/Could not join yet/);
    assertEquals(await node.stop(), 0);
    assertMatch(process.log, /Stopped before it served/);
  });
}

async function namesFileLimit(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  await stage("says which limit is too small", async () => {
    const process = NodeProcess.spawn(node.commandLine, { fileBlocksMax: 8_000 });
    cluster.atEnd(() => process.kill());
    assertEquals((await within("the process to end", process.ended)).code, 1);
    assertMatch(process.log, /ERROR .*wal-.*ulimit -f/);
  });
}

async function noticesLoss(cluster: TestCluster, stage: Stage, how: string): Promise<void> {
  const node = cluster.nodes[0]!;
  const { directory, url, process } = await started(node);
  await stage("says so and acknowledges nothing from there on", async () => {
    await cluster.client.set(url, "/x", "1");
    await lose(directory, how);
    await process.says(/ERROR .*The data is gone.*cause=.*directory|file/);
    const { status, body } = await cluster.client.set(url, "/x", "2");
    assertEquals(status, 503);
    assertStringIncludes(body, directory);
    const ready = await cluster.client.ask(`${url}/readyz?verbose`);
    assertEquals(ready.status, 503);
    assertStringIncludes(ready.body, "[-]directory");
  });
  await stage("ends in order at a signal", async () => {
    assertEquals(await node.stop(), 0);
  });
}

async function started(node: TestNode): Promise<TestNode> {
  await node.start();
  return node;
}

async function lose(directory: string, how: string): Promise<void> {
  switch (how) {
    case "removed":
      return await Deno.remove(directory, { recursive: true });
    case "moved":
      return await Deno.rename(directory, `${directory}.moved`);
    case "replaced":
      await new Deno.Command("cp", { args: ["-a", directory, `${directory}.copy`] }).output();
      await Deno.rename(directory, `${directory}.old`);
      return await Deno.rename(`${directory}.copy`, directory);
    case "emptied":
      for (const { name } of Deno.readDirSync(directory)) Deno.removeSync(`${directory}/${name}`);
      return;
    case "robbed of its log":
      return await Deno.remove(`${directory}/wal-0000000000000001.log`);
  }
}

/** What a pipe holds on Linux; elsewhere less makes it full (pipe(7)). */
const PIPE_BYTES = 65_536;

async function isHealthy({ client, nodes }: TestCluster): Promise<boolean> {
  return (await client.ask(`${nodes[0]!.url}/health`)).status === 200;
}
