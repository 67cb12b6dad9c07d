/**
 * Messages and configurations as bytes. A message is
 *
 *     version u8, type u8, from u53, to u53, term u53, then the fields of its type
 *
 * where u53 takes eight bytes, all big-endian. What decodes is well-formed, not
 * trustworthy: whether it makes sense is for the core to judge. Both layouts are
 * frozen; a change takes a new version byte.
 */
import { unreachable } from "../base/assert.ts";
import { ByteReader, ByteWriter, DecodeError, utf8Length } from "../base/bytes.ts";
import { NONE } from "./types.ts";
import type {
  Append,
  AppendReply,
  Configuration,
  Entry,
  EntryKind,
  Member,
  MemberId,
  Message,
  SnapshotMeta,
} from "./types.ts";

export { DecodeError };

const MESSAGE_VERSION = 1;
/**
 * Version 1 had one address of each kind, an empty one for none. Version 2 tells of a
 * member only whether it votes. Version 3 also tells who stays a learner, who took a
 * place and whose addresses were assigned, version 4 where gRPC has URLs of its own. The
 * first that has room for all there is to tell is written; all are read for ever.
 */
const CONFIGURATION_VERSIONS = { oneUrl: 1, urls: 2, parts: 3, grpc: 4 } as const;

/** What a member is; the last one since version 3. The position is the byte: append only. */
const PARTS = ["newcomer", "voter", "learner"] as const;

/** The position is the byte: append only. */
const MESSAGE_TYPES = [
  "append",
  "appendReply",
  "heartbeat",
  "heartbeatReply",
  "preVote",
  "preVoteReply",
  "vote",
  "voteReply",
  "snapshot",
  "timeoutNow",
] as const satisfies readonly Message["type"][];

/** The position is the byte: append only. */
const ENTRY_KINDS = ["noop", "command", "config"] as const satisfies readonly EntryKind[];

const HEADER_BYTES = 26;
/** Kind, term, length of the data; the index follows from the position. */
const ENTRY_HEADER_BYTES = 13;
/** Id, part, an empty name and two empty lists. */
const MEMBER_BYTES_MIN = 13;
/** What a version has beside that: who took the place and whose the addresses are; a list of URLs. */
const MORE_BYTES: { readonly [version: number]: number } = { 3: 9, 4: 10 };

/** The frame of `message`, in one allocation. */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(new Uint8Array(HEADER_BYTES + bodyBytes(message)));
  writer.byte(MESSAGE_VERSION);
  writer.byte(MESSAGE_TYPES.indexOf(message.type));
  writer.u53(message.from);
  writer.u53(message.to);
  writer.u53(message.term);
  writeBody(writer, message);
  return writer.finish();
}

/**
 * The message in `bytes`. The data of its entries are views of `bytes`, which
 * must not change afterwards. Throws `DecodeError`.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader: ByteReader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== MESSAGE_VERSION) {
    reader.fail(`message version ${MESSAGE_VERSION}`, `${version}`);
  }
  const code = reader.byte();
  const type = MESSAGE_TYPES[code];
  if (type === undefined) reader.fail("a known message type", `${code}`);
  const envelope = { from: reader.u53(), to: reader.u53(), term: reader.u53() };
  const message = readBody(reader, type, envelope);
  reader.end();
  return message;
}

/** The data of a `config` entry; also for the snapshot file. */
export function encodeConfiguration(configuration: Configuration): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(new Uint8Array(configurationBytes(configuration)));
  writeConfiguration(writer, configuration);
  return writer.finish();
}

