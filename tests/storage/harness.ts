/**
 * What the storage tests share: a node's storage on a disk in memory, a model of
 * what it must hold, and a driver that changes both in step.
 */
import { silentLogger } from "../../src/base/logger.ts";
import type { Loaded } from "../../src/node/ports.ts";
import type {
  Configuration,
  Entry,
  EntryKind,
  HardState,
  SaveBatch,
  SnapshotMeta,
} from "../../src/raft/types.ts";
import type { Disk } from "../../src/storage/disk.ts";
import { writeSnapshot } from "../../src/storage/snapshot_file.ts";
import {
  type DataStorage,
  type Identity,
  openStorage,
  type StorageOptions,
} from "../../src/storage/storage.ts";
import { MemoryDisk } from "./memory_disk.ts";

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Segments so small that a few saves fill one. */
export function smallOptions(overrides: Partial<StorageOptions> = {}): StorageOptions {
  return {
    segmentBytes: 1024,
    spareSegmentsMax: 1,
    sliceBytes: 256,
    bulkSyncBytes: 512,
    scheduler: { defer: queueMicrotask },
    random: seeded(7),
    faultOfImage: undefined,
    logger: silentLogger,
    ...overrides,
  };
}

export const FOUNDER: Identity = {
  memberId: 0x1234567890abc,
  clusterId: 0x1fffffffffffff,
  name: "node1",
  initial: {
    members: [{
      id: 0x1234567890abc,
      name: "node1",
      peerUrls: ["http://127.0.0.1:7001"],
      clientUrls: ["http://127.0.0.1:4001"],
      voter: true,
    }],
    removed: [],
  },
};

export const GROWN: Configuration = {
  members: [
    ...FOUNDER.initial!.members,
    {
      id: 2,
      name: "node2",
      peerUrls: ["http://127.0.0.1:7002"],
      clientUrls: ["http://127.0.0.1:4002"],
      voter: false,
    },
  ],
  removed: [77],
};

export function entry(index: number, term: number, data = `${term}:${index}`): Entry {
  return entryOf("command", index, term, new TextEncoder().encode(data));
}

export function entryOf(kind: EntryKind, index: number, term: number, data: Uint8Array): Entry {
  return { index, term, kind, data };
}

/** Entries `first` to `last` of one term. */
export function entries(first: number, last: number, term: number): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => entry(first + i, term));
}

export function batch(parts: Partial<SaveBatch>): SaveBatch {
  return { hardState: undefined, snapshot: undefined, entries: [], messages: [], ...parts };
}

export function meta(index: number, term: number, configuration = GROWN): SnapshotMeta {
  return { index, term, configuration };
}

/** The image that the tests store at `index`: a few slices, deterministic. */
export function image(index: number): Uint8Array[] {
  return [1, 300, 17].map((length, i) => new Uint8Array(length).fill(index + i));
}

/** The bytes of a snapshot file as a leader would send them. */
export async function snapshotBytes(
  snapshot: SnapshotMeta,
  slices = image(snapshot.index),
): Promise<Uint8Array> {
  const disk = new MemoryDisk();
  await writeSnapshot(disk.create("snapshot"), snapshot, slices, smallOptions());
  return disk.contents()[0]![1];
}

/** Receives `bytes` in pieces, up to the proof. */
export async function receive(
  storage: DataStorage,
  snapshot: SnapshotMeta,
  bytes: Uint8Array,
): Promise<void> {
  const writer = storage.receiveSnapshot(snapshot);
  for (let at = 0; at < bytes.length; at += 100) writer.write(bytes.subarray(at, at + 100));
  await writer.finish();
}

/** A new founder's storage. */
export async function founded(
  disk: Disk,
  options: StorageOptions = smallOptions(),
): Promise<DataStorage> {
  const { storage } = await openStorage(disk, options);
  await storage.writeIdentity(FOUNDER);
  return storage;
}

