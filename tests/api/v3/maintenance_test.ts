/** The Maintenance service, where it says what etcd says. */
import { assertEquals } from "@std/assert";
import { openEtcdSnapshot } from "../../../src/bolt/etcd_reader.ts";
import { etcdSnapshotStatus } from "../../../src/bolt/etcd_status.ts";
import { METHODS } from "../../../src/api/v3/methods.ts";
import { member as memberNumber } from "../fake_node.ts";
import { memoryFile, pause } from "../../bolt/harness.ts";
import { bytes, text, V3Member } from "./harness.ts";

Deno.test("HashKV() tells the revision of the last compaction, and -1 before the first", async () => {
  using member = new V3Member();
  const { compact, put } = METHODS.kv;
  const { hashKv } = METHODS.maintenance;
  await member.call(put, { key: "a", value: bytes("1") });
  await member.call(put, { key: "a", value: bytes("2") });
  const before = await member.call(hashKv, {});
  assertEquals(before.response?.compactRevision, -1);
  assertEquals((await member.call(compact, { revision: 2 })).code, 0);
  assertEquals((await member.call(hashKv, {})).response?.compactRevision, 2);
  const gone = await member.call(hashKv, { revision: 1 });
  assertEquals(gone.message, "etcdserver: mvcc: required revision has been compacted");
});

Deno.test("Status() tells whether this member is a learner, and no other one", async () => {
  using member = new V3Member();
  const isLearner = async () =>
    (await member.call(METHODS.maintenance.status, {})).response?.isLearner;
  const learner = { voter: false, learner: true } as const;
  member.node.members = [memberNumber(1), { ...memberNumber(2), ...learner }];
  assertEquals(await isLearner(), false);
  member.node.members = [{ ...memberNumber(1), ...learner }, memberNumber(2)];
  assertEquals(await isLearner(), true);
});

Deno.test("without a leader a member tells what it has, and that there is none", async () => {
  using member = new V3Member();
  const { status, hash, hashKv, snapshot } = METHODS.maintenance;
  await member.call(METHODS.kv.put, { key: "a" });
  assertEquals((await member.call(status, {})).response?.errors, []);
  const told = async () => {
    const call = member.open(snapshot);
    call.send({});
    call.halfClose();
    while (!call.stream.isClosed) await call.stream.changed();
    const parts = call.received();
    const [first] = parts;
    const bytes = parts.reduce((sum, { blob }) => sum + blob.length, 0);
    // Of the database, as etcd counts: 32 bytes of a hash are behind it.
    assertEquals(first!.remainingBytes + first!.blob.length, bytes - 32);
    assertEquals(parts.at(-1)!.remainingBytes, 0);
    const calls = [member.call(hash, {}), member.call(hashKv, {})] as const;
    return [...await Promise.all(calls), await member.call(METHODS.lease.leases, {})];
  };
  const before = await told();
  // An election is under way; then, nobody has said yet that the leader is gone.
  for (const leading of [undefined, member.node.leading]) {
    member.node.failure = "noLeader";
    member.node.leading = leading;
    assertEquals(await told(), before);
    member.node.failure = undefined;
    const { errors } = (await member.call(status, {})).response!;
    assertEquals(errors, leading === undefined ? ["etcdserver: no leader"] : []);
  }
});

Deno.test("Snapshot() is broken off when the client takes nothing of it for too long", async () => {
  using member = new V3Member({ snapshotStallMs: 1 });
  const call = member.open(METHODS.maintenance.snapshot);
  call.stream.isFull = true;
  call.send({});
  call.halfClose();
  const { code, message } = await call.reply();
  assertEquals([code, message], [4, "etcdserver: the snapshot was left lying for too long"]);
});

Deno.test("Snapshot() ends with the revision that the store has, also when that has only deleted", async () => {
  using member = new V3Member();
  const { put, deleteRange } = METHODS.kv;
  const take = async () => {
    const file = await snapshotOf(member);
    const { revision } = await etcdSnapshotStatus(file);
    const snapshot = await openEtcdSnapshot(file, pause);
    const keys = (await Array.fromAsync(snapshot.live())).map(({ key }) => text(key));
    return { revision, keys };
  };
  for (const key of ["a", "b", "c"]) await member.call(put, { key });
  assertEquals(await take(), { revision: 4, keys: ["a", "b", "c"] });
  await member.call(deleteRange, { key: "a" });
  await member.call(deleteRange, { key: "c" });
  assertEquals(await take(), { revision: 6, keys: ["b"] });
  await member.call(deleteRange, { key: "b" });
  assertEquals(await take(), { revision: 7, keys: [] });
});

Deno.test("Snapshot() has the permissions of a role in the order in which etcd looks for them", async () => {
  using member = new V3Member();
  const { roleAdd, roleGrantPermission } = METHODS.auth;
  await member.call(roleAdd, { name: "r" });
  for (const [key, rangeEnd] of [["k", ""], ["z", "\0"], ["a", "c"], ["a", "b"]] as const) {
    await member.call(roleGrantPermission, {
      name: "r",
      perm: { permType: "READ", key, rangeEnd },
    });
  }
  const snapshot = await openEtcdSnapshot(await snapshotOf(member), pause);
  const roles = await Array.fromAsync(snapshot.roles());
  assertEquals(
    roles.map(({ permissions }) => permissions.map((one) => [text(one.key), text(one.rangeEnd)])),
    [[["a", "b"], ["a", "c"], ["k", ""], ["z", "\0"]]],
  );
});

async function snapshotOf(member: V3Member) {
  const call = member.open(METHODS.maintenance.snapshot);
  call.send({});
  call.halfClose();
  while (!call.stream.isClosed) await call.stream.changed();
  const blobs = call.received().map(({ blob }) => blob.slice().buffer);
  return memoryFile(new Uint8Array(await new Blob(blobs).arrayBuffer()));
}
