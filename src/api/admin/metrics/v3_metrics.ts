/** The families of v3: calls by method, and the key space in the words of etcd's. */
import type { MethodReading, Reading } from "../../reading.ts";
import type { Exposition, Labels, Sample } from "./exposition.ts";

/** `grpc_server_*`, as go-grpc-prometheus names them. */
export function writeCalls(out: Exposition, { calls }: Reading): void {
  const labelsOf = ({ name, service, type }: MethodReading): Labels => ({
    grpc_method: name,
    grpc_service: service,
    grpc_type: type,
  });
  const by = (value: (method: MethodReading) => number): Sample[] =>
    calls.map((method) => ({ labels: labelsOf(method), value: value(method) }));
  out.counter("grpc_server_started_total", "Calls begun, by method.", ...by((c) => c.started));
  out.counter(
    "grpc_server_handled_total",
    "Calls ended, by method and code.",
    ...calls.flatMap((method) =>
      [...method.ended].map(([code, value]) => ({
        labels: { grpc_code: code, ...labelsOf(method) },
        value,
      }))
    ),
  );
  out.counter(
    "grpc_server_msg_received_total",
    "Messages received, by method.",
    ...by((c) => c.messagesReceived),
  );
  out.counter(
    "grpc_server_msg_sent_total",
    "Messages sent, by method.",
    ...by((c) => c.messagesSent),
  );
  const total = (value: (method: MethodReading) => number) =>
    calls.reduce((sum, method) => sum + value(method), 0);
  out.counter(
    "etcd_network_client_grpc_received_bytes_total",
    "Bytes of messages received from clients of v3; those of the gateway as JSON.",
    total((c) => c.bytesReceived),
  );
  out.counter(
    "etcd_network_client_grpc_sent_bytes_total",
    "Bytes of messages sent to clients of v3; those of the gateway as JSON.",
    total((c) => c.bytesSent),
  );
}

/** `etcd_mvcc_*` and `etcd_debugging_mvcc_*`. */
export function writeKeySpace(out: Exposition, reading: Reading): void {
  const { store, operations, numbers } = reading;
  // The longer names are older; boards still ask for them.
  for (const family of ["etcd_mvcc", "etcd_debugging_mvcc"]) {
    out.counter(`${family}_range_total`, "Ranges read.", operations.ranges);
    out.counter(`${family}_put_total`, "Puts applied.", operations.puts);
    out.counter(`${family}_delete_total`, "Deletes of ranges applied.", operations.deletes);
    out.counter(`${family}_txn_total`, "Transactions applied.", operations.txns);
  }
  out.gauge("etcd_debugging_mvcc_keys_total", "Keys that are there.", store.keys);
  out.gauge("etcd_debugging_mvcc_watcher_total", "Watches of all APIs.", store.watchers);
  out.gauge(
    "etcd_debugging_mvcc_slow_watcher_total",
    "Watches that read what has passed.",
    store.slowWatchers,
  );
  out.gauge("etcd_debugging_mvcc_current_revision", "The revision.", numbers.revision);
  out.gauge(
    "etcd_debugging_mvcc_compact_revision",
    "Revisions below it can't be read.",
    numbers.compactedRevision,
  );
  writeSizes(out, reading);
  out.gauge("etcd_debugging_lease_total", "Leases.", store.leases);
  out.counter("etcd_debugging_lease_granted_total", "Leases granted.", operations.leasesGranted);
  out.counter(
    "etcd_debugging_lease_revoked_total",
    "Leases revoked, those that ran out included.",
    operations.leasesRevoked,
  );
  out.counter(
    "etcd_debugging_server_lease_expired_total",
    "Leases that ran out.",
    operations.leasesExpired,
  );
  out.gauge(
    "etcd_store_history_events",
    "Versions of the past that are kept.",
    store.historyEvents,
  );
  out.gauge("etcd_store_history_bytes", "Bytes that they take.", store.historyBytes);
}

/** What the quota is held against, by the names that boards and alerts have for it: nothing lies idle. */
function writeSizes(out: Exposition, { store, quotaBytes }: Reading): void {
  for (
    const name of [
      "etcd_mvcc_db_total_size_in_bytes",
      "etcd_debugging_mvcc_db_total_size_in_bytes",
      "etcd_mvcc_db_total_size_in_use_in_bytes",
    ]
  ) {
    out.gauge(name, "Bytes of all that is stored, versions of the past included.", store.sizeBytes);
  }
  out.gauge("etcd_store_live_bytes", "Bytes of keys and values of now.", store.liveBytes);
  // Alerts divide by it: nothing is full without a quota, so there is no number then.
  if (quotaBytes === undefined) return;
  out.gauge("etcd_server_quota_backend_bytes", "What may be stored, in bytes.", quotaBytes);
}
