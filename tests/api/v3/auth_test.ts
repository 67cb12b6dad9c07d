/** The Auth service and what it means for the others; the recorded exchanges have the texts. */
import { assert, assertEquals } from "@std/assert";
import { accessOf } from "../../../src/api/v3/access.ts";
import { ALL_METHODS, METHODS } from "../../../src/api/v3/methods.ts";
import type { Field } from "../../../src/http/h2/stream.ts";
import { encodeCommand } from "../../../src/store/command/codec.ts";
import { bytes, PostExchange, V3Member } from "./harness.ts";

const { auth, kv, lease, watch } = METHODS;

/** Authentication is on; ann reads and writes what begins with "a". */
async function withUsers(member: V3Member): Promise<void> {
  await member.call(auth.userAdd, { name: "root", password: "rpw" });
  await member.call(auth.roleAdd, { name: "root" });
  await member.call(auth.userGrantRole, { user: "root", role: "root" });
  await member.call(auth.userAdd, { name: "ann", password: "apw" });
  await member.call(auth.roleAdd, { name: "a" });
  await member.call(auth.roleGrantPermission, {
    name: "a",
    perm: { permType: "READWRITE", key: "a", rangeEnd: "b" },
  });
  await member.call(auth.userGrantRole, { user: "ann", role: "a" });
  const { code, message } = await member.call(auth.enable, {});
  assertEquals([code, message], [0, ""]);
}

async function tokenOf(member: V3Member, name: string, password: string): Promise<Field[]> {
  const { response } = await member.call(auth.authenticate, { name, password });
  return [["token", response!.token]];
}

Deno.test("a call without a token is told that the user's name is empty", async () => {
  using member = new V3Member();
  await withUsers(member);
  const { code, message } = await member.call(kv.range, { key: "a" });
  assertEquals([code, message], [3, "etcdserver: user name is empty"]);
  const bad = await member.call(kv.range, { key: "a" }, [["token", ""]]);
  assertEquals([bad.code, bad.message], [16, "etcdserver: invalid auth token"]);
});

Deno.test("who has not logged in is told the members where there is a role for guests, and nothing else", async () => {
  using member = new V3Member();
  await withUsers(member);
  const { memberList } = METHODS.cluster;
  assertEquals((await member.call(memberList, {})).message, "etcdserver: user name is empty");
  await member.call(auth.roleAdd, { name: "guest" }, await tokenOf(member, "root", "rpw"));
  assertEquals((await member.call(memberList, {})).response?.members.length, 1);
  const range = await member.call(METHODS.kv.range, { key: "/a/1" });
  assertEquals(range.message, "etcdserver: user name is empty");
  const alarms = await member.call(METHODS.maintenance.alarm, { action: "GET" });
  assertEquals(alarms.message, "etcdserver: user name is empty");
});

Deno.test("who was root until this member caught up gets no snapshot", async () => {
  using member = new V3Member();
  await withUsers(member);
  const root = await tokenOf(member, "root", "rpw");
  await member.call(auth.userGrantRole, { user: "ann", role: "root" }, root);
  const call = member.open(METHODS.maintenance.snapshot, await tokenOf(member, "ann", "apw"));
  call.send({});
  call.halfClose();
  // Before the barrier is through.
  const change = { type: "userRevokeRole", user: "ann", role: "root" } as const;
  const { appliedIndex, auth: { revision: authRevision } } = member.store;
  member.store.apply(
    appliedIndex + 1,
    encodeCommand({ type: "auth", changes: [change], ifRevision: 0 }, {
      user: "root",
      authRevision,
    }),
  );
  const { code, message } = await call.reply();
  assertEquals([code, message], [7, "etcdserver: permission denied"]);
});

Deno.test("a token may come as token or as authorization", async () => {
  using member = new V3Member();
  await withUsers(member);
  const [[, token] = ["", ""]] = await tokenOf(member, "ann", "apw");
  for (const name of ["token", "authorization"]) {
    const { code } = await member.call(kv.put, { key: "a", value: bytes("1") }, [[name, token]]);
    assertEquals(code, 0);
  }
});

Deno.test("a token comes through the gateway by three names", async () => {
  using member = new V3Member();
  await withUsers(member);
  const [[, token] = ["", ""]] = await tokenOf(member, "ann", "apw");
  const body = '{"key":"YQ=="}';
  for (const name of ["authorization", "grpc-metadata-token", "grpc-metadata-authorization"]) {
    const asking = new PostExchange(body, { [name]: token });
    const reply = await member.post(kv.range, body, asking);
    assertEquals("status" in reply && reply.status, 200, name);
  }
});

