/**
 * Runs a storage and collects what a crash at each of its operations would leave,
 * with what may be found there. The checks and the random life are here too, so
 * that a longer hunt than the tests' can use them.
 */
import { assert, assertEquals } from "@std/assert";
import type { SaveBatch, SnapshotMeta } from "../../src/raft/types.ts";
import { type DataStorage, openStorage, type StorageOptions } from "../../src/storage/storage.ts";
import {
  batch,
  describe,
  entries,
  entry,
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

export interface CrashState {
  readonly disk: MemoryDisk;
  /** The states that the storage may come back with, the acknowledged one first. */
  readonly allowed: readonly Model[];
  /** For people: where it was taken. */
  readonly place: string;
}

/** Runs calls on a storage and takes crash states at every operation of them. */
export class Driver {
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

  /** A save under way while a snapshot of its last entry is made, as when others committed it first. */
  async saveDuringSnapshot(
    saved: SaveBatch,
    snapshot: SnapshotMeta,
    keepAfter: number,
  ): Promise<void> {
    const after = this.model.save(saved);
    const outcomes = [after, this.model.installed(snapshot), after.compacted(snapshot)];
    await this.#run(outcomes, async () => {
      const saving = this.storage.save(saved);
      await this.storage.createSnapshot(snapshot, image(snapshot.index), keepAfter);
      await saving;
    });
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

/** Opens what a crash left, compares, saves once more, cuts the power and opens again. */
export async function check(
  { disk, allowed, place }: CrashState,
  random: () => number,
): Promise<void> {
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
  // That one is acknowledged: it outlives the next power cut.
  const cut = disk.crashed(random);
  assertEquals(describe((await reload(cut)).loaded), describe(found.save(next)), place);
  await storage.close();
}

/** One step of a random life that keeps the promises of a consensus core. */
export async function randomStep(driver: Driver, random: () => number): Promise<void> {
  const pick = (max: number) => Math.floor(random() * max);
  const { hardState, snapshot, lastIndex } = driver.model;
  const { term, vote, commitIndex } = hardState;
  const lastTerm = driver.model.termAt(lastIndex)!;
  switch (pick(9)) {
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
    case 3: {
      const newTerm = term + 1;
      const first = commitIndex + 1;
      const added = entries(first, first + pick(9), newTerm);
      const last = added.at(-1)!.index;
      const saved = batch({
        hardState: { term: newTerm, vote: 0, commitIndex: last },
        entries: added,
      });
      return await driver.saveDuringSnapshot(saved, meta(last, newTerm), last - pick(3));
    }
    case 4:
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
