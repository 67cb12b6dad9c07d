/**
 * Commands as bytes. A command travels and is stored as these bytes; the leader
 * stamps its time into them where they are.
 *
 *     version       1 byte, 2
 *     kind          1 byte, `KINDS`
 *     timeMs        6 bytes, little-endian
 *     user          byte string; "" for nobody
 *     authRevision  integer, only behind a user
 *     the rest      see the kind's writer
 *
 * Integers are LEB128, byte strings and values stand behind their length. Format 1
 * is read by `codec_v1.ts`.
 */
import { ByteReader, DecodeError } from "../../base/bytes.ts";
import { readAuthCommand, writeAuthCommand } from "./auth_codec.ts";
import { readCommandV1 } from "./codec_v1.ts";
import {
  type AlarmCommand,
  type Command,
  CommandError,
  NOBODY,
  type Requester,
  type SetCommand,
  type StampedCommand,
  type TreeDeleteCommand,
  type TreePutCommand,
} from "./command.ts";
import { GrowingWriter, writeFixed48 } from "./growing_writer.ts";
import { readOperation, writeOperation } from "./operation_codec.ts";

const VERSION = 2;
const TIME_AT = 2;

const KINDS = {
  set: 1,
  delete: 2,
  expire: 3,
  treePut: 4,
  treeDelete: 5,
  put: 6,
  deleteRange: 7,
  txn: 8,
  range: 9,
  compact: 10,
  leaseGrant: 11,
  leaseRevoke: 12,
  alarm: 13,
  auth: 32,
} as const;

const writer = new GrowingWriter();

/**
 * The bytes of `command`, which share their buffer with other commands. They have
 * no time until `stampCommand` gives them one.
 */
export function encodeCommand(
  command: Command,
  requester: Requester = NOBODY,
  timeMs = 0,
): Uint8Array {
  writer.begin();
  writer.byte(VERSION);
  writer.byte(kindOf(command));
  writer.fixed48(timeMs);
  writer.byteString(requester.user);
  if (requester.user !== "") writer.integer(requester.authRevision);
  writeBody(command);
  return writer.take();
}

/** Writes the leader's time into what `encodeCommand` made, here or on another member. */
export function stampCommand(bytes: Uint8Array, timeMs: number): void {
  if (bytes[0] !== VERSION || bytes.length < TIME_AT + 6) {
    throw new CommandError(`Expected a command of version ${VERSION}, found other bytes`);
  }
  writeFixed48(bytes, TIME_AT, timeMs);
}

/** What `bytes` say; values share memory with them. Throws `CommandError` when they are damaged. */
export function decodeCommand(bytes: Uint8Array): StampedCommand {
  try {
    return readCommand(new ByteReader(bytes));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new CommandError(`Damaged command of ${bytes.length} bytes: ${error.message}`, {
      cause: error,
    });
  }
}

function kindOf(command: Command): number {
  return KINDS[command.type];
}

function writeBody(command: Command): void {
  switch (command.type) {
    case "set":
      return writeSet(command);
    case "delete":
      return writer.byteString(command.key);
    case "expire":
      writer.byteString(command.key);
      writer.integer(command.setIndex);
      return writer.byte(command.isDirectory ? 1 : 0);
    case "treePut":
      return writeTreePut(command);
    case "treeDelete":
      return writeTreeDelete(command);
    case "put":
    case "deleteRange":
    case "txn":
    case "range":
      return writeOperation(writer, command);
    case "compact":
      writer.integer(command.revision);
      writer.integer(command.changeIndex);
      return writer.integer(command.keepEvents);
    case "leaseGrant":
      writer.bigint(command.id);
      return writer.integer(command.ttlSeconds);
    case "leaseRevoke":
      writer.bigint(command.id);
      return writer.integer(command.grantIndex);
    case "alarm":
      return writeAlarm(command);
    case "auth":
      return writeAuthCommand(writer, command);
  }
}

function readCommand(reader: ByteReader): StampedCommand {
  const version = reader.byte();
  if (version === 1) return readCommandV1(reader);
  if (version !== VERSION) {
    throw new DecodeError(`Expected version ${VERSION}, found ${version}; run the newer program`);
  }
  const kind = reader.byte();
  const timeMs = reader.fixed48();
  const user = reader.byteString();
  const requester = user === "" ? NOBODY : { user, authRevision: reader.integer() };
  const command = readBody(reader, kind);
  reader.end();
  return { command, format: VERSION, timeMs, requester };
}

function readBody(reader: ByteReader, kind: number): Command {
  switch (kind) {
    case KINDS.set:
      return readSet(reader);
    case KINDS.delete:
      return { type: "delete", key: reader.byteString() };
    case KINDS.expire:
      return {
        type: "expire",
        key: reader.byteString(),
        setIndex: reader.integer(),
        isDirectory: reader.byte() === 1,
      };
    case KINDS.treePut:
      return readTreePut(reader);
    case KINDS.treeDelete:
      return readTreeDelete(reader);
    case KINDS.put:
    case KINDS.deleteRange:
    case KINDS.txn:
    case KINDS.range:
      return readOperation(reader);
    case KINDS.compact:
      return {
        type: "compact",
        revision: reader.integer(),
        changeIndex: reader.integer(),
        keepEvents: reader.integer(),
      };
    case KINDS.leaseGrant:
      return { type: "leaseGrant", id: reader.bigint(), ttlSeconds: reader.integer() };
    case KINDS.leaseRevoke:
      return { type: "leaseRevoke", id: reader.bigint(), grantIndex: reader.integer() };
    case KINDS.alarm:
      return readAlarm(reader);
    case KINDS.auth:
      return readAuthCommand(reader);
    default:
      throw new DecodeError(`Expected a kind of command, found ${kind}`);
  }
}

