/**
 * Snapshots of etcd, damaged or made to harm. First byte of an input: which
 * sound file it was made of.
 */
import { viewOf, writeU64 } from "../../src/bolt/bytes.ts";
import { BoltError } from "../../src/bolt/errors.ts";
import type { EtcdRevision, EtcdSnapshotSource } from "../../src/bolt/etcd_content.ts";
import { type EtcdSnapshot, openEtcdSnapshot } from "../../src/bolt/etcd_reader.ts";
import { etcdSnapshotStatus } from "../../src/bolt/etcd_status.ts";
import { CHECKSUM_BYTES, planEtcdSnapshot } from "../../src/bolt/etcd_writer.ts";
import { encodeMetaPage, type Meta, PAGE_BYTES } from "../../src/bolt/layout.ts";
import { readMeta } from "../../src/bolt/page_file.ts";
import { GOLDEN } from "../bolt/golden.ts";
import { joined as joinedPortions, memoryFile, pause } from "../bolt/harness.ts";
import { SeededRandom } from "../sim/random.ts";
import { joined, mutated, randomBytes } from "./mutate.ts";
import { FuzzError, sameBytes, type Subject } from "./subject.ts";

const POOL = 16;

interface Sound {
  /** Without the checksum, for which all else would be refused. */
  readonly database: Uint8Array<ArrayBuffer>;
  readonly meta: Meta;
  readonly keys: number;
}

/** A few long keys are enough for branches. */
async function makeSound(number: number): Promise<Sound> {
  const random = new SeededRandom(number, 5);
  const [valueMax, count] = [random.pick([10, 900, 5000]), random.integer(0, 24)];
  const revisions = Array.from({ length: count }, (_, i): EtcdRevision => ({
    main: i + 2,
    sub: 0,
    key: Uint8Array.of(0x6b, i),
    put: {
      createRevision: i + 2,
      version: 1,
      value: randomBytes(random, random.skewed(0, valueMax)),
      lease: 0n,
    },
  }));
  const source: EtcdSnapshotSource = { ...GOLDEN, revisions: () => revisions };
  const plan = await planEtcdSnapshot(source, pause);
  const snapshot = await joinedPortions(plan.portions());
  const database = snapshot.slice(0, -CHECKSUM_BYTES);
  return { database, meta: await readMeta(memoryFile(database)), keys: count };
}

const sounds = await Promise.all(Array.from({ length: POOL }, (_, i) => makeSound(i)));

/** A change that a checksum in the file would show is made so that it does not. */
function damaged({ database, meta }: Sound, random: SeededRandom): Uint8Array {
  const bytes = new Uint8Array(database);
  const page = random.integer(2, meta.pageCount - 1) * PAGE_BYTES;
  switch (random.integer(0, 5)) {
    case 0:
      return mutated(bytes, random);
    case 1: {
      const id = () => random.integer(0, meta.pageCount);
      const forged = { ...meta, root: id(), freelist: random.chance(0.3) ? id() : undefined };
      bytes.set(encodeMetaPage(0, forged), 0);
      return bytes;
    }
    case 2: {
      // One page in the place of another, under its id.
      const from = random.integer(2, meta.pageCount - 1) * PAGE_BYTES;
      bytes.copyWithin(page, from, from + PAGE_BYTES);
      writeU64(viewOf(bytes), page, page / PAGE_BYTES);
      return bytes;
    }
    case 3: {
      // A small field of the header or the first elements.
      const at = page + 8 + 4 * random.integer(0, 20);
      viewOf(bytes).setUint32(at, random.skewed(0, 2 ** 32 - 1), true);
      return bytes;
    }
    default: {
      const head = mutated(bytes.subarray(page, page + random.pick([64, 512, PAGE_BYTES])), random);
      bytes.set(head.subarray(0, bytes.length - page), page);
      return bytes;
    }
  }
}

/** Reads all that there is to be read; returns how many keys are live. */
async function readAll(snapshot: EtcdSnapshot, limit: number): Promise<number> {
  let live = 0;
  let bytes = 0;
  for await (const { key, put } of snapshot.live()) {
    live++;
    bytes += key.length + put.value.length;
    if (bytes > limit) throw new FuzzError(`More than the file's ${limit} bytes came out of it`);
  }
  for (const part of ["leases", "users", "roles", "members"] as const) {
    for await (const _ of snapshot[part]() as AsyncIterable<unknown>);
  }
  return live;
}

function mayRefuse(error: unknown): undefined {
  if (error instanceof BoltError) return undefined;
  throw error;
}

export const boltFiles: Subject = {
  name: "bbolt files",
  promise: "read to an end, or refused",
  make(random) {
    const number = random.integer(0, POOL - 1);
    const sound = sounds[number]!;
    const bytes = random.chance(0.02) ? sound.database : damaged(sound, random);
    return joined(Uint8Array.of(number), bytes);
  },
  async check([input]) {
    const { database, keys } = sounds[input![0]! % POOL]!;
    const bytes = input!.subarray(1);
    const file = memoryFile(bytes);
    const live = await openEtcdSnapshot(file, pause)
      .then((snapshot) => readAll(snapshot, bytes.length))
      .catch(mayRefuse);
    const status = await etcdSnapshotStatus(file).catch(mayRefuse);
    if (!sameBytes(bytes, database)) return;
    if (live !== keys || status === undefined) throw new FuzzError("A sound file was refused");
  },
};
