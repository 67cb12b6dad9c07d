/** Changes of users, roles and the switch, as the log has them. */
import type { ByteString } from "../byte_string.ts";

export type PermissionType = "read" | "write" | "readWrite";

/** What a role may do with a range of keys. */
export interface Permission {
  readonly type: PermissionType;
  readonly key: ByteString;
  /** As that of a range. */
  readonly rangeEnd: ByteString;
}

/** One change; names are the UTF-8 of what clients call them. */
export type AuthChange =
  /** `secret` signs tokens from then on: those of an earlier time are no longer good. */
  | { readonly type: "authEnable"; readonly secret: Uint8Array }
  | { readonly type: "authDisable" }
  | {
    readonly type: "userAdd";
    readonly user: ByteString;
    /** A hash, never a password; "" for who has none. */
    readonly passwordHash: string;
    readonly noPassword: boolean;
  }
  | { readonly type: "userDelete"; readonly user: ByteString }
  | {
    readonly type: "userChangePassword";
    readonly user: ByteString;
    readonly passwordHash: string;
  }
  | { readonly type: "userGrantRole"; readonly user: ByteString; readonly role: ByteString }
  | { readonly type: "userRevokeRole"; readonly user: ByteString; readonly role: ByteString }
  | { readonly type: "roleAdd"; readonly role: ByteString }
  | { readonly type: "roleDelete"; readonly role: ByteString }
  | {
    readonly type: "roleGrantPermission";
    readonly role: ByteString;
    readonly permission: Permission;
  }
  | {
    readonly type: "roleRevokePermission";
    readonly role: ByteString;
    readonly key: ByteString;
    readonly rangeEnd: ByteString;
  };

/** Changes that are all made, or none. */
export interface AuthCommand {
  readonly type: "auth";
  readonly changes: readonly AuthChange[];
  /** The auth revision by which whoever asks has decided what to change; 0: whatever it is. */
  readonly ifRevision: number;
}
