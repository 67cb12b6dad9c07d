/**
 * The port of `-metrics`: open from the first moment, so that whoever probes it
 * sees a node that starts; without certificates, so it serves nothing of the data.
 */
import { healthRoutes } from "../api/admin/health.ts";
import { METRICS_PATH, metricsRoute } from "../api/admin/metrics/metrics.ts";
import { faultRenderer } from "../api/faults.ts";
import { healthRoute } from "../api/admin/info.ts";
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { Address } from "../config.ts";
import type { Listener } from "../http/endpoint.ts";
import type { Handler } from "../http/exchange.ts";
import { listen } from "../http/listener.ts";
import { STOPPING } from "../http/message.ts";
import { makeRouter } from "../http/router.ts";
import { httpLimits } from "./http_limits.ts";
import type { RealMember } from "../member/real_member.ts";
import { STARTING_CHECKS, type Telemetry } from "../operations/telemetry.ts";

export interface MetricsPort {
  attach(member: RealMember, telemetry: Telemetry): void;
  /** The node ends: from here on nothing is read from it. */
  detach(): void;
  shutdown(): Promise<void>;
}

/** Rejects with `ListenError`. */
export async function openMetricsPort(address: Address, logger: Logger): Promise<MetricsPort> {
  let handle: Handler = makeRouter(healthRoutes(() => STARTING_CHECKS), METRICS_PATH);
  const listener: Listener = await listen({
    hostname: address.host,
    port: address.port,
    limits: httpLimits(),
    logger,
    renderFault: faultRenderer(),
  }, (exchange) => handle(exchange));
  return {
    attach: ({ service }, telemetry) => {
      handle = makeRouter([
        metricsRoute(() => telemetry.read()),
        healthRoute(service, LIMITS.healthTimeoutMs),
        ...healthRoutes(() => telemetry.checks),
      ], METRICS_PATH);
    },
    detach: () => handle = () => STOPPING,
    shutdown: () => listener.shutdown(),
  };
}
