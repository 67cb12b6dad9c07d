/**
 * Every figure that a node shows, by `/metrics`, `/debug/vars` and the statistics of v1 and
 * v2, is the one of a reading that its name speaks of. The tables have a row for each sample: who adds
 * one adds a row. That a reading tells what is so is for `shell/truth_test.ts`.
 */
import { assert, assertEquals } from "@std/assert";
import { metricsRoute } from "../../src/api/admin/metrics/metrics.ts";
import { variablesRoute } from "../../src/api/admin/variables.ts";
import type { Reading } from "../../src/api/reading.ts";
import { statsRoutes as statsRoutesOfV1 } from "../../src/api/v1/stats.ts";
import { statsRoutes as statsRoutesOfV2 } from "../../src/api/v2/stats.ts";
import { formatId } from "../../src/base/ids.ts";
import { Histogram } from "../../src/base/histogram.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import type { Route } from "../../src/http/router.ts";
import { RequestCounters } from "../../src/service/request_counters.ts";
import { StoreCounters } from "../../src/store/counters.ts";
import { RoundTrips } from "../../src/transport/counters.ts";
import { parseExposition } from "./exposition.ts";

/** No two are alike, so that none passes for another. */
let last = 1000;
const next = () => ++last;

function numbered<T extends object>(counters: T): T {
  for (const [key, value] of Object.entries(counters)) {
    if (typeof value === "number") Object.assign(counters, { [key]: next() });
  }
  return counters;
}

function histogram(): Histogram {
  const made = new Histogram(0.5, 3);
  for (let i = next() % 7; i >= 0; i--) made.observe(i);
  return made;
}

function roundTrips(...durations: readonly number[]): RoundTrips {
  const made = new RoundTrips();
  durations.forEach((ms) => made.observe(ms));
  return made;
}

const logins = numbered({ succeeded: 0, failed: 0, slowed: 0 });
const requests = numbered(new RequestCounters());
/** Each comes once more often than the one before. */
const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "other"] as const;
for (const [at, method] of HTTP_METHODS.entries()) {
  for (let i = 0; i <= at; i++) requests.count(method);
}
const peer = (id: string, trips: RoundTrips, connected: boolean) => ({
  name: `name${id}`,
  id,
  connected,
  ...{ sentBytes: next(), receivedBytes: next(), sent: next(), dropped: next() },
  queueBytes: next(),
  roundTrips: trips,
});
const [ONE, TWO] = [formatId(1), formatId(2)];
const follower = (id: number, state: "replicate" | "snapshot") => ({
  ...{ id, state, matchIndex: next(), silentTicks: next(), alive: true },
});

const READING: Reading = {
  name: "self",
  id: "80000000000000ff",
  version: "9.9.9",
  status: {
    role: "leader",
    ...{ term: next(), leader: 255, commitIndex: next(), appliedIndex: next() },
    ...{ lastIndex: next(), snapshotIndex: next(), proposalsPending: next() },
    diskIsFull: false,
    snapshotFrom: 2,
    alarm: undefined,
    followers: [follower(1, "snapshot"), follower(2, "replicate")],
  },
  leadership: { changes: next(), sinceMs: 60_000 },
  counters: { proposalsFailed: next(), appendsSent: next(), appendsReceived: next() },
  sending: { perSecond: next(), bytesPerSecond: next() },
  receiving: { perSecond: next(), bytesPerSecond: next() },
  store: {
    ...{ keys: next(), files: next(), directories: next(), watchers: next() },
    ...{ slowWatchers: next(), expiring: next(), leases: next(), historyEvents: next() },
    ...{ historyBytes: next(), historyFirstIndex: next(), liveBytes: next(), sizeBytes: next() },
  },
  operations: numbered(new StoreCounters()),
  requests,
  logins,
  calls: [{
    ...{ service: "s", name: "M", type: "unary", started: next(), messagesReceived: next() },
    ...{ messagesSent: next(), bytesReceived: next(), bytesSent: next() },
    ended: new Map([["OK", next()], ["Aborted", next()]]),
  }],
  numbers: { revision: next(), compactedRevision: next() },
  quotaBytes: next(),
  disk: (() => {
    const size = next();
    return {
      ...{
        commits: histogram(),
        logSyncs: histogram(),
        otherSyncs: histogram(),
        logBytesWritten: next(),
      },
      sizeBytes: () => size,
    };
  })(),
  peers: [peer(ONE, roundTrips(4, 8), true), peer(TWO, roundTrips(), false)],
  process: {
    ...{ cpuSeconds: next(), residentBytes: next(), heapUsedBytes: next(), heapBytes: next() },
    startSeconds: next(),
  },
};

