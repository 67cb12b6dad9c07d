/** Addresses that are wrong, old or somebody else's: nodes ask who lives there, and say what they find. */
import { assertEquals, assertMatch } from "@std/assert";
import { fixture } from "./client.ts";
import type { TestCluster } from "./harness.ts";
import { freePort } from "./ports.ts";
import { type Stage, stories } from "./story.ts";
import type { TestNode } from "./test_node.ts";
import { until } from "./wait.ts";

stories("node() asks who lives at an address", [
  { name: "all members move at once", options: { size: 3 }, tell: allMove },
  { name: "a data directory is copied", options: { size: 3 }, tell: refusesCopies },
  { name: "-C names the node itself", options: { size: 2 }, tell: findsItself },
  { name: "nobody can call a newcomer", options: { size: 2, tls: true }, tell: saysWhy },
  { name: "two members announce one address", options: { size: 2 }, tell: warnsOfShared },
]);

async function allMove(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  await cluster.client.set(cluster.nodes[0]!.url, "/x", "1");
  await stage("and find each other by -C", async () => {
    await Promise.all(cluster.nodes.map((node) => node.stop()));
    for (const node of cluster.nodes) node.peerPort = freePort();
    const addresses = cluster.nodes.map(({ peerAddress }) => peerAddress).join();
    await Promise.all(cluster.nodes.map((node) => node.start("-C", addresses)));
    await cluster.untilWhole();
    assertEquals(await cluster.value(cluster.nodes[0]!, "/x"), "1");
    assertMatch(cluster.nodes[0]!.process.log, /INFO .*-C only helps to find it/);
  });
  await stage("and find each other by the log from then on", async () => {
    await until("every member to know where the others are", async () => {
      for (const asked of cluster.nodes) {
        const members = await cluster.members(asked);
        const isNew = ({ name, peerUrl, url }: TestNode) =>
          members.get(name) === `raft=${peerUrl}&etcd=${url}`;
        if (!cluster.nodes.every(isNew)) return false;
      }
      return true;
    });
    await Promise.all(cluster.nodes.map((node) => node.stop()));
    await Promise.all(cluster.nodes.map((node) => node.start()));
    await cluster.untilWhole();
  });
}

async function refusesCopies(cluster: TestCluster, stage: Stage): Promise<void> {
  await cluster.start();
  const [original, ...others] = cluster.nodes as [TestNode, TestNode, TestNode];
  const copy = cluster.add("copy");
  cluster.forget(copy);
  await original.stop();
  await new Deno.Command("cp", { args: ["-a", original.directory, copy.directory] }).output();
  await original.start();
  await cluster.untilWhole();
  await stage("the copy does not start while its original answers", async () => {
    const { code } = await copy.spawn().ended;
    assertEquals(code, 1);
    assertMatch(
      copy.process.log,
      new RegExp(`ERROR .*found it at ${original.peerAddress}: this directory is a copy`),
    );
  });
  await stage("of two that run, the one that is not heard yet is refused", async () => {
    original.pause();
    // Nothing speaks against it now.
    await copy.spawn().says(/ Serving /);
    await copy.process.says(/Leader elected/);
    original.resume();
    await original.process.says(/ERROR .*Another node runs as this member.*two nodes run/);
    await until(
      "another member to say so",
      () =>
        others.some(({ process }) =>
          /ERROR .*two nodes run with copies of one data directory/.test(process.log)
        ),
    );
  });
  await stage("and comes back when the other one has ended", async () => {
    await copy.stop();
    await cluster.untilWhole();
  });
}

async function findsItself(cluster: TestCluster, stage: Stage): Promise<void> {
  const [first, second] = cluster.nodes as [TestNode, TestNode];
  const spelled = (node: TestNode) => `localhost:${node.peerPort}`;
  await stage("and nobody else", async () => {
    const { code } = await first.spawn("-C", spelled(first)).ended;
    assertEquals(code, 1);
    assertMatch(first.process.log, /ERROR .*found only this node itself at localhost:/);
    await Deno.remove(first.directory, { recursive: true });
  });
  await stage("and another member", async () => {
    await first.start();
    await second.start("-C", `${spelled(second)},${spelled(first)}`, "-r", "1");
    await cluster.untilWhole();
  });
}

async function saysWhy(cluster: TestCluster, stage: Stage): Promise<void> {
  const [first, second] = cluster.nodes as [TestNode, TestNode];
  await first.start();
  await stage("whose certificate is for other hosts", async () => {
    const pair = ["Cert=other-host.crt", "Key=other-host.key.insecure"]
      .map((flag) => flag.split("="))
      .map(([flag, file]) => `-server${flag}=${fixture(file!)}`);
    const process = second.spawn(...pair, "-C", first.peerAddress);
    await process.says(/WARN .*other-host\.crt.* is for other\.example\.org, and not for/);
    await process.says(/WARN .*No member calls this node.*certificate.*for other hosts/);
    await second.kill();
  });
}

async function warnsOfShared(cluster: TestCluster, stage: Stage): Promise<void> {
  const [first, second] = cluster.nodes as [TestNode, TestNode];
  await first.start();
  await stage("and both say so", async () => {
    const client = ["-c", `127.0.0.1:${first.clientPort}`, "-cl", "127.0.0.2"];
    second.spawn(...client, "-C", first.peerAddress);
    for (const { process } of cluster.nodes) {
      await process.says(/WARN .*Two members announce one address.*members="?node1, node2/);
    }
  });
}
