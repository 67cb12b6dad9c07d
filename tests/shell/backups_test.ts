/** Backups of a member: one at a time, never waiting for a client, whole or broken off. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Capture } from "../../src/node/snapshots/capture.ts";
import type { Barrier, Done, Outcome } from "../../src/node/ports.ts";
import { LIMITS } from "../../src/config.ts";
import type { RealMember } from "../../src/member/real_member.ts";
import {
  BackupAbandonedError,
  Backups,
  backupsOf as backupsOfMember,
} from "../../src/operations/backups.ts";
import { setting } from "../store/setting.ts";
import { Store } from "../../src/store/store.ts";
import { proveBackup } from "../../src/storage/backup_file.ts";
import { backupSlices } from "../../src/storage/backup_file.ts";
import { joinBytes, meta, smallOptions } from "../storage/harness.ts";
import { MemoryDisk } from "../storage/memory_disk.ts";

class FakeMember {
  readonly clusterId = 0xabc;
  readonly store = new Store();
  readonly barriers: Done<Barrier>[] = [];
  #index = 0;

  set(key: string, value: string): void {
    this.store.apply(++this.#index, setting(key, value, 1000));
  }

  barrier(done: Done<Barrier>): void {
    this.barriers.push(done);
  }

  capture(): Outcome<Capture> {
    const image = this.store.snapshot();
    return {
      ok: true,
      value: { meta: meta(this.#index, 1), image, digest: this.store.digest() },
    };
  }

  nowMs(): number {
    return 1000;
  }
}

function backupsOf(node: FakeMember, stallMs = 10_000): Backups {
  const scheduler = { defer: (task: () => void) => void setImmediate(task) };
  return new Backups({ node, name: "node1", version: "1.0.0", scheduler, stallMs });
}

async function open(backups: Backups) {
  const opened = await backups.open(true);
  assert(opened.ok, JSON.stringify(opened));
  return opened.value;
}

async function take(portions: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const taken: Uint8Array[] = [];
  for await (const portion of portions) taken.push(portion);
  return joinBytes(taken);
}

Deno.test("Backups gives the state as of the request, whatever is written while it is sent", async () => {
  const node = new FakeMember();
  for (let i = 0; i < 500; i++) node.set(`/key${i}`, "before");
  const digest = node.store.digest();
  const { portions, fileName } = await open(backupsOf(node));
  const parts: Uint8Array[] = [];
  for await (const portion of portions) {
    parts.push(portion);
    for (let i = 0; i < 500; i++) node.set(`/key${i}`, "after");
  }
  assertEquals(fileName, "etcd-500.backup");
  const file = new MemoryDisk().create("b");
  file.write(joinBytes(parts), 0);
  const proven = await proveBackup(file, "b", smallOptions());
  assertEquals(proven.description.cluster, "8000000000000abc");
  assertEquals(proven.description.digest, digest);
  const restored = new Store();
  await restored.restore(backupSlices(file, "b", proven, smallOptions()));
  assertEquals(restored.digest(), digest);
  assert(node.store.digest() !== digest);
});

Deno.test("Backups waits for what was acknowledged before, unless stale is asked for", async () => {
  const node = new FakeMember();
  node.set("/a", "1");
  const backups = backupsOf(node);
  const opening = backups.open(false);
  const second = await backups.open(true);
  assert(!second.ok, "One at a time, the waiting one included");
  node.set("/b", "2");
  node.barriers[0]!({ ok: true, value: { nowMs: 0 } });
  const opened = await opening;
  assert(opened.ok);
  assertEquals(opened.value.fileName, "etcd-2.backup");
  opened.value.cancel();
});

Deno.test("Backups passes on why there is no quorum, and then is free for another", async () => {
  const node = new FakeMember();
  const backups = backupsOf(node);
  const opening = backups.open(false);
  const failure = { ok: false, reason: "noLeader", cause: "none" } as const;
  node.barriers[0]!(failure);
  assertEquals(await opening, failure);
  (await open(backups)).cancel();
});

Deno.test("Backups takes one at a time, and the next when one has ended or its client has left", async () => {
  const node = new FakeMember();
  node.set("/a", "1");
  const backups = backupsOf(node);
  const first = await open(backups);
  const refused = await backups.open(true);
  assert(!refused.ok && refused.reason === "overloaded");
  first.cancel();
  await take((await open(backups)).portions);
  (await open(backups)).cancel();
});

Deno.test("Backups breaks off for a client that stops reading, and keeps nothing of the image", async () => {
  const node = new FakeMember();
  node.set("/a", "1");
  const backups = backupsOf(node, 1);
  const { portions } = await open(backups);
  const iterator = portions[Symbol.asyncIterator]();
  await iterator.next();
  // The client reads nothing until the next backup is possible.
  for (;;) {
    const next = await backups.open(true);
    if (next.ok) {
      next.value.cancel();
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await assertRejects(() => iterator.next(), BackupAbandonedError);
});

Deno.test("a running member's backups wait for a client as long as the limits say", async () => {
  const { setTimeout } = globalThis;
  const waits: unknown[] = [];
  globalThis.setTimeout = ((callback: () => void, ms?: number) => {
    waits.push(ms);
    return setTimeout(callback, ms);
  }) as typeof setTimeout;
  try {
    const scheduler = { defer: (task: () => void) => void setImmediate(task) };
    const node = new FakeMember();
    node.set("/a", "1");
    const member = { node, name: "node1" } as unknown as RealMember;
    (await open(backupsOfMember(member, scheduler))).cancel();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assertEquals(waits, [LIMITS.operations.backupStallMs]);
});