const { status, store, operations, calls: [call], peers: [first, second] } = READING;
const LABELS = 'grpc_method="M",grpc_service="s",grpc_type="unary"}';
const action = (name: string) => `{action="${name}"}`;

/** By family and labels; histograms by their sums. */
const METRICS: Readonly<Record<string, number>> = {
  'etcd_server_id{server_id="80000000000000ff"}': 1,
  'etcd_build_info{version="9.9.9"}': 1,
  etcd_server_has_leader: 1,
  etcd_server_is_leader: 1,
  etcd_server_is_learner: 0,
  etcd_server_leader_changes_seen_total: READING.leadership.changes,
  etcd_server_proposals_committed_total: status.commitIndex,
  etcd_server_proposals_applied_total: status.appliedIndex,
  etcd_server_proposals_pending: status.proposalsPending,
  etcd_server_proposals_failed_total: READING.counters.proposalsFailed,
  etcd_server_read_indexes_failed_total: requests.readsFailed,
  etcd_server_term: status.term,
  etcd_server_snapshot_index: status.snapshotIndex,
  ...Object.fromEntries(
    HTTP_METHODS.map((method, at) => [`etcd_http_received_total{method="${method}"}`, at + 1]),
  ),
  'etcd_auth_logins_total{result="succeeded"}': logins.succeeded,
  'etcd_auth_logins_total{result="failed"}': logins.failed,
  'etcd_auth_logins_total{result="slowed"}': logins.slowed,
  etcd_server_health_success: requests.healthSuccesses,
  etcd_server_health_failures: requests.healthFailures,
  [`etcd_debugging_store_reads_total${action("get")}`]: operations.getsSuccess,
  [`etcd_debugging_store_reads_failed_total${action("get")}`]: operations.getsFail,
  [`etcd_debugging_store_writes_total${action("set")}`]: operations.setsSuccess,
  [`etcd_debugging_store_writes_total${action("compareAndSwap")}`]: operations.testAndSetsSuccess,
  [`etcd_debugging_store_writes_total${action("delete")}`]: operations.deletesSuccess,
  [`etcd_debugging_store_writes_total${action("create")}`]: operations.createsSuccess,
  [`etcd_debugging_store_writes_total${action("update")}`]: operations.updatesSuccess,
  [`etcd_debugging_store_writes_total${action("compareAndDelete")}`]:
    operations.compareAndDeletesSuccess,
  [`etcd_debugging_store_writes_failed_total${action("set")}`]: operations.setsFail,
  [`etcd_debugging_store_writes_failed_total${action("compareAndSwap")}`]:
    operations.testAndSetsFail,
  [`etcd_debugging_store_writes_failed_total${action("delete")}`]: operations.deletesFail,
  [`etcd_debugging_store_writes_failed_total${action("create")}`]: operations.createsFail,
  [`etcd_debugging_store_writes_failed_total${action("update")}`]: operations.updatesFail,
  [`etcd_debugging_store_writes_failed_total${action("compareAndDelete")}`]:
    operations.compareAndDeletesFail,
  etcd_debugging_store_expires_total: operations.expiries,
  etcd_debugging_store_watch_requests_total: operations.watches,
  etcd_debugging_store_watchers: store.watchers,
  etcd_store_keys: store.keys,
  etcd_store_directories: store.directories,
  etcd_store_expiring_keys: store.expiring,
  ...Object.fromEntries(
    ["etcd_mvcc", "etcd_debugging_mvcc"].flatMap((of) => [
      [`${of}_range_total`, operations.ranges],
      [`${of}_put_total`, operations.puts],
      [`${of}_delete_total`, operations.deletes],
      [`${of}_txn_total`, operations.txns],
    ]),
  ),
  etcd_debugging_mvcc_keys_total: store.keys,
  etcd_debugging_mvcc_watcher_total: store.watchers,
  etcd_debugging_mvcc_slow_watcher_total: store.slowWatchers,
  etcd_debugging_mvcc_current_revision: READING.numbers.revision,
  etcd_debugging_mvcc_compact_revision: READING.numbers.compactedRevision,
  etcd_mvcc_db_total_size_in_bytes: store.sizeBytes,
  etcd_debugging_mvcc_db_total_size_in_bytes: store.sizeBytes,
  etcd_mvcc_db_total_size_in_use_in_bytes: store.sizeBytes,
  etcd_store_live_bytes: store.liveBytes,
  etcd_server_quota_backend_bytes: READING.quotaBytes!,
  etcd_debugging_lease_total: store.leases,
  etcd_debugging_lease_granted_total: operations.leasesGranted,
  etcd_debugging_lease_revoked_total: operations.leasesRevoked,
  etcd_debugging_server_lease_expired_total: operations.leasesExpired,
  etcd_store_history_events: store.historyEvents,
  etcd_store_history_bytes: store.historyBytes,
  [`grpc_server_started_total{${LABELS}`]: call!.started,
  [`grpc_server_handled_total{grpc_code="OK",${LABELS}`]: call!.ended.get("OK")!,
  [`grpc_server_handled_total{grpc_code="Aborted",${LABELS}`]: call!.ended.get("Aborted")!,
  [`grpc_server_msg_received_total{${LABELS}`]: call!.messagesReceived,
  [`grpc_server_msg_sent_total{${LABELS}`]: call!.messagesSent,
  etcd_network_client_grpc_received_bytes_total: call!.bytesReceived,
  etcd_network_client_grpc_sent_bytes_total: call!.bytesSent,
  etcd_disk_backend_commit_duration_seconds_sum: READING.disk.commits.sum,
  etcd_disk_wal_fsync_duration_seconds_sum: READING.disk.logSyncs.sum,
  etcd_snap_fsync_duration_seconds_sum: READING.disk.otherSyncs.sum,
  etcd_disk_wal_write_bytes_total: READING.disk.logBytesWritten,
  etcd_disk_directory_size_bytes: READING.disk.sizeBytes(),
  etcd_disk_full: 0,
  [`etcd_network_peer_sent_bytes_total{To="${ONE}"}`]: first!.sentBytes,
  [`etcd_network_peer_sent_bytes_total{To="${TWO}"}`]: second!.sentBytes,
  [`etcd_network_peer_received_bytes_total{From="${ONE}"}`]: first!.receivedBytes,
  [`etcd_network_peer_received_bytes_total{From="${TWO}"}`]: second!.receivedBytes,
  [`etcd_network_peer_sent_failures_total{To="${ONE}"}`]: first!.dropped,
  [`etcd_network_peer_sent_failures_total{To="${TWO}"}`]: second!.dropped,
  [`etcd_network_peer_queue_bytes{To="${ONE}"}`]: first!.queueBytes,
  [`etcd_network_peer_queue_bytes{To="${TWO}"}`]: second!.queueBytes,
  [`etcd_network_active_peers{Local="80000000000000ff",Remote="${ONE}"}`]: 1,
  [`etcd_network_active_peers{Local="80000000000000ff",Remote="${TWO}"}`]: 0,
  [`etcd_network_peer_round_trip_time_seconds_sum{To="${ONE}"}`]: 0.012,
  [`etcd_network_peer_round_trip_time_seconds_sum{To="${TWO}"}`]: 0,
  [`etcd_network_snapshot_send_inflights_total{To="${ONE}"}`]: 1,
  [`etcd_network_snapshot_send_inflights_total{To="${TWO}"}`]: 0,
  [`etcd_network_snapshot_receive_inflights_total{From="${ONE}"}`]: 0,
  [`etcd_network_snapshot_receive_inflights_total{From="${TWO}"}`]: 1,
  process_cpu_seconds_total: READING.process.cpuSeconds,
  process_resident_memory_bytes: READING.process.residentBytes,
  process_start_time_seconds: READING.process.startSeconds,
  etcd_heap_used_bytes: READING.process.heapUsedBytes,
  etcd_heap_size_bytes: READING.process.heapBytes,
};

