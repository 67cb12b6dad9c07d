/**
 * Every method of the v3 API, once for gRPC and for the JSON gateway: what it is
 * called, what goes in and out, and where the gateway has it. Facts are those of
 * etcd's `rpc.proto` (3.0 to 3.6), `v3lock.proto`, `v3election.proto`, and gRPC's
 * `health.proto`. Handlers are attached elsewhere, by the same service and method.
 */
import * as auth from "./messages/auth.ts";
import * as cluster from "./messages/cluster.ts";
import * as concurrency from "./messages/concurrency.ts";
import * as kv from "./messages/kv.ts";
import * as lease from "./messages/lease.ts";
import * as maintenance from "./messages/maintenance.ts";
import type { MessageType } from "./messages/table.ts";
import * as watch from "./messages/watch.ts";

/** One request and one response; one request and many responses; many of both. */
export type MethodKind = "unary" | "serverStream" | "bidi";

export interface Method<
  Kind extends MethodKind = MethodKind,
  Request extends object = object,
  Response extends object = object,
> {
  readonly kind: Kind;
  /** With its package, e.g. `etcdserverpb.KV`. */
  readonly service: string;
  /** E.g. `Range`. */
  readonly name: string;
  /** What gRPC asks for: `/etcdserverpb.KV/Range`. */
  readonly path: string;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
  /**
   * Where the gateway takes a POST, as in `/v3/kv/range`; none for what it has not.
   * Under `/v3beta` and `/v3alpha` the same. A path names one method only.
   */
  readonly gateway: readonly string[];
}

export type RequestOf<M> = M extends Method<MethodKind, infer Request, infer _> ? Request : never;
export type ResponseOf<M> = M extends Method<MethodKind, infer _, infer Response> ? Response
  : never;

/** `method` of one service. */
function methodsOf(service: string) {
  const make =
    <Kind extends MethodKind>(kind: Kind) =>
    <Request extends object, Response extends object>(
      name: string,
      request: MessageType<Request>,
      response: MessageType<Response>,
      ...gateway: string[]
    ): Method<Kind, Request, Response> => ({
      kind,
      service,
      name,
      path: `/${service}/${name}`,
      request,
      response,
      gateway,
    });
  return { unary: make("unary"), serverStream: make("serverStream"), bidi: make("bidi") };
}

const inKv = methodsOf("etcdserverpb.KV");
const inWatch = methodsOf("etcdserverpb.Watch");
const inLease = methodsOf("etcdserverpb.Lease");
const inCluster = methodsOf("etcdserverpb.Cluster");
const inMaintenance = methodsOf("etcdserverpb.Maintenance");
const inAuth = methodsOf("etcdserverpb.Auth");
const inLock = methodsOf("v3lockpb.Lock");
const inElection = methodsOf("v3electionpb.Election");
const inHealth = methodsOf("grpc.health.v1.Health");

