/**
 * Who this data directory belongs to. Layout: `FORMAT.md`.
 */
import { crc32 } from "node:zlib";
import { assert } from "../base/assert.ts";
import { encodeConfiguration } from "../raft/codec.ts";
import type { Acceptance, Ballot, Pledge } from "../founding/types.ts";
import type { Configuration, MemberId } from "../raft/types.ts";
import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { hasSameItems } from "../base/sequences.ts";
import { type Disk, replaceFile } from "./disk.ts";
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
  /** What a node without data has bound itself to while it was decided who founds its cluster. */
  readonly founding?: Pledge | undefined;
  /**
   * So many voters must the cluster have before this member serves for the first time: a
   * majority of those that `--initial-cluster` named. Undefined when it has had them.
   */
  readonly votersAwaited?: number | undefined;
}

const MAGIC = new TextEncoder().encode("etcdself");
/** Of the file's format: the first that has room for all there is to tell. */
const PLAIN_VERSION = 1;
const FOUNDING_VERSION = 2;
const HEADER_BYTES = 40;
const CRC_BYTES = 4;
const FLAG_INITIAL = 1;
const FLAG_PROMISED = 2;
const FLAG_ACCEPTED = 4;
const FLAG_AWAITED = 8;

const BALLOT_BYTES = 16;
/** Of an acceptance, without the name. */
const ACCEPTANCE_BYTES = BALLOT_BYTES + 20;

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
export function writeIdentity(disk: Disk, identity: Identity): Promise<void> {
  return replaceFile(disk, IDENTITY_NAME, IDENTITY_TEMPORARY_NAME, encodeIdentity(identity));
}

/** The bytes of the whole file. */
function encodeIdentity(identity: Identity): Uint8Array {
  assert(identity.memberId > 0, "A member has an id");
  const name = new TextEncoder().encode(identity.name);
  const initial = identity.initial === undefined
    ? new Uint8Array(0)
    : encodeConfiguration(identity.initial);
  const founding = encodeFounding(identity);
  const bytes = new Uint8Array(
    HEADER_BYTES + name.length + initial.length + founding.length + CRC_BYTES,
  );
  const writer = new ByteWriter(bytes);
  writer.copy(MAGIC);
  writer.u32(founding.length === 0 ? PLAIN_VERSION : FOUNDING_VERSION);
  writer.u32(flagsOf(identity));
  writer.u53(identity.memberId);
  writer.u53(identity.clusterId);
  writer.u32(name.length);
  writer.u32(initial.length);
  writer.copy(name);
  writer.copy(initial);
  writer.copy(founding);
  writer.u32(crc32(bytes.subarray(0, -CRC_BYTES)));
  return bytes;
}

function flagsOf({ initial, founding, votersAwaited }: Identity): number {
  return (initial === undefined ? 0 : FLAG_INITIAL) |
    (founding === undefined ? 0 : FLAG_PROMISED) |
    (founding?.accepted === undefined ? 0 : FLAG_ACCEPTED) |
    (votersAwaited === undefined ? 0 : FLAG_AWAITED);
}

/** What version 2 has and version 1 has not; empty when there is nothing of it. */
function encodeFounding({ founding, votersAwaited }: Identity): Uint8Array {
  const accepted = founding?.accepted;
  const name = new TextEncoder().encode(accepted?.choice.name ?? "");
  const bytes = new Uint8Array(
    (founding === undefined ? 0 : BALLOT_BYTES) +
      (accepted === undefined ? 0 : ACCEPTANCE_BYTES + name.length) +
      (votersAwaited === undefined ? 0 : 4),
  );
  const writer = new ByteWriter(bytes);
  if (founding !== undefined) writeBallot(writer, founding.promised);
  if (accepted !== undefined) {
    writeBallot(writer, accepted.ballot);
    writer.u53(accepted.choice.clusterId);
    writer.u53(accepted.choice.founder);
    writer.u32(name.length);
    writer.copy(name);
  }
  if (votersAwaited !== undefined) writer.u32(votersAwaited);
  return bytes;
}

function writeBallot(writer: ByteWriter, { round, proposer }: Ballot): void {
  writer.u53(round);
  writer.u53(proposer);
}

function decodeIdentity(bytes: Uint8Array, path: string): Identity {
  const refuse = refuseAt(path, 0);
  const reader = new ByteReader(bytes, refuse);
  const magic = reader.take(MAGIC.length);
  const version = reader.u32();
  if (!hasSameItems(magic, MAGIC)) {
    refuse("the identity of a node", "another kind of file");
  }
  const stored = new DataView(bytes.buffer, bytes.length - CRC_BYTES).getUint32(0);
  if (stored !== crc32(bytes.subarray(0, -CRC_BYTES))) {
    refuse("the identity of a node", "bytes that fail their checksum");
  }
  if (version !== PLAIN_VERSION && version !== FOUNDING_VERSION) {
    throw new FormatVersionError(path, FOUNDING_VERSION, version);
  }
  const flags = reader.u32();
  const memberId = reader.u53();
  const clusterId = reader.u53();
  const nameBytes = reader.u32();
  const initialBytes = reader.u32();
  const name = new TextDecoder().decode(reader.take(nameBytes));
  const encoded = reader.take(initialBytes);
  const initial = (flags & FLAG_INITIAL) === 0 ? undefined : readConfiguration(encoded, refuse);
  const plain = { memberId, clusterId, name, initial };
  return version === PLAIN_VERSION ? plain : { ...plain, ...readFounding(reader, flags) };
}

function readFounding(
  reader: ByteReader,
  flags: number,
): Pick<Identity, "founding" | "votersAwaited"> {
  const promised = (flags & FLAG_PROMISED) === 0 ? undefined : readBallot(reader);
  const accepted = (flags & FLAG_ACCEPTED) === 0 ? undefined : readAcceptance(reader);
  const votersAwaited = (flags & FLAG_AWAITED) === 0 ? undefined : reader.u32();
  return {
    ...(promised && { founding: { promised, accepted } }),
    ...(votersAwaited !== undefined && { votersAwaited }),
  };
}

function readAcceptance(reader: ByteReader): Acceptance {
  const ballot = readBallot(reader);
  const clusterId = reader.u53();
  const founder = reader.u53();
  const name = new TextDecoder().decode(reader.take(reader.u32()));
  return { ballot, choice: { clusterId, founder, name } };
}

function readBallot(reader: ByteReader): Ballot {
  const round = reader.u53();
  return { round, proposer: reader.u53() };
}
