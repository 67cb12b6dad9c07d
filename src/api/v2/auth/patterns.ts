/** v2's permissions, which are patterns, over the ranges that all APIs share. */
import type { Role } from "../../../store/auth/users.ts";
import { patternOfRange, rangeOfPattern } from "../../../service/auth/patterns.ts";
import type { ByteString } from "../../../store/byte_string.ts";
import type { AuthChange, PermissionType } from "../../../store/command/auth_command.ts";

/** Patterns of keys that may be read, and written. */
export interface Patterns {
  readonly read: readonly string[];
  readonly write: readonly string[];
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
    const twice = granted[access].find((pattern, at) =>
      before[access].includes(pattern) || granted[access].indexOf(pattern) < at
    );
    if (twice !== undefined) return { access, pattern: twice };
  }
  const after = (access: "read" | "write") =>
    [...before[access], ...new Set(granted[access])]
      .filter((pattern) => !revoked[access].includes(pattern)).sort();
  const patterns = { read: after("read"), write: after("write") };
  return { changes: changesTo(patterns, role, before), patterns };
}

/** The changes that make a role of `patterns`. */
export function grantsOf(role: ByteString, patterns: Patterns): readonly AuthChange[] {
  return namesOf(patterns).map((pattern) => grantOf(role, pattern, patterns));
}

/**
 * To etcd the patterns of a role are in order from its first change on: those that stand in
 * the way of that are taken back and given again.
 */
function changesTo(patterns: Patterns, { name, permissions }: Role, before: Patterns) {
  const wanted = namesOf(patterns).sort();
  const were = permissions.flatMap((permission) => patternOfRange(permission) ?? []);
  const moved = were.findIndex((pattern, at) => pattern !== wanted[at]);
  const kept = moved < 0 ? were.length : moved;
  const isKept = (pattern: string, at: number) =>
    at < kept && typeIn(before, pattern) === typeIn(patterns, pattern);
  return [
    ...were.slice(kept).map((pattern): AuthChange => ({
      type: "roleRevokePermission",
      role: name,
      ...rangeOfPattern(pattern),
    })),
    ...wanted.filter((pattern, at) => !isKept(pattern, at))
      .map((pattern) => grantOf(name, pattern, patterns)),
  ];
}

/** Each pattern once. To etcd no pattern is one that no key fits: it is told, and nothing is kept of it. */
function namesOf({ read, write }: Patterns): string[] {
  return [...new Set([...read, ...write])].filter((pattern) => pattern !== "");
}

/** `pattern` is one of `patterns`. */
function grantOf(role: ByteString, pattern: string, patterns: Patterns): AuthChange {
  const type = typeIn(patterns, pattern)!;
  return {
    type: "roleGrantPermission",
    role,
    permission: { type, ...rangeOfPattern(pattern) },
  };
}

function typeIn({ read, write }: Patterns, pattern: string): PermissionType | undefined {
  if (!read.includes(pattern)) return write.includes(pattern) ? "write" : undefined;
  return write.includes(pattern) ? "readWrite" : "read";
}