/** Throws `DecodeError`. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const reader = new ByteReader(bytes);
  const configuration = readConfiguration(reader);
  reader.end();
  return configuration;
}

function bodyBytes(message: Message): number {
  switch (message.type) {
    case "append": {
      let bytes = 28;
      for (const { data } of message.entries) bytes += ENTRY_HEADER_BYTES + data.length;
      return bytes;
    }
    case "appendReply":
      return 25;
    case "heartbeat":
      return 16;
    case "heartbeatReply":
      return 8;
    case "preVote":
    case "vote":
      return 17;
    case "preVoteReply":
    case "voteReply":
      return 1;
    case "snapshot":
      return 16 + configurationBytes(message.snapshot.configuration);
    case "timeoutNow":
      return 0;
    default:
      unreachable(message);
  }
}

function writeBody(writer: ByteWriter, message: Message): void {
  switch (message.type) {
    case "append":
      return writeAppend(writer, message);
    case "appendReply":
      writer.bool(message.rejected);
      writer.u53(message.index);
      writer.u53(message.hintIndex);
      return writer.u53(message.hintTerm);
    case "heartbeat":
      writer.u53(message.commitIndex);
      return writer.u53(message.readRound);
    case "heartbeatReply":
      return writer.u53(message.readRound);
    case "preVote":
    case "vote":
      writer.u53(message.lastIndex);
      writer.u53(message.lastTerm);
      return writer.bool(message.transfer);
    case "preVoteReply":
    case "voteReply":
      return writer.bool(message.granted);
    case "snapshot":
      writer.u53(message.snapshot.index);
      writer.u53(message.snapshot.term);
      return writeConfiguration(writer, message.snapshot.configuration);
    case "timeoutNow":
      return;
    default:
      unreachable(message);
  }
}

type Envelope = Pick<Message, "from" | "to" | "term">;

function readBody(reader: ByteReader, type: Message["type"], envelope: Envelope): Message {
  switch (type) {
    case "append":
      return readAppend(reader, envelope);
    case "appendReply":
      return readAppendReply(reader, envelope);
    case "heartbeat":
      return { type, ...envelope, commitIndex: reader.u53(), readRound: reader.u53() };
    case "heartbeatReply":
      return { type, ...envelope, readRound: reader.u53() };
    case "preVote":
    case "vote": {
      const last = { lastIndex: reader.u53(), lastTerm: reader.u53() };
      return { type, ...envelope, ...last, transfer: reader.bool() };
    }
    case "preVoteReply":
    case "voteReply":
      return { type, ...envelope, granted: reader.bool() };
    case "snapshot":
      return { type, ...envelope, snapshot: readSnapshotMeta(reader) };
    case "timeoutNow":
      return { type, ...envelope };
    default:
      unreachable(type);
  }
}

function writeAppend(writer: ByteWriter, message: Append): void {
  writer.u53(message.prevIndex);
  writer.u53(message.prevTerm);
  writer.u53(message.commitIndex);
  writer.u32(message.entries.length);
  for (const { kind, term, data } of message.entries) {
    writer.byte(ENTRY_KINDS.indexOf(kind));
    writer.u53(term);
    writer.u32(data.length);
    writer.copy(data);
  }
}

function readAppend(reader: ByteReader, { from, to, term }: Envelope): Append {
  const prevIndex = reader.u53();
  const prevTerm = reader.u53();
  const commitIndex = reader.u53();
  const count = reader.count(reader.u32(), ENTRY_HEADER_BYTES);
  if (!Number.isSafeInteger(prevIndex + count)) {
    reader.fail("indexes below 2^53", `${count} after ${prevIndex}`);
  }
  const entries: Entry[] = [];
  for (let position = 1; position <= count; position++) {
    entries.push(readEntry(reader, prevIndex + position));
  }
  return { type: "append", from, to, term, prevIndex, prevTerm, entries, commitIndex };
}

function readEntry(reader: ByteReader, index: number): Entry {
  const code = reader.byte();
  const kind = ENTRY_KINDS[code];
  if (kind === undefined) reader.fail("a known kind of entry", `${code}`);
  const term = reader.u53();
  return { index, term, kind, data: reader.take(reader.u32()) };
}

function readAppendReply(reader: ByteReader, { from, to, term }: Envelope): AppendReply {
  const rejected = reader.bool();
  const index = reader.u53();
  const hintIndex = reader.u53();
  const hintTerm = reader.u53();
  return { type: "appendReply", from, to, term, rejected, index, hintIndex, hintTerm };
}

function readSnapshotMeta(reader: ByteReader): SnapshotMeta {
  const index = reader.u53();
  const term = reader.u53();
  return { index, term, configuration: readConfiguration(reader) };
}

function configurationBytes({ members, removed }: Configuration): number {
  const memberBytes = MEMBER_BYTES_MIN + (MORE_BYTES[versionFor(members)] ?? 0);
  let bytes = 5 + 8 * removed.length;
  for (const { name, peerUrls, clientUrls, grpcUrls = [] } of members) {
    bytes += memberBytes + utf8Length(name);
    for (const url of [...peerUrls, ...clientUrls, ...grpcUrls]) bytes += 2 + utf8Length(url);
  }
  return bytes;
}

function writeConfiguration(writer: ByteWriter, { members, removed }: Configuration): void {
  const version = versionFor(members);
  writer.byte(version);
  writer.u16(members.length);
  for (const { id, voter, learner, takenBy, assigned, name, ...reached } of members) {
    writer.u53(id);
    writer.byte(PARTS.indexOf(voter ? "voter" : learner ? "learner" : "newcomer"));
    if (version >= CONFIGURATION_VERSIONS.parts) {
      writer.u53(takenBy ?? NONE);
      writer.bool(assigned ?? false);
    }
    writer.string(name, utf8Length(name));
    writeUrlList(writer, reached.peerUrls);
    writeUrlList(writer, reached.clientUrls);
    if (version >= CONFIGURATION_VERSIONS.grpc) writeUrlList(writer, reached.grpcUrls ?? []);
  }
  writer.u16(removed.length);
  for (const id of removed) writer.u53(id);
}

function writeUrlList(writer: ByteWriter, urls: readonly string[]): void {
  writer.byte(urls.length);
  for (const url of urls) writer.string(url, utf8Length(url));
}

/** The first version that has room for all that there is to tell of `members`. */
function versionFor(members: readonly Member[]): number {
  if (members.some(({ grpcUrls }) => grpcUrls !== undefined)) return CONFIGURATION_VERSIONS.grpc;
  const hasParts = members.some(({ learner, takenBy, assigned }) =>
    learner !== undefined || takenBy !== undefined || assigned !== undefined
  );
  return hasParts ? CONFIGURATION_VERSIONS.parts : CONFIGURATION_VERSIONS.urls;
}

