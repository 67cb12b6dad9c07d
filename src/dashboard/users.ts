/** Users and roles for the page: to look at, to change, and to ask what somebody may do. */
import type { Exchange, Reply, ReplyOrFault } from "../http/exchange.ts";
import { fault } from "../http/fault.ts";
import { type Fields, urlencodedFields } from "../http/form.ts";
import type { Route, RouteHandler } from "../http/router.ts";
import { BusyError } from "../service/auth/passwords.ts";
import { patternOfRange, rangeOfPattern } from "../service/auth/patterns.ts";
import { makeSecret } from "../service/auth/tokens.ts";
import type { Service } from "../service/service.ts";
import type { AuthView } from "../store/auth/auth.ts";
import { rightsOf } from "../store/auth/rights.ts";
import { GUEST_ROLE, ROOT_NAME } from "../store/auth/users.ts";
import { bytesOf, byteStringAt, byteStringOf, textOf } from "../store/byte_string.ts";
import type { AuthChange, Permission, PermissionType } from "../store/command/auth_command.ts";
import type { RejectionReason } from "../store/result.ts";
import { failureReply, tell } from "./faults.ts";
import { problemReply, whoSits } from "./session.ts";
import type { MayView, PermissionView, UsersView } from "./view.ts";

const CHANGE_FIELDS = new Set(["action", "user", "password", "role", "type", "keys", "id"]);
const MAY_FIELDS = new Set(["user", "key"]);

const TYPES: readonly PermissionType[] = ["read", "write", "readWrite"];

/** `changing` guards what only this node's page may send. */
export function usersRoutes(
  service: Service,
  reading: (handler: RouteHandler) => RouteHandler,
  changing: (handler: RouteHandler) => RouteHandler,
): Route[] {
  return [
    {
      path: "/dashboard/api/users",
      methods: {
        GET: reading((exchange) =>
          forRoot(service, exchange, (auth) => ok<UsersView>(describe(auth)))
        ),
        POST: changing((exchange) => change(service, exchange)),
      },
    },
    {
      path: "/dashboard/api/may",
      methods: {
        GET: reading((exchange, _, query) => {
          const fields = urlencodedFields("", query, MAY_FIELDS);
          if ("cause" in fields) return fault(400, fields.cause);
          return forRoot(
            service,
            exchange,
            (auth) => ok<MayView>(may(auth, fields.get("user") ?? "", fields.get("key") ?? "")),
          );
        }),
      },
    },
  ];
}

function ok<T>(view: T): Reply {
  return { status: 200, body: JSON.stringify(view) };
}

function forRoot(
  service: Service,
  exchange: Exchange,
  serve: (auth: AuthView) => ReplyOrFault,
): ReplyOrFault | Promise<ReplyOrFault> {
  return service.auth.read<ReplyOrFault>(
    whoSits(exchange),
    ({ auth }, _, { isRoot }) => isRoot ? serve(auth) : problemReply("permissionDenied"),
    problemReply,
    failureReply,
  );
}

function describe(auth: AuthView): UsersView {
  return {
    users: auth.users().map(({ name, roles, passwordHash }) => ({
      name: textOf(name),
      roles: roles.map(textOf),
      hasPassword: passwordHash !== "",
    })),
    roles: auth.roles().map(({ name, permissions }) => ({
      name: textOf(name),
      permissions: permissions.map(describePermission),
    })),
  };
}

function describePermission({ type, key, rangeEnd }: Permission): PermissionView {
  const pattern = patternOfRange({ key, rangeEnd });
  const end = rangeEnd === "\0" ? "the last one" : textOf(rangeEnd);
  const keys = pattern ?? (rangeEnd === "" ? textOf(key) : `${textOf(key)} up to ${end}`);
  return { type, keys, id: `${bytesOf(key).toBase64()}.${bytesOf(rangeEnd).toBase64()}` };
}

/** What `user`, or a guest for "", may do with `key`, and by which roles. */
function may(auth: AuthView, user: string, key: string): MayView {
  const who = user === "" ? "A guest of v1 and v2" : `"${user}"`;
  const found = auth.user(byteStringOf(user));
  if (user !== "" && found === undefined) return { sentences: [`There is no user ${who}.`] };
  const names = found?.roles ?? [GUEST_ROLE];
  if (names.includes(ROOT_NAME)) {
    return { sentences: [`${who} may do everything, by the role "${ROOT_NAME}".`] };
  }
  const roles = names.flatMap((name) => auth.role(name) ?? []);
  const bytes = byteStringOf(key);
  const sentences = (["read", "write"] as const).map((access) => {
    const by = roles.filter((role) => rightsOf([role]).has(access, bytes))
      .map(({ name }) => `"${textOf(name)}"`);
    return by.length === 0
      ? `${who} may not ${access} "${key}".`
      : `${who} may ${access} "${key}", by the role ${by.join(" and by ")}.`;
  });
  if (!auth.isEnabled) sentences.push("While authentication is off, everybody may do everything.");
  return { sentences };
}

