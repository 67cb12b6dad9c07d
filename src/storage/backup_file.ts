/**
 * A backup: what it is of, for people and programs, and then a snapshot file. It
 * is made as a stream, without a disk, and proven whole before anything is made
 * of it. Layout: `FORMAT.md`.
 */
import { crc32 } from "node:zlib";
import type { SnapshotMeta } from "../raft/types.ts";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { hasSameItems } from "../base/sequences.ts";
import type { DiskFile } from "./disk.ts";
import {
  CorruptionError,
  DamagedBackupError,
  FormatVersionError,
  type Refuse,
  refuseAt,
} from "./errors.ts";
import { FileWindow } from "./file_window.ts";
import type { PaceOptions } from "./pace.ts";
import {
  checkPosition,
  type ProofOptions,
  proveSnapshotAt,
  SnapshotEncoding,
  snapshotSlices,
} from "./snapshot_file.ts";

const MAGIC = new TextEncoder().encode("etcdback");
/** Of the format. */
const BACKUP_VERSION = 1;
const HEADER_BYTES = 16;
const CRC_BYTES = 4;
/** A longer description is damage: it must not fill the memory. */
const DESCRIPTION_BYTES_MAX = 64 * 1024;

/** What a backup is of. */
export interface BackupDescription {
  /** The cluster's id, hexadecimal. */
  readonly cluster: string;
  /** The name of the member that gave it. */
  readonly member: string;
  /** The program that wrote it. */
  readonly version: string;
  /** The last entry of the log that is in it. */
  readonly index: number;
  readonly term: number;
  /** The cluster's time when it was taken, RFC 3339. */
  readonly time: string;
  /** Of the store, as members compare it. */
  readonly digest: string;
}

/** A backup that was read in full, every checksum proven. */
export interface ProvenBackup {
  readonly description: BackupDescription;
  readonly meta: SnapshotMeta;
  /** Of the whole file. */
  readonly sizeBytes: number;
  /** Where in the file the snapshot begins. */
  readonly begin: number;
}

/** The bytes of a backup of `slices`, in portions, each made when it is asked for. */
export function* backupBytes(
  description: BackupDescription,
  meta: SnapshotMeta,
  slices: Iterable<Uint8Array>,
): Generator<Uint8Array, void> {
  yield encodeHeader(description);
  const encoding = new SnapshotEncoding(meta);
  yield encoding.head;
  for (const slice of slices) {
    if (slice.length === 0) continue;
    yield encoding.next(slice);
    yield slice;
  }
  yield encoding.trailer();
}

/** Reads all of `file`. Throws `DamagedBackupError`, `FormatVersionError`. */
export async function proveBackup(
  file: DiskFile,
  path: string,
  options: ProofOptions,
  onRead: (bytes: number) => void = () => {},
): Promise<ProvenBackup> {
  try {
    const { description, end } = readHeader(new FileWindow(file, HEADER_BYTES), path);
    const { meta, sizeBytes } = await proveSnapshotAt(file, path, end, options, onRead);
    checkPosition(path, end, meta, description);
    return { description, meta, sizeBytes: end + sizeBytes, begin: end };
  } catch (error) {
    throw error instanceof CorruptionError ? new DamagedBackupError(path, error) : error;
  }
}

/** The slices of the state machine's image in a proven backup. */
export function backupSlices(
  file: DiskFile,
  path: string,
  { begin }: ProvenBackup,
  options: PaceOptions,
): Iterable<Uint8Array> {
  return snapshotSlices(file, path, options.sliceBytes, begin);
}

function encodeHeader(description: BackupDescription): Uint8Array {
  // The line's end is for those who look at the file with `head -n 1`.
  const text = new TextEncoder().encode(`${JSON.stringify(description)}\n`);
  const bytes = new Uint8Array(HEADER_BYTES + text.length + CRC_BYTES);
  const writer = new ByteWriter(bytes);
  writer.copy(MAGIC);
  writer.u32(BACKUP_VERSION);
  writer.u32(text.length);
  writer.copy(text);
  writer.u32(crc32(bytes.subarray(0, -CRC_BYTES)));
  return bytes;
}

function readHeader(
  window: FileWindow,
  path: string,
): { readonly description: BackupDescription; readonly end: number } {
  const refuse = refuseAt(path, 0);
  const reader = new ByteReader(window.bytes(0, HEADER_BYTES, refuse), refuse);
  const magic = reader.take(MAGIC.length);
  if (!hasSameItems(magic, MAGIC)) refuse("a backup", "another kind of file");
  const version = reader.u32();
  if (version !== BACKUP_VERSION) throw new FormatVersionError(path, BACKUP_VERSION, version);
  const textBytes = reader.u32();
  if (textBytes > DESCRIPTION_BYTES_MAX) {
    refuse(`a description of at most ${DESCRIPTION_BYTES_MAX} bytes`, `${textBytes}`);
  }
  const end = HEADER_BYTES + textBytes + CRC_BYTES;
  const header = window.bytes(0, end, refuse);
  const stored = new ByteReader(header.subarray(-CRC_BYTES), refuse).u32();
  if (stored !== crc32(header.subarray(0, -CRC_BYTES))) {
    refuse("the header of a backup", "bytes that fail their checksum");
  }
  const text = header.subarray(HEADER_BYTES, -CRC_BYTES);
  return { description: parseDescription(text, refuse), end };
}

function parseDescription(text: Uint8Array, refuse: Refuse): BackupDescription {
  const { cluster, member, version, index, term, time, digest } = parseObject(text);
  if (
    typeof cluster !== "string" || typeof member !== "string" || typeof version !== "string" ||
    typeof time !== "string" || typeof digest !== "string" ||
    typeof index !== "number" || typeof term !== "number"
  ) return refuse("the description of a backup", "another one");
  return { cluster, member, version, index, term, time, digest };
}

/** Empty for anything else. */
function parseObject(text: Uint8Array): Partial<BackupDescription> {
  try {
    return Object(JSON.parse(new TextDecoder().decode(text)));
  } catch {
    return {};
  }
}
