/** A data directory of an earlier day must open for ever, and hold exactly what it held. */
import { assertEquals } from "@std/assert";
import { encodeConfiguration } from "../../src/raft/codec.ts";
import { openRealDisk } from "../../src/storage/real_disk.ts";
import {
  entries,
  entry,
  entryOf,
  FOUNDER,
  GROWN,
  image,
  joinBytes,
  reload,
  type Reloaded,
} from "./harness.ts";
import { FIXTURE_PATH, fixtureFiles } from "./make_fixture.ts";
import { MemoryDisk } from "./memory_disk.ts";

const DIRECTORY = new URL(`../../${FIXTURE_PATH}/`, import.meta.url);

function storedFiles(): [string, Uint8Array][] {
  return [...Deno.readDirSync(DIRECTORY)].map(({ name }): [string, Uint8Array] => [
    name,
    Deno.readFileSync(new URL(name, DIRECTORY)),
  ]).sort(([a], [b]) => a < b ? -1 : 1);
}

function assertHoldsTheStory({ identity, loaded, image: joined }: Reloaded): void {
  assertEquals(identity, FOUNDER);
  assertEquals(loaded.hardState, { term: 3, vote: 2, commitIndex: 20 });
  assertEquals(loaded.snapshot, { index: 9, term: 1, configuration: GROWN });
  assertEquals(loaded.entries, [
    entryOf("noop", 10, 3, new Uint8Array(0)),
    ...entries(11, 20, 3),
    entry(21, 3, "x".repeat(600)),
    entry(22, 3),
  ]);
  assertEquals(joined, joinBytes(image(9)));
}

Deno.test("openStorage() finds the whole story when the directory is of version 1", async () => {
  assertHoldsTheStory(await reload(MemoryDisk.holding(storedFiles())));
});

Deno.test("openStorage() goes back in version 1 when the newest snapshot is lost", async () => {
  const files = storedFiles().filter(([name]) => !name.startsWith("snapshot-0000000000000009"));
  const { loaded, image: joined } = await reload(MemoryDisk.holding(files));
  assertEquals(loaded.snapshot, { index: 4, term: 1, configuration: GROWN });
  assertEquals(loaded.entries.slice(0, 6), [
    ...entries(5, 9, 1),
    entryOf("noop", 10, 3, new Uint8Array(0)),
  ]);
  assertEquals(joined, joinBytes(image(4)));
});

Deno.test("openStorage() reads the log of version 1 from its beginning when all snapshots are lost", async () => {
  const files = storedFiles().filter(([name]) => !name.endsWith(".snap"));
  const { loaded } = await reload(MemoryDisk.holding(files));
  assertEquals(loaded.snapshot, { index: 0, term: 0, configuration: FOUNDER.initial! });
  assertEquals(loaded.entries.slice(0, 3), [
    entryOf("noop", 1, 1, new Uint8Array(0)),
    entryOf("config", 2, 1, encodeConfiguration(GROWN)),
    entry(3, 1),
  ]);
});

Deno.test("openStorage() opens version 1 on a real disk", async () => {
  const path = Deno.makeTempDirSync({ prefix: "storage-fixture-" });
  try {
    for (const [name, content] of storedFiles()) Deno.writeFileSync(`${path}/${name}`, content);
    assertHoldsTheStory(await reload(await openRealDisk(path)));
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
});

Deno.test("fixtureFiles() makes the stored bytes: another result is a change of the format", async () => {
  assertEquals(await fixtureFiles(), storedFiles());
});
