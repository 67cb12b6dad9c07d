/**
 * A disk that measures itself: how long syncs take, how much is written, and
 * whether a sync is under way that does not come back.
 */
import type { Clock } from "../base/clock.ts";
import { Histogram } from "../base/histogram.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { parseSegmentName } from "./names.ts";

/** Contains every bound of etcd's own histogram, which starts at 1 ms, and finer ones before. */
const FIRST_BOUND_SECONDS = 0.000125;
const BUCKETS = 17;

/** What a disk did since the process started. */
export class DiskTimes {
  /** Of the log: from the last write of what was to be made durable on. */
  readonly commits = new Histogram(FIRST_BOUND_SECONDS, BUCKETS);
  /** Of the log. */
  readonly logSyncs = new Histogram(FIRST_BOUND_SECONDS, BUCKETS);
  /** Of snapshots and everything else. */
  readonly otherSyncs = new Histogram(FIRST_BOUND_SECONDS, BUCKETS);
  logBytesWritten = 0;
  /** Monotonic time at which the log's sync that is under way began; undefined when none is. */
  logSyncSinceMs: number | undefined;
  /** Of the data directory, in bytes, as of this call. */
  readonly sizeBytes: () => number;

  constructor(sizeBytes: () => number) {
    this.sizeBytes = sizeBytes;
  }
}

/** `disk`, and what it measures of itself. */
export function timeDisk(
  disk: Disk,
  clock: Clock,
): { readonly disk: Disk; readonly times: DiskTimes } {
  const times = new DiskTimes(() => disk.list().reduce((sum, { size }) => sum + size, 0));
  const timed = (file: DiskFile) =>
    parseSegmentName(file.name) === undefined
      ? timeOther(file, times, clock)
      : timeLog(file, times, clock);
  return {
    times,
    disk: {
      path: disk.path,
      list: () => disk.list(),
      open: (name) => timed(disk.open(name)),
      create: (name) => timed(disk.create(name)),
      rename: (from, to) => disk.rename(from, to),
      remove: (name) => disk.remove(name),
      syncDirectory: () => disk.syncDirectory(),
      lock: (name) => disk.lock(name),
    },
  };
}

function timeLog(file: DiskFile, times: DiskTimes, clock: Clock): DiskFile {
  let writtenMs: number | undefined;
  return {
    ...plain(file),
    write: (bytes, offset) => {
      writtenMs = clock.monotonicMs();
      file.write(bytes, offset);
      times.logBytesWritten += bytes.length;
    },
    sync: async (mayBlock) => {
      const startMs = clock.monotonicMs();
      const commitMs = writtenMs ?? startMs;
      times.logSyncSinceMs = startMs;
      await file.sync(mayBlock);
      times.logSyncSinceMs = undefined;
      const nowMs = clock.monotonicMs();
      times.logSyncs.observe((nowMs - startMs) / 1000);
      times.commits.observe((nowMs - commitMs) / 1000);
    },
  };
}

function timeOther(file: DiskFile, times: DiskTimes, clock: Clock): DiskFile {
  return {
    ...plain(file),
    sync: async (mayBlock) => {
      const startMs = clock.monotonicMs();
      await file.sync(mayBlock);
      times.otherSyncs.observe((clock.monotonicMs() - startMs) / 1000);
    },
  };
}

function plain(file: DiskFile): DiskFile {
  return {
    name: file.name,
    size: () => file.size(),
    read: (into, offset) => file.read(into, offset),
    write: (bytes, offset) => file.write(bytes, offset),
    sync: (mayBlock) => file.sync(mayBlock),
    close: () => file.close(),
  };
}
