/** The Ready loop: what leaves when. */
import { assert, assertEquals } from "@std/assert";
import { DiskFullError } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { StateMachine, Storage } from "../../src/node/ports.ts";
import { Replica, type ReplicaHooks, type ReplicaLimits } from "../../src/node/replica.ts";
import type { RaftCore } from "../../src/raft/core.ts";
import type { Entry, Message, Role, SaveBatch } from "../../src/raft/types.ts";

const DISK_RETRY_TICKS = 10;
const ELECTION_TICKS = 10;

function acknowledgement(term: number): Message {
  const zeros = { hintIndex: 0, hintTerm: 0 };
  return { type: "appendReply", from: 1, to: 2, term, rejected: false, index: 7, ...zeros };
}

/** A replica of fakes, and what it has put off to later turns. */
function replicaOf(
  core: Partial<RaftCore>,
  storage: Partial<Storage>,
  machine: Partial<StateMachine<void>>,
  hooks: Partial<ReplicaHooks<void>>,
  limits: Partial<ReplicaLimits> = {},
  monotonicMs = () => 0,
) {
  const nothing = () => {};
  const tasks: (() => void)[] = [];
  const replica = new Replica<void>(
    {
      core: core as RaftCore,
      storage: { openSnapshot: () => undefined, ...storage } as Storage,
      machine: machine as StateMachine<void>,
      scheduler: { defer: (task) => void tasks.push(task) },
      clock: { monotonicMs, wallMs: () => 0 },
      logger: silentLogger,
      limits: {
        snapshotEntries: 1_000,
        ...limits,
        diskRetryTicks: DISK_RETRY_TICKS,
        electionTicks: ELECTION_TICKS,
      } as ReplicaLimits,
    },
    {
      beforeTurn: nothing,
      afterApply: nothing,
      fatal: (error: unknown) => {
        throw error;
      },
      ...hooks,
    } as ReplicaHooks<void>,
  );
  return { replica, tasks };
}

/** What a core gives that has one batch to save, of these parts. */
function coreWith(parts: Partial<SaveBatch>) {
  const batch = { hardState: undefined, snapshot: undefined, entries: [], messages: [], ...parts };
  const batches: (SaveBatch | undefined)[] = [batch];
  return {
    term: 1,
    role: "follower" as Role,
    lastIndex: 7,
    appliedIndex: 7,
    takeMessages: (): Message[] => [],
    takeSave: () => batches.shift(),
    takeCommitted: () => [],
    saved: () => {},
  };
}

const ENTRY: Entry = { index: 7, term: 1, kind: "noop", data: new Uint8Array(0) };

/** What leaves when a batch with an acknowledgement of term 1 is durable in `termThen`. */
async function sentWhenSavedIn(termThen: number): Promise<{ early: number; late: number }> {
  const core = coreWith({ messages: [acknowledgement(1)] });
  let durable = () => {};
  const save = () => new Promise<void>((resolve) => durable = resolve);
  const sent: Message[] = [];
  const { replica, tasks } = replicaOf(core, { save }, {}, {
    send: (message) => void sent.push(message),
  });
  replica.schedule();
  // Batches that grow wait for some turns.
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
  const early = sent.length;
  core.term = termThen;
  durable();
  await new Promise((resolve) => setTimeout(resolve, 0));
  return { early, late: sent.length };
}

Deno.test("Replica sends a promise when its batch is durable, and not before", async () => {
  assertEquals(await sentWhenSavedIn(1), { early: 0, late: 1 });
});

Deno.test("Replica keeps a promise back when its term has passed meanwhile", async () => {
  assertEquals(await sentWhenSavedIn(2), { early: 0, late: 0 });
});

Deno.test("Replica applies what is committed while the next batch still gathers", () => {
  const entry: Entry = { index: 7, term: 1, kind: "command", data: new Uint8Array(1) };
  const committed = [[entry]];
  let batchesAsked = 0;
  const core = {
    role: "leader" as const,
    // More than in the turn before, of which there was none.
    lastIndex: 8,
    takeCommitted: () => committed.shift() ?? [],
    takeSave: () => {
      batchesAsked++;
      return undefined;
    },
  };
  const applied: number[] = [];
  const { replica, tasks } = replicaOf(core, {}, { apply: () => {} }, {
    applied: ({ index }) => void applied.push(index),
  });
  replica.schedule();
  tasks.shift()!();
  assertEquals({ applied, batchesAsked }, { applied: [7], batchesAsked: 0 });
});

/** The turns after which a leader asks for the batch that ends with `lastIndex`; index 7 is saved. */
function turnsBefore(lastIndex: number): number {
  let isAsked = false;
  const core = {
    role: "leader" as const,
    lastIndex,
    savedIndex: 7,
    takeMessages: () => [],
    takeCommitted: () => [],
    takeSave: () => {
      isAsked = true;
      return undefined;
    },
  };
  const { replica, tasks } = replicaOf(core, {}, {}, {});
  replica.schedule();
  let turns = 0;
  for (; !isAsked; turns++) tasks.shift()!();
  return turns;
}

