/**
 * Commands as version 1.0 of the program wrote them, which are read for ever:
 *
 *     version   1 byte, 1
 *     kind      1 byte: 1 set, 2 delete, 3 expire; for set plus its flags
 *     timeMs    integer
 *     key       string
 *     set:      value string, [prevValue string], [|ttlSeconds| integer]
 *     expire:   setIndex integer
 */
import { type ByteReader, DecodeError } from "../../base/bytes.ts";
import { byteStringOf } from "../byte_string.ts";
import { type Command, NOBODY, type StampedCommand } from "./command.ts";

const SET = 1;
const DELETE = 2;
const EXPIRE = 3;
const KIND_MASK = 0x0f;
const HAS_PREV_VALUE = 0x10;
const HAS_TTL = 0x20;
const TTL_NEGATIVE = 0x40;

/** Reads what follows the version. Throws `DecodeError`. */
export function readCommandV1(reader: ByteReader): StampedCommand {
  const kind = reader.byte();
  const timeMs = reader.integer();
  const key = reader.text();
  if (!isWritable(key)) throw new DecodeError(`Expected a clean key, found "${key.slice(0, 100)}"`);
  const command = readBody(reader, kind, key);
  reader.end();
  return { command, format: 1, timeMs, requester: NOBODY };
}

function readBody(reader: ByteReader, kind: number, text: string): Command {
  const key = byteStringOf(text);
  if (kind === DELETE) return { type: "delete", key };
  if (kind === EXPIRE) {
    return { type: "expire", key, setIndex: reader.integer(), isDirectory: false };
  }
  if ((kind & KIND_MASK) !== SET || kind > (SET | HAS_PREV_VALUE | HAS_TTL | TTL_NEGATIVE)) {
    throw new DecodeError(`Expected a kind of command, found ${kind}`);
  }
  const value = reader.bytes();
  const prevValue = (kind & HAS_PREV_VALUE) === 0 ? undefined : reader.bytes();
  let ttlSeconds = (kind & HAS_TTL) === 0 ? undefined : reader.integer();
  if (ttlSeconds !== undefined && (kind & TTL_NEGATIVE) !== 0) ttlSeconds = -ttlSeconds;
  return { type: "set", key, value, prevValue, ttlSeconds };
}

/** Longest key of version 1.0, in UTF-16 code units. */
const KEY_LENGTH_MAX = 5 * 1024;

/** Whether version 1.0 could have put `key` into its log. */
function isWritable(key: string): boolean {
  if (key === "/") return true;
  if (key.length > KEY_LENGTH_MAX) return false;
  return key.startsWith("/") && !key.endsWith("/") && !key.includes("//") &&
    !(key.startsWith("/_etcd") && (key.length === 6 || key.charAt(6) === "/"));
}
