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
