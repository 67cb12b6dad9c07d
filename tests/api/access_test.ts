/**
 * Who may ask what: every route and every method of v3 is asked by nobody, by a user
 * without roles, by one with a range, and by root. What comes of it is the table in
 * README.md.
 */
import { assert, assertEquals } from "@std/assert";
import { accessOfRoute } from "../../src/api/access.ts";
import { backupRoutes } from "../../src/api/admin/backup.ts";
import { metricsRoute } from "../../src/api/admin/metrics/metrics.ts";
import { variablesRoute } from "../../src/api/admin/variables.ts";
import { statsRoutes } from "../../src/api/v1/stats.ts";
import { statsRoutes as statsRoutesOfV2 } from "../../src/api/v2/stats.ts";
import { accessOf } from "../../src/api/v3/access.ts";
import { ALL_METHODS, METHODS } from "../../src/api/v3/methods.ts";
import type { Draft } from "../../src/api/v3/messages/table.ts";
import type { Field } from "../../src/http/h2/stream.ts";
import { startDashboard } from "../dashboard/harness.ts";
import type { TestNode } from "./harness.ts";
import { basicOf, enableUsers } from "./users.ts";
import { V3Member } from "./v3/harness.ts";

const ASKERS = ["nobody", "bob", "ann", "root"] as const;

/** One letter for each asker: whether that one is let in. */
type Row = string;

const OPEN = "yyyy";
const OF_ROOT = "nnny";
const OF_RANGE = "nnyy";

function fails(): never {
  throw new Error("Expected not to be asked");
}

/** A port with all that a node serves; what answers without keys need not work here. */
function startAll(): Promise<TestNode> {
  return startDashboard({
    routes: ({ node }) => [
      ...backupRoutes({
        open: () => Promise.resolve({ ok: false, reason: "stopping", cause: "no backup" }),
      }),
      metricsRoute(fails),
      variablesRoute(fails),
      ...statsRoutes(node, fails, () => 0),
      ...statsRoutesOfV2(node, fails, () => 0),
    ],
  });
}

/** What a request names below a subtree, and how it asks. */
function pathOf(path: string, subtree: boolean | undefined): string {
  if (path === "/v1/watch") return "/v1/watch/a/1?wait=false";
  if (path === "/dashboard/api/events") return "/dashboard/api/events?path=%2Fa%2F1";
  if (path === "/v1/machines" && subtree) return "/v1/machines/nobody";
  if (path.startsWith("/v2/auth")) return subtree ? `${path}/x` : path;
  return subtree ? `${path}/a/1` : path;
}

async function isLetIn(node: TestNode, asker: string, method: string, path: string) {
  const headers = {
    "x-etcd-dashboard": "1",
    ...(asker === "nobody" ? {} : basicOf(asker)),
  };
  const body = method === "GET" || method === "DELETE"
    ? undefined
    : new URLSearchParams({ value: "2", user: "root", password: "root" });
  const { status } = await node.ask(method, path, undefined, { headers, ...(body && { body }) });
  return status !== 401 && status !== 403;
}

async function rowOf(node: TestNode, method: string, path: string): Promise<Row> {
  let row = "";
  for (const asker of ASKERS) row += await isLetIn(node, asker, method, path) ? "y" : "n";
  return row;
}

Deno.test("every route is asked by everybody, and lets in whom it should", async () => {
  await using node = await startAll();
  for (const key of ["/a/1", "/b/1"]) await node.set(key, "1");
  await enableUsers(node.service);
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const { path, subtree, methods } of node.api.routes) {
    for (const method of Object.keys(methods)) {
      // Then nobody would be refused any longer.
      if (path === "/v2/auth/enable" && method === "DELETE") continue;
      // To end a session needs none.
      const isOpen = path === "/dashboard/api/session";
      const access = isOpen ? "open" : accessOfRoute(path, method);
      const row = await rowOf(node, method, pathOf(path, subtree));
      const isAuth = path.startsWith("/v2/auth") || /\/(users|may)$/.test(path);
      const expected = access === "open" || path === "/v2/auth/enable" && method === "GET"
        ? OPEN
        : access === "root" || isAuth
        ? OF_ROOT
        : OF_RANGE;
      seen.add(expected);
      if (row !== expected) wrong.push(`${method} ${path}: ${row}, expected ${expected}`);
      if (method === "DELETE" && path.endsWith("/keys")) await node.set("/a/1", "1");
    }
  }
  assertEquals(wrong, []);
  assertEquals([...seen].sort(), [OF_RANGE, OF_ROOT, OPEN].sort());
});

