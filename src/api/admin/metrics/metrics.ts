/**
 * `/metrics`: a reading as Prometheus text. Names are etcd's where the meaning is
 * the same, so that its boards and alerts work; where etcd has none they start
 * with `etcd_` all the same.
 */
import { formatId } from "../../../base/ids.ts";
import type { Route } from "../../../http/router.ts";
import { COMPATIBLE_CLUSTER_VERSION, COMPATIBLE_VERSION } from "../../../version.ts";
import { Exposition, EXPOSITION_TYPE } from "./exposition.ts";
import { writeCalls, writeKeySpace } from "./v3_metrics.ts";
import type { PeerReading, Reading } from "../../reading.ts";

/** Where the text is. */
export const METRICS_PATH = "/metrics";

/** The path and what answers there. */
export function metricsRoute(read: () => Reading): Route {
  const get = () => ({ status: 200, contentType: EXPOSITION_TYPE, body: metricsText(read()) });
  return { path: METRICS_PATH, methods: { GET: get } };
}

/** All families, in a fixed order. */
function metricsText(reading: Reading): string {
  const out = new Exposition();
  writeServer(out, reading);
  writeRequests(out, reading);
  writeStore(out, reading);
  writeKeySpace(out, reading);
  writeCalls(out, reading);
  writeDisk(out, reading);
  writeNetwork(out, reading);
  writeSnapshots(out, reading);
  writeProcess(out, reading);
  return out.text;
}

function writeServer(out: Exposition, reading: Reading): void {
  const { status, counters, requests } = reading;
  const { role } = status;
  out.gauge("etcd_server_id", "The id of this member, in the label; always 1.", {
    labels: { server_id: reading.id },
    value: 1,
  });
  out.gauge("etcd_build_info", "The version of this program, in the label; always 1.", {
    labels: { version: reading.version },
    value: 1,
  });
  out.gauge("etcd_server_version", "What /version says, in the label; always 1.", {
    labels: { server_version: COMPATIBLE_VERSION },
    value: 1,
  });
  out.gauge("etcd_cluster_version", "The version that clients judge by, in the label; always 1.", {
    labels: { cluster_version: COMPATIBLE_CLUSTER_VERSION.replace(/\.\d+$/, "") },
    value: 1,
  });
  out.gauge("etcd_server_has_leader", "1 if a leader is known.", status.leader === 0 ? 0 : 1);
  out.gauge("etcd_server_is_leader", "1 if this member leads.", role === "leader" ? 1 : 0);
  out.gauge(
    "etcd_server_is_learner",
    "1 if this member does not vote.",
    role === "learner" ? 1 : 0,
  );
  out.counter(
    "etcd_server_leader_changes_seen_total",
    "Leaders that this member has seen elected.",
    reading.leadership.changes,
  );
  out.counter(
    "etcd_server_proposals_committed_total",
    "Entries that the cluster has committed: the commit index.",
    status.commitIndex,
  );
  out.counter(
    "etcd_server_proposals_applied_total",
    "Entries that this member has applied: the applied index.",
    status.appliedIndex,
  );
  out.gauge(
    "etcd_server_proposals_pending",
    "Proposals of this member that wait for their commit.",
    status.proposalsPending,
  );
  out.counter(
    "etcd_server_proposals_failed_total",
    "Proposals of this member that had no result.",
    counters.proposalsFailed,
  );
  out.counter(
    "etcd_server_read_indexes_failed_total",
    "Linearizable reads that no leader confirmed in time.",
    requests.readsFailed,
  );
  out.gauge("etcd_server_term", "The Raft term.", status.term);
  out.gauge(
    "etcd_server_snapshot_index",
    "The index of the newest snapshot.",
    status.snapshotIndex,
  );
}

function writeRequests(out: Exposition, { requests, logins }: Reading): void {
  out.counter(
    "etcd_http_received_total",
    "Requests of clients.",
    ...[...requests.received].map(([method, value]) => ({ labels: { method }, value })),
  );
  out.counter(
    "etcd_auth_logins_total",
    "Passwords that were right, wrong, or not looked at because so many had failed or waited.",
    { labels: { result: "succeeded" }, value: logins.succeeded },
    { labels: { result: "failed" }, value: logins.failed },
    { labels: { result: "slowed" }, value: logins.slowed },
  );
  out.counter(
    "etcd_server_health_success",
    "Answers of /health that this member is well.",
    requests.healthSuccesses,
  );
  out.counter(
    "etcd_server_health_failures",
    "Answers of /health that it is not.",
    requests.healthFailures,
  );
}

