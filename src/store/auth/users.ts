/** Users and roles, as others may read them. */
import type { ByteString } from "../byte_string.ts";
import type { Permission } from "../command/auth_command.ts";

/** The user, and the role, that may do everything. */
export const ROOT_NAME = "root";

/** The role of who asks v1 or v2 without credentials. */
export const GUEST_ROLE = "guest";

export interface User {
  readonly name: ByteString;
  /** "" for who has none. */
  readonly passwordHash: string;
  /** Is known by a certificate alone. */
  readonly noPassword: boolean;
  /** Names of roles, sorted. */
  readonly roles: readonly ByteString[];
  /** The auth revision of the last change of the password or the roles. */
  readonly revision: number;
}

export interface Role {
  readonly name: ByteString;
  /** In the order in which they were granted; one for each key and end. */
  readonly permissions: readonly Permission[];
}

/**
 * By key and end, as etcd keeps them. It finds the one that a grant replaces by a binary search: in
 * another order it would add a second one, and the rights of the first would stay.
 */
export function permissionsInOrder({ permissions }: Role): readonly Permission[] {
  return permissions.toSorted((a, b) => compare(a.key, b.key) || compare(a.rangeEnd, b.rangeEnd));
}

function compare(a: ByteString, b: ByteString): number {
  return a < b ? -1 : Number(a > b);
}
