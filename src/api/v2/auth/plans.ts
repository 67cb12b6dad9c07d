/**
 * What the requests of `/v2/auth` come to: the changes of users and roles that they ask
 * for, and the answer when these are made. Order of checks and texts are the original's.
 */
import { type ByteString, byteStringOf, textOf } from "../../../store/byte_string.ts";
import type { AuthView } from "../../../store/auth/auth.ts";
import { GUEST_ROLE, type Role, ROOT_NAME, type User } from "../../../store/auth/users.ts";
import type { AuthChange } from "../../../store/command/auth_command.ts";
import { grantsOf, type Patterns, patternsOf, planPatterns } from "./patterns.ts";

/** What is to be made, and what to answer then; or, without changes, the answer alone. */
export interface Plan {
  readonly changes: readonly AuthChange[];
  readonly status: number;
  /** Undefined: the answer has no body. */
  readonly body: unknown;
}

/** The body of a PUT of a user. */
export interface UserBody {
  readonly user: string;
  readonly password: string;
  /** Of the password; "" without one. */
  readonly passwordHash: string;
  readonly roles: readonly string[];
  /** The same as they came, which the answer repeats. */
  readonly told: unknown;
  readonly grant: readonly string[];
  readonly revoke: readonly string[];
}

/** The body of a PUT of a role. */
export interface RoleBody {
  readonly role: string;
  /** Undefined where it was not given. */
  readonly permissions: Patterns | undefined;
  /** The same as it came, which the answer repeats: a list that was left out is null there. */
  readonly told: { readonly read: unknown; readonly write: unknown };
  readonly grant: Patterns | undefined;
  readonly revoke: Patterns | undefined;
}

const ALL_PATTERNS: Patterns = { read: ["/*"], write: ["/*"] };
const NO_PATTERNS: Patterns = { read: [], write: [] };

/** An answer that changes nothing. */
export function refusal(status: number, message: string): Plan {
  return { changes: [], status, body: { message } };
}

/** `GET /v2/auth/users` */
export function tellUsers(auth: AuthView): unknown {
  const users = auth.users().map((user) => describeUser(auth, user));
  return { users: users.length === 0 ? null : users };
}

/** `GET /v2/auth/users/NAME` */
export function tellUser(auth: AuthView, name: string): Plan {
  const user = auth.user(byteStringOf(name));
  if (user === undefined) return refusal(404, `auth: User ${name} does not exist.`);
  return { changes: [], status: 200, body: describeUser(auth, user) };
}

/** `GET /v2/auth/roles`; the role root is there by itself. */
export function tellRoles(auth: AuthView): unknown {
  const names = new Set([...auth.roles().map(({ name }) => name), ROOT_NAME]);
  return { roles: [...names].sort().map((name) => describeRole(auth, name)) };
}

/** `GET /v2/auth/roles/NAME` */
export function tellRole(auth: AuthView, name: string): Plan {
  const role = describeRole(auth, byteStringOf(name));
  if (role === undefined) return refusal(404, `auth: Role ${name} does not exist.`);
  return { changes: [], status: 200, body: role };
}

/** `PUT /v2/auth/users/NAME` */
export function planUser(auth: AuthView, body: UserBody): Plan {
  const { user: name, roles, grant, revoke } = body;
  const changesRoles = grant.length > 0 || revoke.length > 0;
  if (roles.length > 0 && changesRoles) {
    return refusal(400, "User JSON contains both roles and grant/revoke");
  }
  const user = auth.user(byteStringOf(name));
  if (roles.length > 0) {
    return user === undefined
      ? createUser(auth, body, 200)
      : refusal(409, `auth: User ${name} already exists.`);
  }
  if (user !== undefined) return updateUser(auth, user, body);
  if (changesRoles) return refusal(404, `auth: User ${name} does not exist.`);
  return createUser(auth, body, 201);
}

/** `DELETE /v2/auth/users/NAME` */
export function planUserDelete(auth: AuthView, name: string): Plan {
  if (auth.isEnabled && name === ROOT_NAME) {
    return refusal(403, "auth: Cannot delete root user while auth is enabled.");
  }
  const user = byteStringOf(name);
  if (auth.user(user) === undefined) return refusal(404, `auth: User ${name} does not exist`);
  return { changes: [{ type: "userDelete", user }], status: 200, body: undefined };
}

/** `PUT /v2/auth/roles/NAME` */
export function planRole(auth: AuthView, body: RoleBody): Plan {
  const { role: name, permissions, grant, revoke } = body;
  if (name === ROOT_NAME) return ROOT_ROLE_IS_FIXED;
  const isUpdate = !isEmpty(grant) || !isEmpty(revoke);
  // etcdctl and Go's client send permissions without patterns with every grant.
  if (!isEmpty(permissions) && isUpdate) {
    return refusal(400, "Role JSON contains both permissions and grant/revoke");
  }
  const role = auth.role(byteStringOf(name));
  if (!isUpdate) {
    if (role !== undefined) return refusal(409, `auth: Role ${name} already exists.`);
    return createRole(body);
  }
  if (role === undefined) return refusal(404, `auth: Role ${name} does not exist.`);
  const planned = planPatterns(role, grant ?? NO_PATTERNS, revoke ?? NO_PATTERNS);
  if ("pattern" in planned) {
    const { access, pattern } = planned;
    return refusal(409, `auth: Granting duplicate ${access} permission ${pattern}`);
  }
  if (planned.changes.length === 0 && !grantsEmpty(grant)) {
    return refusal(400, "auth: Role not updated. Use grant/revoke to update the role.");
  }
  return { changes: planned.changes, status: 200, body: roleBody(name, planned.patterns) };
}

