/** Snapshots that etcd made are read, and those made here are what etcd reads. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { BoltError } from "../../src/bolt/errors.ts";
import type { EtcdFacts, EtcdRevision, EtcdSnapshotSource } from "../../src/bolt/etcd_content.ts";
import { type EtcdSnapshot, openEtcdSnapshot } from "../../src/bolt/etcd_reader.ts";
import { etcdSnapshotStatus } from "../../src/bolt/etcd_status.ts";
import { planEtcdSnapshot } from "../../src/bolt/etcd_writer.ts";
import type { BoltEntry, BucketSource } from "../../src/bolt/writer.ts";
import { GOLDEN } from "./golden.ts";
import {
  bucket,
  bytesOf,
  entry,
  fixture,
  joined,
  memoryFile,
  pause,
  textOf,
  written,
} from "./harness.ts";

const NO_FACTS: EtcdFacts = {
  consistentIndex: 0,
  term: 0,
  compactRevision: 0,
  isAuthEnabled: false,
  authRevision: 0,
  clusterVersion: undefined,
};

const EMPTY: EtcdSnapshotSource = {
  facts: NO_FACTS,
  revisions: () => [],
  leases: [],
  users: [],
  roles: [],
  members: [],
};

async function open(bytes: Uint8Array): Promise<EtcdSnapshot> {
  return await openEtcdSnapshot(memoryFile(bytes), pause);
}

async function snapshotOf(source: EtcdSnapshotSource): Promise<Uint8Array<ArrayBuffer>> {
  const plan = await planEtcdSnapshot(source, pause);
  const bytes = await joined(plan.portions());
  assertEquals(bytes.length, plan.size);
  return bytes;
}

/** As `etcdctl get -w json` has a key, with zeros left out. */
function asRangeHas({ main, key, put }: EtcdRevision): Record<string, unknown> {
  const { createRevision, version, value, lease } = put!;
  return {
    key: key.toBase64(),
    create_revision: createRevision,
    mod_revision: main,
    version,
    ...(value.length > 0 ? { value: value.toBase64() } : {}),
    ...(lease !== 0n ? { lease: `${lease}` } : {}),
  };
}

/** Ids have 64 bits: they are kept as text. */
function parseRange(json: string): { kvs: Record<string, unknown>[]; revision: number } {
  const { header, kvs } = JSON.parse(json.replaceAll(/"(lease|\w+_id)":(\d+)/g, '"$1":"$2"'));
  return { kvs, revision: header.revision };
}

Deno.test("openEtcdSnapshot() reads from etcd's snapshot what etcd itself answered", async () => {
  const snapshot = await open(await fixture("history.snap"));
  const live = await Array.fromAsync(snapshot.live());
  const { kvs, revision } = parseRange(textOf(await fixture("history_range.json")));
  const found = live.map(asRangeHas);
  const byKey = (a: Record<string, unknown>, b: Record<string, unknown>) =>
    `${a.key}` < `${b.key}` ? -1 : 1;
  assertEquals(found.toSorted(byKey), kvs.toSorted(byKey));
  assertEquals(snapshot.revision, revision);
  assert(live.every(({ main }, i) => i === 0 || main >= live[i - 1]!.main), "not by revision");
});

