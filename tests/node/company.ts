/**
 * Clusters of real nodes in this process, with real cores and stores, on queues
 * instead of networks and disks.
 */
import { silentLogger } from "../../src/base/logger.ts";
import { Node } from "../../src/node/node.ts";
import type { Failure, Outcome, StateMachine } from "../../src/node/ports.ts";
import { RaftCore } from "../../src/raft/core.ts";
import type { Configuration, MemberId } from "../../src/raft/types.ts";
import type { Result } from "../../src/store/result.ts";
import { Store } from "../../src/store/store.ts";
import { setting as stampedSetting } from "../store/setting.ts";

export const ELECTION_TICKS = 10;
export const COMPARISON_TICKS = 40;
/** Requests that may wait at a member. */
export const WAITING_MAX = 100;

/** Whatever runs "later": one turn of everybody's event loop at a time. */
class Turns {
  #tasks: (() => void)[] = [];

  defer = (task: () => void): void => {
    this.#tasks.push(task);
  };

  /** Runs until nothing is left, disks included, whose saves are promises. */
  async run(): Promise<void> {
    for (let idle = 0; idle < 5;) {
      const tasks = this.#tasks;
      this.#tasks = [];
      idle = tasks.length === 0 ? idle + 1 : 0;
      for (const task of tasks) task();
      await Promise.resolve();
    }
  }
}

export class Fellow {
  readonly store = new Store();
  readonly node: Node<Result>;
  readonly core: RaftCore;
  readonly diverged: Failure[] = [];
  readonly errors: string[] = [];
  /** Its memory turns what it is given. */
  turns = false;
  /** It is told that the cluster has removed it. */
  onRemoved = () => {};
  /** It has to stop. */
  onFatal = (error: unknown): void => {
    throw error;
  };
  /** What its disk does with a batch. */
  save = (): Promise<void> => Promise.resolve();

  constructor(
    id: MemberId,
    configuration: Configuration,
    turns: Turns,
    all: Map<MemberId, Fellow>,
    reaches: (from: MemberId, to: MemberId) => boolean,
  ) {
    this.core = new RaftCore({
      id,
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: 2,
      random: () => id / 10,
      hardState: { term: 0, vote: 0, commitIndex: 0 },
      snapshot: { index: 0, term: 0, configuration },
      entries: [],
      appendBytesMax: 10_000,
      inflightMax: 8,
      unpackedEntries: 2,
      inflightBytesMax: 100_000,
      uncommittedBytesMax: 100_000,
      onEvent: () => {},
    });
    const { name, peerUrls, clientUrls } = configuration.members.find((each) => each.id === id)!;
    this.node = new Node<Result>({
      core: this.core,
      storage: {
        save: () => this.save(),
        createSnapshot: () => Promise.resolve(),
        openSnapshot: () => undefined,
        receiveSnapshot: () => {
          throw new Error("No disk for snapshots");
        },
        close: () => Promise.resolve(),
      },
      machine: this.#machine(),
      transport: {
        send: (to, frame) => {
          if (reaches(id, to)) turns.defer(() => all.get(to)?.node.receive(id, frame));
          return true;
        },
      },
      scheduler: turns,
      clock: { monotonicMs: () => 0, wallMs: () => 1_000_000 },
      random: () => id / 10,
      logger: { ...silentLogger, error: (message) => this.errors.push(message) },
      clusterId: 1,
      announced: { id, name, peerUrls, clientUrls },
      limits: {
        requestTicks: 50,
        heartbeatTicks: 2,
        electionTicks: ELECTION_TICKS,
        waitingMax: WAITING_MAX,
        expiryBatchMax: 10,
        membersMax: 9,
        learnersMax: 1,
        isMembershipStrict: true,
        applyBytesMax: 10_000,
        snapshotEntries: 0,
        snapshotLogBytesMax: 1_000_000,
        quietTicks: 1000,
        quietLogBytesMin: 1_000_000,
        trailingEntries: 0,
        trailingBytesMax: 0,
        diskRetryTicks: 10,
        snapshotChunkBytes: 1000,
        snapshotWindowChunks: 2,
        snapshotStallTicks: 10,
        snapshotStallsMax: 2,
        snapshotBytesMax: 10_000,
        comparisonTicks: COMPARISON_TICKS,
        firstComparisonTicks: 5,
        comparisonWaitTicks: 5,
      },
      handleRequest: (_, done) => done(new Uint8Array(0)),
      moved: () => [],
      onMembers: () => {},
      onRemoved: () => this.onRemoved(),
      onFatal: (error) => this.onFatal(error),
    });
    this.node.onRefusal((failure) => this.diverged.push(failure));
  }

