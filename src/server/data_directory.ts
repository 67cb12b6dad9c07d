/** Opens the data directory: starts afresh if asked to, locks it, reads it with progress on a terminal. */
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { Config } from "../config.ts";
import { formatId } from "../base/ids.ts";
import { finishRecovery, membersOf, recoverSurvivor } from "../member/recovery.ts";
import { databaseIn, mayTakeOver, takeOver, TakeoverError } from "../member/takeover.ts";
import type { Scheduler } from "../node/ports.ts";
import { isNew } from "../storage/directory.ts";
import type { Disk } from "../storage/disk.ts";
import { type RebuildOptions, Recovery } from "../storage/rebuild.ts";
import { removeNodeFiles } from "../storage/fresh.ts";
import { Presence } from "../storage/presence.ts";
import { openRealDisk } from "../storage/real_disk.ts";
import { openStorage } from "../storage/storage.ts";
import type { OpenedStorage } from "../storage/storage.ts";
import { timeDisk } from "../storage/timed_disk.ts";
import type { DiskTimes } from "../storage/timed_disk.ts";
import { faultOfImage } from "../store/image/proof.ts";

/** Below it nobody has time to read a progress line. */
const PROGRESS_BYTES_MIN = 64 * 1024 * 1024;

/** A data directory that is open, and what it measures of its disk. */
export interface OpenedDirectory extends OpenedStorage {
  readonly times: DiskTimes;
  readonly presence: Presence;
}

/** The directory is one in which etcd has run: a node that started beside it would seem to have lost all data. */
export class EtcdDataError extends Error {
  override readonly name = "EtcdDataError";
}

/** Rejects with what `openStorage` rejects with, and `EtcdDataError`; the message is for the operator. */
export async function openDataDirectory(
  config: Config,
  scheduler: Scheduler,
  logger: Logger,
): Promise<OpenedDirectory> {
  const { disk, times } = timeDisk(await openRealDisk(config.dataDirectory), systemClock);
  if (config.fresh) {
    const removed = await removeNodeFiles(disk);
    if (removed.length > 0) {
      logger.warn("Started afresh, removed what a node had written", {
        directory: config.dataDirectory,
        files: removed.join(", "),
      });
    }
  }
  if (mayTakeOver(disk)) await takeInOrRefuse(config, disk, scheduler, logger);
  if (config.forceNewCluster) await goOnAlone(config, disk, scheduler, logger);
  const opened = await openStorage(disk, {
    scheduler,
    faultOfImage,
    ...LIMITS.storage,
    random: Math.random,
    logger,
    ...(Deno.stderr.isTerminal() ? { onProgress: showProgress } : {}),
  });
  const presence = new Presence({
    path: config.dataDirectory,
    files: () => opened.storage.files,
    stat: Deno.stat,
    recheckMs: LIMITS.operations.recheckMs,
  });
  await presence.look();
  return { ...opened, times, presence };
}

/** Of etcd's directories, those that were restored and never used are taken in; the others are refused. */
async function takeInOrRefuse(
  { dataDirectory, name, fresh }: Config,
  disk: Disk,
  scheduler: Scheduler,
  logger: Logger,
): Promise<void> {
  const database = databaseIn(dataDirectory);
  try {
    await Deno.stat(database);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return;
    throw error;
  }
  try {
    // Whoever starts afresh wants no data.
    if (fresh) throw new TakeoverError("-f was given");
    await takeOver(disk, rebuildOptions(scheduler), logger);
  } catch (error) {
    if (!(error instanceof TakeoverError)) throw error;
    // What "etcd restore" has left unfinished is known as such.
    if (!isNew(disk)) return;
    throw new EtcdDataError(
      `Expected a directory of this program, found one of etcd's own, with "${database}": bring the ` +
        `data by "etcd restore ${database} -d OTHER -n ${name}" or by "etcd migrate", and start with ` +
        `the other directory; only one that "snapshot restore" has made, and no etcd has run in, is ` +
        `taken in (${error.message})`,
    );
  }
}

/** `--force-new-cluster`: as `etcd recover`, unless this member is alone already. */
async function goOnAlone(
  { dataDirectory, peer, client }: Config,
  disk: Disk,
  scheduler: Scheduler,
  logger: Logger,
): Promise<void> {
  if (isNew(disk)) return;
  const { sliceBytes } = LIMITS.storage;
  const recovery = await Recovery.open(disk, rebuildOptions(scheduler));
  try {
    const { content } = recovery;
    if (content !== undefined && membersOf(content).length === 1) {
      logger.info("This member is alone already, --force-new-cluster does nothing");
      return;
    }
    const addresses = { peerUrls: peer.urls, clientUrls: client.urls };
    const identity = content === undefined
      ? await finishRecovery(recovery)
      : await recoverSurvivor(recovery, content, disk, { ...addresses, sliceBytes });
    logger.warn("Goes on alone as a new cluster; the others must not start again with old data", {
      directory: dataDirectory,
      cluster: formatId(identity.clusterId),
    });
  } finally {
    recovery.close();
  }
}

function rebuildOptions(scheduler: Scheduler): RebuildOptions {
  return { ...LIMITS.storage, scheduler, faultOfImage, spareSegmentsMax: 0, random: Math.random };
}

let shownPercent = -1;
/** A terminal that somebody has stopped (Ctrl-S) takes nothing: it is left alone then. */
let isShowing = false;

function showProgress(bytesRead: number, bytesTotal: number): void {
  if (bytesTotal < PROGRESS_BYTES_MIN) return;
  const percent = Math.floor((100 * bytesRead) / bytesTotal);
  if (percent === shownPercent || isShowing) return;
  shownPercent = percent;
  const end = percent === 100 ? "\n" : "\r";
  const text = `Reading ${(bytesTotal / 2 ** 20).toFixed(0)} MiB: ${percent} %${end}`;
  isShowing = true;
  // When the terminal has gone, there is nobody to show it to.
  Deno.stderr.write(new TextEncoder().encode(text)).catch(() => {}).finally(() => {
    isShowing = false;
  });
}
