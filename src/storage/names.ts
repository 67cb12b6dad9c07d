/**
 * The names of all files that a node writes into its data directory. No other file is ever touched, but
 * that those of etcd are moved aside when they have been taken over.
 */
import { assert } from "../base/assert.ts";

/** Who this member is. */
export const IDENTITY_NAME = "etcd.identity";
/** Locked while a process uses the directory. */
export const LOCK_NAME = "etcd.lock";

/** An identity that is being written. Unfinished files are of no value after a crash. */
export const IDENTITY_TEMPORARY_NAME = "etcd.identity.tmp";
/** Written to by a test of the disk. */
export const PROBE_TEMPORARY_NAME = "etcd.probe.tmp";
/** A part of the log that is being filled. */
export const SEGMENT_TEMPORARY_NAME = "wal-next.tmp";
/** A snapshot that is being made here. */
export const SNAPSHOT_TEMPORARY_NAME = "snapshot-new.tmp";

/** There while the command rebuilds a directory: no node starts on what is half made. */
export const UNFINISHED_NAMES = {
  restore: "etcd.restoring",
  recover: "etcd.recovering",
} as const;

const SEGMENT = /^wal-(\d{16})\.log$/;
const SPARE = /^wal-\d{16}\.spare\.tmp$/;
const RECEIVED = /^snapshot-received-\d+\.tmp$/;
const SNAPSHOT = /^snapshot-(\d{16})-(\d{16})\.snap$/;

const TEMPORARY_NAMES: ReadonlySet<string> = new Set([
  IDENTITY_TEMPORARY_NAME,
  PROBE_TEMPORARY_NAME,
  SEGMENT_TEMPORARY_NAME,
  SNAPSHOT_TEMPORARY_NAME,
]);

/** 16 digits hold every integer below 2^53, and let names sort like numbers. */
function digits(value: number): string {
  assert(Number.isSafeInteger(value) && value >= 0, "File names hold integers in [0, 2^53)");
  return String(value).padStart(16, "0");
}

/** A part of the log. */
export function segmentName(sequence: number): string {
  return `wal-${digits(sequence)}.log`;
}

/** A retired part of the log that waits to be used again. */
export function spareName(sequence: number): string {
  return `wal-${digits(sequence)}.spare.tmp`;
}

/** The newest of these that is sound is what counts. */
export function snapshotName(index: number, term: number): string {
  return `snapshot-${digits(index)}-${digits(term)}.snap`;
}

/** The `count`th snapshot that this process receives: a name of its own, as the one before may still be on its way out. */
export function receivedName(count: number): string {
  return `snapshot-received-${count}.tmp`;
}

/** The sequence in the name of a segment, or undefined for another file. */
export function parseSegmentName(name: string): number | undefined {
  const match = SEGMENT.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** Index and term in the name of a snapshot, or undefined for another file. */
export function parseSnapshotName(
  name: string,
): { readonly index: number; readonly term: number } | undefined {
  const match = SNAPSHOT.exec(name);
  if (match === null) return undefined;
  return { index: Number(match[1]), term: Number(match[2]) };
}

/** Whether a file of this name may be removed at start. */
export function isTemporary(name: string): boolean {
  return TEMPORARY_NAMES.has(name) || SPARE.test(name) || RECEIVED.test(name);
}

/** Whether a node wrote a file of this name. The lock file is not counted: it holds no data. */
export function isNodeFile(name: string): boolean {
  return name === IDENTITY_NAME || isTemporary(name) ||
    (Object.values(UNFINISHED_NAMES) as string[]).includes(name) ||
    parseSegmentName(name) !== undefined || parseSnapshotName(name) !== undefined;
}