Deno.test("Replica saves a command that comes alone at once, and lets others join two", () => {
  assertEquals([turnsBefore(8), turnsBefore(9)], [1, 2]);
});

Deno.test("Replica saves a batch that is large enough at once, though more may join it", () => {
  assertEquals([turnsBefore(7 + 15), turnsBefore(7 + 16)], [2, 1]);
});

Deno.test("Replica says each time that there is still no space, and once that there is", async () => {
  const core = { ...coreWith({ entries: [ENTRY] }), role: "leader" as const };
  const told: string[] = [];
  let isFull = true;
  const save = () => isFull ? Promise.reject(new DiskFullError("No space")) : Promise.resolve();
  const { replica, tasks } = replicaOf(core, { save }, {}, {
    diskFull: (cause) => void told.push(cause),
    cannotSave: (index) => void told.push(`not ${index}`),
    diskFree: () => void told.push("free"),
  });
  const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
  replica.schedule();
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
  await settled();
  for (let tick = 1; tick <= 4; tick++) {
    isFull = tick < 3;
    replica.tick(tick * DISK_RETRY_TICKS);
    await settled();
  }
  assertEquals(told, ["No space", "not 7", "not 7", "not 7", "free"]);
});

Deno.test("Replica says that a save hangs after two election time-outs, and others get the log meanwhile", async () => {
  const appends: boolean[] = [];
  const core = {
    ...coreWith({ entries: [ENTRY] }),
    role: "leader" as const,
    takeMessages: (withAppends = true) => {
      appends.push(withAppends);
      return [];
    },
  };
  let isDone = () => {};
  const save = () => new Promise<void>((resolve) => isDone = resolve);
  const told: number[] = [];
  const { replica, tasks } = replicaOf(core, { save }, {}, {
    cannotSave: (index) => void told.push(index),
  });
  const turn = () => {
    replica.schedule();
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
  };
  turn();
  for (let tick = 1; tick < 2 * ELECTION_TICKS; tick++) replica.tick(tick);
  turn();
  assertEquals([told, appends.at(-1)], [[], false]);
  replica.tick(2 * ELECTION_TICKS);
  turn();
  assertEquals([told, appends.at(-1)], [[7], true]);
  isDone();
  await new Promise((resolve) => setTimeout(resolve, 0));
  for (let tick = 2 * ELECTION_TICKS; tick < 9 * ELECTION_TICKS; tick++) replica.tick(tick);
  assertEquals(told, [7]);
});

/**
 * Of ten batches of `entries` each in a cluster of `members`, which the event loop may wait for.
 * A turn comes `delayMs` after it was asked for.
 */