const HAS_PREV_VALUE = 0x01;
const HAS_TTL = 0x02;
const TTL_NEGATIVE = 0x04;

function writeSet({ key, value, prevValue, ttlSeconds }: SetCommand): void {
  writer.byte(
    (prevValue === undefined ? 0 : HAS_PREV_VALUE) | (ttlSeconds === undefined ? 0 : HAS_TTL) |
      (ttlSeconds !== undefined && ttlSeconds < 0 ? TTL_NEGATIVE : 0),
  );
  writer.byteString(key);
  writer.value(value);
  if (prevValue !== undefined) writer.value(prevValue);
  if (ttlSeconds !== undefined) writer.integer(Math.abs(ttlSeconds));
}

function readSet(reader: ByteReader): SetCommand {
  const flags = reader.byte();
  const key = reader.byteString();
  const value = reader.bytes();
  const prevValue = (flags & HAS_PREV_VALUE) === 0 ? undefined : reader.bytes();
  let ttlSeconds = (flags & HAS_TTL) === 0 ? undefined : reader.integer();
  if (ttlSeconds !== undefined && (flags & TTL_NEGATIVE) !== 0) ttlSeconds = -ttlSeconds;
  return { type: "set", key, value, prevValue, ttlSeconds };
}

const IS_DIRECTORY = 0x04;
const IN_ORDER = 0x08;
const HAS_PREV_EXIST = 0x10;
const PREV_EXIST = 0x20;
const REFRESH = 0x40;
const RECURSIVE = 0x80;

function writeTreePut(command: TreePutCommand): void {
  const { prevExist, prevValue, ttlSeconds } = command;
  writer.byte(
    (prevValue === undefined ? 0 : HAS_PREV_VALUE) | (ttlSeconds === undefined ? 0 : HAS_TTL) |
      (command.isDirectory ? IS_DIRECTORY : 0) | (command.inOrder ? IN_ORDER : 0) |
      (prevExist === undefined ? 0 : HAS_PREV_EXIST) | (prevExist ? PREV_EXIST : 0) |
      (command.refresh ? REFRESH : 0),
  );
  writer.byteString(command.key);
  writer.value(command.value);
  if (prevValue !== undefined) writer.value(prevValue);
  writer.integer(command.prevIndex);
  if (ttlSeconds !== undefined) writer.integer(ttlSeconds);
}

function readTreePut(reader: ByteReader): TreePutCommand {
  const flags = reader.byte();
  return {
    type: "treePut",
    isDirectory: (flags & IS_DIRECTORY) !== 0,
    inOrder: (flags & IN_ORDER) !== 0,
    prevExist: (flags & HAS_PREV_EXIST) === 0 ? undefined : (flags & PREV_EXIST) !== 0,
    refresh: (flags & REFRESH) !== 0,
    key: reader.byteString(),
    value: reader.bytes(),
    prevValue: (flags & HAS_PREV_VALUE) === 0 ? undefined : reader.bytes(),
    prevIndex: reader.integer(),
    ttlSeconds: (flags & HAS_TTL) === 0 ? undefined : reader.integer(),
  };
}

function writeTreeDelete(command: TreeDeleteCommand): void {
  const { prevValue } = command;
  writer.byte(
    (prevValue === undefined ? 0 : HAS_PREV_VALUE) | (command.isDirectory ? IS_DIRECTORY : 0) |
      (command.recursive ? RECURSIVE : 0),
  );
  writer.byteString(command.key);
  if (prevValue !== undefined) writer.value(prevValue);
  writer.integer(command.prevIndex);
}

function readTreeDelete(reader: ByteReader): TreeDeleteCommand {
  const flags = reader.byte();
  return {
    type: "treeDelete",
    isDirectory: (flags & IS_DIRECTORY) !== 0,
    recursive: (flags & RECURSIVE) !== 0,
    key: reader.byteString(),
    prevValue: (flags & HAS_PREV_VALUE) === 0 ? undefined : reader.bytes(),
    prevIndex: reader.integer(),
  };
}

function writeAlarm({ action, alarm, member }: AlarmCommand): void {
  writer.byte((action === "activate" ? 1 : 0) | (alarm === "corrupt" ? 2 : 0));
  writer.bigint(member);
}

function readAlarm(reader: ByteReader): AlarmCommand {
  const flags = reader.byte();
  return {
    type: "alarm",
    action: (flags & 1) === 0 ? "deactivate" : "activate",
    alarm: (flags & 2) === 0 ? "noSpace" : "corrupt",
    member: BigInt.asUintN(64, reader.bigint()),
  };
}