Deno.test("to read serializably needs the permission, too", async () => {
  using member = new V3Member();
  await withUsers(member);
  const ann = await tokenOf(member, "ann", "apw");
  const range = (key: string) => member.call(kv.range, { key, serializable: true }, ann);
  assertEquals((await range("a")).code, 0);
  assertEquals((await range("b")).message, "etcdserver: permission denied");
  assertEquals((await member.call(kv.range, { key: "a", serializable: true })).code, 3);
});

Deno.test("a transaction that only reads is judged as one that writes", async () => {
  using member = new V3Member();
  await withUsers(member);
  const ann = await tokenOf(member, "ann", "apw");
  const read = (key: string) => ({ kind: "range" as const, value: { key } });
  const txn = async (key: string, serializable: boolean) => {
    const value = {
      success: [],
      failure: [{ kind: "range" as const, value: { key, serializable } }],
    };
    return (await member.call(kv.txn, {
      success: [read("a"), { kind: "txn", value }],
    }, ann)).code;
  };
  assertEquals(await txn("a", true), 0);
  assertEquals(await txn("secret", true), 7);
  assertEquals(await txn("secret", false), 7);
});

Deno.test("a watch ends when its user loses the permission", async () => {
  using member = new V3Member();
  await withUsers(member);
  const ann = await tokenOf(member, "ann", "apw");
  const root = await tokenOf(member, "root", "rpw");
  const stream = member.open(watch.watch, ann);
  stream.send({ kind: "create", value: { key: "a", rangeEnd: "b" } });
  assert((await stream.next()).created);
  await member.call(auth.roleRevokePermission, { role: "a", key: "a", rangeEnd: "b" }, root);
  const end = await stream.next();
  assert(end.canceled);
  assertEquals(
    end.cancelReason,
    "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
  );
  await member.call(kv.put, { key: "a", value: bytes("1") }, root);
  assertEquals(stream.received(), []);
  assertEquals(member.store.stats().watchers, 0);
});

Deno.test("a watch that was open before authentication came on ends", async () => {
  using member = new V3Member();
  const stream = member.open(watch.watch);
  stream.send({ kind: "create", value: { key: "a" } });
  assert((await stream.next()).created);
  await withUsers(member);
  assert((await stream.next()).canceled);
});

Deno.test("a watch of what its user may not read does not begin", async () => {
  using member = new V3Member();
  await withUsers(member);
  const stream = member.open(watch.watch, await tokenOf(member, "ann", "apw"));
  stream.send({ kind: "create", value: { key: "a", rangeEnd: "c" } });
  const { created, canceled, watchId } = await stream.next();
  assertEquals([created, canceled, watchId], [true, true, -1]);
});

Deno.test("watches are answered in the order in which they were asked for, whoever may have them", async () => {
  using member = new V3Member();
  await withUsers(member);
  const stream = member.open(watch.watch, await tokenOf(member, "ann", "apw"));
  stream.send({ kind: "create", value: { key: "secret" } });
  stream.send({ kind: "create", value: { key: "a", watchId: 7 } });
  stream.send({ kind: "cancel", value: { watchId: 7 } });
  stream.send({ kind: "create", value: { key: "a", watchId: 7 } });
  const told: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    const { watchId, created, canceled } = await stream.next();
    told.push([watchId, created, canceled]);
  }
  assertEquals(told, [[-1, true, true], [7, true, false], [7, false, true], [7, true, false]]);
});

