/** The v3 API of a running member, with the limits of a real node, and the port that serves it in plain text. */
import { isGrpc } from "../api/v3/grpc/grpc.ts";
import { makeV3, type V3Api } from "../api/v3/v3.ts";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { type Config, formatAddress, LIMITS } from "../config.ts";
import type { Listener, ListenOptions } from "../http/endpoint.ts";
import type { Handler } from "../http/exchange.ts";
import type { StreamHandler } from "../http/h2/stream.ts";
import { listenWire } from "../http/wire_listener.ts";
import type { RunningMember } from "../member/member.ts";

/** What `member` answers to clients of v3. */
export function v3Of(
  { service, leases }: RunningMember,
  { electionMs, historyMax, client, grpc, v3 }: Config,
  logger: Logger,
): V3Api {
  const isAtClientPort = client.tls !== undefined || client.servesGrpc;
  return makeV3({
    service,
    leases,
    logger,
    clock: systemClock,
    random: Math.random,
    servedAt: isAtClientPort
      ? formatAddress(client.advertised)
      : grpc?.urls?.map((url) => new URL(url).host).join(", "),
    limits: {
      electionMs,
      requestBytesMax: v3.requestBytesMax,
      txnOperationsMax: v3.txnOperationsMax,
      progressNotifyMs: v3.progressNotifyMs,
      eventsMin: historyMax,
      gatewayCallsMax: v3.streamsMax,
      snapshotStallMs: LIMITS.http.stallTimeoutMs,
      watchesMax: LIMITS.v3.watchesMax,
      arrivingBytesMax: LIMITS.http.arrivingBytesMax,
    },
  });
}

/** Lets calls of gRPC go to `v3`, and all other requests where they went. */
export function withGrpc(v3: V3Api): (ordinary: StreamHandler) => StreamHandler {
  return (ordinary) => (stream) => isGrpc(stream) ? v3.grpc(stream) : ordinary(stream);
}

/**
 * `config` without the port of gRPC when nobody asked for it and another program has it:
 * looked up before anybody is told of the address.
 */
export function settleGrpcPort(config: Config, logger: Logger): Config {
  const { grpc } = config;
  if (grpc === undefined || grpc.isGiven) return config;
  const { host, port } = grpc.address;
  try {
    Deno.listen({ hostname: host, port }).close();
    return { ...config, grpc: { ...grpc, isGiven: true } };
  } catch {
    logger.warn("Not serving gRPC: another program has its port", {
      address: formatAddress(grpc.address),
      advice: "choose one by -grpc",
    });
    return { ...config, grpc: undefined };
  }
}

/** Opens the port of `-grpc`, which serves what the client port serves, and gRPC. */
export async function openGrpcPort(
  { grpc }: Config,
  options: Omit<ListenOptions, "hostname" | "port">,
  handler: Handler,
): Promise<Listener | undefined> {
  if (grpc === undefined) return undefined;
  const { host, port } = grpc.address;
  return await listenWire({ ...options, hostname: host, port }, handler);
}
