/**
 * Who this data directory belongs to. Written beside, synced and renamed, so
 * that it is either the old one or the new one. Layout: `FORMAT.md`.
 */
import { crc32 } from "node:zlib";
import { assert } from "../base/assert.ts";
import { encodeConfiguration } from "../raft/codec.ts";
import type { Configuration, MemberId } from "../raft/types.ts";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import type { Disk } from "./disk.ts";
import { FormatVersionError, refuseAt } from "./errors.ts";
import { IDENTITY_NAME, IDENTITY_TEMPORARY_NAME } from "./names.ts";
import { readConfiguration } from "./snapshot_file.ts";

/** What a member is, from the making of its directory to its end. */
export interface Identity {
  readonly memberId: MemberId;
  /** 0 until the member has joined. */
  readonly clusterId: number;
  readonly name: string;
  /** The configuration at index 0; only the founder of a cluster has one. */
  readonly initial: Configuration | undefined;
}

const MAGIC = new TextEncoder().encode("etcdself");
/** Of the file's format. */
const IDENTITY_VERSION = 1;
const HEADER_BYTES = 40;
const CRC_BYTES = 4;
const FLAG_INITIAL = 1;

/** The identity on disk, undefined when there is none. Throws `CorruptionError`, `FormatVersionError`. */
export function readIdentity(disk: Disk): Identity | undefined {
  if (!disk.list().some((entry) => entry.name === IDENTITY_NAME)) return undefined;
  const file = disk.open(IDENTITY_NAME);
  try {
    const bytes = new Uint8Array(file.size());
    file.read(bytes, 0);
    return decodeIdentity(bytes, `${disk.path}/${IDENTITY_NAME}`);
  } finally {
    file.close();
  }
}

/** Replaces the identity; resolves when it is durable. Rejects with `DiskFullError`. */
export async function writeIdentity(disk: Disk, identity: Identity): Promise<void> {
  const file = disk.create(IDENTITY_TEMPORARY_NAME);
  try {
    file.write(encodeIdentity(identity), 0);
    await file.sync();
  } finally {
    file.close();
  }
  disk.rename(IDENTITY_TEMPORARY_NAME, IDENTITY_NAME);
  await disk.syncDirectory();
}

/** The bytes of the whole file. */
function encodeIdentity(identity: Identity): Uint8Array {
  assert(identity.memberId > 0, "A member has an id");
  const name = new TextEncoder().encode(identity.name);
  const initial = identity.initial === undefined
    ? new Uint8Array(0)
    : encodeConfiguration(identity.initial);
  const bytes = new Uint8Array(HEADER_BYTES + name.length + initial.length + CRC_BYTES);
  const writer = new ByteWriter(bytes);
  writer.copy(MAGIC);
  writer.u32(IDENTITY_VERSION);
  writer.u32(identity.initial === undefined ? 0 : FLAG_INITIAL);
  writer.u53(identity.memberId);
  writer.u53(identity.clusterId);
  writer.u32(name.length);
  writer.u32(initial.length);
  writer.copy(name);
  writer.copy(initial);
  writer.u32(crc32(bytes.subarray(0, -CRC_BYTES)));
  return bytes;
}

function decodeIdentity(bytes: Uint8Array, path: string): Identity {
  const refuse = refuseAt(path, 0);
  const reader = new ByteReader(bytes, refuse);
  const magic = reader.take(MAGIC.length);
  const version = reader.u32();
  if (!MAGIC.every((byte, i) => byte === magic[i])) {
    refuse("the identity of a node", "another kind of file");
  }
  const stored = new DataView(bytes.buffer, bytes.length - CRC_BYTES).getUint32(0);
  if (stored !== crc32(bytes.subarray(0, -CRC_BYTES))) {
    refuse("the identity of a node", "bytes that fail their checksum");
  }
  if (version !== IDENTITY_VERSION) throw new FormatVersionError(path, IDENTITY_VERSION, version);
  const hasInitial = (reader.u32() & FLAG_INITIAL) !== 0;
  const memberId = reader.u53();
  const clusterId = reader.u53();
  const nameBytes = reader.u32();
  const initialBytes = reader.u32();
  const name = new TextDecoder().decode(reader.take(nameBytes));
  const encoded = reader.take(initialBytes);
  const initial = hasInitial ? readConfiguration(encoded, refuse) : undefined;
  return { memberId, clusterId, name, initial };
}
