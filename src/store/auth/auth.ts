/**
 * Users, roles and the switch: the replicated state by which requests are judged. The
 * order of reasons, and what counts as no change, are etcd's.
 */
import type { ByteString } from "../byte_string.ts";
import type { AuthChange, AuthCommand, Permission } from "../command/auth_command.ts";
import { GUEST_USER } from "../command/command.ts";
import { type Hash, Hasher } from "../keyspace/hash.ts";
import type { RejectionReason } from "../result.ts";
import { type AuthContent, encodeAuthContent } from "./content.ts";
import { ALL_RIGHTS, NO_RIGHTS, type Rights, rightsOf } from "./rights.ts";
import { GUEST_ROLE, type Role, ROOT_NAME, type User } from "./users.ts";

/** Longest name of a user or a role, in bytes. */
const NAME_BYTES_MAX = 1024;

/** What others may read. */
export interface AuthView {
  readonly isEnabled: boolean;
  /** Counts changes; 1 when there was none. */
  readonly revision: number;
  /** Signs tokens; empty before authentication was ever enabled. */
  readonly secret: Uint8Array;
  user(name: ByteString): User | undefined;
  role(name: ByteString): Role | undefined;
  /** By name. */
  users(): User[];
  /** By name. */
  roles(): Role[];
  /** What the user, or `GUEST_USER`, may do; undefined when there is no such user. */
  rightsOf(name: ByteString): Rights | undefined;
}

export class Auth implements AuthView {
  isEnabled = false;
  revision = 1;
  secret: Uint8Array = NO_SECRET;
  #users = new Map<ByteString, User>();
  #roles = new Map<ByteString, Role>();
  /** By user; forgotten with every change. */
  readonly #rights = new Map<ByteString, Rights>();
  #hash: Hash | undefined;

  /** The state of an image. */
  static of(content: AuthContent): Auth {
    const auth = new Auth();
    auth.isEnabled = content.isEnabled;
    auth.revision = content.revision;
    auth.secret = content.secret;
    for (const user of content.users) auth.#users.set(user.name, user);
    for (const role of content.roles) auth.#roles.set(role.name, role);
    return auth;
  }

  /** Whether nothing was ever changed: such a state is in no image and in no digest. */
  get isFresh(): boolean {
    return this.revision === 1 && !this.isEnabled;
  }

  get hash(): Hash {
    this.#hash ??= this.isFresh
      ? NO_HASH
      : new Hasher().bytes(encodeAuthContent(this.content())).finish();
    return this.#hash;
  }

  /** What an image has of it. */
  content(): AuthContent {
    const { isEnabled, revision, secret } = this;
    return { isEnabled, revision, secret, users: this.users(), roles: this.roles() };
  }

  user(name: ByteString): User | undefined {
    return this.#users.get(name);
  }

  role(name: ByteString): Role | undefined {
    return this.#roles.get(name);
  }

  users(): User[] {
    return byName(this.#users);
  }

  roles(): Role[] {
    return byName(this.#roles);
  }

  rightsOf(name: ByteString): Rights | undefined {
    const known = this.#rights.get(name);
    if (known !== undefined) return known;
    const roles = name === GUEST_USER ? [GUEST_ROLE] : this.#users.get(name)?.roles;
    if (roles === undefined) return undefined;
    const rights = this.#rightsOfRoles(roles);
    this.#rights.set(name, rights);
    return rights;
  }

  /** Makes all changes, or says why the first that can't be made is refused. */
  apply({ changes, ifRevision }: AuthCommand): RejectionReason | undefined {
    if (ifRevision !== 0 && ifRevision !== this.revision) return "authIsOld";
    if (changes.length === 1) return this.#applyOne(changes[0]!);
    const draft = Auth.of(this.content());
    for (const change of changes) {
      const problem = draft.#applyOne(change);
      if (problem !== undefined) return problem;
    }
    this.isEnabled = draft.isEnabled;
    this.revision = draft.revision;
    this.secret = draft.secret;
    this.#users = draft.#users;
    this.#roles = draft.#roles;
    this.#forget();
  }

  #applyOne(change: AuthChange): RejectionReason | undefined {
    switch (change.type) {
      case "authEnable":
        return this.#enable(change.secret);
      case "authDisable":
        return this.#disable();
      case "userAdd":
        return this.#addUser(change.user, change.passwordHash, change.noPassword);
      case "userDelete":
        return this.#deleteUser(change.user);
      case "userChangePassword":
        return this.#changePassword(change.user, change.passwordHash);
      case "userGrantRole":
        return this.#grantRole(change.user, change.role);
      case "userRevokeRole":
        return this.#revokeRole(change.user, change.role);
      case "roleAdd":
        return this.#addRole(change.role);
      case "roleDelete":
        return this.#deleteRole(change.role);
      case "roleGrantPermission":
        return this.#grantPermission(change.role, change.permission);
      case "roleRevokePermission":
        return this.#revokePermission(change.role, change.key, change.rangeEnd);
    }
  }

  #enable(secret: Uint8Array): RejectionReason | undefined {
    if (this.isEnabled) return "authEnabled";
    const root = this.#users.get(ROOT_NAME);
    if (root === undefined) return "rootUserMissing";
    if (!root.roles.includes(ROOT_NAME)) return "rootRoleMissing";
    this.isEnabled = true;
    this.secret = secret;
    // As in etcd, the switch alone is no new revision.
    this.#forget();
  }

