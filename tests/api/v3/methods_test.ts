/** The table of methods. */
import { assertEquals } from "@std/assert";
import { ALL_METHODS, SERVICES } from "../../../src/api/v3/methods.ts";

const BY_PATH = new Map(ALL_METHODS.map((method) => [method.path, method]));
const BY_GATEWAY_PATH = new Map(
  ALL_METHODS.flatMap((method) => method.gateway.map((path) => [path, method] as const)),
);

Deno.test("METHODS has every method of etcd 3.6's services, and its way of calling", () => {
  const listed = [...SERVICES].map((service) =>
    `${service}: ` + ALL_METHODS.filter((method) => method.service === service)
      .map(({ name, kind }) => kind === "unary" ? name : `${name} (${kind})`).join(" ")
  );
  assertEquals(listed, [
    "etcdserverpb.KV: Range Put DeleteRange Txn Compact",
    "etcdserverpb.Watch: Watch (bidi)",
    "etcdserverpb.Lease: LeaseGrant LeaseRevoke LeaseKeepAlive (bidi) LeaseTimeToLive LeaseLeases",
    "etcdserverpb.Cluster: MemberAdd MemberRemove MemberUpdate MemberList MemberPromote",
    "etcdserverpb.Maintenance: Alarm Status Defragment Hash HashKV Snapshot (serverStream) MoveLeader Downgrade",
    "etcdserverpb.Auth: AuthEnable AuthDisable AuthStatus Authenticate UserAdd UserGet UserList " +
    "UserDelete UserChangePassword UserGrantRole UserRevokeRole RoleAdd RoleGet RoleList RoleDelete " +
    "RoleGrantPermission RoleRevokePermission",
    "v3lockpb.Lock: Lock Unlock",
    "v3electionpb.Election: Campaign Proclaim Leader Observe (serverStream) Resign",
    "grpc.health.v1.Health: Check Watch (serverStream)",
  ]);
});

Deno.test("METHODS gives each method a path of its own, for gRPC and for the gateway", () => {
  assertEquals(BY_PATH.size, ALL_METHODS.length);
  const paths = ALL_METHODS.flatMap(({ gateway }) => gateway);
  assertEquals(BY_GATEWAY_PATH.size, paths.length);
  assertEquals(paths.filter((path) => !/^\/v3(\/[a-z-]+)+$/.test(path)), []);
  assertEquals(BY_GATEWAY_PATH.get("/v3/kv/lease/revoke")?.path, "/etcdserverpb.Lease/LeaseRevoke");
  assertEquals(BY_GATEWAY_PATH.get("/v3/maintenance/hash")?.name, "Hash");
});

Deno.test("METHODS names messages after their packages", () => {
  const named = (path: string) => {
    const method = BY_PATH.get(path)!;
    return [method.request.name, method.response.name];
  };
  assertEquals(named("/etcdserverpb.Maintenance/HashKV"), [
    "etcdserverpb.HashKVRequest",
    "etcdserverpb.HashKVResponse",
  ]);
  assertEquals(named("/v3electionpb.Election/Observe"), [
    "v3electionpb.LeaderRequest",
    "v3electionpb.LeaderResponse",
  ]);
});