/** Says what this program is, whatever is read. */
const CONSTANT = /^etcd_(server|cluster)_version/;

function textOf(route: Route): string {
  const reply = route.methods.GET!({} as Exchange, "/", "");
  assert("body" in reply && typeof reply.body === "string");
  return reply.body;
}

function samplesOf(reading: Reading): Record<string, number> {
  const families = parseExposition(textOf(metricsRoute(() => reading)));
  return Object.fromEntries(
    [...families.values()].flatMap(({ name, samples }) =>
      [...samples].map(([rest, value]) => [`${name}${rest}`, value] as const)
    ),
  );
}

Deno.test("every sample of /metrics is the figure that its name speaks of", () => {
  const found = Object.entries(samplesOf(READING)).filter(([name]) =>
    !CONSTANT.test(name) && !/_(bucket|count)(\{|$)/.test(name)
  );
  assertEquals(Object.fromEntries(found), METRICS);
});

Deno.test("gauges of yes and no tell both", () => {
  const idle = { ...READING, quotaBytes: undefined };
  const told = (changed: Partial<Reading["status"]>, name: string) =>
    samplesOf({ ...idle, status: { ...status, ...changed } })[name];
  assertEquals(told({ role: "follower" }, "etcd_server_is_leader"), 0);
  assertEquals(told({ role: "learner" }, "etcd_server_is_learner"), 1);
  assertEquals(told({ leader: 0 }, "etcd_server_has_leader"), 0);
  assertEquals(told({ diskIsFull: true }, "etcd_disk_full"), 1);
  assertEquals(told({}, "etcd_server_quota_backend_bytes"), undefined);
});

Deno.test("/debug/vars tells of Raft what a reading has", () => {
  const { process } = READING;
  const tell = (changed: Partial<Reading["status"]>) =>
    JSON.parse(textOf(variablesRoute(() => ({ ...READING, status: { ...status, ...changed } }))));
  const [one, two] = status.followers;
  const of = (matchIndex: number, state: string) => ({
    ...{ match: matchIndex, next: matchIndex + 1, state },
  });
  const raft = {
    id: READING.id,
    ...{ term: status.term, commit: status.commitIndex, applied: status.appliedIndex },
    lead: formatId(255),
    raftState: "StateLeader",
    progress: {
      [READING.id]: of(status.lastIndex, "StateReplicate"),
      [ONE]: of(one!.matchIndex, "StateSnapshot"),
      [TWO]: of(two!.matchIndex, "StateReplicate"),
    },
  };
  assertEquals(tell({}), {
    memstats: {
      Sys: process.residentBytes,
      HeapSys: process.heapBytes,
      HeapAlloc: process.heapUsedBytes,
    },
    "raft.status": raft,
  });
  const follower = tell({ role: "follower", leader: 0 })["raft.status"];
  assertEquals(follower, { ...raft, lead: "0", raftState: "StateFollower", progress: {} });
});

const node = {
  self: 255,
  isLeader: () => true,
  leader: () => ({ id: 255, name: "self", peerUrls: [], clientUrls: ["http://a:1"], voter: true }),
} as unknown as Parameters<typeof statsRoutesOfV1>[0];

/** What of the statistics both APIs tell. */
const SELF = {
  name: "self",
  recvAppendRequestCnt: READING.counters.appendsReceived,
  recvPkgRate: READING.receiving.perSecond,
  recvBandwidthRate: READING.receiving.bytesPerSecond,
  sendAppendRequestCnt: READING.counters.appendsSent,
  sendPkgRate: READING.sending.perSecond,
  sendBandwidthRate: READING.sending.bytesPerSecond,
  startTime: new Date(READING.process.startSeconds * 1000).toISOString(),
};
const LEADER_INFO = { uptime: "1m30s", startTime: "1970-01-01T00:01:00.000Z" };
const STORE = {
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
const STORE_OF_V2 = {
  updateSuccess: operations.updatesSuccess,
  updateFail: operations.updatesFail,
  createSuccess: operations.createsSuccess,
  createFail: operations.createsFail,
  compareAndDeleteSuccess: operations.compareAndDeletesSuccess,
  compareAndDeleteFail: operations.compareAndDeletesFail,
};
const followerOf = ({ sent, dropped }: { sent: number; dropped: number }, latency: object) => ({
  latency,
  counts: { fail: dropped, success: sent },
});
const PINGED = { current: 8, average: 6, standardDeviation: 2, minimum: 4, maximum: 8 };
const UNPINGED = { current: 0, average: 0, standardDeviation: 0, minimum: 0, maximum: 0 };

Deno.test("every figure of the statistics of v1 and v2 is the one that its name speaks of", () => {
  const read = () => READING;
  const tell = (routes: readonly Route[]) => routes.map((route) => JSON.parse(textOf(route)));
  assertEquals(tell(statsRoutesOfV1(node, read, () => 150_000)), [
    { ...SELF, state: "leader", leaderInfo: { leader: "self", ...LEADER_INFO } },
    {
      leader: "self",
      followers: {
        [first!.name]: followerOf(first!, PINGED),
        [second!.name]: followerOf(second!, UNPINGED),
      },
    },
    STORE,
  ]);
  const id = formatId(255);
  assertEquals(tell(statsRoutesOfV2(node, read, () => 150_000)), [
    { ...SELF, id, state: "StateLeader", leaderInfo: { leader: id, ...LEADER_INFO } },
    {
      leader: id,
      followers: { [ONE]: followerOf(first!, PINGED), [TWO]: followerOf(second!, UNPINGED) },
    },
    { ...STORE, ...STORE_OF_V2 },
  ]);
  const follows = { ...node, isLeader: () => false } as typeof node;
  const [self] = tell(statsRoutesOfV2(follows, read, () => 150_000).slice(0, 1));
  assertEquals(self.state, "StateFollower");
});