  #disable(): RejectionReason | undefined {
    if (!this.isEnabled) return "authNotEnabled";
    this.isEnabled = false;
    this.#commit();
  }

  #addUser(
    name: ByteString,
    passwordHash: string,
    noPassword: boolean,
  ): RejectionReason | undefined {
    if (name === "") return "userNameEmpty";
    if (name.length > NAME_BYTES_MAX) return "invalidAuthManagement";
    if (this.#users.has(name)) return "userExists";
    this.#setUser({ name, passwordHash, noPassword, roles: [] });
  }

  #deleteUser(name: ByteString): RejectionReason | undefined {
    if (this.isEnabled && name === ROOT_NAME) return "invalidAuthManagement";
    if (!this.#users.delete(name)) return "userNotFound";
    this.#commit();
  }

  #changePassword(name: ByteString, passwordHash: string): RejectionReason | undefined {
    const user = this.#users.get(name);
    if (user === undefined) return "userNotFound";
    this.#setUser(user.noPassword ? user : { ...user, passwordHash });
  }

  #grantRole(name: ByteString, role: ByteString): RejectionReason | undefined {
    const user = this.#users.get(name);
    if (user === undefined) return "userNotFound";
    if (role !== ROOT_NAME && !this.#roles.has(role)) return "roleNotFound";
    if (user.roles.includes(role)) return undefined;
    this.#setUser({ ...user, roles: [...user.roles, role].sort() });
  }

  #revokeRole(name: ByteString, role: ByteString): RejectionReason | undefined {
    if (this.isEnabled && name === ROOT_NAME && role === ROOT_NAME) return "invalidAuthManagement";
    const user = this.#users.get(name);
    if (user === undefined) return "userNotFound";
    if (!user.roles.includes(role)) return "roleNotGranted";
    this.#setUser({ ...user, roles: user.roles.filter((other) => other !== role) });
  }

  #addRole(name: ByteString): RejectionReason | undefined {
    if (name === "") return "roleNameEmpty";
    if (name.length > NAME_BYTES_MAX) return "invalidAuthManagement";
    if (this.#roles.has(name)) return "roleExists";
    this.#roles.set(name, { name, permissions: [] });
    this.#commit();
  }

  #deleteRole(name: ByteString): RejectionReason | undefined {
    if (this.isEnabled && name === ROOT_NAME) return "invalidAuthManagement";
    if (!this.#roles.delete(name)) return "roleNotFound";
    this.#commit();
    for (const user of [...this.#users.values()]) {
      if (!user.roles.includes(name)) continue;
      const roles = user.roles.filter((role) => role !== name);
      this.#users.set(user.name, { ...user, roles, revision: this.revision });
    }
  }

  #grantPermission(name: ByteString, permission: Permission): RejectionReason | undefined {
    const role = this.#roles.get(name);
    if (role === undefined) return "roleNotFound";
    const { key, rangeEnd } = permission;
    // A range that holds nothing is a mistake that would go unnoticed.
    if (key === "" || rangeEnd !== "" && rangeEnd !== "\0" && rangeEnd <= key) {
      return "invalidAuthManagement";
    }
    const at = role.permissions.findIndex((other) => isSameRange(other, key, rangeEnd));
    const permissions = at < 0
      ? [...role.permissions, permission]
      : role.permissions.with(at, permission);
    this.#roles.set(name, { name, permissions });
    this.#commit();
  }

  #revokePermission(
    name: ByteString,
    key: ByteString,
    rangeEnd: ByteString,
  ): RejectionReason | undefined {
    const role = this.#roles.get(name);
    if (role === undefined) return "roleNotFound";
    const permissions = role.permissions.filter((other) => !isSameRange(other, key, rangeEnd));
    if (permissions.length === role.permissions.length) return "permissionNotGranted";
    this.#roles.set(name, { name, permissions });
    this.#commit();
  }

  /** With this change as its last one. */
  #setUser(user: Omit<User, "revision">): void {
    this.#commit();
    this.#users.set(user.name, { ...user, revision: this.revision });
  }

  #commit(): void {
    this.revision++;
    this.#forget();
  }

  #forget(): void {
    this.#rights.clear();
    this.#hash = undefined;
  }

  #rightsOfRoles(names: readonly ByteString[]): Rights {
    if (names.includes(ROOT_NAME)) return ALL_RIGHTS;
    const roles = names.flatMap((name) => this.#roles.get(name) ?? []);
    return roles.length === 0 ? NO_RIGHTS : rightsOf(roles);
  }
}

const NO_SECRET = new Uint8Array(0);

const NO_HASH: Hash = Object.freeze({ low: 0, high: 0 });

function isSameRange(permission: Permission, key: ByteString, rangeEnd: ByteString): boolean {
  return permission.key === key && permission.rangeEnd === rangeEnd;
}

function byName<T extends { readonly name: ByteString }>(all: ReadonlyMap<ByteString, T>): T[] {
  return [...all.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}