Deno.test("openEtcdSnapshot() reads facts, leases, users, roles and members of etcd's snapshot", async () => {
  const snapshot = await open(await fixture("history.snap"));
  assertEquals(snapshot.hasChecksum, true);
  const { consistentIndex, ...facts } = snapshot.facts;
  assert(consistentIndex > 50);
  assertEquals(facts, {
    term: 0,
    compactRevision: 40,
    isAuthEnabled: true,
    authRevision: 11,
    clusterVersion: "3.4.0",
  });
  const leases = await Array.fromAsync(snapshot.leases());
  const ids = textOf(await fixture("history_leases.json")).matchAll(/"id":(\d+)/g);
  assertEquals(leases.map(({ id }) => `${id}`).sort(), [...ids].map(([, id]) => id).sort());
  assertEquals(leases.map(({ ttlSeconds }) => ttlSeconds).sort(), [3600, 86_400]);
  const users = await Array.fromAsync(snapshot.users());
  assertEquals(users.map(({ name, roles, hasNoPassword }) => [name, roles, hasNoPassword]), [
    ["anna", ["reader"], false],
    ["cert", [], true],
    ["root", ["root"], false],
  ]);
  assertStringIncludes(textOf(users[2]!.passwordHash), "$2a$10$");
  const roles = await Array.fromAsync(snapshot.roles());
  assertEquals(
    roles.map(({ name, permissions }) => [
      name,
      permissions.map(({ type, key, rangeEnd }) => [type, textOf(key), textOf(rangeEnd)]),
    ]),
    [
      ["reader", [
        ["write", "\0", "\0"],
        ["read", "/jobs/", "/jobs0"],
        ["readwrite", "/own", ""],
      ]],
      ["root", []],
    ],
  );
  const [member, ...others] = await Array.fromAsync(snapshot.members());
  assertEquals(others, []);
  assertEquals(member, {
    id: 11201878611396189134n,
    name: "saved",
    peerUrls: ["http://127.0.0.1:23902"],
    clientUrls: ["http://127.0.0.1:23901"],
    isLearner: false,
  });
});

Deno.test("revisions() has what the compaction left, transactions and tombstones included", async () => {
  const snapshot = await open(await fixture("history.snap"));
  const revisions = await Array.fromAsync(snapshot.revisions());
  const described = revisions.filter(({ main }) => main > 40).map(({ main, sub, key, put }) =>
    `${main}.${sub} ${put === undefined ? "delete" : "put"} ${textOf(key)}`
  );
  for (
    const expected of [
      "48.0 put /txn/a",
      "48.1 put /txn/b",
      "48.2 delete /jobs/001",
      "49.0 delete /jobs/020",
      "50.0 put /jobs/003",
    ]
  ) assert(described.includes(expected), `${expected} in ${described.join("\n")}`);
  const compacted = revisions.filter(({ main }) => main <= 40).map(({ key }) => textOf(key));
  assertEquals(new Set(compacted).size, compacted.length);
});

Deno.test("openEtcdSnapshot() finds revision 1 and nothing else in a new server's snapshot", async () => {
  const snapshot = await open(await fixture("empty.snap"));
  assertEquals(snapshot.revision, 1);
  assertEquals(await Array.fromAsync(snapshot.live()), []);
  assertEquals(await Array.fromAsync(snapshot.users()), []);
});

Deno.test("etcdSnapshotStatus() says what etcdctl says", async () => {
  for (const name of ["empty", "history", "written"]) {
    const said = JSON.parse(textOf(await fixture(`${name}_status.json`)));
    assertEquals(await etcdSnapshotStatus(memoryFile(await fixture(`${name}.snap`))), {
      hash: said.hash,
      revision: said.revision,
      totalKeys: said.totalKey,
      totalSize: said.totalSize,
    });
  }
});

Deno.test("planEtcdSnapshot() writes the same bytes as when etcd was asked about them", async () => {
  const bytes = await snapshotOf(GOLDEN);
  // No assertEquals: it would print 80 KiB.
  const golden = await fixture("written.snap");
  assert(bytes.length === golden.length && bytes.every((byte, i) => byte === golden[i]));
});