function isEmpty({ read, write }: Patterns = NO_PATTERNS): boolean {
  return read.length + write.length === 0;
}

/** To etcd a pattern of nothing is a change like any other. */
function grantsEmpty(grant: Patterns = NO_PATTERNS): boolean {
  return grant.read.includes("") || grant.write.includes("");
}

/** `DELETE /v2/auth/roles/NAME` */
export function planRoleDelete(auth: AuthView, name: string): Plan {
  if (name === ROOT_NAME) return ROOT_ROLE_IS_FIXED;
  const role = byteStringOf(name);
  if (auth.role(role) === undefined) return refusal(404, `auth: Role ${name} doesn't exist.`);
  return { changes: [{ type: "roleDelete", role }], status: 200, body: undefined };
}

/** `PUT /v2/auth/enable`: as v2 has it, guests may go on as before until somebody says otherwise. */
export function planEnable(auth: AuthView, secret: Uint8Array): Plan {
  if (auth.isEnabled) return refusal(409, "auth: already enabled");
  if (auth.user(ROOT_NAME)?.roles.includes(ROOT_NAME) !== true) {
    return refusal(409, "auth: No root user available, please create one");
  }
  const guests = auth.role(GUEST_ROLE) === undefined ? guestChanges() : [];
  const changes: AuthChange[] = [...guests, { type: "authEnable", secret }];
  return { changes, status: 200, body: undefined };
}

/** `DELETE /v2/auth/enable` */
export function planDisable(auth: AuthView): Plan {
  if (!auth.isEnabled) return refusal(409, "auth: already disabled");
  return { changes: [{ type: "authDisable" }], status: 200, body: undefined };
}

const ROOT_ROLE_IS_FIXED = refusal(403, "auth: Cannot modify role root: is root role.");

function guestChanges(): readonly AuthChange[] {
  return createRole({
    role: GUEST_ROLE,
    permissions: ALL_PATTERNS,
    told: ALL_PATTERNS,
    grant: undefined,
    revoke: undefined,
  }).changes;
}

function createUser(auth: AuthView, body: UserBody, status: number): Plan {
  const { user: name, password, passwordHash } = body;
  if (password === "") {
    return refusal(400, `auth: Cannot create user ${name} with an empty password`);
  }
  const user = byteStringOf(name);
  const wanted = name === ROOT_NAME ? [...body.roles, ROOT_NAME] : body.roles;
  // Roles that are not there are told and not granted: nobody is to get them when they come.
  const granted = [...new Set(wanted.map(byteStringOf))]
    .filter((role) => role === ROOT_NAME || auth.role(role) !== undefined);
  return {
    changes: [
      { type: "userAdd", user, passwordHash, noPassword: false },
      ...granted.map((role): AuthChange => ({ type: "userGrantRole", user, role })),
    ],
    status,
    body: { user: name, roles: name === ROOT_NAME ? [...new Set(wanted)].sort() : body.told },
  };
}

function updateUser(auth: AuthView, user: User, body: UserBody): Plan {
  const { user: name, password, passwordHash } = body;
  const roles = new Set(user.roles);
  for (const role of body.grant.map(byteStringOf)) {
    if (roles.has(role)) {
      return refusal(409, `auth: Granting duplicate role ${textOf(role)} for user ${name}`);
    }
    roles.add(role);
  }
  for (const role of body.revoke.map(byteStringOf)) {
    if (!roles.delete(role)) {
      return refusal(409, `auth: Revoking ungranted role ${textOf(role)} for user ${name}`);
    }
  }
  const granted = [...roles].filter((role) => !user.roles.includes(role));
  const revoked = user.roles.filter((role) => !roles.has(role));
  const unknown = granted.find((role) => role !== ROOT_NAME && auth.role(role) === undefined);
  if (unknown !== undefined) {
    return refusal(404, `auth: Role ${textOf(unknown)} does not exist.`);
  }
  if (password === "" && granted.length + revoked.length === 0) {
    return refusal(
      400,
      "auth: User not updated. Use grant/revoke/password to update the user.",
    );
  }
  const changes: AuthChange[] = [
    ...granted.map((role) => ({ type: "userGrantRole", user: user.name, role }) as const),
    // The user root has the role root again whenever etcd looks.
    ...revoked.filter((role) => name !== ROOT_NAME || role !== ROOT_NAME)
      .map((role) => ({ type: "userRevokeRole", user: user.name, role }) as const),
  ];
  if (password !== "") changes.push({ type: "userChangePassword", user: user.name, passwordHash });
  return { changes, status: 200, body: { user: name, roles: [...roles].sort().map(textOf) } };
}

function createRole({ role: name, permissions, told }: RoleBody): Plan {
  const role = byteStringOf(name);
  return {
    changes: [{ type: "roleAdd", role }, ...grantsOf(role, permissions ?? NO_PATTERNS)],
    status: 201,
    body: roleBody(name, told),
  };
}

function describeUser(auth: AuthView, user: User) {
  const roles = user.roles.flatMap((name) => describeRole(auth, name) ?? []);
  return { user: textOf(user.name), ...(roles.length > 0 && { roles }) };
}

function describeRole(auth: AuthView, name: ByteString) {
  if (name === ROOT_NAME) return roleBody(ROOT_NAME, ALL_PATTERNS);
  const role: Role | undefined = auth.role(name);
  if (role === undefined) return undefined;
  // The original keeps null where nothing was given.
  return roleBody(
    textOf(name),
    role.permissions.length === 0 ? { read: null, write: null } : patternsOf(role),
  );
}

function roleBody(role: string, { read, write }: { read: unknown; write: unknown }) {
  return { role, permissions: { kv: { read, write } } };
}
