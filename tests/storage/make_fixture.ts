/**
 * Makes the data directory `fixtures/data/v2`, always the same bytes:
 *
 *     deno run --allow-write=fixtures tests/storage/make_fixture.ts
 *
 * It must open for ever. When the format changes, this makes the directory of the
 * new version, and the one of the old version stays as it is, with its test.
 */
import { encodeConfiguration } from "../../src/raft/codec.ts";
import { openStorage } from "../../src/storage/storage.ts";
import {
  batch,
  entries,
  entry,
  entryOf,
  founded,
  FOUNDER,
  GROWN,
  image,
  meta,
  seeded,
  smallOptions,
} from "./harness.ts";
import { MemoryDisk } from "./memory_disk.ts";

/** Version 2 differs in the configurations: members have lists of addresses. */
export const FIXTURE_PATH = "fixtures/data/v2";

/** The files of the directory, sorted by name. */
export async function fixtureFiles(): Promise<[string, Uint8Array][]> {
  const disk = new MemoryDisk();
  const options = smallOptions({ segmentBytes: 1536, random: seeded(2013) });
  const storage = await founded(disk, options);
  const self = FOUNDER.memberId;
  await storage.save(batch({ hardState: { term: 1, vote: self, commitIndex: 0 } }));
  await storage.save(batch({
    entries: [
      entryOf("noop", 1, 1, new Uint8Array(0)),
      entryOf("config", 2, 1, encodeConfiguration(GROWN)),
      ...entries(3, 12, 1),
    ],
  }));
  await storage.save(batch({ hardState: { term: 1, vote: self, commitIndex: 8 } }));
  await storage.createSnapshot(meta(4, 1), image(4), 0);
  // A new leader replaces what was not committed.
  await storage.save(batch({
    hardState: { term: 3, vote: 2, commitIndex: 9 },
    entries: [entryOf("noop", 10, 3, new Uint8Array(0)), ...entries(11, 20, 3)],
  }));
  await storage.createSnapshot(meta(9, 1), image(9), 0);
  await storage.close();
  const { storage: again } = await openStorage(disk, options);
  await again.save(batch({
    hardState: { term: 3, vote: 2, commitIndex: 20 },
    entries: [entry(21, 3, "x".repeat(600)), entry(22, 3)],
  }));
  await again.close();
  return disk.contents();
}

if (import.meta.main) {
  Deno.mkdirSync(FIXTURE_PATH, { recursive: true });
  for (const [name, content] of await fixtureFiles()) {
    Deno.writeFileSync(`${FIXTURE_PATH}/${name}`, content);
    console.log(`${name}: ${content.length} bytes`);
  }
}
