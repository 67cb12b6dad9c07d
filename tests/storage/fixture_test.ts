/** A data directory of an earlier day must open for ever, and hold exactly what it held. */
import { assertEquals } from "@std/assert";
import { decodeConfiguration } from "../../src/raft/codec.ts";
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

const VERSIONS = ["fixtures/data/v1", FIXTURE_PATH];

function storedFiles(path: string): [string, Uint8Array][] {
  const directory = new URL(`../../${path}/`, import.meta.url);
  return [...Deno.readDirSync(directory)].map(({ name }): [string, Uint8Array] => [
    name,
    Deno.readFileSync(new URL(name, directory)),
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

for (const path of VERSIONS) {
  Deno.test(`openStorage() finds the whole story when the directory is ${path}`, async () => {
    assertHoldsTheStory(await reload(MemoryDisk.holding(storedFiles(path))));
  });

  Deno.test(`openStorage() goes back in ${path} when the newest snapshot is lost`, async () => {
    const files = storedFiles(path).filter(([name]) =>
      !name.startsWith("snapshot-0000000000000009")
    );
    const { loaded, image: joined } = await reload(MemoryDisk.holding(files));
    assertEquals(loaded.snapshot, { index: 4, term: 1, configuration: GROWN });
    assertEquals(loaded.entries.slice(0, 6), [
      ...entries(5, 9, 1),
      entryOf("noop", 10, 3, new Uint8Array(0)),
    ]);
    assertEquals(joined, joinBytes(image(4)));
  });

  Deno.test(`openStorage() reads the log of ${path} from its beginning when all snapshots are lost`, async () => {
    const files = storedFiles(path).filter(([name]) => !name.endsWith(".snap"));
    const { loaded } = await reload(MemoryDisk.holding(files));
    assertEquals(loaded.snapshot, { index: 0, term: 0, configuration: FOUNDER.initial! });
    const [first, second, third] = loaded.entries;
    assertEquals([first, third], [entryOf("noop", 1, 1, new Uint8Array(0)), entry(3, 1)]);
    assertEquals(decodeConfiguration(second!.data), GROWN);
  });

  Deno.test(`openStorage() opens ${path} on a real disk`, async () => {
    const copy = Deno.makeTempDirSync({ prefix: "storage-fixture-" });
    try {
      for (const [name, content] of storedFiles(path)) {
        Deno.writeFileSync(`${copy}/${name}`, content);
      }
      assertHoldsTheStory(await reload(await openRealDisk(copy)));
    } finally {
      Deno.removeSync(copy, { recursive: true });
    }
  });
}

Deno.test("fixtureFiles() makes the stored bytes: another result is a change of the format", async () => {
  assertEquals(await fixtureFiles(), storedFiles(FIXTURE_PATH));
});
