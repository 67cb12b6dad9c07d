/** The simulated disk: what a power cut takes is exactly what was not synced. */
import { assert, assertEquals } from "@std/assert";
import { SeededRandom } from "./random.ts";
import { SimDisk } from "./sim_disk.ts";
import { SECTOR_BYTES } from "./sim_file.ts";

/** Runs `check` on many disks, each with other luck. */
function withDisks(check: (disk: SimDisk) => void): void {
  for (let seed = 1; seed <= 200; seed++) check(new SimDisk(new SeededRandom(seed)));
}

function bytes(value: number, length = SECTOR_BYTES): Uint8Array {
  return new Uint8Array(length).fill(value);
}

/** A durable file "a" of two sectors of ones. */
function durableFile(disk: SimDisk) {
  const file = disk.create("a");
  disk.write(file, bytes(1, 2 * SECTOR_BYTES), 0);
  file.beginSync()();
  disk.beginSync()();
  return file;
}

Deno.test("simDisk() keeps what was synced when the power goes", () => {
  withDisks((disk) => {
    durableFile(disk);
    disk.cut();
    assertEquals(disk.get("a")?.view(), bytes(1, 2 * SECTOR_BYTES));
  });
});

Deno.test("simDisk() keeps, loses or tears what was not synced when the power goes", () => {
  const found = new Set<string>();
  withDisks((disk) => {
    const file = durableFile(disk);
    disk.write(file, bytes(2, 2 * SECTOR_BYTES), 0);
    disk.cut();
    found.add([...disk.get("a")!.view()].filter((_, i) => i % SECTOR_BYTES === 0).join());
  });
  assertEquals([...found].sort(), ["1,1", "1,2", "2,1", "2,2"]);
});

Deno.test("simDisk() may lose what was written while a sync was under way", () => {
  const found = new Set<number>();
  withDisks((disk) => {
    const file = durableFile(disk);
    disk.write(file, bytes(2), 0);
    const end = file.beginSync();
    disk.write(file, bytes(3), 0);
    end();
    disk.cut();
    found.add(disk.get("a")!.view()[0]!);
  });
  assertEquals([...found].sort(), [2, 3]);
});

Deno.test("simDisk() may lose a file that grew when its size was not synced", () => {
  const sizes = new Set<number>();
  withDisks((disk) => {
    const file = durableFile(disk);
    disk.write(file, bytes(2), 2 * SECTOR_BYTES);
    disk.cut();
    sizes.add(disk.get("a")!.size);
  });
  assertEquals([...sizes].sort(), [2 * SECTOR_BYTES, 3 * SECTOR_BYTES]);
});

Deno.test("simDisk() undoes any rename that was not synced when the power goes", () => {
  const names = new Set<string>();
  withDisks((disk) => {
    durableFile(disk);
    disk.rename("a", "b");
    disk.cut();
    names.add(disk.names.join());
  });
  assertEquals([...names].sort(), ["a", "b"]);
});

Deno.test("simDisk() has changed one bit when a bit was flipped", () => {
  withDisks((disk) => {
    durableFile(disk);
    assert(disk.flip(() => true) !== undefined);
    const changed = disk.get("a")!.view().filter((byte) => byte !== 1);
    assertEquals(changed.length, 1);
  });
});
