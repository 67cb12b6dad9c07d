/** What somebody may do: the permissions of all their roles, as sets of keys. */
import type { ByteString } from "../byte_string.ts";
import type { PermissionType } from "../command/auth_command.ts";
import { type Range, rangeOf } from "../kv/range.ts";
import { endOf, prefixOf } from "../path.ts";
import { RangeSet } from "./range_set.ts";
import type { Role } from "./users.ts";

/** What is done with keys. */
export type Access = "read" | "write";

export interface Rights {
  /** Has the role root: may do everything. */
  readonly isRoot: boolean;
  has(access: Access, key: ByteString): boolean;
  covers(access: Access, range: Range): boolean;
  /** Whether some key of the range may be had. */
  touches(access: Access, range: Range): boolean;
  /** The parts of the range, which is not empty, that may be had, in their order. */
  within(access: Access, range: Range): readonly Range[];
}

/** Of who may do everything. */
export const ALL_RIGHTS: Rights = {
  isRoot: true,
  has: () => true,
  covers: () => true,
  touches: () => true,
  within: (_, range) => [range],
};

/** Of who may do nothing with any key. */
export const NO_RIGHTS: Rights = {
  isRoot: false,
  has: () => false,
  covers: () => false,
  touches: () => false,
  within: () => [],
};

/** Of who has `roles`, which are not root. */
export function rightsOf(roles: readonly Role[]): Rights {
  const sets = { read: rangesOf(roles, "write"), write: rangesOf(roles, "read") };
  return {
    isRoot: false,
    has: (access, key) => sets[access].has(key),
    covers: (access, range) => sets[access].covers(range),
    touches: (access, range) => sets[access].touches(range),
    within: (access, range) => sets[access].within(range),
  };
}

/** All ranges but those that `other` alone has been given for. */
function rangesOf(roles: readonly Role[], other: PermissionType): RangeSet {
  return new RangeSet(
    roles.flatMap(({ permissions }) => permissions)
      .filter(({ type }) => type !== other)
      .map(({ key, rangeEnd }) => rangeOf(key, rangeEnd)),
  );
}

/**
 * Whether the directory `path` itself may be read or made: as that path, or as what
 * begins all that is below it, which is what the pattern of v2 for a directory names.
 */
export function hasDirectory(rights: Rights, access: Access, path: ByteString): boolean {
  return rights.has(access, path) || rights.has(access, prefixOf(path));
}

/** Whether anything at or under the directory `path` may be read or written. */
export function touchesBelow(rights: Rights, access: Access, path: ByteString): boolean {
  return hasDirectory(rights, access, path) ||
    rights.touches(access, { start: prefixOf(path), end: endOf(path) });
}

/** Whether everything under the directory `path` may be read or written. */
export function coversBelow(rights: Rights, access: Access, path: ByteString): boolean {
  return rights.covers(access, { start: prefixOf(path), end: endOf(path) });
}
