/** The handler of the client port: joins the versions of the API that it speaks. */
import type { Handler } from "../http/exchange.ts";
import { makeRouter } from "../http/router.ts";
import type { Route } from "../http/router.ts";
import { clusterRoutes } from "./v1/cluster.ts";
import { infoRoutes } from "./v1/info.ts";
import { keysRoute } from "./v1/keys.ts";
import type { Service } from "./v1/service.ts";
import { Watches } from "./v1/watch.ts";

export interface ApiLimits {
  /** Of a key after decoding, in UTF-8. */
  readonly keyBytesMax: number;
  /** Watches that may wait at once. */
  readonly watchesMax: number;
  /** How long `/health` waits for a linearizable read. */
  readonly healthTimeoutMs: number;
}

/** The client port's side of the server. */
export interface ClientApi {
  readonly handle: Handler;
  /** Answers everything that waits for an event; call it before the listener's `shutdown`. */
  stop(): void;
}

/** The whole client port, `routes` besides the versions of the API included; `stop` it before its listener. */
export function makeClientApi(
  service: Service,
  limits: ApiLimits,
  routes: readonly Route[] = [],
): ClientApi {
  const watches = new Watches(service, limits);
  const route = makeRouter([
    keysRoute(service, limits.keyBytesMax),
    watches.route,
    ...clusterRoutes(service),
    ...infoRoutes(service, limits.healthTimeoutMs),
    ...routes,
  ]);
  const handle: Handler = (exchange) => {
    service.requests.count(exchange.method);
    return route(exchange);
  };
  return { handle, stop: () => watches.stop() };
}
