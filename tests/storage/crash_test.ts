/**
 * Crashes: before every single operation on the disk, the process is killed and
 * the power is cut in several ways. Whatever is left must open with exactly what
 * was acknowledged, or with that and the one call that was under way, and must
 * then take the next save.
 */
import { assert, assertEquals } from "@std/assert";
import type { SaveBatch, SnapshotMeta } from "../../src/raft/types.ts";
import { type DataStorage, openStorage, type StorageOptions } from "../../src/storage/storage.ts";
import {
  batch,
  describe,
  entries,
  entry,
  entryOf,
  founded,
  image,
  joinBytes,
  meta,
  Model,
  receive,
  reload,
  seeded,
  smallOptions,
  snapshotBytes,
} from "./harness.ts";
import { type DiskOperation, MemoryDisk } from "./memory_disk.ts";

interface CrashState {
  readonly disk: MemoryDisk;
  /** The states that the storage may come back with, the acknowledged one first. */
  readonly allowed: readonly Model[];
  /** For people: where it was taken. */
  readonly place: string;
}

/** Runs calls on a storage and takes crash states at every operation of them. */
class Driver {
  readonly states: CrashState[] = [];
  readonly #random: () => number;
  readonly #cuts: number;
  readonly #options: StorageOptions;
  #disk = new MemoryDisk();
  #storage: DataStorage | undefined;
  #allowed: readonly Model[] = [new Model()];
  #operations = 0;

  /** `cuts` power cuts are tried at each operation, beside a kill. */
  constructor(seed: number, cuts: number, overrides: Partial<StorageOptions> = {}) {
    this.#random = seeded(seed);
    this.#cuts = cuts;
    this.#options = smallOptions({ random: seeded(seed), ...overrides });
  }

  get model(): Model {
    return this.#allowed[0]!;
  }

  get storage(): DataStorage {
    assert(this.#storage !== undefined);
    return this.#storage;
  }

  async start(): Promise<void> {
    this.#disk = new MemoryDisk();
    this.#storage = await founded(this.#disk, this.#options);
    this.#watch(this.#disk.killed());
    await this.#open();
  }

  async save(saved: SaveBatch): Promise<void> {
    const { snapshot } = saved;
    const after = this.model.save(saved);
    const between = snapshot === undefined ? [] : [this.model.installed(snapshot)];
    await this.#run([...between, after], () => this.storage.save(saved));
  }

  async createSnapshot(snapshot: SnapshotMeta, keepAfter: number): Promise<void> {
    const after = this.model.compacted(snapshot);
    await this.#run(
      [after],
      () => this.storage.createSnapshot(snapshot, image(snapshot.index), keepAfter),
    );
  }

  async receive(snapshot: SnapshotMeta): Promise<void> {
    const bytes = await snapshotBytes(snapshot);
    await this.#run([], () => receive(this.storage, snapshot, bytes));
  }

  /** Ends the process in one of three ways and starts the next one. */
  async restart(how: "close" | "kill" | "power cut"): Promise<void> {
    if (how === "close") await this.#run([], () => this.storage.close());
    const before = this.#disk;
    before.halt();
    this.#watch(how === "power cut" ? before.crashed(this.#random) : before.killed());
    await this.#open();
    this.#take("after the start");
  }

  async #open(): Promise<void> {
    await this.#run([], async () => {
      const { storage, loaded } = await openStorage(this.#disk, this.#options);
      this.#storage = storage;
      assertEquals(describe(loaded), describe(this.model));
    });
  }

  async #run(outcomes: readonly Model[], call: () => Promise<void>): Promise<void> {
    const before = this.model;
    this.#allowed = [before, ...outcomes];
    await call();
    this.#allowed = [outcomes.at(-1) ?? before];
  }

  #watch(disk: MemoryDisk): void {
    const watched: MemoryDisk = disk.killed({
      before: (operation: DiskOperation) => {
        if (watched === this.#disk) this.#take(`${operation.kind} of "${operation.name}"`);
      },
    });
    this.#disk = watched;
  }

  #take(what: string): void {
    const place = `operation ${++this.#operations}, ${what}`;
    const allowed = this.#allowed;
    this.states.push({ disk: this.#disk.killed({}), allowed, place: `killed at ${place}` });
    for (let i = 0; i < this.#cuts; i++) {
      const disk = this.#disk.crashed(this.#random, {});
      this.states.push({ disk, allowed, place: `power cut at ${place}` });
    }
  }
}

