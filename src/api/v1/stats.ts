/** `/v1/stats/self`, `/leader` and `/store`: JSON in the shapes of the original (etcd 0.1 and 0.2). */
import type { Reply, ReplyOrFault } from "../../http/exchange.ts";
import { goDuration } from "../../base/go_duration.ts";
import type { Route } from "../../http/router.ts";
import type { ClusterNode } from "../../node/ports.ts";
import type { Result } from "../../store/result.ts";
import type { Reading } from "../reading.ts";
import { failureReply } from "./error.ts";
import { redirection } from "./writes.ts";

/** Where the statistics are. */
const STATS_PATH = "/v1/stats";

/** `nowMs` gives the wall clock. */
export function statsRoutes(
  node: ClusterNode<Result>,
  read: () => Reading,
  nowMs: () => number,
): Route[] {
  const json = (value: unknown): Reply => ({ status: 200, body: JSON.stringify(value) });
  return [
    {
      path: `${STATS_PATH}/self`,
      methods: { GET: () => json(selfStats(read(), leaderName(node), nowMs())) },
    },
    {
      path: `${STATS_PATH}/leader`,
      methods: { GET: () => node.isLeader() ? json(leaderStats(read())) : toLeader(node) },
    },
    { path: `${STATS_PATH}/store`, methods: { GET: () => json(storeStats(read())) } },
  ];
}

function leaderName(node: ClusterNode<Result>): string {
  return node.leader()?.name ?? "";
}

/** This node; a rate of nothing is left out, as in the original. */
function selfStats(reading: Reading, leader: string, nowMs: number) {
  const { status, leadership, counters, sending, receiving } = reading;
  const rates = (prefix: string, { perSecond, bytesPerSecond }: Reading["sending"]) => ({
    ...(perSecond > 0 && { [`${prefix}PkgRate`]: perSecond }),
    ...(bytesPerSecond > 0 && { [`${prefix}BandwidthRate`]: bytesPerSecond }),
  });
  return {
    name: reading.name,
    state: status.role,
    startTime: new Date(reading.process.startSeconds * 1000).toISOString(),
    leaderInfo: {
      leader,
      uptime: goDuration(leader === "" ? 0 : nowMs - leadership.sinceMs),
      startTime: new Date(leadership.sinceMs).toISOString(),
    },
    recvAppendRequestCnt: counters.appendsReceived,
    ...rates("recv", receiving),
    sendAppendRequestCnt: counters.appendsSent,
    ...rates("send", sending),
  };
}

/** The others as the leader sees them. Latencies are those of pings, in milliseconds. */
function leaderStats({ name, peers }: Reading) {
  const followers = peers.map(({ name, sent, dropped, roundTrips }) => {
    const { histogram, latestMs, averageMs, standardDeviationMs, minimumMs, maximumMs } =
      roundTrips;
    const latency = {
      current: latestMs,
      average: averageMs,
      standardDeviation: standardDeviationMs,
      minimum: histogram.count === 0 ? 0 : minimumMs,
      maximum: maximumMs,
    };
    return [name, { latency, counts: { fail: dropped, success: sent } }] as const;
  });
  return { leader: name, followers: Object.fromEntries(followers) };
}

function storeStats({ operations, store }: Reading) {
  return {
    getsSuccess: operations.getsSuccess,
    getsFail: operations.getsFail,
    setsSuccess: operations.setsSuccess,
    setsFail: operations.setsFail,
    deleteSuccess: operations.deletesSuccess,
    deleteFail: operations.deletesFail,
    compareAndSwapSuccess: operations.testAndSetsSuccess,
    compareAndSwapFail: operations.testAndSetsFail,
    expireCount: operations.expiries,
    watchers: store.watchers,
  };
}

/** Only the leader knows its followers: the client is sent there. */
function toLeader(node: ClusterNode<Result>): Promise<ReplyOrFault> {
  return new Promise((resolve) => {
    node.whenLeader((outcome) => {
      if (!outcome.ok) return resolve(failureReply(outcome));
      resolve(redirection(`${outcome.value.clientUrls[0] ?? ""}${STATS_PATH}/leader`));
    });
  });
}
