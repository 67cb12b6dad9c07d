/**
 * The files of a data directory, damaged: segments of the log, snapshots,
 * identities. First byte of an input: which sound file it was made of.
 */
import type { Entry } from "../../src/raft/types.ts";
import { CorruptionError, FormatVersionError } from "../../src/storage/errors.ts";
import type { Pledge } from "../../src/founding/types.ts";
import { readIdentity, writeIdentity } from "../../src/storage/identity.ts";
import { IDENTITY_NAME, segmentName, snapshotName } from "../../src/storage/names.ts";
import { replayLog } from "../../src/storage/replay.ts";
import { proveSnapshot, writeSnapshot } from "../../src/storage/snapshot_file.ts";
import { SeededRandom } from "../sim/random.ts";
import {
  batch,
  describe,
  founded,
  FOUNDER,
  meta,
  Model,
  smallOptions,
} from "../storage/harness.ts";
import { MemoryDisk } from "../storage/memory_disk.ts";
import { anyConfiguration } from "./messages.ts";
import { anyText, joined, mutated, randomBytes } from "./mutate.ts";
import { readDisk } from "./read_disk.ts";
import { FuzzError, sameBytes, type Subject } from "./subject.ts";

const POOL = 64;

interface Log {
  readonly segment: Uint8Array;
  /** What the log says after each save, the first before any. */
  readonly states: ReadonlySet<string>;
  readonly whole: string;
}

const OPTIONS = {
  ...smallOptions(),
  sliceBytes: 4096,
  scheduler: { defer: queueMicrotask },
  onRead: () => {},
};

/** A log of one segment. */
async function makeLog(number: number): Promise<Log> {
  const random = new SeededRandom(number, 2);
  const disk = new MemoryDisk();
  const options = smallOptions({ segmentBytes: 2048, random: () => random.next() });
  const storage = await founded(disk, options);
  let model = new Model();
  const states = [described(model)];
  for (let left = random.integer(1, 5); left > 0; left--) {
    const { term } = model.hardState;
    const newTerm = term + random.integer(1, 2);
    const first = Math.max(1, model.lastIndex + 1 - random.integer(0, 1));
    const entries = Array.from({ length: random.skewed(0, 3) }, (_, i): Entry => ({
      index: first + i,
      term: newTerm,
      kind: random.pick(["noop", "command", "config"] as const),
      data: new TextEncoder().encode(anyText(random, 30)),
    }));
    const saved = batch({
      hardState: { term: newTerm, vote: random.integer(0, 3), commitIndex: 0 },
      entries,
    });
    await storage.save(saved);
    model = model.save(saved);
    states.push(described(model));
  }
  await storage.close();
  const segment = new Map(disk.contents()).get(segmentName(1))!;
  return { segment, states: new Set(states), whole: states.at(-1)! };
}

function described({ hardState, entries }: Pick<Model, "hardState" | "entries">): string {
  return describe({ hardState, entries, snapshot: meta(0, 0) });
}

const logs = await Promise.all(Array.from({ length: POOL }, (_, i) => makeLog(i)));

function mayRefuse(error: unknown): undefined {
  if (error instanceof CorruptionError || error instanceof FormatVersionError) return undefined;
  throw error;
}

export const segments: Subject = {
  name: "log files",
  promise: "refused, or an exact prefix of what was saved",
  make(random) {
    const number = random.integer(0, POOL - 1);
    const { segment } = logs[number]!;
    const bytes = random.chance(0.1) ? segment : damaged(segment, random);
    return joined(Uint8Array.of(number), bytes);
  },
  async check([input]) {
    const { segment, states, whole } = logs[input![0]! % POOL]!;
    const bytes = input!.subarray(1);
    const disk = readDisk(new Map([[segmentName(1), bytes]]));
    const found = await replayLog(disk, 0, OPTIONS).then(described, mayRefuse);
    if (found === undefined) {
      if (sameBytes(bytes, segment)) throw new FuzzError("A sound log was refused");
    } else if (!states.has(found)) {
      throw new FuzzError(`Expected what was once saved, such as:\n${whole}\nfound:\n${found}`);
    }
  },
};

