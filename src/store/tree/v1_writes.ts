/** What v1's commands do: set, test-and-set and delete of files. */
import { Buffer } from "node:buffer";
import type { ByteString } from "../byte_string.ts";
import { byteStringAt } from "../byte_string.ts";
import type { DeleteCommand, SetCommand } from "../command/command.ts";
import type { Event } from "../event.ts";
import type { Change } from "../keyspace/change.ts";
import type { Keyspace } from "../keyspace/keyspace.ts";
import { keyEnd, valueEnd } from "../keyspace/record.ts";
import { isFilePath, ROOT } from "../path.ts";
import { reject, testFailed } from "../rejections.ts";
import type { Rejected } from "../result.ts";
import { asBytes } from "../value.ts";
import { deadlineAfter } from "./deadline.ts";

/** Sets or tests and sets a file, or deletes it where the TTL has run out already. */
export function applySet(keys: Keyspace, change: Change, command: SetCommand): Event | Rejected {
  const { key, ttlSeconds } = command;
  const value = asBytes(command.value);
  const found = keys.findFile(key);
  if (found !== undefined && keys.fileAbove(key) !== undefined) {
    return reject("notAFile", key, change);
  }
  if (command.prevValue !== undefined) {
    if (found === undefined) return reject("keyNotFound", key, change);
    const expected = asBytes(command.prevValue);
    const { bytes, at } = found;
    const start = keyEnd(bytes, at);
    const end = valueEnd(bytes, at);
    if (Buffer.compare(bytes.subarray(start, end), expected) !== 0) {
      return testFailed(key, change, [{
        of: "value",
        expected: byteStringAt(expected, 0, expected.length),
        found: byteStringAt(bytes, start, end),
      }]);
    }
  }
  if (ttlSeconds !== undefined && ttlSeconds <= 0) {
    if (found === undefined) return reject("keyNotFound", key, change);
    return keys.delete(change, key, "delete");
  }
  if (found === undefined && !canBeFile(keys, key, change)) return reject("notAFile", key, change);
  return keys.put(change, key, {
    action: "set",
    value,
    deadlineMs: deadlineAfter(change.timeMs, ttlSeconds),
    lease: 0n,
    keepsCreatedIndex: false,
    isQuiet: false,
  }, true);
}

/** Deletes a file. */
export function applyDelete(
  keys: Keyspace,
  change: Change,
  { key }: DeleteCommand,
): Event | Rejected {
  if (keys.findFile(key) === undefined) return reject("keyNotFound", key, change);
  if (keys.fileAbove(key) !== undefined) return reject("notAFile", key, change);
  return keys.delete(change, key, "delete");
}

/** Whether nothing is at `key` but what a file may replace, and only directories are above it. */
function canBeFile(keys: Keyspace, key: ByteString, { format }: Change): boolean {
  if (key === ROOT || keys.hasDirectory(key) || keys.fileAbove(key) !== undefined) return false;
  // Version 1.0 checked less of a key before it got into the log.
  return format === 1 || isFilePath(key);
}
