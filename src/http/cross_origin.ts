/**
 * Lets pages of other sites use a port, those that its operator has named (`-cors`):
 * the headers by which a browser gives them what it was answered (Fetch Standard
 * §3.3). Sites that are not named get none of them.
 */
import type { Exchange, Handler, ReplyOrFault } from "./exchange.ts";

/** Any site. */
const ANY = "*";

/** How long a browser may remember the answer to a preflight, seconds. */
const MAX_AGE_S = "600";

/** Whether a page of the request's origin is one that the operator has named. */
export function isNamedOrigin(exchange: Exchange, origins: readonly string[]): boolean {
  const origin = exchange.header("origin");
  return origin !== undefined && (origins.includes(ANY) || origins.includes(origin));
}

/** Answers what browsers ask before a request, and marks the answers of `handle` for the sites named. */
export function sharedWith(origins: readonly string[], handle: Handler): Handler {
  if (origins.length === 0) return handle;
  return async (exchange) => {
    if (!isNamedOrigin(exchange, origins)) return withHeaders(await handle(exchange), VARY);
    const allowed = {
      "access-control-allow-origin": origins.includes(ANY) ? ANY : exchange.header("origin")!,
      "access-control-expose-headers": EXPOSED,
      ...VARY,
    };
    const isPreflight = exchange.method === "OPTIONS" &&
      exchange.header("access-control-request-method") !== undefined;
    if (!isPreflight) return withHeaders(await handle(exchange), allowed);
    return {
      status: 200,
      headers: {
        ...allowed,
        "access-control-allow-methods": "POST, GET, OPTIONS, PUT, DELETE",
        "access-control-allow-headers": "accept, content-type, authorization",
        "access-control-max-age": MAX_AGE_S,
      },
      body: "",
    };
  };
}

/** A cache must not give one site what was answered to another. */
const VARY = { vary: "origin" };

const EXPOSED = "X-Etcd-Cluster-Id, X-Etcd-Index, X-Raft-Index, X-Raft-Term";

function withHeaders<T extends ReplyOrFault>(
  answer: T,
  headers: Readonly<Record<string, string>>,
): T {
  return { ...answer, headers: { ...answer.headers, ...headers } };
}
