/**
 * Users, roles and the switch a second time, in plain maps that are never changed in place:
 * so whoever keeps a state has what was then.
 */
import type {
  AuthChange,
  AuthCommand,
  Permission,
} from "../../../src/store/command/auth_command.ts";
import {
  CLUSTER,
  type Command,
  GUEST_USER,
  type Requester,
} from "../../../src/store/command/command.ts";
import type { RejectionReason } from "../../../src/store/result.ts";
import { may, type SlowKeys } from "./permissions.ts";

export interface ModelUser {
  readonly passwordHash: string;
  readonly noPassword: boolean;
  readonly roles: readonly string[];
  /** The auth revision of its last change. */
  readonly revision: number;
}

export interface AuthState {
  readonly isEnabled: boolean;
  readonly revision: number;
  readonly secret: Uint8Array;
  readonly users: ReadonlyMap<string, ModelUser>;
  readonly roles: ReadonlyMap<string, readonly Permission[]>;
}

export const NO_USERS: AuthState = {
  isEnabled: false,
  revision: 1,
  secret: new Uint8Array(0),
  users: new Map(),
  roles: new Map(),
};

/** What somebody may do. */
export type Held = "everything" | readonly Permission[];

/** The state after `command`, or why it stays. */
export function changedBy(
  state: AuthState,
  { changes, ifRevision }: AuthCommand,
): AuthState | RejectionReason {
  if (ifRevision !== 0 && ifRevision !== state.revision) return "authIsOld";
  let after = state;
  for (const change of changes) {
    const next = changedByOne(after, change);
    if (typeof next === "string") return next;
    after = next;
  }
  return after;
}

/** What `user`, who may be the guest, may do; undefined when there is no such user. */
export function heldBy(state: AuthState, user: string): Held | undefined {
  const roles = user === GUEST_USER ? ["guest"] : state.users.get(user)?.roles;
  if (roles?.includes("root")) return "everything";
  return roles?.flatMap((role) => state.roles.get(role) ?? []);
}

/** Why `requester` may not have `command` applied. */
export function refusalBy(
  state: AuthState,
  keys: SlowKeys,
  command: Command,
  { user, authRevision }: Requester,
): "authIsOld" | "permissionDenied" | undefined {
  if (!state.isEnabled || user === CLUSTER.user || isOfCluster(command)) return undefined;
  if (authRevision !== state.revision) return "authIsOld";
  const held = heldBy(state, user);
  if (held === "everything") return undefined;
  return held !== undefined && may(held, keys, command) ? undefined : "permissionDenied";
}

/** What no client can ask for, whoever it says that it is. */
export function isOfCluster(command: Command): boolean {
  return command.type === "expire" || command.type === "compact" && command.changeIndex > 0 ||
    command.type === "leaseRevoke" && command.grantIndex > 0;
}

function changedByOne(state: AuthState, change: AuthChange): AuthState | RejectionReason {
  const { isEnabled, users, roles } = state;
  switch (change.type) {
    case "authEnable": {
      if (isEnabled) return "authEnabled";
      const root = users.get("root");
      if (root === undefined) return "rootUserMissing";
      if (!root.roles.includes("root")) return "rootRoleMissing";
      return { ...state, isEnabled: true, secret: change.secret };
    }
    case "authDisable":
      return isEnabled ? { ...next(state), isEnabled: false } : "authNotEnabled";
    case "userAdd": {
      if (change.user === "") return "userNameEmpty";
      if (users.has(change.user)) return "userExists";
      const { passwordHash, noPassword } = change;
      return withUser(state, change.user, { passwordHash, noPassword, roles: [] });
    }
    case "roleAdd":
      if (change.role === "") return "roleNameEmpty";
      return roles.has(change.role) ? "roleExists" : withRole(state, change.role, []);
    case "userDelete":
    case "userChangePassword":
    case "userGrantRole":
    case "userRevokeRole":
      return userChangedBy(state, change);
    case "roleDelete":
    case "roleGrantPermission":
    case "roleRevokePermission":
      return roleChangedBy(state, change);
  }
}