/** Opens what a crash left, compares, saves once more, and opens again. */
async function check({ disk, allowed, place }: CrashState): Promise<void> {
  const { storage, loaded } = await openStorage(disk, smallOptions()).catch((error) => {
    throw new Error(`Refused after ${place}`, { cause: error });
  });
  const found = allowed.find((model) => describe(model) === describe(loaded));
  if (found === undefined) {
    assertEquals(describe(loaded), describe(allowed[0]!), `After ${place}`);
    return;
  }
  const reader = storage.openSnapshot();
  assertEquals(reader?.meta.index ?? 0, found.snapshot.index, place);
  if (reader !== undefined) {
    assertEquals(joinBytes([...reader.data()]), joinBytes(image(found.snapshot.index)), place);
    reader.close();
  }
  const next = batch({
    hardState: { ...found.hardState, term: found.hardState.term + 1, vote: 9 },
    entries: [entry(found.lastIndex + 1, found.hardState.term + 1, "after the crash")],
  });
  await storage.save(next);
  await storage.close();
  assertEquals(describe((await reload(disk)).loaded), describe(found.save(next)), place);
}

Deno.test("openStorage() finds what was acknowledged when a crash hits any operation of append, rotate, recycle, snapshot and install", async () => {
  const driver = new Driver(1, 6);
  await driver.start();
  for (let index = 1; index <= 14; index++) {
    await driver.save(batch({
      hardState: { term: 1, vote: 0, commitIndex: index - 1 },
      entries: [entry(index, 1, "x".repeat(index * 5))],
    }));
  }
  await driver.save(batch({ hardState: { term: 2, vote: 3, commitIndex: 13 } }));
  await driver.save(batch({ entries: entries(14, 30, 2) }));
  await driver.createSnapshot(meta(13, 1), 13);
  const large = entryOf("command", 31, 2, new Uint8Array(3000).fill(65));
  await driver.save(batch({ entries: [large, entry(32, 2)] }));
  await driver.save(batch({ hardState: { term: 2, vote: 3, commitIndex: 31 } }));
  await driver.createSnapshot(meta(30, 2), 25);
  await driver.restart("kill");
  await driver.save(batch({ entries: entries(33, 60, 2) }));
  // The same history, further on than this log: what follows the snapshot stays.
  await driver.receive(meta(40, 2));
  await driver.save(batch({
    hardState: { term: 2, vote: 3, commitIndex: 40 },
    snapshot: meta(40, 2),
  }));
  // Another history: nothing of the log counts.
  await driver.receive(meta(50, 4));
  await driver.save(batch({
    hardState: { term: 4, vote: 0, commitIndex: 50 },
    snapshot: meta(50, 4),
    entries: entries(51, 52, 4),
  }));
  // Far ahead of this log.
  await driver.receive(meta(90, 5));
  await driver.save(batch({
    hardState: { term: 6, vote: 0, commitIndex: 90 },
    snapshot: meta(90, 5),
  }));
  await driver.restart("power cut");
  await driver.save(batch({ entries: entries(91, 99, 6) }));
  await driver.restart("close");
  assert(driver.states.length > 1500);
  for (const state of driver.states) await check(state);
});

