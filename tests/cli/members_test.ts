/** `etcd members` and `etcd member remove` against real clusters. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../cluster/wait.ts";
import { etcd, LocalNode } from "./harness.ts";

interface Row {
  readonly name: string;
  readonly role: string;
  readonly leader: boolean;
  readonly clientUrl: string;
  readonly problem?: string;
}

async function members(node: LocalNode): Promise<Row[]> {
  return JSON.parse((await node.etcd(["members", "-o", "json"])).out);
}

async function machinesIndex(node: LocalNode): Promise<number> {
  return JSON.parse((await node.etcd(["get", "-o", "json", "_etcd/machines/one"])).out).index;
}

Deno.test("etcd members tells name, role and addresses, also of one that is down; remove takes it out", async () => {
  await using first = await LocalNode.start("-n", "one");
  await using second = await LocalNode.start("-n", "two", "-C", first.peerAddress);
  await until(
    "two to vote",
    async () => (await members(first)).map(({ role }) => role).join() === "leader,follower",
  );
  const asked = await second.etcd(["members"]);
  assertEquals([asked.status, asked.err], [0, ""]);
  const [title, one, two] = asked.out.split("\n").map((line) => line.split(/ {2,}/));
  assertEquals(title, ["NAME", "ROLE", "CLIENTS", "PEERS"]);
  assertEquals(one, ["one", "leader", `http://${first.address}`, `http://${first.peerAddress}`]);
  assertEquals(two?.slice(0, 2), ["two", "follower"]);

  const refused = await first.etcd(["member", "remove", "three"]);
  assertEquals(refused.status, 1);
  assert(refused.err.includes("error 100"), refused.err);
  // Without a key, too, the index is that of the entry; who tells it has to ask the leader.
  const before = await machinesIndex(first);
  assert(before > 0);
  const removed = await second.etcd(["member", "remove", "two"]);
  assertEquals(removed.status, 0, removed.err);
  assertMatch(removed.out, /^Removed "two", index \d+\n$/);
  const index = Number(/\d+/.exec(removed.out)![0]);
  assert(index > before, removed.out);
  assertEquals(await machinesIndex(first), index);
  assertEquals((await members(first)).map(({ name, leader }) => [name, leader]), [["one", true]]);
  assertEquals((await etcd(["member", "remove", "../keys/k"])).status, 2);
  assertEquals((await etcd(["member", "destroy", "k"])).status, 2);
});

Deno.test("etcd members tells who is there when the quorum is lost, and ends with 1", async () => {
  await using first = await LocalNode.start("-n", "one", "-election", "500");
  await using second = await LocalNode.start(
    ...["-n", "two", "-election", "500", "-C", first.peerAddress],
  );
  await until(
    "two to vote",
    async () => (await members(first)).map(({ role }) => role).join() === "leader,follower",
  );
  await second.stop();
  // A leader steps down when it has heard no quorum for an election time-out.
  const { status, out, err } = await until("the leader to step down", async () => {
    const said = await first.etcd(["members", "-o", "json"]);
    return said.status !== 0 && said;
  });
  const rows: Row[] = JSON.parse(out);
  assertEquals(rows.map(({ name, leader }) => [name, leader]), [["one", false], ["two", false]]);
  assert(rows[1]?.role === "unreachable" && rows[1].problem?.includes("connection refused"), out);
  assertEquals(status, 1);
  assert(err.includes("During Leader Election"), err);
});