function userChangedBy(
  state: AuthState,
  change: Extract<
    AuthChange,
    { type: "userDelete" | "userChangePassword" | "userGrantRole" | "userRevokeRole" }
  >,
): AuthState | RejectionReason {
  const isRoots = state.isEnabled && change.user === "root";
  const user = state.users.get(change.user);
  switch (change.type) {
    case "userDelete":
      if (isRoots) return "invalidAuthManagement";
      if (user === undefined) return "userNotFound";
      return { ...next(state), users: without(state.users, change.user) };
    case "userChangePassword":
      if (user === undefined) return "userNotFound";
      if (user.noPassword) return withUser(state, change.user, user);
      return withUser(state, change.user, { ...user, passwordHash: change.passwordHash });
    case "userGrantRole": {
      const { role } = change;
      if (user === undefined) return "userNotFound";
      if (role !== "root" && !state.roles.has(role)) return "roleNotFound";
      if (user.roles.includes(role)) return state;
      return withUser(state, change.user, { ...user, roles: [...user.roles, role] });
    }
    case "userRevokeRole": {
      const { role } = change;
      if (isRoots && role === "root") return "invalidAuthManagement";
      if (user === undefined) return "userNotFound";
      if (!user.roles.includes(role)) return "roleNotGranted";
      const roles = user.roles.filter((other) => other !== role);
      return withUser(state, change.user, { ...user, roles });
    }
  }
}

function roleChangedBy(
  state: AuthState,
  change: Extract<
    AuthChange,
    { type: "roleDelete" | "roleGrantPermission" | "roleRevokePermission" }
  >,
): AuthState | RejectionReason {
  const name = change.role;
  const held = state.roles.get(name);
  switch (change.type) {
    case "roleDelete": {
      if (state.isEnabled && name === "root") return "invalidAuthManagement";
      if (held === undefined) return "roleNotFound";
      const after = next(state);
      const users = [...state.users].map(([user, it]): [string, ModelUser] =>
        it.roles.includes(name)
          ? [user, {
            ...it,
            roles: it.roles.filter((role) => role !== name),
            revision: after.revision,
          }]
          : [user, it]
      );
      return { ...after, roles: without(state.roles, name), users: new Map(users) };
    }
    case "roleGrantPermission": {
      const { permission } = change;
      const { key, rangeEnd } = permission;
      if (held === undefined) return "roleNotFound";
      if (key === "") return "invalidAuthManagement";
      if (!["", "\0"].includes(rangeEnd) && rangeEnd <= key) return "invalidAuthManagement";
      const others = held.filter((other) => other.key !== key || other.rangeEnd !== rangeEnd);
      return withRole(state, name, [...others, permission]);
    }
    case "roleRevokePermission": {
      const { key, rangeEnd } = change;
      if (held === undefined) return "roleNotFound";
      const others = held.filter((other) => other.key !== key || other.rangeEnd !== rangeEnd);
      if (others.length === held.length) return "permissionNotGranted";
      return withRole(state, name, others);
    }
  }
}

function next(state: AuthState): AuthState {
  return { ...state, revision: state.revision + 1 };
}

function withUser(
  state: AuthState,
  name: string,
  user: Omit<ModelUser, "revision">,
): AuthState {
  const after = next(state);
  const changed = { ...user, revision: after.revision };
  return { ...after, users: new Map([...state.users, [name, changed]]) };
}

function withRole(state: AuthState, name: string, held: readonly Permission[]): AuthState {
  return { ...next(state), roles: new Map([...state.roles, [name, held]]) };
}

function without<V>(all: ReadonlyMap<string, V>, name: string): ReadonlyMap<string, V> {
  return new Map([...all].filter(([other]) => other !== name));
}
