/** The life of one node as a process: what it keeps, how it starts and how it ends. */
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { errorOf, eventOf, listingOf } from "./client.ts";
import type { TestCluster } from "./harness.ts";
import { type Stage, stories } from "./story.ts";
import { Load } from "./load.ts";
import { runToEnd } from "./node_process.ts";
import { until } from "./wait.ts";

stories("node() keeps its word from its start to its end", [
  {
    name: "keeps all it acknowledged when it is killed",
    options: { size: 1 },
    tell: survivesKills,
  },
  { name: "refuses a directory in use", options: { size: 1 }, tell: guardsItsDirectory },
  { name: "starts afresh with -f", options: { size: 1 }, tell: startsAfresh },
  { name: "stops in order at a signal", options: { size: 1 }, tell: stopsInOrder },
  {
    name: "takes snapshots and cuts the log",
    options: {
      size: 1,
      flags: ["-snapCount", "20", "-m", "5"],
    },
    tell: cutsItsLog,
  },
  { name: "keeps deadlines over a restart", options: { size: 1 }, tell: keepsDeadlines },
]);

async function survivesKills(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  await node.start();
  const load = new Load(cluster);
  for (const round of [1, 2, 3]) {
    await stage(`is killed under load, round ${round}`, async () => {
      await load.progress();
      await node.kill();
      await node.start();
    });
  }
  await stage("has every acknowledged write", () => load.verify());
}

async function guardsItsDirectory(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  await node.start();
  await stage("names the process that has it", async () => {
    const second = await runToEnd(["-d", node.directory, "-c", "1", "-s", "2"]);
    assertEquals(second.code, 1);
    assertStringIncludes(second.stderr, node.directory);
    assertStringIncludes(second.stderr, String(node.process.pid));
  });
  await stage("leaves the first one alone", async () => {
    assertEquals((await cluster.client.set(node.url, "/x", "1")).status, 200);
  });
}

async function startsAfresh(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  await node.start();
  await cluster.client.set(node.url, "/x", "1");
  await node.stop();
  await Deno.writeTextFile(`${node.directory}/notes.txt`, "a user's");
  await stage("warns, names what it removes, and removes nothing else", async () => {
    await node.start("-f");
    assertMatch(node.process.log, /WARN .*Started afresh.*wal-0+1\.log/);
    assertEquals(await Deno.readTextFile(`${node.directory}/notes.txt`), "a user's");
  });
  await stage("is empty", async () => {
    assertEquals((await cluster.client.get(node.url, "/x")).status, 404);
  });
}

async function stopsInOrder(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await stage(`${signal}: answers what waits and ends with status 0`, async () => {
      await node.start();
      const { index } = eventOf(await cluster.client.set(node.url, "/x", signal));
      const waiting = cluster.client.watch(node.url, "/x", index + 1);
      // A later request, on a connection that had to be opened first, is answered: the watch waits by then.
      await cluster.client.watch(node.url, "/x", index);
      node.process.signal(signal);
      const { code } = await node.process.ended;
      assertEquals(code, 0);
      assertEquals((await waiting).status, 503);
    });
  }
  await stage("keeps everything", async () => {
    await node.start();
    assertEquals(await cluster.value(node, "/x"), "SIGINT");
  });
  await stage("ends at once at the second signal", async () => {
    await fill(cluster);
    // A client that does not read its answer holds up an orderly stop.
    using slow = await Deno.connect({ hostname: "127.0.0.1", port: node.clientPort });
    await slow.write(new TextEncoder().encode("GET /v1/keys/big HTTP/1.1\r\nHost: x\r\n\r\n"));
    await slow.read(new Uint8Array(1));
    node.process.signal("SIGTERM");
    await node.process.says(/Stopping, a second signal/);
    // Two in a row may be one press of Ctrl-C, so more follow.
    await until("the node to end", () => {
      node.process.signal("SIGTERM");
      return node.process.hasEnded;
    });
    const { code } = await node.process.ended;
    assertEquals(code, 130);
  });
}

async function cutsItsLog(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  await node.start();
  await stage("drops a part of the log that a snapshot stands for", async () => {
    for (let round = 1; round <= 60; round++) {
      const value = String(round).padEnd(500_000, ".");
      eventOf(await cluster.client.set(node.url, `/big/${round % 3}`, value));
      eventOf(await cluster.client.set(node.url, `/small/${round}`, String(round)));
    }
    await until("the first part of the log to be gone", () => {
      const names = Array.from(Deno.readDirSync(node.directory), ({ name }) => name);
      assert(names.some((name) => name.endsWith(".snap")), names.join());
      return !names.includes("wal-0000000000000001.log");
    });
  });
  await stage("starts from the snapshot and the rest of the log", async () => {
    const index = await cluster.index(node);
    await node.kill();
    await node.start();
    assertGreater(await cluster.index(node), index - 1);
    const small = listingOf(await cluster.client.get(node.url, "/small"));
    assertEquals(small.length, 60);
    const [big] = listingOf(await cluster.client.get(node.url, "/big"));
    assertEquals(big?.value, "60".padEnd(500_000, "."));
  });
  await stage("tells how far back a watch may look", async () => {
    const { cause, errorCode } = errorOf(await cluster.client.watch(node.url, "/", 3));
    assertEquals(errorCode, 401);
    const first = Number(/\d+/.exec(cause)?.[0]);
    assertEquals((await cluster.client.watch(node.url, "/", first)).status, 200);
  });
}

async function keepsDeadlines(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  const { client } = cluster;
  await node.start();
  const long = eventOf(await client.set(node.url, "/long", "x", { ttl: 1000 }));
  const brief = eventOf(await client.set(node.url, "/brief", "x", { ttl: 1 }));
  await node.kill();
  await stage("a key that came due meanwhile is gone", async () => {
    await until("the deadline to pass", () => Date.now() > Date.parse(brief.expiration!));
    await node.start();
    assertEquals((await client.get(node.url, "/brief")).status, 404);
    const kept = eventOf(await client.get(node.url, "/long"));
    assertEquals(kept.expiration, long.expiration);
  });
  await stage("it expired once, and not again after the next restart", async () => {
    const expiry = eventOf(await client.watch(node.url, "/brief", brief.index + 1));
    assertEquals([expiry.action, expiry.expiration], ["DELETE", brief.expiration]);
    await node.kill();
    await node.start();
    const again = eventOf(await client.watch(node.url, "/brief", brief.index + 1));
    assertEquals(again, expiry);
    const renewed = eventOf(await client.set(node.url, "/brief", "y"));
    assertEquals(eventOf(await client.watch(node.url, "/brief", expiry.index + 1)), renewed);
  });
}

/** More than the buffers of a socket hold, under `/big`. */
async function fill({ client, nodes }: TestCluster): Promise<void> {
  const value = "x".repeat(1_000_000);
  for (let number = 0; number < 24; number++) {
    eventOf(await client.set(nodes[0]!.url, `/big/${number}`, value));
  }
}
