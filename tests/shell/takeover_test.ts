/** Nodes that start on what `etcdctl snapshot restore` has made. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DiskFullError } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { mayTakeOver, takeOver, TakeoverError } from "../../src/member/takeover.ts";
import { Server } from "../../src/server.ts";
import { EtcdDataError } from "../../src/server/data_directory.ts";
import { openRealDisk } from "../../src/storage/real_disk.ts";
import { logOf, type LogRecord, message, restoredRecords } from "../bolt/etcd_log.ts";
import { fixture } from "../bolt/harness.ts";
import { freePorts } from "../cluster/ports.ts";
import { until } from "../cluster/wait.ts";
import { crashesOf, reload, smallOptions } from "../storage/harness.ts";
import { MemoryDisk } from "../storage/memory_disk.ts";
import { configOf, FlagNode } from "./flag_node.ts";

const LOG = "member/wal/0000000000000000-0000000000000000.wal";

/** A restored directory, and its database. */
async function restored(database: string, log: Uint8Array): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "etcd-test-" });
  await Deno.mkdir(`${directory}/member/snap`, { recursive: true });
  await Deno.mkdir(`${directory}/member/wal`);
  await Deno.writeFile(`${directory}/member/snap/db`, await fixture(`restored/${database}`));
  await Deno.writeFile(`${directory}/${LOG}`, log);
  return directory;
}

function namesIn(directory: string): string[] {
  return Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
}

async function ask(node: FlagNode, path: string, message: object, token = ""): Promise<string> {
  const headers = { authorization: token };
  const body = JSON.stringify(message);
  return (await node.ask(`/v3/${path}`, { method: "POST", headers, body })).text;
}

async function valueAt(node: FlagNode, key: string, token?: string): Promise<string> {
  const { kvs } = JSON.parse(await ask(node, "kv/range", { key: btoa(key) }, token));
  return atob(kvs?.[0]?.value ?? "");
}

