/**
 * What v2's commands do: PUT, POST and DELETE of files and directories, and what
 * runs out of time.
 */
import { Buffer } from "node:buffer";
import { type ByteString, byteStringAt } from "../byte_string.ts";
import type {
  ExpireCommand,
  TreeDeleteCommand,
  TreePutCommand,
  ValueBytes,
} from "../command/command.ts";
import type { Action, Event } from "../event.ts";
import { hasChildren } from "../keyspace/below.ts";
import type { Change } from "../keyspace/change.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import type { Place } from "../keyspace/packed_map.ts";
import { modifiedIndexAt, setIndexAt, valueAt } from "../keyspace/record.ts";
import { isFilePath, prefixOf, ROOT } from "../path.ts";
import { reject, testFailed } from "../rejections.ts";
import { type FailedComparison, NOTHING, type Nothing, type Rejected } from "../result.ts";
import { asBytes } from "../value.ts";
import { deadlineAfter } from "./deadline.ts";

/** Digits of a key that POST makes. */
const IN_ORDER_DIGITS = 20;

/** PUT and POST, by the conditions of the command. */
export function applyTreePut(
  keys: Keyspace,
  change: Change,
  command: TreePutCommand,
): Event | Rejected {
  if (command.inOrder) return createInOrder(keys, change, command);
  const { key, prevExist, prevValue, prevIndex } = command;
  if (key === ROOT) return reject("rootIsReadOnly", ROOT, change);
  const blocking = keys.fileAbove(key);
  if (blocking !== undefined) return reject("notADirectory", blocking, change);
  if (prevExist === false) return create(keys, change, key, command);
  if (prevValue !== undefined || prevIndex !== 0) return compareAndSwap(keys, change, command);
  if (prevExist === true || command.refresh) return update(keys, change, command);
  return set(keys, change, command);
}

/** DELETE of a file or a directory. */
export function applyTreeDelete(
  keys: Keyspace,
  change: Change,
  command: TreeDeleteCommand,
): Event | Rejected {
  const { key, prevValue, prevIndex, recursive } = command;
  if (key === ROOT) return reject("rootIsReadOnly", ROOT, change);
  const blocking = keys.fileAbove(key);
  if (blocking !== undefined) return reject("notADirectory", blocking, change);
  const compares = prevValue !== undefined || prevIndex !== 0;
  const file = keys.findFile(key);
  if (file !== undefined) {
    if (!compares) return keys.delete(change, key, "delete");
    const failed = comparisons(file, prevValue, prevIndex);
    if (failed.length > 0) return testFailed(key, change, failed);
    return keys.delete(change, key, "compareAndDelete");
  }
  if (!keys.hasDirectory(key)) return reject("keyNotFound", firstMissing(keys, key), change);
  if (compares || !(command.isDirectory || recursive)) return reject("notAFile", key, change);
  if (!recursive && hasChildren(keys.directoryCursor(), keys.cursor(), key)) {
    return reject("directoryNotEmpty", key, change);
  }
  return keys.removeDirectory(change, key, "delete");
}

/** Removes what was made by the entry that the command names, and is still there. */
export function applyExpire(
  keys: Keyspace,
  change: Change,
  { key, setIndex, isDirectory }: ExpireCommand,
): Event | Nothing {
  const found = isDirectory ? keys.findDirectory(key) : keys.find(key);
  // Set again meanwhile: it lives by its new deadline.
  if (found === undefined || setIndexAt(found.bytes, found.at) !== setIndex) return NOTHING;
  return isDirectory
    ? keys.removeDirectory(change, key, "expire")
    : keys.delete(change, key, "expire");
}

/** The key, or the first directory above it that is missing. */
export function firstMissing(keys: Keyspace, key: ByteString): ByteString {
  for (let slash = key.indexOf("/", 1); slash > 0; slash = key.indexOf("/", slash + 1)) {
    const path = key.slice(0, slash);
    if (!keys.hasDirectory(path)) return path;
  }
  return key;
}

function createInOrder(
  keys: Keyspace,
  change: Change,
  command: TreePutCommand,
): Event | Rejected {
  const directory = command.key;
  const name = String(change.changeIndex + 1).padStart(IN_ORDER_DIGITS, "0");
  const key = prefixOf(directory) + name;
  const blocking = keys.fileAbove(key);
  if (blocking !== undefined) return reject("notADirectory", blocking, change);
  return create(keys, change, key, command);
}

