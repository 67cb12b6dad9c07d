/** The logs of directories that `etcdctl snapshot restore` has made, and logs that are none of them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { EtcdLogError, readRestoredLog, type RestoredLog } from "../../src/bolt/etcd_wal.ts";
import { addition, logOf, type LogRecord, message, restoredRecords } from "./etcd_log.ts";
import { fixture, memoryFile } from "./harness.ts";

function read(bytes: Uint8Array): Promise<RestoredLog> {
  return readRestoredLog(memoryFile(bytes));
}

const MEMBERS = [
  { id: 0xaa42e24f272d240dn, name: "m1", peerUrl: "http://127.0.0.1:7301" },
  { id: 7n, name: "m2", peerUrl: "http://127.0.0.1:7302" },
];

Deno.test("readRestoredLog() tells who a restored member is, as etcdctl 3.4 has written it", async () => {
  const alone = await read(await fixture("restored/alone.wal"));
  assertEquals(alone.members.map(({ id, name, peerUrls }) => [id, name, peerUrls]), [
    [alone.memberId, "alone", ["http://127.0.0.1:23902"]],
  ]);
  const logs = await Promise.all(
    ["m1", "m2", "m3"].map(async (name) => await read(await fixture(`restored/${name}.wal`))),
  );
  const names = logs.map(({ memberId, members }) =>
    members.find(({ id }) => id === memberId)!.name
  );
  assertEquals(names, ["m1", "m2", "m3"]);
  for (const log of logs) {
    assertEquals({ ...log, memberId: 0n }, { ...logs[0], memberId: 0n });
    assert(log.members.every(({ id }) => id > 2n ** 53n), "ids of 64 bits");
  }
});

Deno.test("readRestoredLog() refuses the log of an etcd that has run", async () => {
  const used = await fixture("restored/used.wal");
  await assertRejects(() => read(used), EtcdLogError, "expected no more records");
});

Deno.test("readRestoredLog() refuses a log that was cut anywhere", async () => {
  const whole = await fixture("restored/m1.wal");
  const end = whole.findLastIndex((byte) => byte !== 0) + 1;
  for (let length = 0; length < end; length++) {
    await assertRejects(() => read(whole.subarray(0, length)), EtcdLogError);
  }
});

Deno.test("readRestoredLog() is not misled by any flipped bit", async () => {
  const whole = await fixture("restored/m1.wal");
  const expected = await read(whole);
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const flipped = whole.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    try {
      assertEquals(await read(flipped), expected, `bit ${bit}`);
    } catch (error) {
      assert(error instanceof EtcdLogError, `bit ${bit}: ${error}`);
    }
  }
});

Deno.test("readRestoredLog() takes nothing but what a restore writes", async () => {
  const restored = restoredRecords(MEMBERS);
  assertEquals((await read(logOf(restored))).memberId, MEMBERS[0]!.id);
  assertEquals((await read(logOf(restored, 0))).members.length, 2);
  const changed = (at: number, ...records: readonly LogRecord[]) =>
    logOf(restored.toSpliced(at, 1, ...records));
  const late = logOf(restored, 3 * 1024 * 1024);
  late[late.length - 1] = 1;
  const cases: Readonly<Record<string, Uint8Array>> = {
    "a put in place of a member": changed(4, [2n, message([2, 1n], [3, 2n])]),
    "a member that is removed": changed(4, [2n, addition(MEMBERS[0]!, 2, 1n)]),
    "a learner": changed(4, [2n, addition(MEMBERS[0]!, 2, 3n)]),
    "an entry that is missing": changed(4),
    "an entry of a later term": changed(4, [2n, message([1, 1n], [2, 2n], [3, 2n])]),
    "a member of another cluster": changed(1, [1n, message([1, 5n], [2, 77n])]),
    "a vote of a later term": changed(5, [3n, message([1, 2n], [3, 2n])]),
    "a commit of less": changed(5, [3n, message([1, 1n], [3, 1n])]),
    "a snapshot of more": changed(6, [5n, message([1, 3n], [2, 1n])]),
    "a snapshot before it": changed(2, [5n, message([1, 1n], [2, 1n])]),
    "no snapshot": changed(6),
    "a record behind the end": late,
    "a second log behind the first": logOf([...restored, restored[0]!]),
    "nothing": new Uint8Array(4096),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    await assertRejects(() => read(bytes), EtcdLogError, "expected", name);
  }
});
