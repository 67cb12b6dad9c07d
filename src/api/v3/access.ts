/**
 * Who may call which method while authentication is on. What needs keys is judged by
 * what it asks for, where it is carried out.
 */
import { METHODS } from "./methods.ts";
import type { Method } from "./methods.ts";

/** Anybody; any user; who may have the keys it is about; root. */
export type Access = "open" | "user" | "keys" | "root";

const { kv, watch, lease, cluster, maintenance, auth, lock, election, health } = METHODS;

const BY_ACCESS: Readonly<Record<Access, readonly Method[]>> = {
  // `Status` is how clients find out whom they speak to, before they log in.
  open: [auth.authenticate, maintenance.status, health.check, health.watch],
  user: [lease.grant, cluster.memberList],
  keys: [
    ...[kv.range, kv.put, kv.deleteRange, kv.txn, watch.watch],
    ...[lease.revoke, lease.keepAlive, lease.timeToLive, lease.leases],
    ...[lock.lock, lock.unlock],
    ...[election.campaign, election.proclaim, election.leader, election.observe, election.resign],
  ],
  root: [
    kv.compact,
    ...[cluster.memberAdd, cluster.memberRemove, cluster.memberUpdate, cluster.memberPromote],
    ...[maintenance.alarm, maintenance.defragment, maintenance.hash, maintenance.hashKv],
    ...[maintenance.snapshot, maintenance.moveLeader, maintenance.downgrade],
    ...[auth.enable, auth.disable, auth.status, auth.userAdd, auth.userGet, auth.userList],
    ...[auth.userDelete, auth.userChangePassword, auth.userGrantRole, auth.userRevokeRole],
    ...[auth.roleAdd, auth.roleGet, auth.roleList, auth.roleDelete],
    ...[auth.roleGrantPermission, auth.roleRevokePermission],
  ],
};

const ACCESS: ReadonlyMap<Method, Access> = new Map(
  Object.entries(BY_ACCESS).flatMap(([access, methods]) =>
    methods.map((method): [Method, Access] => [method, access as Access])
  ),
);

/** Who may call `method` with `request`, which is not there for a stream. */
export function accessOf(method: Method, request: object | undefined): Access {
  if (method === maintenance.alarm && isQuestion(request)) return "user";
  // Who asks for themselves is told; their handlers look who that is.
  if (method === auth.userGet || method === auth.roleGet) return "user";
  // What nobody thought of is root's.
  return ACCESS.get(method) ?? "root";
}

/** Asks which alarms there are, and changes none. */
function isQuestion(request: object | undefined): boolean {
  return request !== undefined && "action" in request && request.action === "GET";
}
