/** The Auth service: users, roles, the switch and logins. */
import { BusyError } from "../../service/auth/passwords.ts";
import { makeSecret } from "../../service/auth/tokens.ts";
import { permissionsInOrder } from "../../store/auth/users.ts";
import { byteStringOf, textOf } from "../../store/byte_string.ts";
import type { AuthChange, PermissionType } from "../../store/command/auth_command.ts";
import type { RejectionReason } from "../../store/result.ts";
import { type Handler, unary, type UnaryCall } from "./call.ts";
import type { V3Context } from "./context.ts";
import type { ResponseHeader } from "./messages/kv.ts";
import type { Draft } from "./messages/table.ts";
import { METHODS } from "./methods.ts";
import { failureStatus, rejectionStatus } from "./refusal.ts";
import { StatusCode } from "./status.ts";
import { STATUS, status } from "./statuses.ts";
import { ANYBODY, type Needs, readFresh, whoCalls } from "./waist.ts";

const { auth } = METHODS;

const PERMISSIONS = { READ: "read", WRITE: "write", READWRITE: "readWrite" } as const;

const WORDS = { read: "READ", write: "WRITE", readWrite: "READWRITE" } as const satisfies Record<
  PermissionType,
  string
>;

/** What answers the Auth service. */
export function authHandlers(v3: V3Context): readonly Handler[] {
  return [...switchHandlers(v3), ...userHandlers(v3), ...roleHandlers(v3)];
}

function switchHandlers(v3: V3Context): readonly Handler[] {
  const { service, headers } = v3;
  return [
    unary(auth.enable, (_, call) => {
      // To switch on what is on is no mistake in etcd, and changes nothing.
      change(v3, call, { type: "authEnable", secret: makeSecret() }, "authEnabled");
    }),

    unary(auth.disable, (_, call) => {
      change(v3, call, { type: "authDisable" }, "authNotEnabled");
    }),

    unary(auth.status, (_, call) => {
      readFresh(v3, call, ANYBODY, (store) => {
        const { isEnabled: enabled, revision: authRevision } = store.auth;
        call.answer({ header: headers.now(), enabled, authRevision });
      });
    }),

    unary(auth.authenticate, ({ name, password }, call) => {
      service.authenticator.login(byteStringOf(name), password, call.caller.address).then(
        (outcome) => {
          switch (outcome.kind) {
            case "token":
              return call.answer({ header: headers.now(), token: outcome.token });
            case "refused":
              return call.fail(rejectionStatus(outcome.reason));
            case "failed":
              return call.fail(failureStatus(outcome.failure));
          }
        },
        () => call.fail(NOT_LOOKED_AT),
      );
    }),
  ];
}

function userHandlers(v3: V3Context): readonly Handler[] {
  const { headers } = v3;
  return [
    unary(auth.userAdd, ({ name, password, options }, call) => {
      if (name === "") return call.fail(STATUS.userNameEmpty);
      const user = byteStringOf(name);
      if (options?.noPassword) {
        return change(v3, call, { type: "userAdd", user, passwordHash: "", noPassword: true });
      }
      withHash(v3, call, password, (passwordHash) => {
        change(v3, call, { type: "userAdd", user, passwordHash, noPassword: false });
      });
    }),

    unary(auth.userGet, ({ name }, call) => {
      const user = byteStringOf(name);
      const isAllowed: Needs = ({ isRoot }) => isRoot || userOf(v3, call) === user;
      readFresh(v3, call, isAllowed, (store) => {
        const found = store.auth.user(user);
        if (found === undefined) return call.fail(STATUS.userNotFound);
        call.answer({ header: headers.now(), roles: found.roles.map(textOf) });
      });
    }),

    unary(auth.userList, (_, call) => {
      readFresh(v3, call, ANYBODY, (store) => {
        const users = store.auth.users().map(({ name }) => textOf(name));
        call.answer({ header: headers.now(), users });
      });
    }),

    unary(auth.userDelete, ({ name }, call) => {
      change(v3, call, { type: "userDelete", user: byteStringOf(name) });
    }),

    unary(auth.userChangePassword, ({ name, password }, call) => {
      withHash(v3, call, password, (passwordHash) => {
        change(v3, call, { type: "userChangePassword", user: byteStringOf(name), passwordHash });
      });
    }),

    unary(auth.userGrantRole, ({ user, role }, call) => {
      change(v3, call, {
        type: "userGrantRole",
        user: byteStringOf(user),
        role: byteStringOf(role),
      });
    }),

    unary(auth.userRevokeRole, ({ name, role }, call) => {
      change(v3, call, {
        type: "userRevokeRole",
        user: byteStringOf(name),
        role: byteStringOf(role),
      });
    }),
  ];
}