async function change(service: Service, exchange: Exchange): Promise<ReplyOrFault> {
  const fields = urlencodedFields(exchange.body, "", CHANGE_FIELDS);
  if ("cause" in fields) return fault(400, fields.cause);
  // Nobody else's password is worth a hash.
  const admitted = await forRoot(service, exchange, () => ok({}));
  if (!("body" in admitted) || admitted.status !== 200) return admitted;
  const made = await changeOf(service, fields);
  if (typeof made === "string") return fault(400, made);
  return await new Promise((resolve) => {
    const command = { type: "auth", changes: [made], ifRevision: 0 } as const;
    service.auth.write(whoSits(exchange), command, false, (answer) => {
      if (!answer.ok) return resolve(failureReply(answer));
      const { value } = answer;
      resolve(value.kind === "rejected" ? refused(value.reason) : ok({}));
    });
  });
}

/** The change, or what is wrong with the form. */
async function changeOf(service: Service, fields: Fields): Promise<AuthChange | string> {
  const text = (name: string) => fields.get(name) ?? "";
  const [user, role] = [byteStringOf(text("user")), byteStringOf(text("role"))];
  switch (text("action")) {
    case "addUser":
    case "setPassword": {
      const passwordHash = await hashed(service, text("password"));
      if (passwordHash === undefined) return "Expected a password, and a moment to look at it";
      return text("action") === "addUser"
        ? { type: "userAdd", user, passwordHash, noPassword: false }
        : { type: "userChangePassword", user, passwordHash };
    }
    case "deleteUser":
      return { type: "userDelete", user };
    case "grantRole":
      return { type: "userGrantRole", user, role };
    case "revokeRole":
      return { type: "userRevokeRole", user, role };
    case "addRole":
      return { type: "roleAdd", role };
    case "deleteRole":
      return { type: "roleDelete", role };
    case "grant": {
      const type = TYPES.find((known) => known === text("type"));
      if (type === undefined) return `Expected one of ${TYPES.join(", ")}, found "${text("type")}"`;
      const permission = { type, ...rangeOfPattern(text("keys")) };
      return { type: "roleGrantPermission", role, permission };
    }
    case "revoke": {
      const range = rangeOfId(text("id"));
      if (range === undefined) return `Expected a range, found "${text("id")}"`;
      return { type: "roleRevokePermission", role, ...range };
    }
    case "enable":
      return { type: "authEnable", secret: makeSecret() };
    case "disable":
      return { type: "authDisable" };
    default:
      return `Expected something that can be done with users, found "${text("action")}"`;
  }
}

/** Undefined for none, and while too many wait for theirs. */
async function hashed({ authenticator }: Service, password: string): Promise<string | undefined> {
  if (password === "") return undefined;
  try {
    return await authenticator.hashPassword(password);
  } catch (error) {
    if (error instanceof BusyError) return undefined;
    throw error;
  }
}

function rangeOfId(id: string): Pick<Permission, "key" | "rangeEnd"> | undefined {
  const parts = id.split(".");
  if (parts.length !== 2) return undefined;
  try {
    const [key, rangeEnd] = parts.map((part) => {
      const bytes = Uint8Array.fromBase64(part);
      return byteStringAt(bytes, 0, bytes.length);
    });
    return { key: key!, rangeEnd: rangeEnd! };
  } catch {
    return undefined;
  }
}

const CAUSES: Partial<Readonly<Record<RejectionReason, string>>> = {
  userNameEmpty: "A user needs a name",
  roleNameEmpty: "A role needs a name",
  userExists: "There is such a user already",
  roleExists: "There is such a role already",
  userNotFound: "There is no such user",
  roleNotFound: "There is no such role",
  roleNotGranted: "The user has no such role",
  permissionNotGranted: "The role has no such permission",
  rootUserMissing: 'First there has to be a user "root"',
  rootRoleMissing: 'First the user "root" has to have the role "root"',
  invalidAuthManagement: "That would lock everybody out, or it is a range without keys",
};

function refused(reason: RejectionReason): Reply {
  if (reason === "permissionDenied" || reason === "invalidToken") return problemReply(reason);
  return tell(409, { reason, message: "The change was refused", cause: CAUSES[reason] ?? reason });
}
