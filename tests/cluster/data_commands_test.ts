/** Backup, restore and recovery of real clusters by the commands of the executable. */
import { assert, assertEquals } from "@std/assert";
import { etcd } from "../cli/harness.ts";
import { fixture } from "./client.ts";
import { TestCluster } from "./harness.ts";
import type { TestNode } from "./test_node.ts";

function connection(node: TestNode, tls: boolean): string[] {
  if (!tls) return ["-peers", node.url];
  const certificate = ["-cert", fixture("client.crt"), "-key", fixture("client.key.insecure")];
  return ["-peers", node.url, "-cacert", fixture("ca.crt"), ...certificate];
}

interface BackupOutput {
  readonly digest: string;
  readonly index: number;
  readonly cluster: string;
}

/** Takes a backup of `node` and tells what it is of. */
async function backup(node: TestNode, file: string, tls = false): Promise<BackupOutput> {
  const { status, out, err } = await etcd(
    ["backup", file, "-force", "-o", "json", ...connection(node, tls)],
  );
  assertEquals([status, err], [0, ""]);
  return JSON.parse(out);
}

/** Starts `first`, which has data, and has the others join it. */
async function startAround(cluster: TestCluster): Promise<void> {
  const [first, ...others] = cluster.nodes;
  await first!.start();
  for (const node of others) await node.start("-C", first!.peerAddress);
  await cluster.untilWhole();
}

Deno.test("a backup of a cluster under mutual TLS, restored, makes a new cluster of equal states", async () => {
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  await using old = await TestCluster.prepare({ size: 3, tls: true });
  await using restored = await TestCluster.prepare({ size: 3, tls: true });
  await old.start();
  const file = `${directory}/a.backup`;
  for (let i = 0; i < 20; i++) await old.client.set(old.nodes[i % 3]!.url, `/k${i}`, `v${i}`);
  await old.client.set(old.nodes[1]!.url, "/kept", "x", { ttl: 1000 });
  const follower = (await old.followers())[0]!;
  // What was left of one that was killed is longer than this one, and no part of it.
  await Deno.writeFile(`${file}.part`, new Uint8Array(1_000_000));
  const taken = await backup(follower, file, true);
  const [first] = restored.nodes;
  const made = await etcd(["restore", file, "-d", first!.directory, "-n", first!.name]);
  assertEquals([made.status, made.err], [0, ""]);
  assert(made.out.includes(`digest ${taken.digest}`));
  await startAround(restored);
  assertEquals(await restored.value(restored.nodes[2]!, "/k19"), "v19");
  assertEquals(await restored.value(restored.nodes[2]!, "/kept"), "x");
  const again = await Promise.all(
    restored.nodes.map((node) => backup(node, `${file}.${node.name}`, true)),
  );
  assertEquals(again.map(({ digest }) => digest), [1, 2, 3].map(() => taken.digest));
  assert(again.every(({ cluster }) => cluster !== taken.cluster));
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a survivor of a lost quorum is recovered with all its data, new members join, old ones are refused", async () => {
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  await using cluster = await TestCluster.prepare({ size: 3 });
  await cluster.start();
  for (let i = 0; i < 20; i++) {
    await cluster.client.set(cluster.nodes[i % 3]!.url, `/k${i}`, `v${i}`);
  }
  await cluster.untilEven();
  const before = await backup(cluster.nodes[0]!, `${directory}/before`);
  const [survivor, lost, outdated] = cluster.nodes as [TestNode, TestNode, TestNode];
  for (const node of cluster.nodes) await node.kill();
  await Deno.remove(lost.directory, { recursive: true });
  const args = ["recover", "-d", survivor.directory];
  const refused = await etcd(args, { line: "no" });
  assertEquals([refused.status, refused.out], [1, ""]);
  assert(refused.err.includes("Nothing was changed") && refused.err.includes("may be lost"));
  const recovered = await etcd(args, { line: survivor.name });
  assertEquals(recovered.status, 0, recovered.err);
  await survivor.start();
  const after = await backup(survivor, `${directory}/after`);
  assertEquals(after.digest, before.digest);
  assert(after.cluster !== before.cluster);
  // The old directory knows another cluster: it must not come back into this one.
  const stranger = outdated.spawn("-C", survivor.peerAddress);
  assertEquals((await stranger.ended).code, 1);
  assert(stranger.log.includes("start this one afresh with -f"), stranger.log);
  await lost.start("-C", survivor.peerAddress);
  await outdated.start("-f", "-C", survivor.peerAddress);
  await cluster.untilWhole();
  assertEquals(await cluster.value(outdated, "/k19"), "v19");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a node does not start on what a restore was cut short in", async () => {
  await using cluster = await TestCluster.prepare({ size: 1 });
  const [node] = cluster.nodes;
  await Deno.mkdir(node!.directory);
  await Deno.writeTextFile(`${node!.directory}/etcd.restoring`, "");
  const process = node!.spawn();
  assertEquals((await process.ended).code, 1);
  assert(process.log.includes('"etcd restore" was cut short'), process.log);
});
