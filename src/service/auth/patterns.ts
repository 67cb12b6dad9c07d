/**
 * Ranges of keys as people write them: a pattern with a star at its end is a prefix, any
 * other one key. A range that is neither has no pattern.
 */
import { byteStringOf, endOfPrefix, isUtf8, textOf } from "../../store/byte_string.ts";
import type { Permission } from "../../store/command/auth_command.ts";

type Range = Pick<Permission, "key" | "rangeEnd">;

/** All keys. */
const EVERYTHING: Range = { key: "\0", rangeEnd: "\0" };

/** The range of a pattern. */
export function rangeOfPattern(pattern: string): Range {
  const bytes = byteStringOf(pattern);
  if (!bytes.endsWith("*")) return { key: bytes, rangeEnd: "" };
  const prefix = bytes.slice(0, -1);
  return prefix === "" ? EVERYTHING : { key: prefix, rangeEnd: endOfPrefix(prefix) };
}

/** The pattern of a range; undefined when it has none. */
export function patternOfRange({ key, rangeEnd }: Range): string | undefined {
  if (!isUtf8(key)) return undefined;
  if (rangeEnd === "") return key.endsWith("*") ? undefined : textOf(key);
  if (key === EVERYTHING.key && rangeEnd === EVERYTHING.rangeEnd) return "*";
  return rangeEnd === endOfPrefix(key) ? `${textOf(key)}*` : undefined;
}