function roleHandlers(v3: V3Context): readonly Handler[] {
  const { service, headers } = v3;
  return [
    unary(auth.roleAdd, ({ name }, call) => {
      change(v3, call, { type: "roleAdd", role: byteStringOf(name) });
    }),

    unary(auth.roleGet, ({ role }, call) => {
      const name = byteStringOf(role);
      const isAllowed: Needs = ({ isRoot }) => {
        const user = userOf(v3, call);
        return isRoot || user !== undefined &&
            service.auth.view.user(user)?.roles.includes(name) === true;
      };
      readFresh(v3, call, isAllowed, (store) => {
        const found = store.auth.role(name);
        if (found === undefined) return call.fail(STATUS.roleNotFound);
        const perm = permissionsInOrder(found)
          .map(({ type, key, rangeEnd }) => ({ permType: WORDS[type], key, rangeEnd }));
        call.answer({ header: headers.now(), perm });
      });
    }),

    unary(auth.roleList, (_, call) => {
      readFresh(v3, call, ANYBODY, (store) => {
        const roles = store.auth.roles().map(({ name }) => textOf(name));
        call.answer({ header: headers.now(), roles });
      });
    }),

    unary(auth.roleDelete, ({ role }, call) => {
      change(v3, call, { type: "roleDelete", role: byteStringOf(role) });
    }),

    unary(auth.roleGrantPermission, ({ name, perm }, call) => {
      const role = byteStringOf(name);
      if (perm === undefined || typeof perm.permType !== "string") {
        const isThere = service.auth.view.role(role) !== undefined;
        return call.fail(isThere ? STATUS.permissionNotGiven : STATUS.roleNotFound);
      }
      const { permType, key, rangeEnd } = perm;
      change(v3, call, {
        type: "roleGrantPermission",
        role,
        permission: { type: PERMISSIONS[permType], key, rangeEnd },
      });
    }),

    unary(auth.roleRevokePermission, ({ role, key, rangeEnd }, call) => {
      change(v3, call, { type: "roleRevokePermission", role: byteStringOf(role), key, rangeEnd });
    }),
  ];
}

/** The method's whole response is a header. */
interface HeaderOnly {
  readonly header: ResponseHeader | undefined;
}

type ChangeCall = UnaryCall<HeaderOnly>;

/** Has one change made; `asFine` is a refusal that counts as success. */
function change(
  { service, headers }: V3Context,
  call: ChangeCall,
  made: AuthChange,
  asFine?: RejectionReason,
): void {
  const command = { type: "auth", changes: [made], ifRevision: 0 } as const;
  service.auth.write(whoCalls(call), command, false, (answer) => {
    if (!answer.ok) return call.fail(failureStatus(answer));
    const { value } = answer;
    if (value.kind === "rejected" && value.reason !== asFine) {
      return call.fail(rejectionStatus(value.reason));
    }
    const header = value.kind === "done" ? headers.at(value.revision) : headers.now();
    call.answer({ header } satisfies Draft<HeaderOnly>);
  });
}

/** Hashes a password before the log hears of it. */
function withHash(
  { service }: V3Context,
  call: ChangeCall,
  password: string,
  then: (hash: string) => void,
): void {
  service.authenticator.hashPassword(password).then((hash) => {
    if (!call.isOver) then(hash);
  }, (error) => {
    call.fail(error instanceof BusyError ? STATUS.tooManyRequests : NOT_LOOKED_AT);
  });
}

/** Who calls; undefined while authentication is off. */
function userOf({ service }: V3Context, call: Pick<ChangeCall, "caller">): string | undefined {
  const requester = service.authenticator.requesterOf(whoCalls(call));
  return typeof requester === "string" ? undefined : requester.user;
}

const NOT_LOOKED_AT = status(StatusCode.internal, "the password could not be looked at");
