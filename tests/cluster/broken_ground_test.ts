/** Real processes whose memory or disk fails them: what they say, what they refuse, and who goes on. */
import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { DATA_OPTIONS } from "../../src/cli/data_files.ts";
import { decodeConfiguration } from "../../src/raft/codec.ts";
import { openRealDisk } from "../../src/storage/real_disk.ts";
import { Recovery } from "../../src/storage/rebuild.ts";
import { Store } from "../../src/store/store.ts";
import type { TestCluster } from "./harness.ts";
import { type Stage, stories } from "./story.ts";
import type { TestNode } from "./test_node.ts";
import { until } from "./wait.ts";

const MEBIBYTE = 1024 * 1024;
/** Two files of the log, which have their room from the start, and one third of another. */
const DISK_BYTES = 40 * MEBIBYTE;

stories("node() serves nobody what it can't stand for", [
  { name: "its state is not that of the others", options: { size: 3 }, tell: findsOutlier },
  ...(canMount()
    ? [{ name: "its disk is full", options: { size: 1 }, tell: outlivesFullDisk }]
    : []),
]);

async function findsOutlier(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const [outlier, other] = await cluster.followers() as [TestNode, TestNode];
  await cluster.client.set(outlier.url, "/kept", "true");
  await cluster.untilEven();
  await stage("says so when it comes back", async () => {
    assertEquals(await outlier.stop(), 0);
    await forgetLastWrite(outlier.directory);
    await outlier.start();
    await outlier.process.says(/ERROR .*it serves nobody any longer/);
    await other.process.says(/ERROR .*is not that of a majority/);
  });
  await stage("refuses the clients of every API, and tells the probes", async () => {
    const { client } = cluster;
    const range = { method: "POST", body: '{"key":"L2tlcHQ="}' };
    for (
      const ask of [
        () => client.ask(`${outlier.url}/v1/keys/kept?stale=true`),
        () => client.ask(`${outlier.url}/v2/keys/kept`),
        () => client.ask(`${outlier.url}/v3/kv/range`, range),
        () => client.set(outlier.url, "/kept", "again"),
      ]
    ) {
      const { status, body } = await ask();
      assertEquals([status >= 500, body.includes("true")], [true, false], body);
    }
    const ready = await client.ask(`${outlier.url}/readyz?verbose`);
    assertEquals(ready.status, 503);
    assertMatch(ready.body, /\[-\]data_corruption failed: .*serves nobody/);
  });
  await stage("the others go on", async () => {
    assertEquals((await cluster.client.set(other.url, "/kept", "still")).status, 200);
  });
}

async function outlivesFullDisk(cluster: TestCluster, stage: Stage): Promise<void> {
  const node = cluster.nodes[0]!;
  const { client } = cluster;
  await Deno.mkdir(node.directory);
  assertEquals(mount(node.directory, DISK_BYTES), true);
  cluster.atEnd(() => node.kill().finally(() => unmount(node.directory)));
  const value = "x".repeat(MEBIBYTE / 2);
  let written = 0;
  await stage("refuses writes and says why, when there is no room", async () => {
    await node.start();
    await until("a refusal", async () => {
      const { status } = await client.set(node.url, `/k${written % 3}`, `${written}${value}`);
      if (status < 400) written++;
      return status >= 400;
    });
    await node.process.says(/ERROR .*The disk is full/);
    const { status, body } = await client.set(node.url, "/k", value);
    assertEquals(status, 500, body);
    assertStringIncludes(body, "No space");
    const ready = await client.ask(`${node.url}/readyz?verbose`);
    assertEquals(ready.status, 503);
    assertStringIncludes(ready.body, "[-]space failed: The disk is full");
  });
  await stage("still reads, and has all that it acknowledged", async () => {
    assertNotEquals(written, 0);
    const last = written - 1;
    assertEquals(await cluster.value(node, `/k${last % 3}`), `${last}${value}`);
  });
  await stage("goes on by itself when there is room", async () => {
    assertEquals(mount(node.directory, 4 * DISK_BYTES, "remount,"), true);
    await until("a write", async () => (await client.set(node.url, "/k", "v")).status === 200);
    await until("to be ready", async () => (await client.ask(`${node.url}/readyz`)).status === 200);
  });
}

/** As a fault of its memory would: the state is without the last write that the log has. */
async function forgetLastWrite(directory: string): Promise<void> {
  const disk = await openRealDisk(directory);
  const recovery = await Recovery.open(disk, DATA_OPTIONS);
  try {
    const { identity, loaded: { entries, snapshot } } = recovery.content!;
    const lastWrite = entries.findLast(({ kind }) => kind === "command")!;
    const lastConfiguration = entries.findLast(({ kind }) => kind === "config");
    const store = new Store();
    for (const { kind, index, data } of entries) {
      if (kind === "command" && index !== lastWrite.index) store.apply(index, data);
    }
    const { index, term } = entries.at(-1)!;
    const configuration = lastConfiguration === undefined
      ? snapshot.configuration
      : decodeConfiguration(lastConfiguration.data);
    await recovery.commit({
      identity: identity!,
      meta: { index, term, configuration },
      slices: store.snapshot(),
    });
  } finally {
    recovery.close();
  }
}

/** A disk of `bytes`, in memory; whether this user may have one. */
function mount(directory: string, bytes: number, options = ""): boolean {
  return run("mount", ["-t", "tmpfs", "-o", `${options}size=${bytes}`, "tmpfs", directory]);
}

function unmount(directory: string): void {
  run("umount", [directory]);
}

function canMount(): boolean {
  const directory = Deno.makeTempDirSync({ prefix: "etcd-test-" });
  try {
    if (!mount(directory, MEBIBYTE)) return false;
    unmount(directory);
    return true;
  } finally {
    Deno.removeSync(directory);
  }
}

function run(command: string, args: readonly string[]): boolean {
  try {
    return new Deno.Command(command, { args: [...args], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
