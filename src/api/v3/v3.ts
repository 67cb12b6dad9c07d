/** The v3 API of a member: every method once, by gRPC and by the JSON gateway. */
import type { Logger } from "../../base/logger.ts";
import type { Clock } from "../../base/clock.ts";
import type { StreamHandler } from "../../http/h2/stream.ts";
import type { Route } from "../../http/router.ts";
import type { LeaseKeeper } from "../../service/lease_keeper.ts";
import type { Service } from "../../service/service.ts";
import { authHandlers } from "./auth.ts";
import type { Handler } from "./call.ts";
import { makeContext, MESSAGE_EXTRA_BYTES, type V3Limits } from "./context.ts";
import { gatewayRoutes } from "./gateway/gateway.ts";
import { Arriving } from "./grpc/arriving.ts";
import { makeGrpc } from "./grpc/grpc.ts";
import { misdirectedRoutes } from "./grpc/misdirected.ts";
import { clusterHandlers } from "./cluster.ts";
import { electionHandlers } from "./concurrency/election.ts";
import { lockHandlers } from "./concurrency/lock.ts";
import { guarded } from "./guard.ts";
import { kvHandlers } from "./kv/kv.ts";
import { healthHandlers } from "./health.ts";
import { leaseHandlers } from "./lease.ts";
import { maintenanceHandlers } from "./maintenance/maintenance.ts";
import type { Method } from "./methods.ts";
import { countersOfAll, type MethodCounters } from "./metrics.ts";
import { OpenCalls } from "./open_calls.ts";
import { failureStatus } from "./refusal.ts";
import { StatusCode } from "./status.ts";
import { STATUS, type Status, status } from "./statuses.ts";
import { watchHandlers } from "./watch/watch.ts";

export interface V3Options {
  readonly service: Service;
  readonly leases: LeaseKeeper;
  readonly limits: V3Limits;
  readonly logger: Logger;
  /** Where gRPC is served; undefined if nowhere. */
  readonly servedAt: string | undefined;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Both doors of the API. */
export interface V3Api {
  /** Answers streams for which `isGrpc` says yes. */
  readonly grpc: StreamHandler;
  readonly routes: readonly Route[];
  readonly counters: ReadonlyMap<Method, MethodCounters>;
  /** Ends what waits and streams; call it before the listeners' `shutdown`. */
  stop(): void;
}

/** So many election time-outs a stream goes on that requires a leader. */
const LEADERLESS_ELECTIONS = 3;

const LATE = status(StatusCode.deadlineExceeded, "context deadline exceeded");

/** Joins the services, and both doors to them. */
export function makeV3(
  { service, leases, limits, logger, servedAt, clock, random }: V3Options,
): V3Api {
  const v3 = makeContext({ service, leases, limits, random });
  const handlers: readonly Handler[] = [
    ...kvHandlers(v3),
    ...watchHandlers(v3),
    ...leaseHandlers(v3),
    ...clusterHandlers(v3),
    ...maintenanceHandlers(v3),
    ...lockHandlers(v3),
    ...electionHandlers(v3),
    ...authHandlers(v3),
    ...healthHandlers(),
  ].map((handler) => guarded(service, handler));
  const messageBytesMax = limits.requestBytesMax + MESSAGE_EXTRA_BYTES;
  const counters = countersOfAll();
  const nowMs = () => clock.monotonicMs();
  const open = new OpenCalls({
    nowMs,
    hasLeader: () => service.node.leader() !== undefined,
    leaderlessMsMax: LEADERLESS_ELECTIONS * limits.electionMs,
    late: LATE,
    leaderless: STATUS.noLeader,
  });
  const end = (problem: Status) => open.close(problem);
  service.node.onRefusal((failure) => end(failureStatus(failure)));
  return {
    grpc: makeGrpc(handlers, counters, {
      service,
      logger,
      messageBytesMax,
      open,
      arriving: new Arriving(Math.max(limits.arrivingBytesMax, messageBytesMax)),
      nowMs,
    }),
    routes: [
      ...gatewayRoutes(handlers, counters, {
        service,
        messageBytesMax,
        callsMax: limits.gatewayCallsMax,
        open,
        nowMs,
      }),
      ...misdirectedRoutes(servedAt),
    ],
    counters,
    stop: () => end(STATUS.stopped),
  };
}
