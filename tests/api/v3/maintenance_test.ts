/** The Maintenance service, where it says what etcd says. */
import { assertEquals } from "@std/assert";
import { METHODS } from "../../../src/api/v3/methods.ts";
import { member as memberNumber } from "../fake_node.ts";
import { bytes, V3Member } from "./harness.ts";

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

Deno.test("Snapshot() is broken off when the client takes nothing of it for too long", async () => {
  using member = new V3Member({ snapshotStallMs: 1 });
  const call = member.open(METHODS.maintenance.snapshot);
  call.stream.isFull = true;
  call.send({});
  call.halfClose();
  const { code, message } = await call.reply();
  assertEquals([code, message], [4, "etcdserver: the snapshot was left lying for too long"]);
});