Deno.test("openEtcdSnapshot() reads back all that planEtcdSnapshot() was given", async () => {
  const snapshot = await open(await snapshotOf(GOLDEN));
  const byKey = <T>(items: readonly T[], key: (item: T) => string) =>
    items.toSorted((a, b) => key(a) < key(b) ? -1 : 1);
  assertEquals(snapshot.facts, GOLDEN.facts);
  assertEquals(
    await Array.fromAsync(snapshot.revisions()),
    [...GOLDEN.revisions() as Iterable<EtcdRevision>],
  );
  assertEquals(
    await Array.fromAsync(snapshot.leases()),
    GOLDEN.leases.toSorted((a, b) => a.id < b.id ? -1 : 1),
  );
  assertEquals(await Array.fromAsync(snapshot.users()), byKey(GOLDEN.users, ({ name }) => name));
  assertEquals(await Array.fromAsync(snapshot.roles()), byKey(GOLDEN.roles, ({ name }) => name));
  assertEquals(
    await Array.fromAsync(snapshot.members()),
    byKey(GOLDEN.members, ({ id }) => id.toString(16)),
  );
});

Deno.test("planEtcdSnapshot() writes etcd's own content so that nothing of it is lost", async () => {
  const original = await open(await fixture("history.snap"));
  const source: EtcdSnapshotSource = {
    facts: original.facts,
    revisions: () => original.revisions(),
    leases: await Array.fromAsync(original.leases()),
    users: await Array.fromAsync(original.users()),
    roles: await Array.fromAsync(original.roles()),
    members: await Array.fromAsync(original.members()),
  };
  const copy = await open(await snapshotOf(source));
  assertEquals(copy.facts, source.facts);
  assertEquals(
    await Array.fromAsync(copy.revisions()),
    await Array.fromAsync(original.revisions()),
  );
  for (const name of ["leases", "users", "roles", "members"] as const) {
    assertEquals(await Array.fromAsync<unknown>(copy[name]()), [...source[name]]);
  }
});

Deno.test("planEtcdSnapshot() writes an empty key space", async () => {
  const snapshot = await open(await snapshotOf(EMPTY));
  assertEquals(snapshot.facts, NO_FACTS);
  assertEquals(snapshot.revision, 1);
});

Deno.test("the revision of a snapshot is that of the compaction when nothing is left behind it", async () => {
  const facts = { ...NO_FACTS, compactRevision: 70 };
  const snapshot = await open(await snapshotOf({ ...EMPTY, facts }));
  assertEquals(snapshot.revision, 70);
});

Deno.test("planEtcdSnapshot() refuses revisions that do not ascend", async () => {
  const [first, second] = [2, 3].map((main): EtcdRevision => ({
    main,
    sub: 0,
    key: bytesOf("/a"),
    put: { createRevision: 2, version: main - 1, value: bytesOf("x"), lease: 0n },
  }));
  const source = { ...EMPTY, revisions: () => [second!, first!] };
  await assertRejects(() => planEtcdSnapshot(source, pause), InvariantError);
});

Deno.test("openEtcdSnapshot() refuses a snapshot of which one bit is another", async () => {
  for (const at of [20_000, 60_000, 61_440, 61_471]) {
    const bytes = await fixture("history.snap");
    bytes[at]! ^= 1;
    await assertRejects(() => open(bytes), BoltError, "SHA-256");
  }
});

Deno.test("openEtcdSnapshot() takes a member's database without a checksum, and says so", async () => {
  const snapshot = await open((await fixture("history.snap")).subarray(0, -32));
  assertEquals(snapshot.hasChecksum, false);
  assertEquals(snapshot.revision, 56);
});

const KEY_2 = Uint8Array.fromHex("0000000000000002" + "5f" + "0000000000000000");
/** `KeyValue` of "k" with create and mod revision 2, version 1. */
const VALUE_2 = Uint8Array.fromHex("0a016b" + "1002" + "1802" + "2001");

function hex(key: string, value: string): BoltEntry {
  return { key: Uint8Array.fromHex(key), value: Uint8Array.fromHex(value) };
}

async function refused(message: string, ...buckets: readonly BucketSource[]): Promise<void> {
  const all = buckets.some(({ name }) => textOf(name) === "key")
    ? buckets
    : [...buckets, bucket("key", [{ key: KEY_2, value: VALUE_2 }])];
  const bytes = await written(...all);
  const everything = async () => {
    const snapshot = await open(bytes);
    await Array.fromAsync(snapshot.live());
    await Array.fromAsync(snapshot.leases());
    await Array.fromAsync(snapshot.users());
    await Array.fromAsync(snapshot.roles());
    await Array.fromAsync(snapshot.members());
  };
  await assertRejects(everything, BoltError, message);
}

