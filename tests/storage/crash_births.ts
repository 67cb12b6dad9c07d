/**
 * The beginning of a data directory: the log made in an empty one, the identity
 * of a member that joins, and the identity once more when it knows its cluster.
 */
import { assert, assertEquals } from "@std/assert";
import { type Identity, openStorage } from "../../src/storage/storage.ts";
import { batch, entry, FOUNDER, reload, smallOptions } from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

export interface Birth {
  readonly disk: MemoryDisk;
  /** The identities that may be found, the acknowledged one first. */
  readonly allowed: readonly (Identity | undefined)[];
  readonly place: string;
}

const JOINER: Identity = { ...FOUNDER, clusterId: 0, initial: undefined };
const PLEDGE = { promised: { round: 2, proposer: 3 }, accepted: undefined };
/** What a directory is told one after the other; the second is that of a member that was let in. */
const LIVES: readonly (readonly Identity[])[] = [
  [FOUNDER],
  [JOINER, { ...JOINER, clusterId: 77 }],
  [{ ...JOINER, founding: PLEDGE }, { ...JOINER, clusterId: 77 }],
  [JOINER, { ...JOINER, clusterId: 77 }, { ...JOINER, clusterId: 77, name: "renamed" }],
];

/** What a crash at each operation of a directory's beginning leaves: a kill, and `cuts` power cuts. */
export async function births(random: () => number, cuts: number): Promise<Birth[]> {
  const found: Birth[] = [];
  for (const identities of LIVES) {
    let allowed: readonly (Identity | undefined)[] = [undefined];
    const disk: MemoryDisk = new MemoryDisk({
      before: ({ kind, name }) => {
        const place = `${kind} of "${name}" at the beginning`;
        found.push({ disk: disk.killed({}), allowed, place: `killed at ${place}` });
        for (let i = 0; i < cuts; i++) {
          found.push({ disk: disk.crashed(random, {}), allowed, place: `power cut at ${place}` });
        }
      },
    });
    const { storage } = await openStorage(disk, smallOptions());
    for (const identity of identities) {
      allowed = [allowed[0], identity];
      await storage.writeIdentity(identity);
      allowed = [identity];
    }
    await storage.save(batch({ hardState: { term: 1, vote: 0, commitIndex: 0 } }));
    await storage.close();
  }
  return found;
}

/** Opens it, goes on from there, cuts the power and opens again. */
export async function checkBirth(birth: Birth, random: () => number): Promise<void> {
  const { disk, allowed, place } = birth;
  const { storage, identity, loaded } = await openStorage(disk, smallOptions()).catch((cause) => {
    throw new Error(`Refused after ${place}`, { cause });
  });
  const isAllowed = allowed.some((each) => JSON.stringify(each) === JSON.stringify(identity));
  assert(isAllowed, `Another identity after ${place}: ${JSON.stringify(identity)}`);
  assertEquals([loaded.entries, loaded.snapshot.index], [[], 0], place);
  if (identity === undefined) await storage.writeIdentity(FOUNDER);
  const term = loaded.hardState.term + 1;
  const hardState = { term, vote: 0, commitIndex: 0 };
  await storage.save(batch({ hardState, entries: [entry(1, term)] }));
  const again = await reload(disk.crashed(random));
  assertEquals(again.identity, identity ?? FOUNDER, place);
  assertEquals([again.loaded.hardState, again.loaded.entries.length], [hardState, 1], place);
  await storage.close();
}
