/** Receiving a snapshot file in chunks: whose it is, and what becomes of it. */
import { assertEquals } from "@std/assert";
import type { SnapshotAck, SnapshotChunk } from "../../src/node/calls/peer_message.ts";
import type { SnapshotReader, SnapshotWriter, Storage } from "../../src/node/ports.ts";
import { DamagedTransferError, DiskFullError } from "../../src/base/errors.ts";
import { SnapshotReceiver, SnapshotSender } from "../../src/node/snapshots/transfer.ts";
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

/** A receiver that writes to `writer`. */
function receiver(proof = Promise.resolve(), writer: SnapshotWriter = new FakeWriter(proof)) {
  const acks: SnapshotAck[] = [];
  const completed: InstallSnapshot[] = [];
  const broken: unknown[] = [];
  const receiver = new SnapshotReceiver({
    storage: { receiveSnapshot: () => writer } as Partial<Storage> as Storage,
    snapshotBytesMax: 1000,
    acknowledge: (_, ack) => acks.push(ack),
    complete: (message) => completed.push(message),
    failed: (_, error) => {
      throw error;
    },
    broken: (error) => broken.push(error),
  });
  return { receiver, acks, completed, broken };
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
  assertEquals(it.from, undefined);
  it.receive(LEADER, chunk(0, 4), 0);
  assertEquals(it.from, LEADER);
  for (const offset of [10, 10, 20]) it.receive(LEADER, chunk(offset, 4), 0);
  await Promise.resolve();
  assertEquals(it.from, undefined);
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

/** Sends the file from tick 0 on. */
function senderOf(
  send: (chunk: SnapshotChunk) => void,
  chunkBytes = CHUNK_BYTES,
  read = (offset: number, length: number) => FILE.subarray(offset, offset + length),
  broken = (error: unknown): void => {
    throw error;
  },
): SnapshotSender {
  const meta = { index: 40, term: 3, configuration: { members: [], removed: [] } };
  const reader: SnapshotReader = {
    meta,
    size: FILE.length,
    read,
    data: () => [],
    close: () => {},
  };
  const message = { type: "snapshot", from: LEADER, to: SELF, term: 4, snapshot: meta } as const;
  return new SnapshotSender(message, reader, 0, {
    chunkBytes,
    windowChunks: 9,
    stallTicks: 2,
    stallsMax: 5,
    restartsMax: 3,
    send: (_, chunk) => send(chunk),
    broken,
  });
}

/** Ticks until the transfer of a file to `writer` was given up, of a thousand at most. */
async function transfer(writer: SnapshotWriter, chunkBytes = CHUNK_BYTES) {
  const chunks: SnapshotChunk[] = [];
  const acks: SnapshotAck[] = [];
  const failures: unknown[] = [];
  const it = new SnapshotReceiver({
    storage: { receiveSnapshot: () => writer } as Partial<Storage> as Storage,
    snapshotBytesMax: 1000,
    acknowledge: (_, ack) => acks.push(ack),
    complete: () => {},
    failed: (_, error) => failures.push(error),
    broken: (error) => {
      throw error;
    },
  });
  const sender = senderOf((chunk) => chunks.push(chunk), chunkBytes);
  let tick = 1;
  for (; tick < 1000 && sender.tick(tick); tick++) {
    for (const chunk of chunks.splice(0)) it.receive(LEADER, chunk, 0);
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const ack of acks.splice(0)) sender.acknowledged(ack, tick);
  }
  return { tick, sender, failures };
}

Deno.test("snapshotSender() gives up on a file that is refused again and again", async () => {
  class Refusing extends FakeWriter {
    override finish(): Promise<void> {
      this.size = 0;
      return Promise.reject(new DamagedTransferError("damaged"));
    }
  }
  for (const chunkBytes of [CHUNK_BYTES, FILE.length]) {
    const { tick, sender } = await transfer(new Refusing(Promise.resolve()), chunkBytes);
    assertEquals([tick < 100, sender.isRefused], [true, true], `${chunkBytes} bytes a chunk`);
  }
});

Deno.test("snapshotReceiver() gives the space back when the disk is full, and is not asked for it all the time", async () => {
  let aborted = 0;
  class Full extends FakeWriter {
    override write(bytes: Uint8Array): void {
      if (this.size > 0) throw new DiskFullError("No space");
      super.write(bytes);
    }
    override abort(): void {
      this.size = 0;
      aborted++;
    }
  }
  const { tick, sender, failures } = await transfer(new Full(Promise.resolve()));
  assertEquals([aborted, failures.length], [1, 1]);
  assertEquals([tick, sender.isRefused], [13, false], "by its stalls");
});

Deno.test("snapshotReceiver() says when its disk has failed, which is not the sender's fault", async () => {
  class Failing extends FakeWriter {
    constructor(readonly syncs: boolean) {
      super(Promise.resolve());
    }
    override write(bytes: Uint8Array): void {
      if (!this.syncs) throw new Error("write failed");
      super.write(bytes);
    }
    override finish(): Promise<void> {
      return Promise.reject(new Error("sync failed"));
    }
  }
  const cases: [boolean, number[]][] = [[false, []], [true, [10, 20]]];
  for (const [syncs, acknowledged] of cases) {
    const { receiver: it, acks, broken } = receiver(undefined, new Failing(syncs));
    for (const offset of syncs ? [0, 10, 20] : [0]) it.receive(LEADER, chunk(offset, 4), 0);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(broken.map(String), [syncs ? "Error: sync failed" : "Error: write failed"]);
    assertEquals(acks.map(({ received }) => received), acknowledged);
  }
});

Deno.test("snapshotSender() says when its disk has failed, which is not the receiver's fault", () => {
  const broken: unknown[] = [];
  let reads = 0;
  const read = () => {
    if (++reads > 2) throw new Error("read failed");
    return new Uint8Array(CHUNK_BYTES);
  };
  const sender = senderOf(() => {}, CHUNK_BYTES, read, (error) => broken.push(error));
  sender.acknowledged({ type: "snapshotAck", index: 40, received: 10 }, 1);
  assertEquals(broken.map(String), Array(2).fill("Error: read failed"));
});

Deno.test("snapshotSender() asks again when its receiver holds all and never uses it", () => {
  const offsets: number[] = [];
  const sender = senderOf(({ offset }) => offsets.push(offset));
  sender.acknowledged({ type: "snapshotAck", index: 40, received: FILE.length }, 1);
  assertEquals(offsets.splice(0), [0, 10, 20]);
  sender.tick(3);
  assertEquals(offsets.splice(0), [20], "The end of the file, which shows whether it is there");
  sender.acknowledged({ type: "snapshotAck", index: 40, received: 0 }, 3);
  assertEquals(offsets, [0, 10, 20]);
});