Deno.test("a node starts on what snapshot restore made, keeps that aside, and goes on", async () => {
  const directory = await restored("alone.db", await fixture("restored/alone.wal"));
  const database = await Deno.readFile(`${directory}/member/snap/db`);
  const put = { key: btoa("a"), value: btoa("1") };
  {
    await using node = await FlagNode.start("-d", directory, "-n", "another");
    assertStringIncludes(await ask(node, "kv/put", put), '"revision":"2"');
    const { members } = JSON.parse(await ask(node, "cluster/member/list", {}));
    const [member] = members;
    assertEquals([members.length, member.name], [1, "alone"], "the directory's name holds");
    const id = BigInt(member.ID).toString(16);
    assertEquals(id.slice(-13), "bc16c7bada1d5", "the end of etcd's id");
  }
  assertEquals(await Deno.readFile(`${directory}/member.restored/snap/db`), database);
  assert(!namesIn(directory).includes("member"));
  await using again = await FlagNode.start("-d", directory);
  assertEquals(await valueAt(again, "a"), "1");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("members that were restored apart are one cluster, with one state", async () => {
  const port = freePorts(3);
  const members = [0, 1, 2].map((i) => ({
    id: 0xfeed_0000_0000_0001n + BigInt(i),
    name: `m${i}`,
    peerUrl: `http://127.0.0.1:${port + i}`,
  }));
  const directories = await Promise.all(members.map((own) => {
    const others = members.filter((member) => member !== own);
    return restored("three.db", logOf(restoredRecords([own, ...others])));
  }));
  const nodes = await Promise.all(directories.map((directory, i) => {
    return FlagNode.start("-d", directory, "-s", `127.0.0.1:${port + i}`);
  }));
  const [first, second, third] = nodes;
  let token = "";
  await until("a login", async () => {
    const login = await ask(first!, "auth/authenticate", { name: "root", password: "secret" });
    token = JSON.parse(login).token ?? "";
    return token !== "";
  });
  await ask(first!, "kv/put", { key: btoa("a"), value: btoa("1") }, token);
  assertEquals(await valueAt(second!, "a", token), "1", "one secret signs for all");
  assertEquals(await valueAt(third!, "/jobs/003", token), "again");
  const { members: listed } = JSON.parse(await ask(third!, "cluster/member/list", {}, token));
  assertEquals(listed.map(({ name }: { name: string }) => name).sort(), ["m0", "m1", "m2"]);
  await until("one digest", async () => new Set(await Promise.all(nodes.map(digestOf))).size === 1);
  await Promise.all(nodes.map((node) => node.stop()));
  for (const directory of directories) await Deno.remove(directory, { recursive: true });
});

async function digestOf(node: FlagNode): Promise<string> {
  const authorization = `Basic ${btoa("root:secret")}`;
  return (await node.ask("/v1/stats/digest", { headers: { authorization } })).text;
}

/** What a takeover makes of it on a disk of its own. */
async function takenOver(directory: string) {
  const disk = new MemoryDisk({ path: directory });
  await takeOver(disk, smallOptions(), silentLogger);
  return await reload(disk);
}

Deno.test("members of one restore that were made of other snapshots are of other clusters", async () => {
  const log = await fixture("restored/m1.wal");
  const [same, again, other] = [
    await restored("three.db", log),
    await restored("three.db", await fixture("restored/m2.wal")),
    await restored("alone.db", log),
  ];
  const clusters = [];
  for (const directory of [same, again, other]) {
    const { identity, loaded: { snapshot }, image } = await takenOver(directory);
    clusters.push(identity!.clusterId);
    assertEquals(snapshot.configuration.members.map(({ name }) => name), ["m3", "m1", "m2"]);
    assert(snapshot.configuration.members.every(({ assigned }) => assigned), "URLs that hold");
    if (directory === again) assertEquals(image, (await takenOver(same)).image);
  }
  assertEquals(clusters[0], clusters[1]);
  assert(clusters[0] !== clusters[2]);
  for (const directory of [same, again, other]) await Deno.remove(directory, { recursive: true });
});

Deno.test("a node refuses a directory in which etcd has run, and leaves it as it was", async () => {
  const records = restoredRecords([{ id: 5n, name: "m1", peerUrl: "http://127.0.0.1:7" }]);
  const later: LogRecord = [3n, message([1, 2n], [3, 1n])];
  const spoilt = await fixture("restored/alone.wal");
  spoilt[40]! ^= 1;
  const logs: readonly (readonly [string, Uint8Array])[] = [
    ["expected no more records", await fixture("restored/used.wal")],
    ["expected no more records", logOf([...records, later])],
    ["expected a right checksum", spoilt],
  ];
  for (const [reason, log] of logs) {
    const directory = await restored("alone.db", log);
    const start = () => Server.start(configOf(["-d", directory]), silentLogger);
    const error = await assertRejects(start, EtcdDataError, reason);
    assertStringIncludes(error.message, `etcd restore ${directory}/member/snap/db -d OTHER`);
    assertEquals(namesIn(directory).filter((name) => name !== "etcd.lock"), ["member"]);
    assertEquals(await Deno.readFile(`${directory}/${LOG}`), log);
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("takeOver() refuses a second file of the log, a damaged database, ids that fall together", async () => {
  const log = await fixture("restored/alone.wal");
  const directory = await restored("alone.db", log);
  const refused = (reason: string) =>
    assertRejects(() => takenOver(directory), TakeoverError, reason);
  const second = `${directory}/member/wal/0000000000000001-0000000000000009.wal`;
  await Deno.writeFile(second, log);
  await refused("expected one file of a log");
  await Deno.remove(second);
  const member = { id: 5n, name: "a", peerUrl: "http://127.0.0.1:7" };
  const twin = { ...member, id: 5n + (1n << 60n), name: "b" };
  await Deno.writeFile(`${directory}/${LOG}`, logOf(restoredRecords([member, twin])));
  await refused("ids that differ");
  await Deno.writeFile(`${directory}/${LOG}`, log);
  await Deno.truncate(`${directory}/member/snap/db`, 8192);
  await refused("of the bbolt file");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a node that starts afresh does not take in what was restored", async () => {
  const directory = await restored("alone.db", await fixture("restored/alone.wal"));
  const start = () => Server.start(configOf(["-d", directory, "-f"]), silentLogger);
  await assertRejects(start, EtcdDataError, "-f was given");
  assertEquals(namesIn(directory).filter((name) => name !== "etcd.lock"), ["member"]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a takeover leaves nothing of ours or all of it, or goes on, when a crash hits any operation", async () => {
  const directory = await restored("three.db", await fixture("restored/m3.wal"));
  const blank = new MemoryDisk({ path: directory });
  const expected = await takenOver(directory);
  const options = smallOptions({ sliceBytes: 16_384, bulkSyncBytes: 16_384 });
  const work = (disk: MemoryDisk) => takeOver(disk, options, silentLogger);
  let whole = 0;
  for (const { place, disk } of await crashesOf(blank, work)) {
    if (mayTakeOver(disk)) await work(disk);
    else whole++;
    assertEquals(await reload(disk), expected, place);
  }
  assert(whole > 0, "some crashes come after the last rename");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a takeover that finds no space leaves etcd's files where they are, and says what to do", async () => {
  const directory = await restored("three.db", await fixture("restored/m1.wal"));
  const full = new MemoryDisk({ path: directory, capacityBytes: 4096 });
  const attempt = () => takeOver(full, smallOptions(), silentLogger);
  await assertRejects(attempt, DiskFullError, "make room and start again");
  const disk = full.killed({ path: directory });
  assert(mayTakeOver(disk));
  await takeOver(disk, smallOptions(), silentLogger);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a directory of etcd that can't be moved aside is taken in all the same", async () => {
  const directory = await restored("alone.db", await fixture("restored/alone.wal"));
  await Deno.mkdir(`${directory}/member.restored/old`, { recursive: true });
  await takeOver(await openRealDisk(directory), smallOptions(), silentLogger);
  assert(namesIn(directory).includes("member"));
  await using node = await FlagNode.start("-d", directory);
  assertEquals(await valueAt(node, "a"), "");
  await Deno.remove(directory, { recursive: true });
});
