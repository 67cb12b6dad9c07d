/**
 * Snapshots whose checksums are right and whose image is not, as a member writes them whose
 * memory has flipped a bit: nothing is given up for one.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { InvariantError } from "../../src/base/assert.ts";
import { DamagedTransferError } from "../../src/base/errors.ts";
import type { SnapshotAck, SnapshotChunk } from "../../src/node/calls/peer_message.ts";
import { SnapshotReceiver, SnapshotSender } from "../../src/node/snapshots/transfer.ts";
import type { InstallSnapshot } from "../../src/raft/types.ts";
import { UnsoundSnapshotError } from "../../src/storage/errors.ts";
import type { DataStorage } from "../../src/storage/storage.ts";
import { faultOfImage } from "../../src/store/image/proof.ts";
import { Log, slices } from "../store/log.ts";
import {
  batch,
  entry,
  founded,
  joinBytes,
  meta,
  receive,
  reload,
  smallOptions,
  snapshotBytes,
} from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

const OPTIONS = smallOptions({ faultOfImage });

/** The image of a state with a file `/value`. */
function stateOf(value: string): Uint8Array[] {
  const log = new Log();
  log.set("/value", value);
  return slices(log.store);
}

/** The same with a bit flipped in the value. */
function flipped(value: string): Uint8Array[] {
  const joined = joinBytes(stateOf(value));
  const at = new TextDecoder("latin1").decode(joined).lastIndexOf(value);
  joined[at]! ^= 1;
  return [joined];
}

/** Saves entries up to `last`, all of them committed. */
async function saveThrough(storage: DataStorage, last: number, first = 1): Promise<void> {
  for (let index = first; index <= last; index++) {
    const hardState = { term: 1, vote: 0, commitIndex: index };
    await storage.save(batch({ hardState, entries: [entry(index, 1)] }));
  }
}

Deno.test("finish() rejects a snapshot from the leader whose image is wrong, and what was there stays", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk, OPTIONS);
  await saveThrough(storage, 6);
  await storage.createSnapshot(meta(5, 1), stateOf("old"), 2);
  const snapshot = meta(9, 1);
  const error = await assertRejects(
    async () => receive(storage, snapshot, await snapshotBytes(snapshot, flipped("new"))),
    DamagedTransferError,
    "sent again",
  );
  assert(`${error.cause}`.includes("Expected the hash"), `${error.cause}`);
  const kept = await reload(disk.killed(), OPTIONS);
  assertEquals([kept.loaded.snapshot.index, kept.loaded.entries.length], [5, 1]);
  assertEquals(kept.image, joinBytes(stateOf("old")));
  // Another one that is right is taken.
  await receive(storage, snapshot, await snapshotBytes(snapshot, stateOf("new")));
  await storage.save(batch({ snapshot, hardState: { term: 1, vote: 0, commitIndex: 9 } }));
  await storage.close();
  assertEquals((await reload(disk, OPTIONS)).image, joinBytes(stateOf("new")));
});

Deno.test("createSnapshot() rejects a doubted image that is wrong, and the snapshot and the log before it stay", async () => {
  const disk = new MemoryDisk();
  const storage = await founded(disk, OPTIONS);
  await saveThrough(storage, 6);
  await storage.createSnapshot(meta(5, 1), stateOf("old"), 5);
  await saveThrough(storage, 60, 7);
  await assertRejects(
    () => storage.createSnapshot(meta(60, 1), flipped("new"), 60, true),
    UnsoundSnapshotError,
    "start the node again",
  );
  await storage.close().catch(() => {});
  const { loaded, image } = await reload(disk, OPTIONS);
  assertEquals([loaded.snapshot.index, loaded.entries.at(-1)?.index], [5, 60]);
  assertEquals(image, joinBytes(stateOf("old")));
});

Deno.test("openStorage() goes back to the snapshot before one whose image is wrong when the log makes up for it", async () => {
  const disk = new MemoryDisk();
  // By a version that proved checksums alone.
  const storage = await founded(disk);
  await saveThrough(storage, 6);
  await storage.createSnapshot(meta(5, 1), stateOf("old"), 5);
  await saveThrough(storage, 60, 7);
  await storage.createSnapshot(meta(40, 1), flipped("new"), 5);
  await storage.close();
  const { loaded, image } = await reload(disk, OPTIONS);
  assertEquals([loaded.snapshot.index, loaded.entries.at(-1)?.index], [5, 60]);
  assertEquals(image, joinBytes(stateOf("old")));
});

Deno.test("a leader hears that its snapshot is of no use, and the follower keeps what it has", async () => {
  // Its memory had flipped a bit before a version wrote it that proved checksums alone.
  const leader = await founded(new MemoryDisk());
  await saveThrough(leader, 9);
  await leader.createSnapshot(meta(9, 1), flipped("new"), 9);
  const disk = new MemoryDisk();
  const follower = await founded(disk, OPTIONS);
  await saveThrough(follower, 6);
  await follower.createSnapshot(meta(5, 1), stateOf("old"), 2);
  const chunks: SnapshotChunk[] = [];
  const acks: SnapshotAck[] = [];
  const failures: string[] = [];
  const completed: InstallSnapshot[] = [];
  const receiver = new SnapshotReceiver({
    storage: follower,
    snapshotBytesMax: 1_000_000,
    acknowledge: (_, ack) => acks.push(ack),
    complete: (message) => completed.push(message),
    failed: (_, error) => failures.push(`${error}`),
    broken: (error) => {
      throw error;
    },
  });
  const snapshot = meta(9, 1);
  const message = { type: "snapshot", from: 1, to: 2, term: 1, snapshot } as const;
  const sender = new SnapshotSender(message, leader.openSnapshot()!, 0, {
    ...{ chunkBytes: 200, windowChunks: 9, stallTicks: 1000, stallsMax: 5, restartsMax: 3 },
    send: (_, chunk) => chunks.push(chunk),
    broken: (error) => {
      throw error;
    },
  });
  for (let tick = 1; sender.tick(tick); tick++) {
    for (const chunk of chunks.splice(0)) receiver.receive(1, chunk, 6);
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const ack of acks.splice(0)) sender.acknowledged(ack, tick);
  }
  assertEquals([sender.isRefused, completed, failures.length], [true, [], 4]);
  sender.close();
  await leader.close();
  await follower.close();
  assertEquals((await reload(disk, OPTIONS)).image, joinBytes(stateOf("old")));
});

Deno.test("finish() never takes a proof for one that left off before the end of the image", async () => {
  const storage = await founded(
    new MemoryDisk(),
    smallOptions({ faultOfImage: () => Promise.resolve(undefined) }),
  );
  const snapshot = meta(9, 1);
  await assertRejects(
    async () => receive(storage, snapshot, await snapshotBytes(snapshot)),
    InvariantError,
    "reads all",
  );
  await storage.close().catch(() => {});
});
