/** The client ports of a running member: what they serve, and where. */
import { backupRoutes } from "../api/admin/backup.ts";
import { healthRoutes } from "../api/admin/health.ts";
import { metricsRoute } from "../api/admin/metrics/metrics.ts";
import { variablesRoute } from "../api/admin/variables.ts";
import { type ClientApi, makeClientApi } from "../api/client_api.ts";
import { etcdFaultRenderer, faultRenderer } from "../api/faults.ts";
import { statsRoutes } from "../api/v1/stats.ts";
import { statsRoutes as statsRoutesOfV2 } from "../api/v2/stats.ts";
import { readingOf } from "../api/v3/metrics.ts";
import type { V3Api } from "../api/v3/v3.ts";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { type Config, formatAddress, LIMITS, type ListenAddress } from "../config.ts";
import { DASHBOARD_FAULTS } from "../dashboard/faults.ts";
import type { Listener, ListenOptions } from "../http/endpoint.ts";
import type { Handler } from "../http/exchange.ts";
import type { Http2Limits } from "../http/h2/options.ts";
import { onlyHosts } from "../http/host_whitelist.ts";
import { listen } from "../http/listener.ts";
import { listenMixed, listenWire } from "../http/wire_listener.ts";
import { BULK_SCHEDULER } from "../member/real_member.ts";
import type { RealMember } from "../member/real_member.ts";
import { backupsOf } from "../operations/backups.ts";
import type { Overview } from "../operations/overview.ts";
import type { PortTls } from "../operations/port_tls.ts";
import type { Telemetry } from "../operations/telemetry.ts";
import { httpLimits } from "./http_limits.ts";
import { openGrpcPort, v3Of, withGrpc } from "./v3.ts";

export interface ClientPortOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly member: RealMember;
  readonly telemetry: Telemetry;
  readonly overview: Overview;
  /** Undefined when all ports are plain. */
  readonly tls: PortTls | undefined;
  /** See `ListenOptions`. */
  readonly onShortage: () => void;
}

/** All client ports of a node, which start and stop as one. */
export interface ClientPorts {
  /** Answers what waits, then ends in order. */
  shutdown(): Promise<void>;
}

/** Opens every client port. Rejects with `ListenError` or `TlsError`, and then none is open. */
export async function openClientPorts(options: ClientPortOptions): Promise<ClientPorts> {
  const { config, logger, member, tls } = options;
  const v3 = v3Of(member, config, logger);
  options.telemetry.counts(() => [...v3.counters.values()].map(readingOf));
  const api = makeApi(options, v3);
  const common = {
    limits: { ...httpLimits(), bodyBytesMax: portBodyBytesMax(config) },
    http2: http2Limits(config),
    logger,
    renderFault: (config.client.servesGrpc ? etcdFaultRenderer : faultRenderer)([DASHBOARD_FAULTS]),
    streams: withGrpc(v3),
    onShortage: options.onShortage,
  };
  const secured = { ...common, ...(tls === undefined ? {} : { tls: tls.material }) };
  const listeners: Listener[] = [];
  const ports: ClientPorts = {
    shutdown: async () => {
      // First, or the shutdown would wait for long polls.
      api.stop();
      await Promise.all(listeners.map((listener) => listener.shutdown()));
    },
  };
  try {
    for (const shared of portsOf(config.client.listeners)) {
      const { material } = tls ?? {};
      const listener = await openOne(config, { ...common, material }, shared, api.handle);
      listeners.push(listener);
      if (shared.some(({ secure }) => secure)) tls?.attach(listener);
    }
    const renderFault = etcdFaultRenderer([DASHBOARD_FAULTS]);
    const grpc = await openGrpcPort(config, { ...secured, renderFault }, api.handle);
    if (grpc !== undefined) {
      listeners.push(grpc);
      tls?.attach(grpc);
    }
    await tls?.prove();
    return ports;
  } catch (error) {
    await ports.shutdown();
    throw error;
  }
}

/** The URLs of one port together, since it can be listened on once. */
function portsOf(listeners: readonly ListenAddress[]): Iterable<readonly ListenAddress[]> {
  return Map.groupBy(listeners, formatAddress).values();
}

function openOne(
  { client, hostWhitelist }: Config,
  { material: tls, ...common }: Omit<ListenOptions, "hostname" | "port" | "tls"> & {
    readonly material: ListenOptions["tls"];
  },
  urls: readonly ListenAddress[],
  handle: Handler,
): Promise<Listener> {
  const { host: hostname, port, path } = urls[0]!;
  const at = { ...common, hostname, port, ...(path && { path }) };
  // Under TLS the certificate has proven the name.
  const plain = hostWhitelist === undefined ? handle : onlyHosts(hostWhitelist, handle);
  const isSecure = urls.some(({ secure }) => secure);
  if (tls === undefined || !isSecure) {
    return client.servesGrpc ? listenWire(at, plain) : listen(at, plain);
  }
  const secured = { ...at, tls };
  if (!urls.every(({ secure }) => secure)) return listenMixed(secured, handle, plain);
  return client.servesGrpc ? listenWire(secured, handle) : listen(secured, handle);
}

/** The largest message, as the base64 of the gateway's JSON. */
function portBodyBytesMax({ v3 }: Config): number {
  return Math.max(LIMITS.v3.portBodyBytesMax, 2 * v3.requestBytesMax);
}

function http2Limits({ v3 }: Config): Partial<Http2Limits> {
  const { streamsMax, pingMinTimeMs, pingIntervalMs, pingTimeoutMs } = v3;
  return {
    ...{ pingMinTimeMs, pingIntervalMs, pingTimeoutMs },
    ...(streamsMax === undefined ? {} : { streamsMax }),
  };
}

function makeApi(
  { config, member, telemetry, overview: { policy, dashboard } }: ClientPortOptions,
  v3: V3Api,
): ClientApi {
  const read = () => telemetry.read();
  const backups = backupsOf(member, BULK_SCHEDULER);
  return makeClientApi(member.service, {
    limits: { bodyBytesMax: LIMITS.http.bodyBytesMax, ...LIMITS.api },
    policy,
    origins: config.cors,
    redirect: config.redirect,
    routes: [
      ...dashboard?.routes ?? [],
      ...config.v3.hasGateway ? v3.routes : [],
      ...backupRoutes(backups),
      metricsRoute(read),
      variablesRoute(read),
      ...healthRoutes(() => telemetry.checks),
      ...statsRoutes(member.node, read, systemClock.wallMs),
      ...statsRoutesOfV2(member.node, read, systemClock.wallMs),
    ],
    onStop: () => {
      dashboard?.stop();
      backups.stop();
      v3.stop();
    },
  });
}