function create(
  keys: Keyspace,
  change: Change,
  key: ByteString,
  command: TreePutCommand,
): Event | Rejected {
  const isThere = keys.findFile(key) !== undefined || keys.hasDirectory(key);
  if (isThere) return reject("keyExists", key, change);
  return write(keys, change, key, command, "create");
}

function set(keys: Keyspace, change: Change, command: TreePutCommand): Event | Rejected {
  const { key } = command;
  const file = keys.findFile(key);
  if (file === undefined) {
    if (keys.hasDirectory(key)) return reject("notAFile", key, change);
  } else if (command.isDirectory) {
    return replaceByDirectory(keys, change, command);
  }
  return write(keys, change, key, command, "set");
}

/** The file goes and a directory comes with one change. */
function replaceByDirectory(keys: Keyspace, change: Change, command: TreePutCommand): Event {
  const { key, ttlSeconds } = command;
  return keys.replaceByDirectory(change, key, deadlineAfter(change.timeMs, ttlSeconds));
}

/** PUT with prevExist=true, or a bare refresh, which v2 calls a set. */
function update(keys: Keyspace, change: Change, command: TreePutCommand): Event | Rejected {
  const { key, prevExist, refresh } = command;
  const action: Action = prevExist === true ? "update" : "set";
  const file = keys.findFile(key);
  if (file !== undefined) return write(keys, change, key, command, action);
  if (!keys.hasDirectory(key)) return reject("keyNotFound", firstMissing(keys, key), change);
  if (action === "set" || asBytes(command.value).length > 0) return reject("notAFile", key, change);
  const deadlineMs = deadlineAfter(change.timeMs, command.ttlSeconds);
  return keys.putDirectory(change, key, action, deadlineMs, refresh);
}

function compareAndSwap(
  keys: Keyspace,
  change: Change,
  command: TreePutCommand,
): Event | Rejected {
  const { key, prevValue, prevIndex } = command;
  const file = keys.findFile(key);
  if (file === undefined) {
    return keys.hasDirectory(key)
      ? reject("notAFile", key, change)
      : reject("keyNotFound", firstMissing(keys, key), change);
  }
  const failed = comparisons(file, prevValue, prevIndex);
  if (failed.length > 0) return testFailed(key, change, failed);
  return write(keys, change, key, command, "compareAndSwap");
}

/** Sets the file, or makes the directory, that the command describes. */
function write(
  keys: Keyspace,
  change: Change,
  key: ByteString,
  command: TreePutCommand,
  action: Action,
): Event | Rejected {
  const deadlineMs = deadlineAfter(change.timeMs, command.ttlSeconds);
  const file = keys.findFile(key);
  if (file === undefined && !isFilePath(key)) return reject("notAFile", key, change);
  if (file === undefined && command.isDirectory) {
    return keys.putDirectory(change, key, action, deadlineMs, false);
  }
  const refreshes = command.refresh && file !== undefined;
  const value = refreshes ? valueAt(file.bytes, file.at).slice() : asBytes(command.value);
  return keys.put(change, key, {
    action,
    value,
    deadlineMs,
    lease: 0n,
    keepsCreatedIndex: action === "update" || action === "compareAndSwap",
    isQuiet: refreshes,
  }, true);
}

/** What of the comparison failed: first the value, then the index. */
function comparisons(
  { bytes, at }: Place,
  prevValue: ValueBytes | undefined,
  prevIndex: number,
): FailedComparison[] {
  const failed: FailedComparison[] = [];
  const value = valueAt(bytes, at);
  if (prevValue !== undefined) {
    const expected = asBytes(prevValue);
    if (Buffer.compare(value, expected) !== 0) {
      failed.push({
        of: "value",
        expected: byteStringAt(expected, 0, expected.length),
        found: byteStringAt(value, 0, value.length),
      });
    }
  }
  const modifiedIndex = modifiedIndexAt(bytes, at);
  if (prevIndex !== 0 && prevIndex !== modifiedIndex) {
    failed.push({ of: "index", expected: `${prevIndex}`, found: `${modifiedIndex}` });
  }
  return failed;
}
