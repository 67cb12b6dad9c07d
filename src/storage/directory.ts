/**
 * What the files of a data directory say together, decided without writing any:
 * a node stands on it at its start, and whoever examines a directory sees what a
 * node would see. It never drops what may have been acknowledged: what does not
 * add up is refused with the file and the offset.
 */
import type { Loaded } from "../node/ports.ts";
import type { HardState, SnapshotMeta } from "../raft/types.ts";
import type { Disk } from "./disk.ts";
import { CorruptionError, UnfinishedError } from "./errors.ts";
import { type Identity, readIdentity } from "./identity.ts";
import type { LogPosition } from "./log_shape.ts";
import { IDENTITY_NAME, parseSegmentName, segmentName, UNFINISHED_NAMES } from "./names.ts";
import { type ReplayedLog, replayLog, segmentSequences } from "./replay.ts";
import type { ProofOptions } from "./snapshot_file.ts";
import { chooseSnapshot, type ChosenSnapshot, listSnapshots } from "./snapshot_store.ts";

export interface ReadOptions extends ProofOptions {
  /** Bytes read so far and in all. */
  readonly onProgress?: (bytesRead: number, bytesTotal: number) => void;
}

export interface DirectoryContent {
  /** Undefined in a new directory. */
  readonly identity: Identity | undefined;
  readonly chosen: ChosenSnapshot;
  readonly log: ReplayedLog;
  readonly loaded: Loaded;
  /** A snapshot that the log does not know of yet. */
  readonly reset: LogPosition | undefined;
}

/** What stands at index 0, before the first entry: the founder's configuration, or nobody's. */
export function firstSnapshot(identity: Identity | undefined): SnapshotMeta {
  const configuration = identity?.initial ?? { members: [], removed: [] };
  return { index: 0, term: 0, configuration };
}

/** Whether a directory names a member that its node could call: a newcomer's does not before the first entry has come. */
export function knowsMembers(
  identity: Identity | undefined,
  { snapshot, entries }: Loaded,
): boolean {
  return identity?.initial !== undefined || snapshot.index > 0 || entries.length > 0;
}

/** Whether there is nothing of a node but perhaps its lock. */
export function isNew(disk: Disk): boolean {
  return segmentSequences(disk).length === 0 && listSnapshots(disk).length === 0 &&
    !disk.list().some(({ name }) => name === IDENTITY_NAME);
}

/** Throws `UnfinishedError` when a restore or a recovery of the directory was cut short. */
export function checkFinished(disk: Disk): void {
  const names = new Set(disk.list().map(({ name }) => name));
  for (const [command, name] of Object.entries(UNFINISHED_NAMES)) {
    if (names.has(name)) throw new UnfinishedError(disk.path, command);
  }
}

/** Reads and proves everything. Throws `CorruptionError`, `FormatVersionError`, `DiskError`. */
export async function readDirectory(disk: Disk, options: ReadOptions): Promise<DirectoryContent> {
  const identity = readIdentity(disk);
  if (segmentSequences(disk).length === 0) {
    throw missing(disk, segmentName(1), "the log of this node");
  }
  const onRead = progress(disk, options);
  const chosen = await chooseSnapshot(disk, options, onRead);
  const snapshot = chosen.current?.meta ?? firstSnapshot(identity);
  const log = await replayLog(disk, snapshot.index, { ...options, onRead });
  checkReach(disk, log, snapshot, chosen);
  if (identity === undefined && (log.tail.sequence > 1 || snapshot.index > 0)) {
    throw missing(disk, IDENTITY_NAME, "the identity of this node");
  }
  return { identity, chosen, log, ...reconcile(log, snapshot) };
}

/** Counts the bytes of what is read at start. */
function progress(disk: Disk, options: ReadOptions): (bytes: number) => void {
  const newest = listSnapshots(disk)[0]?.name;
  let total = 0;
  for (const { name, size } of disk.list()) {
    if (name === newest || parseSegmentName(name) !== undefined) total += size;
  }
  let read = 0;
  return (bytes) => {
    // An older snapshot, read when the newest is damaged, was not counted.
    read = Math.min(read + bytes, total);
    options.onProgress?.(read, total);
  };
}

/**
 * Nothing acknowledged may be missing: the log begins at the snapshot or before
 * it, and where a damaged snapshot was passed over it makes up for all of it.
 */
function checkReach(
  disk: Disk,
  log: ReplayedLog,
  snapshot: SnapshotMeta,
  { damaged }: ChosenSnapshot,
): void {
  const { base } = log.shape;
  const newest = damaged[0];
  const isWhole = base.index <= snapshot.index;
  // A log that has another entry there is from before the snapshot, which was to take its place.
  const makesUp = newest === undefined || log.shape.termAt(newest.index) === newest.term;
  if (isWhole && makesUp) return;
  if (newest !== undefined) throw newest.error;
  const first = log.sealed[0] ?? log.tail.segment;
  throw new CorruptionError(
    `${disk.path}/${first.name}`,
    0,
    `a log that goes on after the snapshot of index ${snapshot.index}`,
    `one that begins after index ${base.index}`,
  );
}

function missing(disk: Disk, name: string, expected: string): CorruptionError {
  return new CorruptionError(`${disk.path}/${name}`, 0, expected, "no such file beside the others");
}

/**
 * What snapshot and log say together. A received snapshot is renamed before the
 * log is reset to it: after a crash in between, the log either holds the very
 * entry that the snapshot ends with and goes on from there, or counts for
 * nothing (Raft §7, figure 13, steps 6 and 7).
 */
function reconcile(
  log: ReplayedLog,
  snapshot: SnapshotMeta,
): { readonly loaded: Loaded; readonly reset: LogPosition | undefined } {
  const { hardState, entries } = log;
  if (log.shape.termAt(snapshot.index) === snapshot.term) {
    return { loaded: { hardState, snapshot, entries }, reset: undefined };
  }
  return {
    loaded: { hardState: raised(hardState, snapshot), snapshot, entries: [] },
    reset: snapshot,
  };
}

/** No vote was cast in a term that was never saved. */
function raised(hardState: HardState, { index, term }: LogPosition): HardState {
  const vote = term > hardState.term ? 0 : hardState.vote;
  return {
    term: Math.max(hardState.term, term),
    vote,
    commitIndex: Math.max(hardState.commitIndex, index),
  };
}
