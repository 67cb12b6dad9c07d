/** The v2 API of one client port: its routes, and how its clients hear of faults. */
import { formatId } from "../../base/ids.ts";
import type { FaultForm } from "../../http/fault.ts";
import type { Route } from "../../http/router.ts";
import type { Service } from "../../service/service.ts";
import { authRoutes } from "./auth/auth.ts";
import { clusterRoutes } from "./cluster.ts";
import type { V2, V2Limits } from "./context.ts";
import { renderFault } from "./error.ts";
import { keysRoute } from "./keys.ts";
import { Watches } from "./watch.ts";

export interface V2Api {
  readonly routes: readonly Route[];
  /** Ends everything that waits for an event. */
  stop(): void;
}

/** One v2; `stop` it before its listener. */
export function makeV2(service: Service, limits: V2Limits): V2Api {
  const v2: V2 = { service, limits, clusterId: formatId(service.node.clusterId) };
  const watches = new Watches(v2);
  return {
    routes: [keysRoute(v2, watches), ...clusterRoutes(v2), ...authRoutes(v2)],
    stop: () => watches.stop(),
  };
}

/** For paths of v2, and for those beside it that answer as in its time. */
export const V2_FAULTS: readonly FaultForm[] = ["/v2", "/version", "/health"].map((prefix) => ({
  prefix,
  render: renderFault,
}));
