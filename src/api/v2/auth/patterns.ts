/**
 * v2's permissions over the ranges that all APIs share: a pattern with a star at its end
 * is a prefix, any other one key. A range that is neither has no pattern, and v2 does not
 * show it.
 */
import type { Role } from "../../../store/auth/users.ts";
import { type ByteString, byteStringOf, textOf } from "../../../store/byte_string.ts";
import type {
  AuthChange,
  Permission,
  PermissionType,
} from "../../../store/command/auth_command.ts";

/** Patterns of keys that may be read, and written. */
export interface Patterns {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

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
  if (rangeEnd === "") return key.endsWith("*") ? undefined : textOf(key);
  if (key === EVERYTHING.key && rangeEnd === EVERYTHING.rangeEnd) return "*";
  return rangeEnd === endOfPrefix(key) ? `${textOf(key)}*` : undefined;
}

/** What v2 shows of a role's permissions. */
export function patternsOf({ permissions }: Role): Patterns {
  const of = (other: PermissionType) =>
    permissions.filter(({ type }) => type !== other)
      .flatMap((permission) => patternOfRange(permission) ?? []);
  return { read: of("write"), write: of("read") };
}

/** A pattern that is there already, or not. */
export interface PatternProblem {
  readonly access: "read" | "write";
  readonly pattern: string;
}

/** The changes that grant `granted` to a role and take `revoked` from it; `patterns` are what it has then. */
export interface PatternChange {
  readonly changes: readonly AuthChange[];
  readonly patterns: Patterns;
}

/** Plans a change of a role. What is not there to be revoked is passed over, as in the original. */
export function planPatterns(
  role: Role,
  granted: Patterns,
  revoked: Patterns,
): PatternChange | PatternProblem {
  const before = patternsOf(role);
  for (const access of ["read", "write"] as const) {
    const twice = granted[access].find((pattern) => before[access].includes(pattern));
    if (twice !== undefined) return { access, pattern: twice };
  }
  const after = (access: "read" | "write") =>
    [...before[access], ...new Set(granted[access])]
      .filter((pattern) => !revoked[access].includes(pattern));
  const patterns = { read: after("read"), write: after("write") };
  const touched = new Set([
    ...[...granted.read, ...granted.write],
    ...[...revoked.read, ...revoked.write],
  ]);
  const changes = [...touched].flatMap((pattern) => changeOf(role.name, pattern, before, patterns));
  return { changes, patterns };
}

function changeOf(
  role: ByteString,
  pattern: string,
  before: Patterns,
  after: Patterns,
): AuthChange[] {
  const [was, is] = [typeIn(before, pattern), typeIn(after, pattern)];
  const range = rangeOfPattern(pattern);
  if (was === is) return [];
  if (is === undefined) return [{ type: "roleRevokePermission", role, ...range }];
  return [{ type: "roleGrantPermission", role, permission: { type: is, ...range } }];
}

function typeIn({ read, write }: Patterns, pattern: string): PermissionType | undefined {
  if (!read.includes(pattern)) return write.includes(pattern) ? "write" : undefined;
  return write.includes(pattern) ? "readWrite" : "read";
}

/** The first key beyond all that begin with `prefix`; "\0", which means none, when nothing is beyond. */
function endOfPrefix(prefix: ByteString): ByteString {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const unit = prefix.charCodeAt(at);
    if (unit < 0xff) return prefix.slice(0, at) + String.fromCharCode(unit + 1);
  }
  return "\0";
}
