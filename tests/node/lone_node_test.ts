/** A whole node, alone in its cluster, over a disk in memory: what it says to clients, and when. */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { DiskFullError } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { Node } from "../../src/node/node.ts";
import { encodeFrame } from "../../src/node/calls/peer_message.ts";
import type { Barrier, Outcome, Storage } from "../../src/node/ports.ts";
import { RaftCore } from "../../src/raft/core.ts";
import type { Entry, HardState, Member, SaveBatch } from "../../src/raft/types.ts";
import type { Result } from "../../src/store/result.ts";
import { Store } from "../../src/store/store.ts";
import { setting } from "../store/setting.ts";

const SELF: Member = {
  id: 1,
  name: "n1",
  peerUrls: ["http://n1:7001"],
  clientUrls: ["http://n1:4001"],
  voter: true,
};
const WALL_MS = 1_800_000_000_000;

/** Keeps what is saved. */
class MemoryStorage implements Partial<Storage> {
  hardState: HardState = { term: 0, vote: 0, commitIndex: 0 };
  entries: Entry[] = [];

  save({ hardState, entries }: SaveBatch): Promise<void> {
    this.hardState = hardState ?? this.hardState;
    const first = entries[0];
    if (first !== undefined) this.entries.length = first.index - 1;
    this.entries.push(...entries);
    return Promise.resolve();
  }

  openSnapshot(): undefined {}
}

class LoneNode {
  readonly store = new Store();
  readonly node: Node<Result>;
  /** Since the process began. */
  nowMs = 0;

  constructor(storage: MemoryStorage, wallMs: number) {
    const { hardState, entries } = storage;
    const configuration = { members: [SELF], removed: [] };
    const core = new RaftCore({
      id: SELF.id,
      electionTicks: 10,
      heartbeatTicks: 2,
      random: () => 0.5,
      hardState,
      snapshot: { index: 0, term: 0, configuration },
      entries: [...entries],
      appendBytesMax: 1e6,
      inflightMax: 10,
      unpackedEntries: 2,
      inflightBytesMax: 1e6,
      uncommittedBytesMax: 1e6,
    });
    const nothing = () => {};
    this.node = new Node<Result>({
      core,
      storage: storage as Partial<Storage> as Storage,
      machine: this.store,
      transport: { send: () => false },
      scheduler: { defer: queueMicrotask },
      clock: { monotonicMs: () => this.nowMs, wallMs: () => wallMs + this.nowMs },
      random: () => 0.5,
      logger: silentLogger,
      clusterId: 1,
      announced: SELF,
      limits: {
        ...{ requestTicks: 50, heartbeatTicks: 2, electionTicks: 10, waitingMax: 100 },
        ...{
          expiryBatchMax: 10,
          membersMax: 9,
          learnersMax: 1,
          isMembershipStrict: true,
          applyBytesMax: 1e6,
          diskRetryTicks: 10,
        },
        ...{
          snapshotEntries: 0,
          snapshotLogBytesMax: 1e9,
          quietTicks: 1000,
          quietLogBytesMin: 1e9,
          trailingEntries: 10,
          trailingBytesMax: 1e9,
        },
        ...{ snapshotChunkBytes: 1000, snapshotWindowChunks: 2, snapshotStallTicks: 10 },
        ...{ snapshotStallsMax: 3, snapshotBytesMax: 1e6 },
        ...{ comparisonTicks: 1000, firstComparisonTicks: 1000, comparisonWaitTicks: 10 },
      },
      handleRequest: nothing,
      moved: () => [],
      onMembers: nothing,
      onRemoved: nothing,
      onFatal: (error) => {
        throw error;
      },
    });
    this.node.campaignIfAlone();
  }

  async led(): Promise<this> {
    await new Promise((resolve) => this.node.whenLeader(resolve));
    // A read is answered when the first entry of the term is committed and applied.
    await this.read();
    return this;
  }

  set(key: string, value: string, more: { prevValue?: string; ttlSeconds?: number } = {}) {
    const command = setting(key, value, this.node.nowMs(), more);
    return new Promise<Outcome<Result>>((resolve) => this.node.propose(command, resolve));
  }

  barrier(): Promise<Outcome<Barrier>> {
    return new Promise((resolve) => this.node.barrier(resolve));
  }

  read(): Promise<number> {
    return new Promise((resolve) => this.node.barrier(() => resolve(this.store.index)));
  }
}

Deno.test("Node.propose() expires what is due before the command comes to it", async () => {
  const lone = await new LoneNode(new MemoryStorage(), WALL_MS).led();
  await lone.set("/a", "1", { ttlSeconds: 5 });
  lone.nowMs += 5_000;
  // No tick in between.
  const outcome = await lone.set("/a", "2", { prevValue: "1" });
  assert(outcome.ok);
  assertEquals(outcome.value, {
    kind: "rejected",
    reason: "keyNotFound",
    key: "/a",
    changeIndex: 5,
  });
  await lone.node.stop();
});

Deno.test("Node.barrier() answers when what is due at its time has expired", async () => {
  const lone = await new LoneNode(new MemoryStorage(), WALL_MS).led();
  await lone.set("/a", "1", { ttlSeconds: 5 });
  lone.nowMs += 5_000;
  assertEquals(lone.node.barrierNow(), undefined);
  await lone.read();
  assertEquals(lone.store.nextDeadlineMs(), Infinity);
  assert(lone.node.barrierNow() !== undefined);
  await lone.node.stop();
});

Deno.test("Node.barrier() answers on a full disk although a key is due, by a time at which nobody found it dead", async () => {
  const storage = new MemoryStorage();
  const lone = await new LoneNode(storage, WALL_MS).led();
  await lone.set("/a", "1", { ttlSeconds: 5 });
  const { save } = storage;
  storage.save = () => Promise.reject(new DiskFullError("No space"));
  await lone.set("/b", "1");
  lone.nowMs += 60_000;
  const barrier = await lone.barrier();
  assert(barrier.ok);
  assertEquals(lone.store.read("/a", barrier.value.nowMs)?.isDirectory, false);
  assertEquals(barrier.value.nowMs, lone.store.nextDeadlineMs() - 1);
  storage.save = save;
  while (lone.store.nextDeadlineMs() !== Infinity) {
    lone.node.tick();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await lone.node.stop();
});

Deno.test("Node.nowMs() is not behind the log when a leader starts with a wall clock that is", async () => {
  const storage = new MemoryStorage();
  const before = await new LoneNode(storage, WALL_MS).led();
  await before.set("/a", "1", { ttlSeconds: 5 });
  await before.node.stop();
  const after = await new LoneNode(storage, WALL_MS - 3_600_000).led();
  assertGreaterOrEqual(after.node.nowMs(), WALL_MS);
  await after.node.stop();
});

Deno.test("Node.receive() drops a message when it names another sender than the stream's", async () => {
  const lone = await new LoneNode(new MemoryStorage(), WALL_MS).led();
  const heartbeat = { ...{ from: 3, to: 1, term: 99 }, commitIndex: 0, readRound: 0 };
  const frame = encodeFrame({ type: "raft", message: { type: "heartbeat", ...heartbeat } });
  lone.node.receive(2, frame);
  assert(lone.node.isLeader());
  // From whom it names it is news of a later term.
  lone.node.receive(3, frame);
  assert(!lone.node.isLeader());
  await lone.node.stop();
});
