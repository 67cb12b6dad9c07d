/** `/v2/auth/…`: users, roles and the switch, over those that all APIs share. */
import type { Exchange, Reply, ReplyOrFault } from "../../../http/exchange.ts";
import type { Route, RouteHandler } from "../../../http/router.ts";
import { BusyError } from "../../../service/auth/passwords.ts";
import { makeSecret } from "../../../service/auth/tokens.ts";
import type { AuthView } from "../../../store/auth/auth.ts";
import type { AuthChange } from "../../../store/command/auth_command.ts";
import { whoAsks } from "../../who.ts";
import { clusterHeaders, jsonText, type V2 } from "../context.ts";
import { failureReply, INSUFFICIENT } from "../error.ts";
import type { Patterns } from "./patterns.ts";
import {
  type Plan,
  planDisable,
  planEnable,
  planRole,
  planRoleDelete,
  planUser,
  planUserDelete,
  refusal,
  type RoleBody,
  tellRole,
  tellRoles,
  tellUser,
  tellUsers,
  type UserBody,
} from "./plans.ts";

/** Names and patterns are planned once more so many times when users change meanwhile. */
const TRIES_MAX = 3;

/** The routes below `/v2/auth`. */
export function authRoutes(v2: V2): Route[] {
  const ask = (tell: (auth: AuthView, rest: string) => Plan): RouteHandler => (exchange, rest) =>
    answer(v2, exchange, (auth) => tell(auth, rest.slice(1)));
  return [
    {
      path: "/v2/auth/enable",
      allow: "GET,PUT,DELETE",
      methods: {
        // Whoever asks may know whether there is anybody to be.
        GET: () =>
          v2.service.readStale(
            ({ auth }) => reply(v2, 200, { enabled: auth.isEnabled }),
            (failure) => failureReply(v2, failure),
          ),
        PUT: (exchange) => carryOut(v2, exchange, (auth) => planEnable(auth, makeSecret())),
        DELETE: (exchange) => carryOut(v2, exchange, planDisable),
      },
    },
    {
      path: "/v2/auth/users",
      allow: "GET",
      methods: { GET: ask((auth) => ({ changes: [], status: 200, body: tellUsers(auth) })) },
    },
    {
      path: "/v2/auth/users",
      subtree: true,
      allow: "GET,PUT,DELETE",
      methods: {
        GET: named(ask(tellUser)),
        PUT: named((exchange, rest) => putUser(v2, exchange, rest.slice(1))),
        DELETE: named(
          (exchange, rest) => carryOut(v2, exchange, (auth) => planUserDelete(auth, rest.slice(1))),
        ),
      },
    },
    {
      path: "/v2/auth/roles",
      allow: "GET",
      methods: { GET: ask((auth) => ({ changes: [], status: 200, body: tellRoles(auth) })) },
    },
    {
      path: "/v2/auth/roles",
      subtree: true,
      allow: "GET,PUT,DELETE",
      methods: {
        GET: named(ask(tellRole)),
        PUT: named((exchange, rest) => putRole(v2, exchange, rest.slice(1))),
        DELETE: named(
          (exchange, rest) => carryOut(v2, exchange, (auth) => planRoleDelete(auth, rest.slice(1))),
        ),
      },
    },
  ];
}

const INVALID_PATH: Reply = { status: 400, body: JSON.stringify({ message: "Invalid path" }) };

/** Refuses paths with more than a name. */
function named(handle: RouteHandler): RouteHandler {
  return (exchange, rest, query) =>
    rest.indexOf("/", 1) > 0 ? INVALID_PATH : handle(exchange, rest, query);
}

function reply(v2: V2, status: number, body: unknown): Reply {
  return {
    status,
    headers: clusterHeaders(v2),
    body: body === undefined ? "" : jsonText(status, body),
  };
}

const UNAUTHORIZED: Reply = { status: 401, body: JSON.stringify({ message: INSUFFICIENT }) };

/** Reads users and roles for root. */
function answer(
  v2: V2,
  exchange: Exchange,
  tell: (auth: AuthView) => Plan,
): ReplyOrFault | Promise<ReplyOrFault> {
  return v2.service.auth.read<ReplyOrFault>(
    whoAsks(exchange),
    (store, _, rights) => {
      if (!rights.isRoot) return UNAUTHORIZED;
      const { status, body } = tell(store.auth);
      return reply(v2, status, body);
    },
    () => UNAUTHORIZED,
    (failure) => failureReply(v2, failure),
  );
}