function readConfiguration(reader: ByteReader): Configuration {
  const { oneUrl, parts, grpc } = CONFIGURATION_VERSIONS;
  const version = reader.byte();
  if (version < oneUrl || version > grpc) {
    reader.fail(`a configuration version from ${oneUrl} to ${grpc}`, `${version}`);
  }
  const members: Member[] = [];
  for (let left = reader.count(reader.u16(), MEMBER_BYTES_MIN); left > 0; left--) {
    members.push(readMember(reader, version));
  }
  // One meaning, one encoding.
  if (version >= parts && version !== versionFor(members)) {
    reader.fail(`version ${versionFor(members)} for members`, `version ${version}`);
  }
  const removed: MemberId[] = [];
  for (let left = reader.count(reader.u16(), 8); left > 0; left--) {
    removed.push(reader.u53());
  }
  return { members, removed };
}

function readMember(reader: ByteReader, version: number): Member {
  const { oneUrl, parts, grpc } = CONFIGURATION_VERSIONS;
  const readUrls = version === oneUrl ? readOneUrl : readUrlList;
  const id = reader.u53();
  const code = reader.byte();
  const part = PARTS[code];
  if (part === undefined || part === "learner" && version < parts) {
    reader.fail("a known part of a member", `${code}`);
  }
  const takenBy = version < parts ? NONE : reader.u53();
  const assigned = version >= parts && reader.bool();
  const name = reader.string();
  const urls = { peerUrls: readUrls(reader), clientUrls: readUrls(reader) };
  const grpcUrls = version < grpc ? [] : readUrlList(reader);
  return {
    ...{ id, name, ...urls },
    ...(grpcUrls.length > 0 && { grpcUrls }),
    voter: part === "voter",
    ...(part === "learner" && { learner: true }),
    ...(takenBy !== NONE && { takenBy }),
    ...(assigned && { assigned }),
  };
}

function readUrlList(reader: ByteReader): string[] {
  const urls: string[] = [];
  for (let left = reader.byte(); left > 0; left--) urls.push(reader.string());
  return urls;
}

function readOneUrl(reader: ByteReader): string[] {
  const url = reader.string();
  return url === "" ? [] : [url];
}
