/**
 * A process for the tests to kill: opens the data directory of its argument and
 * saves entry after entry, printing each index once it is acknowledged.
 */
import { openRealDisk } from "../../src/storage/real_disk.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { batch, entry, FOUNDER, image, meta, smallOptions } from "./harness.ts";

const disk = await openRealDisk(Deno.args[0]!);
const { storage, identity, loaded } = await openStorage(
  disk,
  smallOptions({ segmentBytes: 4096, scheduler: { defer: (task) => void setTimeout(task, 0) } }),
);
if (identity === undefined) await storage.writeIdentity(FOUNDER);
for (let index = (loaded.entries.at(-1)?.index ?? loaded.snapshot.index) + 1;; index++) {
  await storage.save(batch({
    hardState: { term: 1, vote: 0, commitIndex: index - 1 },
    entries: [entry(index, 1)],
  }));
  console.log(index);
  if (index % 50 === 0) await storage.createSnapshot(meta(index, 1), image(index), index - 20);
}
