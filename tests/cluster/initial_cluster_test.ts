/** Members that `--initial-cluster` names, on real ports and disks: in any order, wiped, told otherwise. */
import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FormationError } from "../../src/member/formation.ts";
import { UsageError } from "../../src/config.ts";
import { JoinError } from "../../src/member/bootstrap.ts";
import { EtcdMembers } from "./etcd_members.ts";
import { until } from "./wait.ts";

const NAMES = ["m1", "m2", "m3"] as const;

const ORDERS = NAMES.flatMap((first) =>
  NAMES.filter((name) => name !== first).map((second) =>
    [first, second, NAMES.find((name) => name !== first && name !== second)!] as const
  )
);

/** All three, serving. */
async function three(): Promise<EtcdMembers> {
  const members = new EtcdMembers(...NAMES);
  await Promise.all(NAMES.map((name) => members.start(name)));
  return members;
}

for (const order of ORDERS) {
  Deno.test(`members that are started in the order ${order.join(", ")} form one cluster`, async () => {
    await using members = new EtcdMembers(...NAMES);
    const starting: Promise<void>[] = [];
    for (const name of order) {
      starting.push(members.start(name));
      // The next one comes when this one has looked, and not before.
      if (name !== order[2]) await members.said(name, "Waiting", "Founded", "Joined");
    }
    await Promise.all(starting);
    for (const name of NAMES) await members.knows(name, 3);
    const clusters = await Promise.all(NAMES.map((name) => members.clusterOf(name)));
    assertEquals(new Set(clusters).size, 1);
    assertEquals(await members.set(order[2], "a", "b"), 201);
    for (const name of NAMES) assertEquals(await members.get(name, "a"), "b");
  });
}

Deno.test("members that are started at the same moment form one cluster, and find it again", async () => {
  await using members = await three();
  const cluster = await members.clusterOf("m1");
  assertEquals(await members.set("m2", "a", "b"), 201);
  for (const name of NAMES) await members.stop(name);
  await Promise.all(NAMES.map((name) => members.start(name)));
  for (const name of NAMES) {
    assertEquals([await members.clusterOf(name), await members.get(name, "a")], [cluster, "b"]);
  }
});

Deno.test("members that make their own certificates form one cluster, and encrypt", async () => {
  await using members = EtcdMembers.secured(...NAMES);
  await Promise.all(NAMES.map((name) => members.start(name, "--peer-auto-tls")));
  for (const name of NAMES) await members.knows(name, 3);
  assertEquals(await members.set("m2", "a", "b"), 201);
  for (const name of NAMES) assertEquals(await members.get(name, "a"), "b");
  const { peerUrl } = members.place("m1");
  await assertRejects(() => fetch(peerUrl.replace("https:", "http:")));
});

Deno.test("two of three serve, and the third finds its place whenever it comes", async () => {
  await using members = new EtcdMembers(...NAMES);
  await Promise.all([members.start("m2"), members.start("m1")]);
  assertEquals(await members.set("m1", "a", "b"), 201);
  await members.start("m3");
  await members.knows("m1", 3);
  assertEquals(await members.get("m3", "a"), "b");
});

Deno.test("one of three founds nothing, not even that with the smallest name", async () => {
  await using members = new EtcdMembers(...NAMES);
  const ended = assertRejects(() => members.start("m1"), Error, "The test ends it");
  await members.said("m1", "2 of 3 must be there");
  assertEquals(await members.clusterOf("m1"), undefined);
  await members.stop("m1");
  await ended;
});

for (const name of NAMES) {
  Deno.test(`${name}, when it was wiped, founds no second cluster, and says what to do`, async () => {
    await using members = await three();
    const [other] = NAMES.filter((one) => one !== name);
    assertEquals(await members.set(other!, "a", "b"), 201);
    const cluster = await members.clusterOf(other!);
    await members.wipe(name);
    for (const state of ["new", "existing"]) {
      await assertRejects(
        () => members.start(name, "--initial-cluster-state", state),
        JoinError,
        "etcdctl member add",
      );
    }
    assertEquals(await members.get(other!, "a"), "b");
    // A newcomer under its name, admitted through the log.
    await members.replace(name, other!);
    await members.start(name, "--initial-cluster-state", "existing");
    assertEquals([await members.clusterOf(name), await members.get(name, "a")], [cluster, "b"]);
    await members.knows(other!, 3);
  });
}

