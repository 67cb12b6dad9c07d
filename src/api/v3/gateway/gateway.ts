/** The JSON gateway: POST `/v3/…`, and by its older names `/v3beta/…` and `/v3alpha/…`. */
import type { Reply } from "../../../http/exchange.ts";
import type { FaultForm } from "../../../http/fault.ts";
import type { Route, RouteHandler } from "../../../http/router.ts";
import type { Handler } from "../call.ts";
import { type GatewayShared, renderFault } from "./shared.ts";
import { answerStream } from "./stream_call.ts";
import { answerUnary } from "./unary_call.ts";

const PREFIXES = ["/v3", "/v3beta", "/v3alpha"] as const;

/** How its clients hear of faults that the port finds. */
export const V3_FAULTS: readonly FaultForm[] = PREFIXES.map((path) => ({
  prefix: `${path}/`,
  render: renderFault,
}));

/** The routes of the gateway for `handlers`. */
export function gatewayRoutes(handlers: readonly Handler[], shared: GatewayShared): Route[] {
  const byPath = new Map<string, Handler>();
  for (const handler of handlers) {
    for (const path of handler.method.gateway) byPath.set(path.slice(PREFIXES[0].length), handler);
  }
  const post: RouteHandler = (exchange, rest) => {
    const handler = byPath.get(rest);
    if (handler === undefined) return NOT_FOUND;
    return handler.kind === "unary"
      ? answerUnary(shared, handler, exchange)
      : answerStream(shared, handler, exchange);
  };
  const refuse: RouteHandler = (_, rest) => byPath.has(rest) ? NOT_ALLOWED : NOT_FOUND;
  const methods = { POST: post, GET: refuse, PUT: refuse, DELETE: refuse };
  return PREFIXES.map((path) => ({ path, subtree: true, methods }));
}

const NOT_FOUND: Reply = renderFault({ status: 404 });
const NOT_ALLOWED: Reply = renderFault({ status: 405 });
