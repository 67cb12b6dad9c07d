/** What surrounds a process may be odd: who reads its log, its limits, its directory. */
import { assertEquals, assertMatch } from "@std/assert";
import type { TestCluster } from "./harness.ts";
import { NodeProcess } from "./node_process.ts";
import { freePort } from "./ports.ts";
import { type Stage, stories } from "./story.ts";
import { until, within } from "./wait.ts";

stories("node() goes on in odd surroundings, or says what is wrong", [
  {
    name: "serves and stops while nobody reads its log",
    options: { size: 1 },
    tell: outlivesStuckReader,
  },
  { name: "stops while it waits to join", options: { size: 1 }, tell: stopsWhileJoining },
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

/** What a pipe holds on Linux; elsewhere less makes it full (pipe(7)). */
const PIPE_BYTES = 65_536;

async function isHealthy({ client, nodes }: TestCluster): Promise<boolean> {
  return (await client.ask(`${nodes[0]!.url}/health`)).status === 200;
}