/** The methods of each service, by the names that handlers have. */
export const METHODS = {
  kv: {
    range: inKv.unary("Range", kv.RangeRequest, kv.RangeResponse, "/v3/kv/range"),
    put: inKv.unary("Put", kv.PutRequest, kv.PutResponse, "/v3/kv/put"),
    deleteRange: inKv.unary(
      "DeleteRange",
      kv.DeleteRangeRequest,
      kv.DeleteRangeResponse,
      "/v3/kv/deleterange",
    ),
    txn: inKv.unary("Txn", kv.TxnRequest, kv.TxnResponse, "/v3/kv/txn"),
    compact: inKv.unary(
      "Compact",
      kv.CompactionRequest,
      kv.CompactionResponse,
      "/v3/kv/compaction",
    ),
  },
  watch: {
    watch: inWatch.bidi("Watch", watch.WatchRequest, watch.WatchResponse, "/v3/watch"),
  },
  lease: {
    grant: inLease.unary(
      "LeaseGrant",
      lease.LeaseGrantRequest,
      lease.LeaseGrantResponse,
      "/v3/lease/grant",
    ),
    revoke: inLease.unary(
      "LeaseRevoke",
      lease.LeaseRevokeRequest,
      lease.LeaseRevokeResponse,
      "/v3/lease/revoke",
      "/v3/kv/lease/revoke",
    ),
    keepAlive: inLease.bidi(
      "LeaseKeepAlive",
      lease.LeaseKeepAliveRequest,
      lease.LeaseKeepAliveResponse,
      "/v3/lease/keepalive",
    ),
    timeToLive: inLease.unary(
      "LeaseTimeToLive",
      lease.LeaseTimeToLiveRequest,
      lease.LeaseTimeToLiveResponse,
      "/v3/lease/timetolive",
      "/v3/kv/lease/timetolive",
    ),
    leases: inLease.unary(
      "LeaseLeases",
      lease.LeaseLeasesRequest,
      lease.LeaseLeasesResponse,
      "/v3/lease/leases",
      "/v3/kv/lease/leases",
    ),
  },
  cluster: {
    memberAdd: inCluster.unary(
      "MemberAdd",
      cluster.MemberAddRequest,
      cluster.MemberAddResponse,
      "/v3/cluster/member/add",
    ),
    memberRemove: inCluster.unary(
      "MemberRemove",
      cluster.MemberRemoveRequest,
      cluster.MemberRemoveResponse,
      "/v3/cluster/member/remove",
    ),
    memberUpdate: inCluster.unary(
      "MemberUpdate",
      cluster.MemberUpdateRequest,
      cluster.MemberUpdateResponse,
      "/v3/cluster/member/update",
    ),
    memberList: inCluster.unary(
      "MemberList",
      cluster.MemberListRequest,
      cluster.MemberListResponse,
      "/v3/cluster/member/list",
    ),
    memberPromote: inCluster.unary(
      "MemberPromote",
      cluster.MemberPromoteRequest,
      cluster.MemberPromoteResponse,
      "/v3/cluster/member/promote",
    ),
  },
  maintenance: {
    alarm: inMaintenance.unary(
      "Alarm",
      maintenance.AlarmRequest,
      maintenance.AlarmResponse,
      "/v3/maintenance/alarm",
    ),
    status: inMaintenance.unary(
      "Status",
      maintenance.StatusRequest,
      maintenance.StatusResponse,
      "/v3/maintenance/status",
    ),
    defragment: inMaintenance.unary(
      "Defragment",
      maintenance.DefragmentRequest,
      maintenance.DefragmentResponse,
      "/v3/maintenance/defragment",
    ),
    hash: inMaintenance.unary(
      "Hash",
      maintenance.HashRequest,
      maintenance.HashResponse,
      "/v3/maintenance/hash",
    ),
    // Before 3.6 its path was that of `Hash`, which was found first.
    hashKv: inMaintenance.unary(
      "HashKV",
      maintenance.HashKvRequest,
      maintenance.HashKvResponse,
      "/v3/maintenance/hashkv",
    ),
    snapshot: inMaintenance.serverStream(
      "Snapshot",
      maintenance.SnapshotRequest,
      maintenance.SnapshotResponse,
      "/v3/maintenance/snapshot",
    ),
    moveLeader: inMaintenance.unary(
      "MoveLeader",
      maintenance.MoveLeaderRequest,
      maintenance.MoveLeaderResponse,
      "/v3/maintenance/transfer-leadership",
    ),
    downgrade: inMaintenance.unary(
      "Downgrade",
      maintenance.DowngradeRequest,
      maintenance.DowngradeResponse,
      "/v3/maintenance/downgrade",
    ),
  },
  auth: {
    enable: inAuth.unary(
      "AuthEnable",
      auth.AuthEnableRequest,
      auth.AuthEnableResponse,
      "/v3/auth/enable",
    ),
    disable: inAuth.unary(
      "AuthDisable",
      auth.AuthDisableRequest,
      auth.AuthDisableResponse,
      "/v3/auth/disable",
    ),
    status: inAuth.unary(
      "AuthStatus",
      auth.AuthStatusRequest,
      auth.AuthStatusResponse,
      "/v3/auth/status",
    ),
    authenticate: inAuth.unary(
      "Authenticate",
      auth.AuthenticateRequest,
      auth.AuthenticateResponse,
      "/v3/auth/authenticate",
    ),
    userAdd: inAuth.unary(
      "UserAdd",
      auth.AuthUserAddRequest,
      auth.AuthUserAddResponse,
      "/v3/auth/user/add",
    ),
    userGet: inAuth.unary(
      "UserGet",
      auth.AuthUserGetRequest,
      auth.AuthUserGetResponse,
      "/v3/auth/user/get",
    ),
    userList: inAuth.unary(
      "UserList",
      auth.AuthUserListRequest,
      auth.AuthUserListResponse,
      "/v3/auth/user/list",
    ),
    userDelete: inAuth.unary(
      "UserDelete",
      auth.AuthUserDeleteRequest,
      auth.AuthUserDeleteResponse,
      "/v3/auth/user/delete",
    ),
    userChangePassword: inAuth.unary(
      "UserChangePassword",
      auth.AuthUserChangePasswordRequest,
      auth.AuthUserChangePasswordResponse,
      "/v3/auth/user/changepw",
    ),
    userGrantRole: inAuth.unary(
      "UserGrantRole",
      auth.AuthUserGrantRoleRequest,
      auth.AuthUserGrantRoleResponse,
      "/v3/auth/user/grant",
    ),
    userRevokeRole: inAuth.unary(
      "UserRevokeRole",
      auth.AuthUserRevokeRoleRequest,
      auth.AuthUserRevokeRoleResponse,
      "/v3/auth/user/revoke",
    ),
    roleAdd: inAuth.unary(
      "RoleAdd",
      auth.AuthRoleAddRequest,
      auth.AuthRoleAddResponse,
      "/v3/auth/role/add",
    ),
    roleGet: inAuth.unary(
      "RoleGet",
      auth.AuthRoleGetRequest,
      auth.AuthRoleGetResponse,
      "/v3/auth/role/get",
    ),
    roleList: inAuth.unary(
      "RoleList",
      auth.AuthRoleListRequest,
      auth.AuthRoleListResponse,
      "/v3/auth/role/list",
    ),
    roleDelete: inAuth.unary(
      "RoleDelete",
      auth.AuthRoleDeleteRequest,
      auth.AuthRoleDeleteResponse,
      "/v3/auth/role/delete",
    ),
    roleGrantPermission: inAuth.unary(
      "RoleGrantPermission",
      auth.AuthRoleGrantPermissionRequest,
      auth.AuthRoleGrantPermissionResponse,
      "/v3/auth/role/grant",
    ),
    roleRevokePermission: inAuth.unary(
      "RoleRevokePermission",
      auth.AuthRoleRevokePermissionRequest,
      auth.AuthRoleRevokePermissionResponse,
      "/v3/auth/role/revoke",
    ),
  },
  lock: {
    lock: inLock.unary(
      "Lock",
      concurrency.LockRequest,
      concurrency.LockResponse,
      "/v3/lock/lock",
    ),
    unlock: inLock.unary(
      "Unlock",
      concurrency.UnlockRequest,
      concurrency.UnlockResponse,
      "/v3/lock/unlock",
    ),
  },
  election: {
    campaign: inElection.unary(
      "Campaign",
      concurrency.CampaignRequest,
      concurrency.CampaignResponse,
      "/v3/election/campaign",
    ),
    proclaim: inElection.unary(
      "Proclaim",
      concurrency.ProclaimRequest,
      concurrency.ProclaimResponse,
      "/v3/election/proclaim",
    ),
    leader: inElection.unary(
      "Leader",
      concurrency.LeaderRequest,
      concurrency.LeaderResponse,
      "/v3/election/leader",
    ),
    observe: inElection.serverStream(
      "Observe",
      concurrency.LeaderRequest,
      concurrency.LeaderResponse,
      "/v3/election/observe",
    ),
    resign: inElection.unary(
      "Resign",
      concurrency.ResignRequest,
      concurrency.ResignResponse,
      "/v3/election/resign",
    ),
  },
  health: {
    check: inHealth.unary("Check", concurrency.HealthCheckRequest, concurrency.HealthCheckResponse),
    watch: inHealth.serverStream(
      "Watch",
      concurrency.HealthCheckRequest,
      concurrency.HealthCheckResponse,
    ),
  },
} as const;

/** All of them. */
export const ALL_METHODS: readonly Method[] = Object.values(METHODS)
  .flatMap((service): readonly Method[] => Object.values(service));

/** Services by name: who asks one for a method that it has not is told so otherwise than for an unknown service. */
export const SERVICES: ReadonlySet<string> = new Set(ALL_METHODS.map(({ service }) => service));
