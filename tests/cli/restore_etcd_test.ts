/** `etcd restore` of a snapshot that etcd 3.4 has made, and what a member serves from it. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { BoltError } from "../../src/bolt/errors.ts";
import { openEtcdSnapshot } from "../../src/bolt/etcd_reader.ts";
import type { EtcdSnapshotSource } from "../../src/bolt/etcd_content.ts";
import { planEtcdSnapshot } from "../../src/bolt/etcd_writer.ts";
import { readEtcdSnapshot } from "../../src/member/etcd_snapshot.ts";
import { openReadOnlyFile } from "../../src/storage/read_only_disk.ts";
import { GOLDEN } from "../bolt/golden.ts";
import { joined, memoryFile, pause } from "../bolt/harness.ts";
import { type Asked, FlagNode } from "../shell/flag_node.ts";
import { etcd } from "./harness.ts";

const FIXTURES = new URL("../../fixtures/etcd/", import.meta.url).pathname;

/** A directory for data that is not there yet. */
async function withData(test: (data: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "etcd-test-" });
  try {
    await test(`${root}/data`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** v3's answer to a login's holder. */
async function ask(node: FlagNode, path: string, message: object, token = ""): Promise<Asked> {
  const headers = token === "" ? {} : { authorization: token };
  const body = JSON.stringify(message);
  return await node.ask(`/v3/${path}`, { method: "POST", body, headers });
}

async function login(node: FlagNode, name: string, password: string): Promise<string> {
  const { text } = await ask(node, "auth/authenticate", { name, password });
  return JSON.parse(text).token ?? "";
}

const ALL = { key: btoa("\0"), range_end: btoa("\0") };

Deno.test("etcd restore brings keys, revisions, leases, users and passwords of etcd's snapshot", async () => {
  await withData(async (data) => {
    const { status, out, err } = await etcd(["restore", `${FIXTURES}history.snap`, "-d", data]);
    assertEquals([status, err], [0, ""]);
    assertStringIncludes(
      out,
      "22 keys at revision 56, compacted at 40, 2 leases, 3 users, 2 roles",
    );
    assertStringIncludes(out, "authentication is on");
    await using node = await FlagNode.start("-d", data);
    assertEquals((await ask(node, "kv/range", ALL)).status, 400, "nobody");
    const root = await login(node, "root", "secret");

    const { kvs, header } = JSON.parse((await ask(node, "kv/range", ALL, root)).text);
    const theirs = await Deno.readTextFile(`${FIXTURES}history_range.json`);
    const quoted = theirs.replaceAll(/"(\w+_revision|version|lease)":(\d+)/g, '"$1":"$2"');
    assertEquals(kvs, JSON.parse(quoted).kvs);
    assertEquals(header.revision, "56");

    assertEquals((await ask(node, "kv/range", { ...ALL, revision: "40" }, root)).status, 200);
    const compacted = await ask(node, "kv/range", { ...ALL, revision: "39" }, root);
    assertStringIncludes(compacted.text, "required revision has been compacted");
    const { leases } = JSON.parse((await ask(node, "lease/leases", {}, root)).text);
    assertEquals(leases.length, 2);
    await writesGoOn(node, root);
    await rightsHold(node);
    await snapshotIsEqual(node, root);
  });
});

async function writesGoOn(node: FlagNode, root: string): Promise<void> {
  const put = { key: btoa("/own"), value: btoa("1") };
  const { header } = JSON.parse((await ask(node, "kv/put", put, root)).text);
  assertEquals(header.revision, "57");
}

async function rightsHold(node: FlagNode): Promise<void> {
  assertEquals(await login(node, "anna", "wrong"), "");
  const anna = await login(node, "anna", "password");
  const job = { key: btoa("/jobs/003") };
  assertStringIncludes((await ask(node, "kv/range", job, anna)).text, btoa("again"));
  assertEquals((await ask(node, "kv/range", { key: btoa("/large") }, anna)).status, 403);
}

/** What would go back to etcd. */
async function snapshotIsEqual(node: FlagNode, root: string): Promise<void> {
  const { text } = await ask(node, "maintenance/snapshot", {}, root);
  const blobs = text.trim().split("\n").map((line) => JSON.parse(line).result.blob ?? "");
  const bytes = Uint8Array.fromBase64(btoa(blobs.map(atob).join("")));
  const ours = await openEtcdSnapshot(memoryFile(bytes), pause);
  const theirs = await openEtcdSnapshot(
    memoryFile(await Deno.readFile(`${FIXTURES}history.snap`)),
    pause,
  );
  assertEquals(ours.revision, 57);
  assert(ours.facts.isAuthEnabled);
  assertEquals(ours.facts.authRevision, theirs.facts.authRevision);
  assertEquals(await Array.fromAsync(ours.users()), await Array.fromAsync(theirs.users()));
  const sorted = async (roles: typeof ours) =>
    (await Array.fromAsync(roles.roles())).map(({ name, permissions }) => [
      name,
      permissions.toSorted((a, b) => a.key < b.key ? -1 : 1),
    ]);
  assertEquals(await sorted(ours), await sorted(theirs));
}

Deno.test("etcd restore takes the database of a stopped member, and says what it can't know", async () => {
  await withData(async (data) => {
    const file = `${data}.db`;
    const snapshot = await Deno.readFile(`${FIXTURES}history.snap`);
    await Deno.writeFile(file, snapshot.subarray(0, -32));
    const { status, out } = await etcd(["restore", file, "-d", data]);
    assertEquals(status, 0);
    assertStringIncludes(out, "it has no checksum");
  });
});

Deno.test("etcd restore refuses a damaged snapshot of etcd, and makes nothing", async () => {
  await withData(async (data) => {
    const snapshot = await Deno.readFile(`${FIXTURES}history.snap`);
    snapshot[20_000]! ^= 1;
    await Deno.writeFile(`${data}.snap`, snapshot);
    const { status, out, err } = await etcd(["restore", `${data}.snap`, "-d", data]);
    assertEquals([status, out], [1, ""]);
    assertStringIncludes(err, `"${data}.snap" is damaged or was cut short: save it again`);
    assertStringIncludes(err, "SHA-256");
    assertEquals(await Deno.stat(data).catch(() => undefined), undefined);
  });
});

/** `GOLDEN` with this key and these leases, in a file. */
async function fileWith(path: string, change: Partial<EtcdSnapshotSource>): Promise<void> {
  const plan = await planEtcdSnapshot({ ...GOLDEN, ...change }, pause);
  await Deno.writeFile(path, await joined(plan.portions()));
}

Deno.test("etcd restore says which number of a snapshot of etcd can't be true", async () => {
  const put = { createRevision: 2, version: 1, value: new Uint8Array(), lease: 0n };
  const change = (key: Uint8Array, version: number) => ({
    revisions: () => [{ main: 2, sub: 0, key, put: { ...put, version } }],
  });
  const lease = (ttlSeconds: number) => ({ leases: [{ id: 5n, ttlSeconds, remainingSeconds: 0 }] });
  const key = Uint8Array.of(0x6b);
  const cases: readonly (readonly [string, Partial<EtcdSnapshotSource>])[] = [
    ["a revision in", { revisions: () => [{ main: 2 ** 47, sub: 0, key, put }] }],
    ["in a version", change(key, 2 ** 35)],
    ["in the length of a key", change(new Uint8Array(2 ** 21), 1)],
    ["above 0", lease(0)],
    ["in a TTL", lease(2 ** 40)],
    ["consistent_index", { facts: { ...GOLDEN.facts, consistentIndex: 2 ** 50 } }],
    ["CompactRev", { facts: { ...GOLDEN.facts, compactRevision: 2 ** 50 } }],
  ];
  await withData(async (data) => {
    for (const [words, made] of cases) {
      await fileWith(`${data}.snap`, made);
      const { status, err } = await etcd(["restore", `${data}.snap`, "-d", data]);
      assertEquals(status, 1, words);
      assertStringIncludes(err, words);
    }
    assertEquals(await Deno.stat(data).catch(() => undefined), undefined);
  });
});

Deno.test("readEtcdSnapshot() refuses a file that becomes shorter while it is read", async () => {
  await withData(async (path) => {
    const value = new Uint8Array(20_000).fill(1);
    const put = { createRevision: 2, version: 1, value, lease: 0n };
    const change = { main: 2, sub: 0, key: Uint8Array.of(0x6b), put };
    await fileWith(path, { revisions: () => [change] });
    const size = (await Deno.stat(path)).size - 32;
    const file = openReadOnlyFile(path);
    try {
      const source = { ...file, size: () => size, read: file.read.bind(file) };
      await readEtcdSnapshot(source, () => {});
      await Deno.truncate(path, size - 12_000);
      await assertRejects(() => readEtcdSnapshot(source, () => {}), BoltError, "become shorter");
    } finally {
      file.close();
    }
  });
});