function writeStore(out: Exposition, { store, operations }: Reading): void {
  const by = (action: string, value: number) => ({ labels: { action }, value });
  out.counter(
    "etcd_debugging_store_reads_total",
    "Reads of this member's store, by action.",
    by("get", operations.getsSuccess),
  );
  out.counter(
    "etcd_debugging_store_reads_failed_total",
    "Reads that found nothing, by action.",
    by("get", operations.getsFail),
  );
  out.counter(
    "etcd_debugging_store_writes_total",
    "Writes applied, by action.",
    by("set", operations.setsSuccess),
    by("create", operations.createsSuccess),
    by("update", operations.updatesSuccess),
    by("compareAndSwap", operations.testAndSetsSuccess),
    by("delete", operations.deletesSuccess),
    by("compareAndDelete", operations.compareAndDeletesSuccess),
  );
  out.counter(
    "etcd_debugging_store_writes_failed_total",
    "Writes that changed nothing, by action.",
    by("set", operations.setsFail),
    by("create", operations.createsFail),
    by("update", operations.updatesFail),
    by("compareAndSwap", operations.testAndSetsFail),
    by("delete", operations.deletesFail),
    by("compareAndDelete", operations.compareAndDeletesFail),
  );
  out.counter("etcd_debugging_store_expires_total", "Keys that expired.", operations.expiries);
  out.counter("etcd_debugging_store_watch_requests_total", "Watches opened.", operations.watches);
  out.gauge("etcd_debugging_store_watchers", "Watches that wait.", store.watchers);
  out.gauge("etcd_store_keys", "Keys in the store.", store.keys);
  out.gauge("etcd_store_directories", "Directories in the store.", store.directories);
  out.gauge("etcd_store_expiring_keys", "Keys with a TTL.", store.expiring);
}

function writeDisk(out: Exposition, { disk, status }: Reading): void {
  out.histogram(
    "etcd_disk_wal_fsync_duration_seconds",
    "How long syncs of the log took.",
    { histogram: disk.logSyncs },
  );
  out.histogram(
    "etcd_disk_backend_commit_duration_seconds",
    "How long it took to write and sync what was committed: the log is the database.",
    { histogram: disk.commits },
  );
  out.histogram(
    "etcd_snap_fsync_duration_seconds",
    "How long syncs of snapshots and other files took.",
    { histogram: disk.otherSyncs },
  );
  out.counter(
    "etcd_disk_wal_write_bytes_total",
    "Bytes written to the log.",
    disk.logBytesWritten,
  );
  out.gauge(
    "etcd_disk_directory_size_bytes",
    "Size of the files in the data directory.",
    disk.sizeBytes(),
  );
  out.gauge(
    "etcd_disk_full",
    "1 if writes are refused until the disk has space.",
    status.diskIsFull ? 1 : 0,
  );
}

function writeNetwork(out: Exposition, reading: Reading): void {
  const { peers } = reading;
  const to = (value: (peer: PeerReading) => number) =>
    peers.map((peer) => ({ labels: { To: peer.id }, value: value(peer) }));
  out.counter(
    "etcd_network_peer_sent_bytes_total",
    "Bytes sent to a peer.",
    ...to(({ sentBytes }) => sentBytes),
  );
  out.counter(
    "etcd_network_peer_received_bytes_total",
    "Bytes received from a peer.",
    ...peers.map(({ id, receivedBytes }) => ({ labels: { From: id }, value: receivedBytes })),
  );
  out.counter(
    "etcd_network_peer_sent_failures_total",
    "Messages to a peer that were dropped: no connection, or too many waited.",
    ...to(({ dropped }) => dropped),
  );
  out.gauge(
    "etcd_network_peer_queue_bytes",
    "Bytes that wait to be sent to a peer.",
    ...to(({ queueBytes }) => queueBytes),
  );
  out.gauge(
    "etcd_network_active_peers",
    "1 for a peer to which there is a connection.",
    ...peers.map(({ id, connected }) => ({
      labels: { Local: reading.id, Remote: id },
      value: connected ? 1 : 0,
    })),
  );
  out.histogram(
    "etcd_network_peer_round_trip_time_seconds",
    "How long pings to a peer took.",
    ...peers.map(({ id, roundTrips: { histogram } }) => ({ labels: { To: id }, histogram })),
  );
}

/** Snapshots under way: what the leader sends, and what comes here. */
function writeSnapshots(out: Exposition, { peers, status }: Reading): void {
  const { followers, snapshotFrom } = status;
  const sentTo = followers.filter(({ state }) => state === "snapshot").map(({ id }) =>
    formatId(id)
  );
  const from = snapshotFrom === undefined ? undefined : formatId(snapshotFrom);
  out.gauge(
    "etcd_network_snapshot_send_inflights_total",
    "1 for a peer that a snapshot is being sent to.",
    ...peers.map(({ id }) => ({ labels: { To: id }, value: sentTo.includes(id) ? 1 : 0 })),
  );
  out.gauge(
    "etcd_network_snapshot_receive_inflights_total",
    "1 for a peer that a snapshot comes from.",
    ...peers.map(({ id }) => ({ labels: { From: id }, value: id === from ? 1 : 0 })),
  );
}

function writeProcess(out: Exposition, { process }: Reading): void {
  out.counter("process_cpu_seconds_total", "Processor time, user and system.", process.cpuSeconds);
  out.gauge("process_resident_memory_bytes", "Resident memory.", process.residentBytes);
  out.gauge("process_start_time_seconds", "Start of the process, Unix time.", process.startSeconds);
  out.gauge("etcd_heap_used_bytes", "JavaScript heap in use.", process.heapUsedBytes);
  out.gauge("etcd_heap_size_bytes", "JavaScript heap reserved.", process.heapBytes);
}