export interface Reloaded {
  readonly identity: Identity | undefined;
  readonly loaded: Loaded;
  /** The slices of the newest snapshot, joined. */
  readonly image: Uint8Array;
}

/** Opens, reads everything, closes. */
export async function reload(
  disk: Disk,
  options: StorageOptions = smallOptions(),
): Promise<Reloaded> {
  const { storage, identity, loaded } = await openStorage(disk, options);
  const reader = storage.openSnapshot();
  const joined = joinBytes(reader === undefined ? [] : [...reader.data()]);
  reader?.close();
  await storage.close();
  return { identity, loaded, image: joined };
}

/** Runs `work` on copies of `disk`; gives what a crash before each operation leaves, several ways. */
export async function crashesOf(
  disk: MemoryDisk,
  work: (disk: MemoryDisk) => Promise<void>,
): Promise<{ readonly place: string; readonly disk: MemoryDisk }[]> {
  const random = seeded(11);
  const { path } = disk;
  const left: { readonly place: string; readonly disk: MemoryDisk }[] = [];
  let count = 0;
  const watched: MemoryDisk = disk.killed({
    path,
    before: ({ kind, name }) => {
      const place = `operation ${++count}, ${kind} of "${name}"`;
      left.push({ place: `killed at ${place}`, disk: watched.killed({ path }) });
      for (let cut = 0; cut < 4; cut++) {
        left.push({ place: `power cut at ${place}`, disk: watched.crashed(random, { path }) });
      }
    },
  });
  await work(watched);
  return left;
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** A text that is equal for equal contents, and readable in a failed test. */
export function describe({ hardState, snapshot, entries }: Loaded): string {
  const { term, vote, commitIndex } = hardState;
  const log = entries.map(({ index, term, kind, data }) =>
    `${index}/${term} ${kind} ${new TextDecoder().decode(data)}`
  );
  const members = snapshot.configuration.members.map((member) => member.name).join(",");
  return [
    `term ${term} vote ${vote} commit ${commitIndex}`,
    `snapshot ${snapshot.index}/${snapshot.term} of ${members}`,
    ...log,
  ].join("\n");
}

/** What the storage must hold, by the letter of `Storage`. */
export class Model {
  hardState: HardState = { term: 0, vote: 0, commitIndex: 0 };
  snapshot: SnapshotMeta = { index: 0, term: 0, configuration: FOUNDER.initial! };
  entries: readonly Entry[] = [];

  copy(): Model {
    return Object.assign(new Model(), this);
  }

  get lastIndex(): number {
    return this.entries.at(-1)?.index ?? this.snapshot.index;
  }

  termAt(index: number): number | undefined {
    if (index === this.snapshot.index) return this.snapshot.term;
    return this.entries.find((each) => each.index === index)?.term;
  }

  save({ hardState, snapshot, entries }: SaveBatch): Model {
    const next = snapshot === undefined ? this.copy() : this.installed(snapshot);
    const first = entries[0];
    if (first !== undefined) {
      next.entries = [...next.entries.filter((each) => each.index < first.index), ...entries];
    }
    next.hardState = hardState ?? this.hardState;
    return next;
  }

  /** After `createSnapshot`. */
  compacted(snapshot: SnapshotMeta): Model {
    const next = this.copy();
    next.snapshot = snapshot;
    next.entries = this.entries.filter((each) => each.index > snapshot.index);
    return next;
  }

  /** After the rename of a received snapshot, before the log knows of it. */
  installed(snapshot: SnapshotMeta): Model {
    const next = this.compacted(snapshot);
    if (this.termAt(snapshot.index) === snapshot.term) return next;
    const { term, vote, commitIndex } = this.hardState;
    next.entries = [];
    next.hardState = {
      term: Math.max(term, snapshot.term),
      vote: snapshot.term > term ? 0 : vote,
      commitIndex: Math.max(commitIndex, snapshot.index),
    };
    return next;
  }
}