Deno.test("a wiped member waits while no majority is there, and founds nothing", async () => {
  await using members = await three();
  assertEquals(await members.set("m2", "a", "b"), 201);
  await members.stop("m2");
  await members.wipe("m1");
  await members.stop("m3");
  const ended = assertRejects(() => members.start("m1"), JoinError, "a cluster already");
  await members.said("m1", "2 of 3 must be there");
  // They have the data, and are the quorum.
  await Promise.all([members.start("m2"), members.start("m3")]);
  await ended;
  assertEquals(await members.get("m3", "a"), "b");
});

Deno.test("members of two tokens form no cluster, and whoever sees the other first says why", async () => {
  await using members = new EtcdMembers(...NAMES);
  const ends = [
    members.start("m1"),
    members.start("m2", "--initial-cluster-token", "other"),
  ];
  await assertRejects(() => Promise.race(ends), FormationError, "--initial-cluster-token");
  await Promise.all(["m1", "m2"].map((name) => members.stop(name)));
  for (const end of await Promise.allSettled(ends)) assertEquals(end.status, "rejected");
});

Deno.test("existing founds nothing, and gives up where nobody is", async () => {
  await using members = new EtcdMembers(...NAMES);
  await assertRejects(
    () => members.start("m1", "--initial-cluster-state=existing"),
    JoinError,
    "Expected a member at --initial-cluster",
  );
  assertNotEquals(members.log.get("m1")?.some((line) => line.includes("Founded")), true);
});

Deno.test("--force-new-cluster lets one survivor go on alone with all that it has, once", async () => {
  await using members = await three();
  const before = await members.clusterOf("m2");
  assertEquals(await members.set("m2", "a", "b"), 201);
  for (const name of NAMES) await members.stop(name);
  await members.start("m2", "--force-new-cluster");
  const after = await members.clusterOf("m2");
  assertNotEquals(after, before);
  assertEquals(await members.get("m2", "a"), "b");
  assertEquals(await members.set("m2", "c", "d"), 201);
  await members.knows("m2", 1);
  // Left in the unit file it does no harm.
  await members.stop("m2");
  await members.start("m2", "--force-new-cluster");
  assertEquals([await members.clusterOf("m2"), await members.get("m2", "c")], [after, "d"]);
});

Deno.test("--force-new-cluster leaves behind who still lives, too", async () => {
  await using members = await three();
  assertEquals(await members.set("m2", "a", "b"), 201);
  for (const name of ["m1", "m2"]) await members.stop(name);
  await members.start("m2", "--force-new-cluster");
  assertEquals(await members.get("m2", "a"), "b");
  assertNotEquals(await members.clusterOf("m2"), await members.clusterOf("m3"));
});

Deno.test("a member that has data starts by flags that a blank one can't follow", async () => {
  await using members = new EtcdMembers("m1");
  const wrong = [
    "--initial-cluster-state=existing",
    "--initial-cluster=m9=http://127.0.0.1:1",
    "--initial-cluster=m1=http://127.0.0.1:1",
  ];
  for (const flag of wrong) await assertRejects(() => members.start("m1", flag), UsageError);
  await members.start("m1");
  const cluster = await members.clusterOf("m1");
  assertEquals(await members.set("m1", "a", "b"), 201);
  for (const flag of wrong) {
    await members.stop("m1");
    await members.start("m1", flag);
    assertEquals([await members.clusterOf("m1"), await members.get("m1", "a")], [cluster, "b"]);
  }
});

Deno.test("a newcomer under the name of a member that lives is told that, and not to remove it", async () => {
  await using members = new EtcdMembers("m1", "m2");
  const { peerUrl } = members.place("m1");
  await members.start("m1", `--initial-cluster=m1=${peerUrl}`);
  await members.reserve("m2", "m1");
  const namesake = [
    ...["--name=m1", `--initial-cluster=m0=${peerUrl},m1=${members.place("m2").peerUrl}`],
    "--initial-cluster-state=existing",
  ];
  const error = await assertRejects(() => members.start("m2", ...namesake), JoinError);
  assertStringIncludes(error.message, 'A member named "m1" is alive');
  assertEquals(error.message.includes("member remove"), false);
});

Deno.test("peer URLs that etcdctl has given a member hold when it starts with its first flags", async () => {
  await using members = new EtcdMembers("m1");
  await members.start("m1");
  await members.update("m1", "http://127.0.0.1:9");
  await members.stop("m1");
  const elsewhere = ["http://127.0.0.1:10"];
  await members.start("m1", "--advertise-client-urls", ...elsewhere);
  const { peerURLs } = await until("its word to be taken", async () => {
    const record = await members.recordOf("m1");
    return record.clientURLs?.join() === elsewhere.join() && record;
  });
  assertEquals(peerURLs, ["http://127.0.0.1:9"]);
});
