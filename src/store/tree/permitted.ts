/** What somebody sees of files and directories: those that may be read. */
import { coversBelow, hasDirectory, type Rights } from "../auth/rights.ts";
import type { ByteString } from "../byte_string.ts";
import type { Item, TreeReader } from "./listing.ts";

/** Whether the file or directory `key` may be seen. */
export function maySee(rights: Rights, key: ByteString, isDirectory: boolean): boolean {
  return rights.has("read", key) || isDirectory && hasDirectory(rights, "read", key);
}

/** Those of `children`, which are the directory's `key`, that may be seen. */
export function seenOf(
  rights: Rights,
  key: ByteString,
  children: Iterable<Item>,
): Iterable<Item> {
  return coversBelow(rights, "read", key) ? children : seenAmong(rights, children);
}

/** Lists of each directory what may be seen. */
export function seenBy(
  rights: Rights,
  reader: TreeReader,
): Pick<TreeReader, "list" | "freeze"> {
  if (rights.isRoot) return reader;
  return {
    list: (key) => seenOf(rights, key, reader.list(key)),
    freeze: () => reader.freeze(),
  };
}

function* seenAmong(rights: Rights, children: Iterable<Item>): Generator<Item, void> {
  for (const child of children) if (maySee(rights, child.key, child.isDirectory)) yield child;
}