Deno.test("a path that nobody thought of is root's", () => {
  for (const path of ["/admin/x", "/v1/x", "/v2/x", "/x", "/debug", "/v1/keysx", "/v2/stats/x"]) {
    assertEquals(accessOfRoute(path, "GET"), "root", path);
  }
  assertEquals(accessOfRoute("/v2/members", "POST"), "root");
});

const { kv, lease, auth, lock, election } = METHODS;

/** Everybody asks for the same lease: whoever may have it waits for nobody. */
const LEADER = { name: "/a/e", key: "/a/e/1", rev: 1, lease: 1n };

/** Requests that would do something with keys that ann may have. */
const REQUESTS = new Map<unknown, Draft<object>>([
  [kv.range, { key: "/a/1" }],
  [kv.put, { key: "/a/1", value: new Uint8Array(1) }],
  [kv.deleteRange, { key: "/a/1" }],
  [kv.txn, { success: [{ kind: "range", value: { key: "/a/1" } }] }],
  [kv.compact, { revision: 1_000 }],
  [lease.revoke, { id: 1n }],
  [lease.timeToLive, { id: 1n, keys: true }],
  [lock.lock, { name: "/a/l", lease: 1n }],
  [lock.unlock, { key: "/a/l/1" }],
  [election.campaign, { name: "/a/e", lease: 1n, value: new Uint8Array(1) }],
  [election.proclaim, { leader: LEADER, value: new Uint8Array(1) }],
  [election.leader, { name: "/a/e" }],
  [election.resign, { leader: LEADER }],
  [auth.userAdd, { name: "new" }],
  [auth.userGet, { name: "ann" }],
  [auth.roleGet, { role: "a" }],
]);

/** Who may not is told so by one of these. */
const REFUSED = new Set([
  "etcdserver: user name is empty",
  "etcdserver: permission denied",
  "etcdserver: invalid auth token",
]);

Deno.test("every method of v3 is called by everybody, and lets in whom it should", async () => {
  using member = new V3Member();
  await member.call(lease.grant, { id: 1n, ttl: 60 });
  await member.call(kv.put, { key: "/a/2", value: new Uint8Array(1), lease: 1n });
  await enableUsers(member.service);
  const wrong: string[] = [];
  for (const method of ALL_METHODS) {
    if (method.kind !== "unary" || method === auth.disable) continue;
    const request = REQUESTS.get(method) ?? {};
    let row = "";
    for (const asker of ASKERS) {
      const metadata = await tokenOf(member, asker);
      const { message } = await member.call(method, request, metadata);
      row += REFUSED.has(message) ? "n" : "y";
      // Where there is something to be done again for the next one.
      if (method === lease.revoke && row.endsWith("y")) {
        await member.call(lease.grant, { id: 1n, ttl: 60 }, await tokenOf(member, "root"));
        await member.call(
          kv.put,
          { key: "/a/2", value: new Uint8Array(1), lease: 1n },
          await tokenOf(member, "root"),
        );
      }
    }
    const expected = expectedOf(method);
    if (row !== expected) wrong.push(`${method.path}: ${row}, expected ${expected}`);
  }
  assertEquals(wrong, []);
});

function expectedOf(method: typeof ALL_METHODS[number]): Row {
  if (method === auth.userGet || method === auth.roleGet) return "nnyy";
  // Of the leases each is told those that it may know.
  if (method === lease.leases) return "nyyy";
  switch (accessOf(method, { action: "GET" })) {
    case "open":
      return OPEN;
    case "user":
      return "nyyy";
    case "keys":
      return OF_RANGE;
    case "root":
      return OF_ROOT;
  }
}

async function tokenOf(member: V3Member, asker: string): Promise<Field[]> {
  if (asker === "nobody") return [];
  const outcome = await member.service.authenticator.login(asker, asker);
  assert(outcome.kind === "token");
  return [["token", outcome.token]];
}
