/** The JSON gateway: POST `/v3/…`, and by its older names `/v3beta/…` and `/v3alpha/…`. */
import type { Exchange, Reply } from "../../../http/exchange.ts";
import type { FaultForm } from "../../../http/fault.ts";
import type { Route, RouteHandler } from "../../../http/router.ts";
import type { Handler } from "../call.ts";
import type { Method } from "../methods.ts";
import type { MethodCounters } from "../metrics.ts";
import { CallSlots } from "./call_slots.ts";
import { type GatewayShared, renderFault } from "./shared.ts";
import { answerStream } from "./stream_call.ts";
import { answerUnary } from "./unary_call.ts";

const PREFIXES = ["/v3", "/v3beta", "/v3alpha"] as const;

/** How its clients hear of faults that the port finds. */
export const V3_FAULTS: readonly FaultForm[] = PREFIXES.map((path) => ({
  prefix: `${path}/`,
  render: renderFault,
}));

interface Entry {
  readonly handler: Handler;
  readonly counters: MethodCounters;
}

/**
 * The routes of the gateway for `handlers`. A call is counted as one of gRPC: etcd's gateway
 * is a client of its own gRPC port, and alarms are set by what is counted there.
 */
export function gatewayRoutes(
  handlers: readonly Handler[],
  allCounters: ReadonlyMap<Method, MethodCounters>,
  shared: GatewayShared,
): Route[] {
  const { callsMax } = shared;
  const slots = callsMax === undefined ? undefined : new CallSlots(callsMax);
  const byPath = new Map<string, Entry>();
  for (const handler of handlers) {
    const { method } = handler;
    const entry = { handler, counters: allCounters.get(method)! };
    for (const path of method.gateway) byPath.set(path.slice(PREFIXES[0].length), entry);
  }
  /** Etcd's paths have no slash at their end. */
  const handlerOf = ({ target }: Exchange, rest: string) =>
    SLASH_AT_END.test(target) ? undefined : byPath.get(rest);
  const post: RouteHandler = (exchange, rest) => {
    const entry = handlerOf(exchange, rest);
    if (entry === undefined) return NOT_FOUND;
    if (slots === undefined) return answer(shared, entry, exchange, () => {});
    return slots.enter((callback) => exchange.onGone(callback))
      .then((leave) => leave === undefined ? TOO_LATE : answer(shared, entry, exchange, leave));
  };
  const refuse: RouteHandler = (exchange, rest) =>
    handlerOf(exchange, rest) === undefined ? NOT_FOUND : NOT_ALLOWED;
  const methods = { POST: post, GET: refuse, PUT: refuse, DELETE: refuse };
  return PREFIXES.map((path) => ({ path, subtree: true, allow: "POST", methods }));
}

const SLASH_AT_END = /^[^?]*\/(\?|$)/;

/** `onOver` is called once, when nothing more is answered. */
function answer(
  shared: GatewayShared,
  { handler, counters }: Entry,
  exchange: Exchange,
  onOver: () => void,
): Reply | Promise<Reply> {
  if (handler.kind !== "unary") return answerStream(shared, handler, counters, exchange, onOver);
  const reply = answerUnary(shared, handler, counters, exchange);
  if (reply instanceof Promise) return reply.finally(onOver);
  onOver();
  return reply;
}

/** Nobody reads it, but the port waits for one. */
const TOO_LATE: Reply = { status: 408, body: "" };
const NOT_FOUND: Reply = renderFault({ status: 404 });
const NOT_ALLOWED: Reply = renderFault({ status: 405, headers: { allow: "POST" } });