Deno.test("openStorage() finds what was acknowledged when a crash hits the repair after a crash", async () => {
  const driver = new Driver(2, 3);
  await driver.start();
  for (let index = 1; index <= 8; index++) {
    await driver.save(batch({
      hardState: { term: 1, vote: 0, commitIndex: index - 1 },
      entries: [entry(index, 1, "x".repeat(60))],
    }));
  }
  await driver.receive(meta(20, 2));
  await driver.save(batch({
    hardState: { term: 2, vote: 0, commitIndex: 20 },
    snapshot: meta(20, 2),
  }));
  const random = seeded(3);
  let repairs = 0;
  for (const { disk, allowed, place } of driver.states) {
    const again: CrashState[] = [];
    const repairing: MemoryDisk = disk.killed({
      before: ({ kind }) => {
        const state = { allowed, place: `${kind} in the repair after ${place}` };
        again.push({ ...state, disk: repairing.killed({}) });
        again.push({ ...state, disk: repairing.crashed(random, {}) });
      },
    });
    const { storage, loaded } = await openStorage(repairing, smallOptions());
    // From here on somebody may have seen it: it must not change any more.
    const seen = allowed.filter((model) => describe(model) === describe(loaded));
    const durable = repairing.crashed(random, {});
    again.push({ disk: durable, allowed: seen, place: `the repair after ${place}` });
    await storage.close();
    for (const state of again) await check(state);
    repairs += again.length;
  }
  assert(repairs > 500);
});

/** One step of a random life that keeps the promises of a consensus core. */
async function randomStep(driver: Driver, random: () => number): Promise<void> {
  const pick = (max: number) => Math.floor(random() * max);
  const { hardState, snapshot, lastIndex } = driver.model;
  const { term, vote, commitIndex } = hardState;
  const lastTerm = driver.model.termAt(lastIndex)!;
  switch (pick(8)) {
    case 0: {
      const raised = { term: term + 1, vote: pick(4), commitIndex };
      return await driver.save(batch({ hardState: raised }));
    }
    case 1: {
      const index = snapshot.index + pick(commitIndex - snapshot.index + 1);
      if (index === snapshot.index) return;
      const keepAfter = Math.max(0, index - pick(20));
      return await driver.createSnapshot(meta(index, driver.model.termAt(index)!), keepAfter);
    }
    case 2: {
      const index = commitIndex + 1 + pick(12);
      const same = driver.model.termAt(index);
      const received = meta(index, random() < 0.5 && same !== undefined ? same : term + 1);
      await driver.receive(received);
      const next = { term: Math.max(term, received.term), vote: 0, commitIndex: index };
      const follow = same === received.term ? [] : entries(index + 1, index + pick(3), next.term);
      return await driver.save(batch({ hardState: next, snapshot: received, entries: follow }));
    }
    case 3:
      return await driver.restart((["close", "kill", "power cut"] as const)[pick(3)]!);
    default: {
      // Appends, or replaces a suffix that is not committed.
      const first = random() < 0.3
        ? commitIndex + 1 + pick(lastIndex - commitIndex + 1)
        : lastIndex + 1;
      const newTerm = first <= lastIndex ? Math.max(term, lastTerm) + 1 : Math.max(term, 1);
      const last = first + pick(6);
      const added = entries(first, last, newTerm).map((each) =>
        entry(each.index, newTerm, "y".repeat(pick(120)))
      );
      const commit = commitIndex + pick(last - commitIndex + 1);
      const next = { term: newTerm, vote: newTerm === term ? vote : 0, commitIndex: commit };
      return await driver.save(batch({ hardState: next, entries: added }));
    }
  }
}

Deno.test("openStorage() finds what was acknowledged after a crash anywhere in a random life", async () => {
  let states = 0;
  for (let seed = 100; seed < 140; seed++) {
    const random = seeded(seed);
    const driver = new Driver(seed, 2, { segmentBytes: 768 + Math.floor(random() * 600) });
    await driver.start();
    for (let step = 0; step < 12; step++) {
      await randomStep(driver, random).catch((error) => {
        throw new Error(`Seed ${seed}, step ${step}`, { cause: error });
      });
    }
    for (const state of driver.states) {
      await check({ ...state, place: `${state.place} of seed ${seed}` });
    }
    states += driver.states.length;
  }
  assert(states > 5000, `${states}`);
});
