/** A disk that measures itself: each sync and each byte where it belongs. */
import { assertEquals } from "@std/assert";
import { timeDisk } from "../../src/storage/timed_disk.ts";
import { IDENTITY_NAME, segmentName } from "../../src/storage/names.ts";
import { MemoryDisk } from "../storage/memory_disk.ts";

Deno.test("timeDisk() counts syncs and bytes of the log apart from all others, and says since when one is under way", async () => {
  let nowMs = 1_000;
  const clock = { monotonicMs: () => nowMs, wallMs: () => 0 };
  const { disk, times } = timeDisk(new MemoryDisk(), clock);
  const [log, other] = [segmentName(1), IDENTITY_NAME].map((name) => disk.create(name));
  log!.write(new Uint8Array(7), 0);
  other!.write(new Uint8Array(5), 0);
  assertEquals([times.logBytesWritten, times.sizeBytes()], [7, 12]);
  const sync = async (file: typeof log, ms: number) => {
    const ending = file!.sync();
    const since = times.logSyncSinceMs;
    nowMs += ms;
    await ending;
    return [since, times.logSyncSinceMs];
  };
  assertEquals(await sync(log, 250), [1_000, undefined]);
  assertEquals(await sync(other, 500), [undefined, undefined]);
  assertEquals([times.logSyncs.count, times.logSyncs.sum], [1, 0.25]);
  assertEquals([times.otherSyncs.count, times.otherSyncs.sum], [1, 0.5]);
  log!.close();
  other!.close();
});
