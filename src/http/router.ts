/** Finds the handler of a request by its clean path and its method. */
import type { Exchange, Handler, ReplyOrFault } from "./exchange.ts";
import { fault } from "./fault.ts";
import { cleanPath } from "./path.ts";

/**
 * `rest` is what follows the route's path, "/" if nothing does (always for an
 * exact one); `query` has no question mark.
 */
export type RouteHandler = (
  exchange: Exchange,
  rest: string,
  query: string,
) => ReplyOrFault | Promise<ReplyOrFault>;

export interface Route {
  /** Clean, e.g. `/a/b`. */
  readonly path: string;
  /** Whether all paths under it are meant too; at the path itself an earlier route goes first. */
  readonly subtree?: boolean;
  readonly methods: Readonly<Partial<Record<"GET" | "POST" | "PUT" | "DELETE", RouteHandler>>>;
  /** The Allow header where an API has its own; HEAD is then there only if it is listed. */
  readonly allow?: string;
}

interface Target {
  readonly path: string;
  readonly prefix: string;
  /** HEAD is there wherever GET is. */
  readonly handlers: ReadonlyMap<string, RouteHandler>;
  readonly allow: Readonly<Record<string, string>>;
}

/**
 * Handles every request; subtrees are tried in the order of `routes`. Who asks for an
 * unknown path is told of `example`.
 */
export function makeRouter(routes: readonly Route[], example: string): Handler {
  const exact = new Map<string, Target>();
  const subtrees: Target[] = [];
  for (const route of routes) {
    const target = makeTarget(route);
    if (!exact.has(route.path)) exact.set(route.path, target);
    if (route.subtree) subtrees.push(target);
  }
  return (exchange) => {
    const { target } = exchange;
    const mark = target.indexOf("?");
    const path = cleanPath(mark < 0 ? target : target.slice(0, mark));
    if (typeof path !== "string") return fault(400, path.cause);
    const query = mark < 0 ? "" : target.slice(mark + 1);
    for (const subtree of subtrees) {
      if (!path.startsWith(subtree.prefix)) continue;
      return dispatch(subtree, exchange, path.slice(subtree.path.length), query);
    }
    const found = exact.get(path);
    if (found !== undefined) return dispatch(found, exchange, "/", query);
    return fault(404, `Expected a path such as "${example}", found "${path}"`);
  };
}

function makeTarget({ path, methods, allow: listed }: Route): Target {
  const handlers = new Map(Object.entries(methods));
  const get = handlers.get("GET");
  if (get !== undefined && (listed?.includes("HEAD") ?? true)) handlers.set("HEAD", get);
  const allow = { allow: listed ?? [...handlers.keys(), "OPTIONS"].join(", ") };
  return { path, prefix: `${path}/`, handlers, allow };
}

function dispatch(
  target: Target,
  exchange: Exchange,
  rest: string,
  query: string,
): ReplyOrFault | Promise<ReplyOrFault> {
  const handler = target.handlers.get(exchange.method);
  if (handler !== undefined) return handler(exchange, rest, query);
  if (exchange.method === "OPTIONS") return { status: 204, headers: target.allow, body: "" };
  const cause = `Expected one of ${target.allow.allow}, found "${exchange.method}"`;
  return fault(405, cause, target.allow);
}