Deno.test("leases are renewed, shown and listed by who may have their keys", async () => {
  using member = new V3Member();
  await withUsers(member);
  const ann = await tokenOf(member, "ann", "apw");
  const root = await tokenOf(member, "root", "rpw");
  await member.call(lease.grant, { ttl: 60, id: 1n }, ann);
  await member.call(lease.grant, { ttl: 60, id: 2n }, root);
  await member.call(kv.put, { key: "a", value: bytes("1"), lease: 1n }, ann);
  await member.call(kv.put, { key: "secret", value: bytes("1"), lease: 2n }, root);
  const show = async (id: bigint, keys: boolean) =>
    (await member.call(lease.timeToLive, { id, keys }, ann)).code;
  assertEquals([await show(1n, true), await show(2n, true), await show(2n, false)], [0, 7, 0]);
  // As in etcd, anybody is told how long a lease lives, and that one is gone (TestV3AuthWithLeaseRevokeWithRoot).
  for (const caller of [undefined, [["token", "bad"]] as const]) {
    const ask = (id: bigint, keys: boolean) => member.call(lease.timeToLive, { id, keys }, caller);
    assertEquals((await ask(2n, false)).response!.keys, []);
    assertEquals((await ask(3n, true)).response!.ttl, -1);
    assertEquals((await ask(2n, true)).code, caller === undefined ? 3 : 16);
  }
  const listed = await member.call(lease.leases, {}, ann);
  assertEquals(listed.response!.leases.map(({ id }) => id), [1n]);
  const renew = async (id: bigint) => {
    const stream = member.open(lease.keepAlive, ann);
    stream.send({ id });
    stream.halfClose();
    return (await stream.reply()).code;
  };
  assertEquals([await renew(1n), await renew(2n)], [0, 7]);
  assertEquals((await member.call(lease.keepAlive, { id: 1n })).code, 3);
  assertEquals((await member.call(lease.revoke, { id: 2n }, ann)).code, 7);
  assertEquals((await member.call(lease.revoke, { id: 1n }, ann)).code, 0);
});

Deno.test("users may ask for themselves and their roles, and for nobody else", async () => {
  using member = new V3Member();
  await withUsers(member);
  const ann = await tokenOf(member, "ann", "apw");
  const user = async (name: string) => (await member.call(auth.userGet, { name }, ann)).code;
  const role = async (name: string) => (await member.call(auth.roleGet, { role: name }, ann)).code;
  assertEquals([await user("ann"), await user("root"), await user("nobody")], [0, 7, 7]);
  assertEquals([await role("a"), await role("root"), await role("nothing")], [0, 7, 7]);
  assertEquals((await member.call(auth.userList, {}, ann)).code, 7);
  const root = await tokenOf(member, "root", "rpw");
  assertEquals((await member.call(auth.userGet, { name: "nobody" }, root)).code, 9);
});

Deno.test("the switch is thrown twice without harm, and asked for by root", async () => {
  using member = new V3Member();
  assertEquals((await member.call(auth.disable, {})).code, 0);
  assertEquals((await member.call(auth.status, {})).response!.enabled, false);
  await withUsers(member);
  const root = await tokenOf(member, "root", "rpw");
  assertEquals((await member.call(auth.enable, {}, root)).code, 0);
  assertEquals((await member.call(auth.status, {}, root)).response!.enabled, true);
  assertEquals((await member.call(auth.status, {})).code, 3);
  const ann = await tokenOf(member, "ann", "apw");
  assertEquals((await member.call(auth.disable, {}, ann)).code, 7);
  assertEquals((await member.call(auth.disable, {}, root)).code, 0);
  assertEquals((await member.call(auth.disable, {})).code, 0);
});

Deno.test("a permission without a type of this API is refused", async () => {
  using member = new V3Member();
  await member.call(auth.roleAdd, { name: "a" });
  const grant = { name: "a", perm: undefined };
  const { code, message } = await member.call(auth.roleGrantPermission, grant);
  assertEquals([code, message], [3, "etcdserver: permission not given"]);
  const strange = { name: "a", perm: { permType: 7, key: "a" } } as const;
  assertEquals((await member.call(auth.roleGrantPermission, strange)).code, 3);
});

Deno.test("every method has its place in the rules, and changes of the cluster are root's", () => {
  const rules = ALL_METHODS.map((method) => `${method.path} ${accessOf(method, undefined)}`);
  assertEquals(rules.filter((rule) => rule.endsWith(" open")), [
    "/etcdserverpb.Maintenance/Status open",
    "/etcdserverpb.Auth/Authenticate open",
    "/grpc.health.v1.Health/Check open",
    "/grpc.health.v1.Health/Watch open",
  ]);
  assertEquals(rules.filter((rule) => rule.endsWith(" user")), [
    "/etcdserverpb.Lease/LeaseGrant user",
    "/etcdserverpb.Cluster/MemberList user",
    "/etcdserverpb.Auth/UserGet user",
    "/etcdserverpb.Auth/RoleGet user",
  ]);
  assertEquals(rules.filter((rule) => rule.endsWith(" root")).length, 26);
  const { alarm } = METHODS.maintenance;
  assertEquals(accessOf(alarm, { action: "GET" }), "user");
  assertEquals(accessOf(alarm, { action: "DEACTIVATE" }), "root");
});
