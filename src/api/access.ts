/**
 * Who may ask for which path while authentication is on. What is about keys is judged by
 * its handler; v3's methods have a table of their own. A path that nobody thought of is
 * root's.
 */
import { STATUS_TEXT } from "@std/http/status";
import type { Exchange, Reply, ReplyOrFault } from "../http/exchange.ts";
import type { Route, RouteHandler } from "../http/router.ts";
import type { AuthProblem } from "../service/auth/gate.ts";
import type { Service } from "../service/service.ts";
import { failureFault } from "./fault_form.ts";
import { problemText, whoMustSay } from "./who.ts";

/** Anybody; who may have the keys it is about, as the handler finds; root. */
export type RouteAccess = "open" | "judged" | "root";

const OPEN: readonly RegExp[] = [
  // Who is in the cluster, how it is, and what it runs: what clients ask before they log in.
  /^\/(version|health|livez|readyz|machines|leader|metrics)?$/,
  /^\/v1\/(machines|leader|stats\/(self|leader|store))$/,
  /^\/v2\/(machines|members|leader|peers|stats\/(self|leader|store))$/,
  // The page itself, and how the cluster is.
  /^\/dashboard(\/[a-z_]+\.(js|css|svg|html))?$/,
  /^\/dashboard\/api\/(status|samples)$/,
];

const JUDGED: readonly RegExp[] = [
  /^\/v1\/(keys|watch)$/,
  /^\/v2\/(keys|auth(\/(enable|users|roles))?)$/,
  /^\/(v3|v3beta|v3alpha)(\/|$)/,
  // gRPC on a port that can't serve it: the answer says so.
  /^\/(etcdserverpb|v3lockpb|v3electionpb|grpc\.health\.v1)\./,
  /^\/dashboard\/api\/(session|keys|flat|events|users|may)$/,
];

/** Who may ask for `path`, which is a route's, by `method`. */
export function accessOfRoute(path: string, method: string): RouteAccess {
  if (JUDGED.some((pattern) => pattern.test(path))) return "judged";
  const reads = method === "GET" || method === "HEAD";
  return reads && OPEN.some((pattern) => pattern.test(path)) ? "open" : "root";
}

/** `route`, with whatever is root's behind a check. */
export function guardedRoute(service: Service, route: Route): Route {
  const methods: Record<string, RouteHandler> = {};
  for (const [method, handler] of Object.entries(route.methods)) {
    methods[method] = accessOfRoute(route.path, method) === "root"
      ? forRoot(service, handler)
      : handler;
  }
  return { ...route, methods };
}

/** Characters of a target that a line of the audit has. */
const TARGET_SHOWN_MAX = 256;

function forRoot(service: Service, handler: RouteHandler): RouteHandler {
  return (exchange, rest, query) =>
    service.auth.isOn
      ? whenRoot(service, exchange, () => handler(exchange, rest, query))
      : handler(exchange, rest, query);
}

function whenRoot(
  { auth }: Service,
  exchange: Exchange,
  handle: () => ReplyOrFault | Promise<ReplyOrFault>,
): Promise<ReplyOrFault> {
  return new Promise((resolve) => {
    auth.admit(
      whoMustSay(exchange),
      ({ isRoot }) => isRoot,
      (problem) => resolve(problem === undefined ? handle() : refuse(exchange, problem)),
      (failure) => resolve(failureFault(failure)),
      `${exchange.method} ${exchange.target.slice(0, TARGET_SHOWN_MAX)}`,
    );
  });
}

/** In the words of the API whose path it is. */
function refuse({ target }: Exchange, problem: AuthProblem): Reply {
  return target.startsWith("/v2/")
    ? { status: 401, body: '{"message":"Insufficient credentials"}' }
    : problemReply(problem);
}

/** 401 for who is not known, 403 for who may not, 429 for who is to wait. */
function problemStatus(problem: AuthProblem): 401 | 403 | 429 {
  switch (problem) {
    case "permissionDenied":
      return 403;
    case "tooManyLogins":
      return 429;
    case "userNameEmpty":
    case "invalidToken":
    case "authenticationFailed":
      return 401;
  }
}

/** What somebody hears who is turned away, where no API has its own words for it. */
function problemReply(problem: AuthProblem): Reply {
  const status = problemStatus(problem);
  const cause = problemText(problem);
  const body = JSON.stringify({ errorCode: status, message: STATUS_TEXT[status], cause });
  return { status, body };
}
