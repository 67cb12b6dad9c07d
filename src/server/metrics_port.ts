/**
 * The ports of `-metrics` and `--listen-metrics-urls`: open from the first moment, so that
 * whoever probes them sees a node that starts; mostly without certificates, so they serve
 * nothing of the data.
 */
import { healthRoutes } from "../api/admin/health.ts";
import { METRICS_PATH, metricsRoute } from "../api/admin/metrics/metrics.ts";
import { faultRenderer } from "../api/faults.ts";
import { healthRoute } from "../api/admin/info.ts";
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { ListenAddress } from "../config.ts";
import type { Listener } from "../http/endpoint.ts";
import type { Handler } from "../http/exchange.ts";
import { listen } from "../http/listener.ts";
import { STOPPING } from "../http/message.ts";
import { makeRouter } from "../http/router.ts";
import { httpLimits } from "./http_limits.ts";
import type { RealMember } from "../member/real_member.ts";
import type { PortTls } from "../operations/port_tls.ts";
import { STARTING_CHECKS, type Telemetry } from "../operations/telemetry.ts";

export interface MetricsPort {
  attach(member: RealMember, telemetry: Telemetry): void;
  /** The node ends: from here on nothing is read from it. */
  detach(): void;
  shutdown(): Promise<void>;
}

/** Opens all `addresses`, perhaps none; those under TLS with the client port's. Rejects with `ListenError`. */
export async function openMetricsPort(
  addresses: readonly ListenAddress[],
  tls: PortTls | undefined,
  logger: Logger,
): Promise<MetricsPort> {
  let handle: Handler = makeRouter(healthRoutes(() => STARTING_CHECKS), METRICS_PATH);
  const listeners: Listener[] = [];
  const shutdown = async () => {
    await Promise.all(listeners.map((listener) => listener.shutdown()));
  };
  try {
    for (const { host, port, secure } of addresses) {
      const listener = await listen({
        hostname: host,
        port,
        ...(secure && tls !== undefined ? { tls: tls.material } : {}),
        limits: httpLimits(),
        logger,
        renderFault: faultRenderer(),
      }, (exchange) => handle(exchange));
      listeners.push(listener);
      if (secure) tls?.attach(listener);
    }
  } catch (error) {
    await shutdown();
    throw error;
  }
  return {
    attach: ({ service }, telemetry) => {
      handle = makeRouter([
        metricsRoute(() => telemetry.read()),
        healthRoute(service, LIMITS.api.healthTimeoutMs),
        ...healthRoutes(() => telemetry.checks),
      ], METRICS_PATH);
    },
    detach: () => handle = () => STOPPING,
    shutdown,
  };
}
