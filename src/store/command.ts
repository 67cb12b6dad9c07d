/**
 * The commands of the replicated log and their bytes. The leading byte is the
 * version of the state machine that a command is for. Must not judge a command:
 * what it does, and whether it can, is decided when it is applied.
 *
 *     version   1 byte, 1
 *     kind      1 byte: 1 set, 2 delete, 3 expire; for set plus its flags
 *     timeMs    integer
 *     key       string
 *     set:      value string, [prevValue string], [|ttlSeconds| integer]
 *     expire:   setIndex integer
 */
import { ByteReader, ByteWriter, DecodeError, INTEGER_BYTES_MAX, textBytesMax } from "./bytes.ts";
import { isWritable } from "./key.ts";

export interface SetCommand {
  readonly type: "set";
  readonly key: string;
  readonly value: string;
  /** Test-and-set: the value that must be there. */
  readonly prevValue: string | undefined;
  /** As the client gave it; zero or less deletes. */
  readonly ttlSeconds: number | undefined;
  /** The cluster's time when the leader made the command, Unix ms; the deadline is timeMs + ttlSeconds * 1000. */
  readonly timeMs: number;
}

export interface DeleteCommand {
  readonly type: "delete";
  readonly key: string;
  readonly timeMs: number;
}

/** Removes `key` if it is still the one that was set at `setIndex`. */
export interface ExpireCommand {
  readonly type: "expire";
  readonly key: string;
  readonly setIndex: number;
  readonly timeMs: number;
}

export type Command = SetCommand | DeleteCommand | ExpireCommand;

/** A command that has no bytes, or bytes that are no command. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

const VERSION = 1;

const SET = 1;
const DELETE = 2;
const EXPIRE = 3;
const KIND_MASK = 0x0f;
const HAS_PREV_VALUE = 0x10;
const HAS_TTL = 0x20;
const TTL_NEGATIVE = 0x40;

/** Commands are cut from blocks of this size: an array of its own costs each 0.7 µs. */
const BLOCK_BYTES = 64 * 1024;

let block = new ByteWriter(new Uint8Array(0));

/**
 * The bytes of `command`; they share their buffer with other commands. Throws
 * `CommandError` on a key or a number that no member could apply, so that it
 * never gets into the log.
 */
export function encodeCommand(command: Command): Uint8Array {
  checkCommand(command);
  const bytesMax = commandBytesMax(command);
  if (bytesMax > BLOCK_BYTES / 4) {
    const writer = new ByteWriter(new Uint8Array(bytesMax));
    writeCommand(writer, command);
    return writer.bytes.slice(0, writer.offset);
  }
  if (block.offset + bytesMax > block.bytes.length) {
    block = new ByteWriter(new Uint8Array(BLOCK_BYTES));
  }
  const start = block.offset;
  writeCommand(block, command);
  return block.bytes.subarray(start, block.offset);
}

/**
 * The command that `encodeCommand` made `bytes` of; its strings share no memory
 * with them. Throws `CommandError` when they are damaged.
 */
export function decodeCommand(bytes: Uint8Array): Command {
  try {
    return readCommand(new ByteReader(bytes));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new CommandError(`Damaged command of ${bytes.length} bytes: ${error.message}`, {
      cause: error,
    });
  }
}

function checkCommand(command: Command): void {
  if (!isWritable(command.key)) {
    const found = command.key.slice(0, 100);
    throw new CommandError(`Expected a clean key outside of "/_etcd", found "${found}"`);
  }
  checkInteger("timeMs", command.timeMs);
  if (command.type === "expire") checkInteger("setIndex", command.setIndex);
  if (command.type === "set" && command.ttlSeconds !== undefined) {
    checkInteger("ttlSeconds", Math.abs(command.ttlSeconds));
  }
}

function checkInteger(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new CommandError(`Expected ${name} to be an integer below 2^53, found ${value}`);
}

function commandBytesMax(command: Command): number {
  const headBytesMax = 2 + 2 * INTEGER_BYTES_MAX + textBytesMax(command.key);
  if (command.type !== "set") return headBytesMax;
  return headBytesMax + textBytesMax(command.value) + textBytesMax(command.prevValue ?? "");
}

function writeCommand(writer: ByteWriter, command: Command): void {
  writer.byte(VERSION);
  writer.byte(kindOf(command));
  writer.integer(command.timeMs);
  writer.text(command.key);
  if (command.type === "set") {
    writer.text(command.value);
    if (command.prevValue !== undefined) writer.text(command.prevValue);
    if (command.ttlSeconds !== undefined) writer.integer(Math.abs(command.ttlSeconds));
  } else if (command.type === "expire") {
    writer.integer(command.setIndex);
  }
}

function kindOf(command: Command): number {
  if (command.type === "delete") return DELETE;
  if (command.type === "expire") return EXPIRE;
  const { prevValue, ttlSeconds } = command;
  return SET | (prevValue === undefined ? 0 : HAS_PREV_VALUE) |
    (ttlSeconds === undefined ? 0 : HAS_TTL) |
    (ttlSeconds !== undefined && ttlSeconds < 0 ? TTL_NEGATIVE : 0);
}

function readCommand(reader: ByteReader): Command {
  const version = reader.byte();
  if (version !== VERSION) {
    throw new DecodeError(`Expected version ${VERSION}, found ${version}; run the newer program`);
  }
  const kind = reader.byte();
  const timeMs = reader.integer();
  const key = reader.text();
  if (!isWritable(key)) throw new DecodeError(`Expected a clean key, found "${key.slice(0, 100)}"`);
  const command = readBody(reader, kind, timeMs, key);
  reader.end();
  return command;
}

function readBody(reader: ByteReader, kind: number, timeMs: number, key: string): Command {
  if (kind === DELETE) return { type: "delete", key, timeMs };
  if (kind === EXPIRE) return { type: "expire", key, setIndex: reader.integer(), timeMs };
  if ((kind & KIND_MASK) !== SET || kind > (SET | HAS_PREV_VALUE | HAS_TTL | TTL_NEGATIVE)) {
    throw new DecodeError(`Expected a kind of command, found ${kind}`);
  }
  const value = reader.text();
  const prevValue = (kind & HAS_PREV_VALUE) === 0 ? undefined : reader.text();
  let ttlSeconds = (kind & HAS_TTL) === 0 ? undefined : reader.integer();
  if (ttlSeconds !== undefined && (kind & TTL_NEGATIVE) !== 0) ttlSeconds = -ttlSeconds;
  return { type: "set", key, value, prevValue, ttlSeconds, timeMs };
}
