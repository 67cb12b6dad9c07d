/** The handler of the client port: joins the versions of the API that it speaks. */
import { isNamedOrigin, sharedWith } from "../http/cross_origin.ts";
import { foreignWriteProblem } from "../http/cross_site.ts";
import type { SitePolicy } from "../http/cross_site.ts";
import type { Handler } from "../http/exchange.ts";
import { fault } from "../http/fault.ts";
import { bodyTooLarge } from "../http/message.ts";
import { longerThan } from "../http/path.ts";
import { makeRouter } from "../http/router.ts";
import type { Route } from "../http/router.ts";
import type { Service } from "../service/service.ts";
import { guardedRoute } from "./access.ts";
import { digestRoutes } from "./admin/digest.ts";
import { infoRoutes } from "./admin/info.ts";
import { clusterRoutes } from "./v1/cluster.ts";
import { keysRoute } from "./v1/keys.ts";
import { EventReplies } from "./v1/reply.ts";
import { Watches } from "./v1/watch.ts";
import { makeV2 } from "./v2/v2.ts";

export interface ApiLimits {
  /** Of a body in UTF-8, but for messages of v3 and forms of v2's keys. */
  readonly bodyBytesMax: number;
  /** Of a key after decoding, in UTF-8. */
  readonly keyBytesMax: number;
  /** Watches that may wait at once. */
  readonly watchesMax: number;
  /** Characters of a v2 stream that its client may be behind; then it is cut off. */
  readonly streamBacklogMax: number;
  /** How long `/health` waits for a linearizable read. */
  readonly healthTimeoutMs: number;
}

/** The client port's side of the server. */
export interface ClientApi {
  readonly handle: Handler;
  /** All that `handle` serves. */
  readonly routes: readonly Route[];
  /** Answers everything that waits for an event; call it before the listener's `shutdown`. */
  stop(): void;
}

export interface ClientApiOptions {
  readonly limits: ApiLimits;
  readonly policy: SitePolicy;
  /** `-cors` */
  readonly origins?: readonly string[];
  /** `-redirect` */
  readonly redirect: boolean;
  /** Beside the versions of the API, and before all of those that is no key and no watch. */
  readonly routes?: readonly Route[];
  /** Answers what waits in `routes`. */
  readonly onStop?: () => void;
}

/** Whose bodies have limits of their own. */
const LARGE_BODIES = /^\/(v3|v2\/keys)/;

/** The whole client port; `stop` it before its listener. */
export function makeClientApi(
  service: Service,
  { limits, policy, origins = [], redirect, routes = [], onStop }: ClientApiOptions,
): ClientApi {
  const v1 = { service, replies: new EventReplies(), redirect };
  const watches = new Watches(v1, limits);
  const v2 = makeV2(service, limits);
  const all = [
    keysRoute(v1, limits.keyBytesMax),
    watches.route,
    ...v2.routes,
    ...routes,
    ...clusterRoutes(service),
    ...infoRoutes(service, limits.healthTimeoutMs),
    ...digestRoutes(service),
  ];
  const guarded = all.map((one) => guardedRoute(service, one));
  const route = makeRouter(guarded, "/v1/keys/KEY");
  const handle: Handler = (exchange) => {
    service.requests.count(exchange.method);
    if (exchange.method !== "GET" && !isNamedOrigin(exchange, origins)) {
      const problem = foreignWriteProblem(exchange, policy);
      if (problem !== undefined) return fault(403, problem);
    }
    const { method, target, body } = exchange;
    const isBounded = method !== "GET" && !LARGE_BODIES.test(target);
    if (isBounded && longerThan(body, limits.bodyBytesMax)) return bodyTooLarge(limits);
    return route(exchange);
  };
  return {
    handle: sharedWith(origins, handle),
    routes: all,
    stop: () => {
      watches.stop();
      v2.stop();
      onStop?.();
    },
  };
}
