/** Receiving a snapshot file in chunks: whose it is, and what becomes of it. */
import { assertEquals } from "@std/assert";
import type { SnapshotAck, SnapshotChunk } from "../../src/node/peer_message.ts";
import type { SnapshotReader, SnapshotWriter, Storage } from "../../src/node/ports.ts";
import { SnapshotReceiver, SnapshotSender } from "../../src/node/snapshot_transfer.ts";
import { encodeMessage } from "../../src/raft/codec.ts";
import type { InstallSnapshot } from "../../src/raft/types.ts";

const LEADER = 1;
const SELF = 7;
const FILE = new Uint8Array(30).fill(5);
const CHUNK_BYTES = 10;

/** Takes bytes as a file does, and finds nothing wrong with them once `proof` resolves. */
class FakeWriter implements SnapshotWriter {
  size = 0;
  constructor(readonly proof: Promise<void>) {}
  write(bytes: Uint8Array): void {
    this.size += bytes.length;
  }
  finish(): Promise<void> {
    return this.proof;
  }
  abort(): void {}
}

function receiver(proof = Promise.resolve()) {
  const acks: SnapshotAck[] = [];
  const completed: InstallSnapshot[] = [];
  const receiver = new SnapshotReceiver({
    storage: { receiveSnapshot: () => new FakeWriter(proof) } as Partial<Storage> as Storage,
    snapshotBytesMax: 1000,
    acknowledge: (_, ack) => acks.push(ack),
    complete: (message) => completed.push(message),
    failed: (_, error) => {
      throw error;
    },
  });
  return { receiver, acks, completed };
}

/** The chunk at `offset` of the leader's file for index 40, sent in `term`. */
function chunk(offset: number, term: number, from = LEADER): SnapshotChunk {
  const snapshot = { index: 40, term: 3, configuration: { members: [], removed: [] } };
  const message = encodeMessage({ type: "snapshot", from, to: SELF, term, snapshot });
  const data = FILE.subarray(offset, offset + CHUNK_BYTES);
  return { type: "snapshotChunk", message, offset, size: FILE.length, data };
}

Deno.test("snapshotReceiver() acknowledges what it holds and hands over a whole file", async () => {
  const { receiver: it, acks, completed } = receiver();
  for (const offset of [0, 10, 10, 20]) it.receive(LEADER, chunk(offset, 4), 0);
  await Promise.resolve();
  assertEquals(acks.map(({ received }) => received), [10, 20, 20, 30]);
  assertEquals(completed.map(({ term }) => term), [4]);
});

Deno.test("snapshotReceiver() hands over in the newest term when its leader was elected again meanwhile", async () => {
  const { receiver: it, completed } = receiver();
  it.receive(LEADER, chunk(0, 4), 0);
  it.receive(LEADER, chunk(10, 5), 0);
  // Late: it left before the others did.
  it.receive(LEADER, chunk(10, 4), 0);
  it.receive(LEADER, chunk(20, 5), 0);
  await Promise.resolve();
  assertEquals(completed.map(({ term }) => term), [5]);
});

Deno.test("snapshotReceiver() hands over in the newest term when its leader was elected again while the file was proven", async () => {
  const proof = Promise.withResolvers<void>();
  const { receiver: it, completed } = receiver(proof.promise);
  for (const offset of [0, 10, 20]) it.receive(LEADER, chunk(offset, 4), 0);
  it.receive(LEADER, chunk(0, 5), 0);
  proof.resolve();
  await proof.promise;
  assertEquals(completed.map(({ term }) => term), [5]);
});

Deno.test("snapshotReceiver() takes no notice of a chunk that speaks for another member", () => {
  const { receiver: it, acks, completed } = receiver();
  it.receive(9, chunk(0, 4, LEADER), 0);
  it.receive(9, chunk(0, 4, LEADER), 50);
  assertEquals([acks.length, completed.length], [0, 0]);
});

Deno.test("snapshotSender() asks again when its receiver holds all and never uses it", () => {
  const meta = { index: 40, term: 3, configuration: { members: [], removed: [] } };
  const reader: SnapshotReader = {
    meta,
    size: FILE.length,
    read: (offset, length) => FILE.subarray(offset, offset + length),
    data: () => [],
    close: () => {},
  };
  const message = { type: "snapshot", from: LEADER, to: SELF, term: 4, snapshot: meta } as const;
  const offsets: number[] = [];
  const sender = new SnapshotSender(message, reader, 0, {
    chunkBytes: CHUNK_BYTES,
    windowChunks: 9,
    stallTicks: 2,
    stallsMax: 5,
    send: (_, { offset }) => offsets.push(offset),
  });
  sender.acknowledged({ type: "snapshotAck", index: 40, received: FILE.length }, 1);
  assertEquals(offsets.splice(0), [0, 10, 20]);
  sender.tick(3);
  assertEquals(offsets.splice(0), [20], "The end of the file, which shows whether it is there");
  sender.acknowledged({ type: "snapshotAck", index: 40, received: 0 }, 3);
  assertEquals(offsets, [0, 10, 20]);
});