  /** The store, with memory that turns what it is given when `turns` says so. */
  #machine(): StateMachine<Result> {
    const { store } = this;
    return {
      get timeMs() {
        return store.timeMs;
      },
      apply: (index, data) => store.apply(index, this.turns ? setting("/a", "turned") : data),
      due: (nowMs, max) => store.due(nowMs, max),
      nextDeadlineMs: () => store.nextDeadlineMs(),
      snapshot: () => store.snapshot(),
      restore: (chunks) => store.restore(chunks),
      digest: () => store.digest(),
    };
  }
}

export function setting(key: string, value: string): Uint8Array {
  return stampedSetting(key, value, 5);
}

export class Company {
  readonly turns = new Turns();
  readonly all = new Map<MemberId, Fellow>();
  /** Whether what one sends gets to the other. */
  reaches: (from: MemberId, to: MemberId) => boolean = () => true;

  constructor(size: number) {
    const members = Array.from({ length: size }, (_, i) => ({
      id: i + 1,
      name: `node${i + 1}`,
      peerUrls: [`http://127.0.0.1:700${i + 1}`],
      clientUrls: [`http://127.0.0.1:400${i + 1}`],
      voter: true,
    }));
    for (const { id } of members) {
      this.#add(id, members);
    }
  }

  #add(id: MemberId, members: Configuration["members"]): void {
    const reaches = (from: MemberId, to: MemberId) => this.reaches(from, to);
    this.all.set(id, new Fellow(id, { members, removed: [] }, this.turns, this.all, reaches));
  }

  /** Another process answers as `id`, on a disk of the beginning; returns the one before. */
  replace(id: MemberId): Fellow {
    const before = this.all.get(id)!;
    const { members } = before.node.configuration();
    this.#add(id, members);
    return before;
  }

  get fellows(): Fellow[] {
    return [...this.all.values()];
  }

  async ticks(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      for (const { node } of this.fellows) node.tick();
      await this.turns.run();
    }
  }

  /** Has `fellow` lead next, whose clock alone goes on when nobody is bound to the last leader. */
  async elect({ node }: Fellow): Promise<void> {
    await this.ticks(ELECTION_TICKS);
    for (let i = 0; i < ELECTION_TICKS && !node.isLeader(); i++) {
      node.tick();
      await this.turns.run();
    }
  }

  /** The one that leads and can be asked. */
  async leader(): Promise<Fellow> {
    for (let i = 0; i < 20 * ELECTION_TICKS; i++) {
      const leader = this.fellows.find(({ node, diverged }) =>
        diverged.length === 0 && node.isLeader()
      );
      if (leader !== undefined) return leader;
      await this.ticks(1);
    }
    throw new Error("Expected a leader, found none");
  }

  async set(key: string, value: string): Promise<Outcome<Result>> {
    const { node } = await this.leader();
    const outcome = Promise.withResolvers<Outcome<Result>>();
    node.propose(setting(key, value), outcome.resolve);
    await this.ticks(4);
    return await outcome.promise;
  }

  async stop(): Promise<void> {
    for (const { node } of this.fellows) await node.stop();
  }
}