/** Has made what `plan` says, which is asked again when users change meanwhile. */
async function carryOut(
  v2: V2,
  exchange: Exchange,
  plan: (auth: AuthView) => Plan,
): Promise<ReplyOrFault> {
  for (let tries = TRIES_MAX;; tries--) {
    const planned = await planFor(v2, exchange, plan);
    if (!("changes" in planned)) return planned;
    const { changes, revision, status, body } = planned;
    if (changes.length === 0) return reply(v2, status, body);
    const problem = await make(v2, exchange, changes, revision);
    if (problem === undefined) return reply(v2, status, body);
    if (problem === "authIsOld" && tries > 0) continue;
    return typeof problem === "string" ? reply(v2, 500, { message: `auth: ${problem}` }) : problem;
  }
}

/** The plan by the users of now, for root alone. */
async function planFor(v2: V2, exchange: Exchange, plan: (auth: AuthView) => Plan) {
  return await v2.service.auth.read<ReplyOrFault | Plan & { readonly revision: number }>(
    whoAsks(exchange),
    ({ auth }, _, rights) =>
      rights.isRoot ? { ...plan(auth), revision: auth.revision } : UNAUTHORIZED,
    () => UNAUTHORIZED,
    (failure) => failureReply(v2, failure),
  );
}

/** Undefined once the changes are made; else why not. */
function make(
  v2: V2,
  exchange: Exchange,
  changes: readonly AuthChange[],
  ifRevision: number,
): Promise<string | ReplyOrFault | undefined> {
  const command = { type: "auth", changes, ifRevision } as const;
  return new Promise((resolve) => {
    v2.service.auth.write(whoAsks(exchange), command, false, (answer) => {
      if (!answer.ok) return resolve(failureReply(v2, answer));
      const { value } = answer;
      resolve(value.kind === "rejected" ? value.reason : undefined);
    });
  });
}

async function putUser(v2: V2, exchange: Exchange, name: string): Promise<ReplyOrFault> {
  const body = await rootsBody(v2, exchange, readUser);
  if (!("user" in body)) return body;
  if (body.user !== name) return mismatch(v2, "User");
  const passwordHash = body.password === "" ? "" : await hashed(v2, body.password);
  if (passwordHash === undefined) {
    return reply(v2, 503, { message: "Too many passwords are being looked at, try again later" });
  }
  return carryOut(v2, exchange, (auth) => planUser(auth, { ...body, passwordHash }));
}

async function putRole(v2: V2, exchange: Exchange, name: string): Promise<ReplyOrFault> {
  const body = await rootsBody(v2, exchange, readRole);
  if (!("role" in body)) return body;
  if (body.role !== name) return mismatch(v2, "Role");
  return carryOut(v2, exchange, (auth) => planRole(auth, body));
}

function mismatch(v2: V2, what: string): Reply {
  return reply(v2, 400, { message: `${what} JSON name does not match the name in the URL` });
}

/** Undefined when too many wait for theirs. */
async function hashed({ service }: V2, password: string): Promise<string | undefined> {
  try {
    return await service.authenticator.hashPassword(password);
  } catch (error) {
    if (error instanceof BusyError) return undefined;
    throw error;
  }
}

/** What root has sent; nobody else's body is looked at. */
async function rootsBody<T extends object>(
  v2: V2,
  exchange: Exchange,
  read: (fields: Fields) => T | undefined,
): Promise<T | ReplyOrFault> {
  const admitted = await planFor(v2, exchange, () => refusal(200, ""));
  if (!("changes" in admitted)) return admitted;
  const fields = parseObject(exchange.body);
  const body = fields && read(fields);
  return body ?? reply(v2, 400, { message: "Invalid JSON in request body." });
}

type Fields = Readonly<Record<string, unknown>>;

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // As in Go, null is what says nothing.
    return value === null ? {} : asObject(value);
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : undefined;
}

/** Undefined for what is no list of texts. */
function texts(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;
}

function readUser(fields: Fields): Omit<UserBody, "passwordHash"> | undefined {
  const { user = "", password = "" } = fields;
  const [roles, grant, revoke] = [texts(fields.roles), texts(fields.grant), texts(fields.revoke)];
  if (typeof user !== "string" || typeof password !== "string") return undefined;
  const told = fields.roles ?? null;
  return roles && grant && revoke && { user, password, roles, told, grant, revoke };
}

function readRole(fields: Fields): RoleBody | undefined {
  const { role = "" } = fields;
  const permissions = readPatterns(fields.permissions);
  const grant = readPatterns(fields.grant);
  const revoke = readPatterns(fields.revoke);
  if (typeof role !== "string") return undefined;
  if (permissions === "bad" || grant === "bad" || revoke === "bad") return undefined;
  const { read = null, write = null } = asObject(asObject(fields.permissions)?.kv) ?? {};
  return { role, permissions, told: { read, write }, grant, revoke };
}

/** Undefined where there is nothing. */
function readPatterns(value: unknown): Patterns | undefined | "bad" {
  if (value === undefined || value === null) return undefined;
  const kv = asObject(asObject(value)?.kv);
  const [read, write] = [texts(kv?.read), texts(kv?.write)];
  return read && write ? { read, write } : "bad";
}
