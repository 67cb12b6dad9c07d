/** `/v2/stats/self`, `/leader` and `/store`: JSON in the shapes of the original. */
import { goDuration } from "../../base/go_duration.ts";
import { formatId } from "../../base/ids.ts";
import type { Reply } from "../../http/exchange.ts";
import type { Route } from "../../http/router.ts";
import type { Reading } from "../reading.ts";
import type { ClusterNode } from "../../node/ports.ts";
import type { Result } from "../../store/result.ts";

type Node = Pick<ClusterNode<Result>, "self" | "isLeader" | "leader">;

/** `nowMs` gives the wall clock. */
export function statsRoutes(node: Node, read: () => Reading, nowMs: () => number): Route[] {
  const json = (value: unknown): Reply => ({ status: 200, body: JSON.stringify(value) });
  const route = (name: string, get: () => Reply): Route => ({
    path: `/v2/stats/${name}`,
    allow: "GET",
    methods: { GET: get },
  });
  return [
    route("self", () => json(selfStats(node, read(), nowMs()))),
    route("leader", () => node.isLeader() ? json(leaderStats(node, read())) : NOT_LEADER),
    route("store", () => json(storeStats(read()))),
  ];
}

const NOT_LEADER: Reply = { status: 403, body: '{"message":"not current leader"}' };

function selfStats(node: Node, reading: Reading, nowMs: number) {
  const { leadership, counters, sending, receiving } = reading;
  const leader = node.leader();
  const rates = (prefix: string, { perSecond, bytesPerSecond }: Reading["sending"]) => ({
    ...(perSecond > 0 && { [`${prefix}PkgRate`]: perSecond }),
    ...(bytesPerSecond > 0 && { [`${prefix}BandwidthRate`]: bytesPerSecond }),
  });
  return {
    name: reading.name,
    id: formatId(node.self),
    state: node.isLeader() ? "StateLeader" : "StateFollower",
    startTime: new Date(reading.process.startSeconds * 1000).toISOString(),
    leaderInfo: {
      leader: leader === undefined ? "" : formatId(leader.id),
      uptime: goDuration(leader === undefined ? 0 : nowMs - leadership.sinceMs),
      startTime: new Date(leadership.sinceMs).toISOString(),
    },
    recvAppendRequestCnt: counters.appendsReceived,
    ...rates("recv", receiving),
    sendAppendRequestCnt: counters.appendsSent,
    ...rates("send", sending),
  };
}

/** The others as the leader sees them. Latencies are those of pings, in milliseconds. */
function leaderStats(node: Node, { peers }: Reading) {
  const followers = new Map(peers.map(({ id, sent, dropped, roundTrips }) => {
    const { histogram, latestMs, averageMs, standardDeviationMs, minimumMs, maximumMs } =
      roundTrips;
    const latency = {
      current: latestMs,
      average: averageMs,
      standardDeviation: standardDeviationMs,
      minimum: histogram.count === 0 ? 0 : minimumMs,
      maximum: maximumMs,
    };
    return [id, { latency, counts: { fail: dropped, success: sent } }];
  }));
  return { leader: formatId(node.self), followers: Object.fromEntries(followers) };
}

function storeStats({ operations, store }: Reading) {
  return {
    getsSuccess: operations.getsSuccess,
    getsFail: operations.getsFail,
    setsSuccess: operations.setsSuccess,
    setsFail: operations.setsFail,
    deleteSuccess: operations.deletesSuccess,
    deleteFail: operations.deletesFail,
    updateSuccess: operations.updatesSuccess,
    updateFail: operations.updatesFail,
    createSuccess: operations.createsSuccess,
    createFail: operations.createsFail,
    compareAndSwapSuccess: operations.testAndSetsSuccess,
    compareAndSwapFail: operations.testAndSetsFail,
    compareAndDeleteSuccess: operations.compareAndDeletesSuccess,
    compareAndDeleteFail: operations.compareAndDeletesFail,
    expireCount: operations.expiries,
    watchers: store.watchers,
  };
}