Deno.test("openEtcdSnapshot() refuses a database that is not etcd's", async () => {
  await assertRejects(
    async () => await open(await written(bucket("other", []))),
    BoltError,
    'a bucket "key"',
  );
});

Deno.test("revisions() refuses keys and values that are none", async () => {
  const key2 = KEY_2.toHex();
  const value2 = VALUE_2.toHex();
  const cases = [
    ["a revision", hex("6b", value2)],
    ["a revision", hex(key2.replace("5f", "60"), value2)],
    ["a revision", hex(`${key2}75`, value2)],
    ["an integer below 2^53", hex(`ff${key2.slice(2)}`, value2)],
    ["a revision above 0", hex(`${"00".repeat(8)}5f${"00".repeat(8)}`, value2)],
    ["a key in revision 2.0", hex(key2, "")],
    ["its own revision in revision 2.0", hex(key2, `${value2}1803`)],
    ["a create revision from 1 to 2", hex(key2, `${value2}1003`)],
    ["a create revision from 1 to 2", hex(key2, `${value2}1000`)],
    ["a version above 0", hex(key2, `${value2}2000`)],
    ["another byte", hex(key2, `${value2}18`)],
    ["5 more bytes", hex(key2, `${value2}2a05`)],
    ["an integer from 0 to 2^53 - 1", hex(key2, `${value2}10${"ff".repeat(9)}01`)],
    ["an integer of at most 10 bytes", hex(key2, `${value2}10${"ff".repeat(10)}01`)],
    ["a field of a known type", hex(key2, `${value2}0f`)],
  ] as const;
  for (const [message, found] of cases) await refused(message, bucket("key", [found]));
  await refused(
    "one change of 2.0",
    bucket("key", [hex(key2, value2), hex(`${key2}74`, value2)]),
  );
});

Deno.test("revisions() passes over fields that it does not know", async () => {
  const value = `${VALUE_2.toHex()}7801${"7d01020304"}${"790102030405060708"}${"7a020102"}`;
  const snapshot = await open(await written(bucket("key", [hex(KEY_2.toHex(), value)])));
  assertEquals((await Array.fromAsync(snapshot.live())).length, 1);
});

Deno.test("openEtcdSnapshot() refuses facts and records that can't be", async () => {
  await refused("8 bytes", bucket("meta", [entry("consistent_index", "1")]));
  await refused("a revision", bucket("meta", [entry("finishedCompactRev", "12345678")]));
  await refused("UTF-8", bucket("cluster", [hex("636c757374657256657273696f6e", "ff")]));
  await refused(
    "at most 1000 entries",
    bucket("auth", Array.from({ length: 1001 }, (_, i) => entry(`${i + 1000}`, ""))),
  );
  await refused("the lease 0x0000000000000005", bucket("lease", [hex("0000000000000005", "0806")]));
  await refused("the lease", bucket("lease", [hex("05", "0805")]));
  await refused('the user "a"', bucket("authUsers", [hex("61", "0a0162")]));
  await refused("UTF-8", bucket("authUsers", [hex("61", "0a0161" + "1a01ff")]));
  await refused('the role "a"', bucket("authRoles", [hex("61", "0a0162")]));
  await refused(
    "a permission from 0 to 2",
    bucket("authRoles", [hex("61", "0a0161" + "12020803")]),
  );
  await refused("a member's id", bucket("members", [entry("x", "{}")]));
  for (const json of ["", "[", "null", "7"]) {
    await refused("a JSON object", bucket("members", [entry("1", json)]));
  }
  await refused("a list of texts as peerURLs", bucket("members", [entry("1", '{"peerURLs":[1]}')]));
  await refused("a text as name", bucket("members", [entry("1", '{"name":{}}')]));
});