async function mayBlock({ entries = 1, members = 1, delayMs = 0.1 }): Promise<number[]> {
  const core = {
    ...coreWith({ entries: Array<Entry>(entries).fill(ENTRY) }),
    configuration: { members: Array(members).fill(undefined), removed: [] },
  };
  const batch = core.takeSave();
  const found: number[] = [];
  let number = 0;
  let nowMs = 0;
  const save: Storage["save"] = (_, mayBlock) => {
    if (mayBlock) found.push(number);
    return Promise.resolve();
  };
  const { replica, tasks } = replicaOf(core, { save }, {}, {}, {}, () => nowMs);
  for (; number < 10; number++) {
    const batches = [batch];
    core.takeSave = () => batches.shift();
    replica.schedule();
    nowMs += delayMs;
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return found;
}

Deno.test("Replica lets the event loop wait for the disk when one client writes, and nobody else is there", async () => {
  assertEquals(await mayBlock({}), [8, 9]);
  assertEquals(await mayBlock({ entries: 2 }), []);
  assertEquals(await mayBlock({ members: 2 }), []);
  assertEquals(await mayBlock({ delayMs: 0.2 }), []);
});

Deno.test("Replica lets the event loop run while it restores a snapshot", async () => {
  const snapshot = { index: 9, term: 1, configuration: { members: [], removed: [] } };
  const core = { ...coreWith({ snapshot }), lastIndex: 9, appliedIndex: 0 };
  const openSnapshot = () => ({
    meta: snapshot,
    size: 100,
    read: () => new Uint8Array(0),
    data: () => Array.from({ length: 100 }, () => new Uint8Array(1)),
    close: () => {},
  });
  let seen = 0;
  const restored = Promise.withResolvers<void>();
  const machine: Partial<StateMachine<void>> = {
    restore: async (chunks) => {
      for await (const _ of chunks) seen++;
    },
  };
  const { replica, tasks } = replicaOf(
    core,
    { save: () => Promise.resolve(), openSnapshot },
    machine,
    { installed: () => restored.resolve() },
  );
  replica.schedule();
  const seenByTurn: number[] = [];
  while (seen < 100) {
    for (const task of tasks.splice(0)) task();
    await new Promise((resolve) => setTimeout(resolve, 0));
    seenByTurn.push(seen);
  }
  tasks.splice(0).forEach((task) => task());
  await restored.promise;
  assert(seenByTurn.length >= 100, "one a turn");
});

/** How many ticks after its last entry, of 1,000 bytes, a replica takes a snapshot. */
async function ticksToQuietSnapshot(limits: Partial<ReplicaLimits>): Promise<number | undefined> {
  const entry: Entry = { index: 8, term: 1, kind: "command", data: new Uint8Array(1000) };
  const waiting = [entry];
  const core = {
    ...coreWith({}),
    takeSave: () => undefined,
    takeCommitted: () => waiting.splice(0),
    appliedIndex: 8,
    termAt: () => 1,
    tailStart: (to: number) => to,
    compact: () => {},
  };
  let taken = 0;
  const createSnapshot: Storage["createSnapshot"] = (_, __, ___, isDoubted) => {
    assertEquals(isDoubted, false);
    return Promise.resolve(void taken++);
  };
  const machine = { apply: () => {}, snapshot: () => [] };
  const hooks = { applied: () => {} };
  const { replica, tasks } = replicaOf(core, { createSnapshot }, machine, hooks, {
    ...{ snapshotEntries: 1000, snapshotLogBytesMax: 1_000_000, trailingEntries: 0 },
    ...limits,
  });
  for (let tick = 0; tick < 100; tick++) {
    replica.tick(tick);
    replica.schedule();
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
    if (taken > 0) {
      await replica.stop();
      return tick;
    }
  }
  return undefined;
}

Deno.test("Replica takes a snapshot earlier when nobody writes, if that is worth it", async () => {
  const quietTicks = 30;
  assertEquals(await ticksToQuietSnapshot({ quietTicks, quietLogBytesMin: 1000 }), 30);
  assertEquals(await ticksToQuietSnapshot({ quietTicks, quietLogBytesMin: 2000 }), undefined);
  const never = { quietTicks, quietLogBytesMin: 0, snapshotEntries: 0 };
  assertEquals(await ticksToQuietSnapshot(never), undefined);
});

/** Slices of a snapshot of nine that are written in the first tick, in the second, and after `end`. */
async function slicesWritten(
  end: (replica: Replica<void>, saved: () => void) => void | Promise<void>,
) {
  const core = {
    ...coreWith({ entries: [ENTRY] }),
    termAt: () => 1,
    committedConfiguration: { members: [], removed: [] },
    tailStart: () => 7,
    compact: () => {},
  };
  let written = 0;
  let saved = () => {};
  const storage: Partial<Storage> = {
    save: () => new Promise<void>((resolve) => saved = resolve),
    createSnapshot: async (_, slices, __, isDoubted) => {
      assert(isDoubted, "Another member could not use the last one");
      for await (const _ of slices) written++;
    },
  };
  const snapshot = () => Array.from({ length: 9 }, () => new Uint8Array(1));
  const { replica, tasks } = replicaOf(core, storage, { snapshot }, {});
  const counts: number[] = [];
  const count = async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    counts.push(written);
  };
  replica.renewSnapshot();
  tasks.splice(0).forEach((task) => task());
  await count();
  replica.tick(1);
  await count();
  await end(replica, saved);
  await count();
  return counts;
}

Deno.test("Replica makes a slice of a snapshot a tick while the log is being saved", async () => {
  assertEquals(await slicesWritten((replica) => replica.tick(2)), [1, 2, 3]);
});

Deno.test("Replica makes the rest of a snapshot at once when the log rests", async () => {
  const counts = await slicesWritten(async (replica, saved) => {
    saved();
    await new Promise((resolve) => setTimeout(resolve, 0));
    replica.tick(2);
  });
  assertEquals(counts, [1, 2, 9]);
});

Deno.test("Replica ends a snapshot that rests when it stops", async () => {
  const counts = await slicesWritten((replica, saved) => {
    saved();
    return replica.stop();
  });
  assertEquals(counts, [1, 2, 9]);
});

Deno.test("Replicas take their first snapshots after other numbers of entries", () => {
  const snapshotsAt = (id: number, appliedIndex: number) => {
    const core = { ...coreWith({}), id, appliedIndex: 0, takeSave: () => undefined };
    let snapshots = 0;
    const parts = {
      termAt: () => 1,
      committedConfiguration: { members: [], removed: [] },
      tailStart: () => 0,
      compact: () => {},
    };
    const storage = { createSnapshot: () => Promise.resolve() };
    const snapshot = () => {
      snapshots++;
      return [];
    };
    const whole = Object.assign(core, parts);
    const { replica, tasks } = replicaOf(whole, storage, { snapshot }, {});
    whole.appliedIndex = appliedIndex;
    replica.schedule();
    tasks.splice(0).forEach((task) => task());
    return snapshots;
  };
  assertEquals([499, 500, 999, 1_000].map((index) => snapshotsAt(1_000, index)), [0, 0, 0, 1]);
  assertEquals([699, 700].map((index) => snapshotsAt(1_300, index)), [0, 1]);
});
