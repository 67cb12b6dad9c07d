/** Opens the data directory: starts afresh if asked to, locks it, reads it with progress on a terminal. */
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { Config } from "../config.ts";
import type { Scheduler } from "../node/ports.ts";
import { removeNodeFiles } from "../storage/fresh.ts";
import { openRealDisk } from "../storage/real_disk.ts";
import { openStorage } from "../storage/storage.ts";
import type { OpenedStorage } from "../storage/storage.ts";

/** Below it nobody has time to read a progress line. */
const PROGRESS_BYTES_MIN = 64 * 1024 * 1024;

/** Rejects with what `openStorage` rejects with; the message is for the operator. */
export async function openDataDirectory(
  config: Config,
  scheduler: Scheduler,
  logger: Logger,
): Promise<OpenedStorage> {
  const disk = await openRealDisk(config.dataDirectory);
  if (config.fresh) {
    const removed = await removeNodeFiles(disk);
    if (removed.length > 0) {
      logger.warn("Started afresh, removed what a node had written", {
        directory: config.dataDirectory,
        files: removed.join(", "),
      });
    }
  }
  return await openStorage(disk, {
    scheduler,
    segmentBytes: LIMITS.segmentBytes,
    sliceBytes: LIMITS.sliceBytes,
    spareSegmentsMax: LIMITS.spareSegmentsMax,
    random: Math.random,
    bulkSyncBytes: LIMITS.bulkSyncBytes,
    logger,
    ...(Deno.stderr.isTerminal() ? { onProgress: showProgress } : {}),
  });
}

let shownPercent = -1;

function showProgress(bytesRead: number, bytesTotal: number): void {
  if (bytesTotal < PROGRESS_BYTES_MIN) return;
  const percent = Math.floor((100 * bytesRead) / bytesTotal);
  if (percent === shownPercent) return;
  shownPercent = percent;
  const end = percent === 100 ? "\n" : "\r";
  Deno.stderr.writeSync(
    new TextEncoder().encode(
      `Reading ${(bytesTotal / 2 ** 20).toFixed(0)} MiB: ${percent} %${end}`,
    ),
  );
}
