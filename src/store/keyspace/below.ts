/** What is below a directory. */
import type { ByteString } from "../byte_string.ts";
import { endOf, prefixOf } from "../path.ts";
import type { Cursor } from "./packed_map.ts";
import { FILE, flagsAt, TOMBSTONE } from "./record.ts";

/** The keys of the live records below `path` with all of `flags`, in order, as of now. */
export function keysBelow(cursor: Cursor, path: ByteString, flags: number): ByteString[] {
  const keys: ByteString[] = [];
  const end = endOf(path);
  let found = cursor.seek(prefixOf(path));
  while (found && cursor.key() < end) {
    const has = flagsAt(cursor.bytes, cursor.at);
    if ((has & TOMBSTONE) === 0 && (has & flags) === flags) keys.push(cursor.key());
    found = cursor.next();
  }
  return keys;
}

/** Whether a directory or a file is below `path`; passes over every tombstone there. */
export function hasChildren(directories: Cursor, records: Cursor, path: ByteString): boolean {
  const prefix = prefixOf(path);
  if (directories.seek(prefix) && directories.key().startsWith(prefix)) return true;
  let found = records.seek(prefix);
  while (found && records.key().startsWith(prefix)) {
    if ((flagsAt(records.bytes, records.at) & FILE) !== 0) return true;
    found = records.next();
  }
  return false;
}