/** Mutations keep to the frames mostly, not to the zeros behind; a whole sector may go, too. */
function damaged(segment: Uint8Array, random: SeededRandom): Uint8Array {
  if (random.chance(0.15)) {
    const bytes = new Uint8Array(segment);
    const from = 8 * random.integer(0, bytes.length / 8 - 1);
    const to = 8 * random.integer(0, bytes.length / 8 - 1);
    const length = 8 * random.skewed(1, 64);
    if (random.chance(0.5)) bytes.fill(0, from, from + length);
    else bytes.copyWithin(to, from, from + length);
    return bytes;
  }
  const used = segment.findLastIndex((byte) => byte !== 0) + 1;
  if (random.chance(0.2)) return mutated(segment, random);
  const front = mutated(segment.subarray(0, used), random);
  const rest = segment.subarray(used);
  // The size stays right, else every one would be refused for that alone.
  return joined(front, rest, new Uint8Array(64)).slice(0, segment.length);
}

interface Sound {
  readonly name: string;
  readonly bytes: Uint8Array;
}

async function makeSnapshot(number: number): Promise<Sound> {
  const random = new SeededRandom(number, 3);
  const disk = new MemoryDisk();
  const [index, term] = [random.skewed(1, 1e6), random.skewed(1, 100)];
  const file = disk.create("snapshot");
  const slices = Array.from(
    { length: random.skewed(0, 4) },
    () => randomBytes(random, random.skewed(1, 80)),
  );
  await writeSnapshot(
    file,
    { index, term, configuration: anyConfiguration(random) },
    slices,
    OPTIONS,
  );
  return { name: snapshotName(index, term), bytes: disk.contents()[0]![1] };
}

function anyPledge(random: SeededRandom): Pledge {
  const ballot = { round: random.skewed(1, 1e6), proposer: random.skewed(1, 1e6) };
  const choice = { clusterId: 7, founder: 8, name: anyText(random, 20) };
  return { promised: ballot, accepted: random.chance(0.5) ? { ballot, choice } : undefined };
}

async function makeIdentity(number: number): Promise<Sound> {
  const random = new SeededRandom(number, 4);
  const disk = new MemoryDisk();
  await writeIdentity(disk, {
    ...FOUNDER,
    name: anyText(random, 20),
    initial: random.chance(0.5) ? anyConfiguration(random) : undefined,
    ...(random.chance(0.5) && { founding: anyPledge(random), votersAwaited: 3 }),
  });
  return { name: IDENTITY_NAME, bytes: disk.contents()[0]![1] };
}

const sounds = await Promise.all([
  ...Array.from({ length: 48 }, (_, i) => makeSnapshot(i)),
  ...Array.from({ length: 16 }, (_, i) => makeIdentity(i)),
]);

export const snapshots: Subject = {
  name: "snapshot files",
  promise: "refused, or not a byte is another",
  make(random) {
    const number = random.integer(0, sounds.length - 1);
    const { bytes } = sounds[number]!;
    return joined(Uint8Array.of(number), random.chance(0.1) ? bytes : mutated(bytes, random));
  },
  async check([input]) {
    const { name, bytes: sound } = sounds[input![0]! % sounds.length]!;
    const bytes = input!.subarray(1);
    const disk = readDisk(new Map([[name, bytes]]));
    let isTaken = false;
    try {
      if (name === IDENTITY_NAME) readIdentity(disk);
      else await proveSnapshot(disk, name, OPTIONS);
      isTaken = true;
    } catch (error) {
      mayRefuse(error);
    }
    const isSound = sameBytes(bytes, sound);
    if (isTaken !== isSound) {
      throw new FuzzError(isSound ? "A sound file was refused" : "A damaged file was taken");
    }
  },
};
