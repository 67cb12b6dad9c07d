/**
 * Who sits before the page: the token of a login, in a cookie that no script can read and
 * that no other site's page can make a browser send (RFC 6265bis, HttpOnly and SameSite);
 * else what programs send, else a guest.
 */
import type { Exchange, Reply, ReplyOrFault } from "../http/exchange.ts";
import { fault } from "../http/fault.ts";
import { urlencodedFields } from "../http/form.ts";
import type { Route, RouteHandler } from "../http/router.ts";
import {
  type Credentials,
  credentialsOfHeader,
  GUEST_CREDENTIALS,
  type Who,
} from "../service/auth/credentials.ts";
import type { AuthProblem } from "../service/auth/gate.ts";
import type { Service } from "../service/service.ts";
import { byteStringOf, textOf } from "../store/byte_string.ts";
import { GUEST_USER } from "../store/command/command.ts";
import { failureReply, tell } from "./faults.ts";
import type { SessionView } from "./view.ts";

const COOKIE = "etcd-token";

const FIELDS = new Set(["user", "password"]);

/** Reads it off a request when somebody wants to know. */
export function whoSits(exchange: Exchange): Who {
  return () => ({ ...credentialsOf(exchange), address: () => exchange.clientAddress });
}

function credentialsOf(exchange: Exchange): Credentials {
  const header = exchange.header("authorization");
  if (header) return credentialsOfHeader(header);
  const token = cookieIn(exchange.header("cookie") ?? "");
  if (token !== undefined) return { kind: "token", token };
  const name = exchange.clientCertificate?.commonName;
  return name === undefined || name === ""
    ? GUEST_CREDENTIALS
    : { kind: "certificate", name: byteStringOf(name), orGuest: true };
}

function cookieIn(header: string): string | undefined {
  for (const pair of header.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === COOKIE && value) return value;
  }
  return undefined;
}

/** Who is logged in, and the ways in and out. `changing` guards what only this node's page may send. */
export function sessionRoute(
  service: Service,
  isTls: boolean,
  reading: (handler: RouteHandler) => RouteHandler,
  changing: (handler: RouteHandler) => RouteHandler,
): Route {
  return {
    path: "/dashboard/api/session",
    methods: {
      GET: reading((exchange) => describe(service, whoSits(exchange))),
      POST: changing((exchange) => login(service, isTls, exchange)),
      DELETE: changing(() =>
        service.readStale<Reply>(
          () => ({ status: 200, headers: cookieHeader("", isTls), body: "{}" }),
          failureReply,
        )
      ),
    },
  };
}

function describe(
  { auth, authenticator }: Service,
  who: Who,
): ReplyOrFault | Promise<ReplyOrFault> {
  const told = (view: SessionView): Reply => ({ status: 200, body: JSON.stringify(view) });
  return auth.read<ReplyOrFault>(
    who,
    (_store, _nowMs, { isRoot }) => {
      const requester = authenticator.requesterOf(who);
      const user = typeof requester === "string" ? "" : requester.user;
      return told({
        isOn: auth.isOn,
        user: user === GUEST_USER ? "" : textOf(user),
        isRoot,
      });
    },
    // A token that ran out is no error: the page asks for another login.
    () => told({ isOn: true, user: "", isRoot: false }),
    failureReply,
  );
}

async function login(
  { authenticator }: Service,
  isTls: boolean,
  { body, clientAddress }: Exchange,
): Promise<ReplyOrFault> {
  const fields = urlencodedFields(body, "", FIELDS);
  if ("cause" in fields) return fault(400, fields.cause);
  const user = fields.get("user") ?? "";
  const outcome = await authenticator.login(
    byteStringOf(user),
    fields.get("password") ?? "",
    clientAddress,
  );
  switch (outcome.kind) {
    case "token":
      return { status: 200, headers: cookieHeader(outcome.token, isTls), body: "{}" };
    case "refused":
      return outcome.reason === "authNotEnabled"
        ? fault(409, "Expected authentication to be on, found it off")
        : problemReply(outcome.reason);
    case "failed":
      return failureReply(outcome.failure);
  }
}

/** For the life of the browser; an empty one ends it. */
function cookieHeader(token: string, isTls: boolean): Readonly<Record<string, string>> {
  const end = token === "" ? "; Max-Age=0" : "";
  const secure = isTls ? "; Secure" : "";
  const attributes = `Path=/dashboard; HttpOnly; SameSite=Strict${secure}${end}`;
  return { "set-cookie": `${COOKIE}=${token}; ${attributes}` };
}

/** What the page hears of who is turned away. */
export function problemReply(problem: AuthProblem): Reply {
  switch (problem) {
    case "permissionDenied":
      return tell(403, {
        reason: problem,
        message: "You may not do that",
        cause: "None of your roles has a permission for it",
      });
    case "tooManyLogins":
      return tell(429, {
        reason: problem,
        message: "Too many logins have failed",
        cause: "Try again in a while",
      });
    case "authenticationFailed":
      return tell(401, {
        reason: problem,
        message: "User and password don't belong together",
        cause: "Expected the name of a user and that user's password",
      });
    case "userNameEmpty":
    case "invalidToken":
      return tell(401, {
        reason: problem,
        message: "You are not logged in any longer",
        cause: "Expected a login that is still good",
      });
  }
}
