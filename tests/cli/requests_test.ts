/** What each flag of a command changes in what the server is asked for. */
import { assertEquals } from "@std/assert";
import { answer, type Asked, type Breakage, BrokenServer } from "./broken_server.ts";
import { etcd } from "./harness.ts";

const HEADER = { revision: "7" };
const KVS = [{ key: btoa("k"), value: btoa("v"), mod_revision: "7" }];

/** How a member answers that has the one key, and a list of two pages. */
function sound({ method, target, body = "" }: Asked): Breakage {
  const json = (value: unknown) => answer(200, JSON.stringify(value));
  if (target.startsWith("/v3/kv/range")) {
    const more = JSON.parse(body).revision === undefined;
    return json({ header: HEADER, kvs: KVS, more });
  }
  if (target.startsWith("/v3/lease/grant")) return json({ header: HEADER, ID: "9" });
  if (target.startsWith("/v3/")) return json({ header: HEADER, succeeded: true, deleted: "1" });
  const file = { action: "GET", key: "/d/k", value: "v", index: 7 };
  if (method === "GET" && /^\/v1\/keys\/d(\?|$)/.test(target)) {
    return json([{ action: "GET", key: "/d/e", dir: true, index: 7 }, file]);
  }
  return json(file);
}

const WAYS: readonly (readonly [line: string, ...requests: string[]])[] = [
  ["get k", "GET /v1/keys/k"],
  ["get -stale k", "GET /v1/keys/k?stale=true"],
  ["get -raw k", 'POST /v3/kv/range {"key":"aw==","range_end":"","serializable":false}'],
  ["get -raw -stale k", 'POST /v3/kv/range {"key":"aw==","range_end":"","serializable":true}'],
  ["get -hex 6b", 'POST /v3/kv/range {"key":"aw==","range_end":"","serializable":false}'],
  ["ls d", "GET /v1/keys/d"],
  ["ls -stale d", "GET /v1/keys/d?stale=true"],
  ["ls -r d", "GET /v1/keys/d", "GET /v1/keys/d/e"],
  ["ls -r -stale d", "GET /v1/keys/d?stale=true", "GET /v1/keys/d/e?stale=true"],
  [
    "ls -raw k",
    'POST /v3/kv/range {"key":"aw==","range_end":"bA==","limit":1000,"keys_only":true,"serializable":false}',
    'POST /v3/kv/range {"key":"awA=","range_end":"bA==","limit":1000,"keys_only":true,"serializable":false,"revision":"7"}',
  ],
  [
    "ls -raw -stale k",
    'POST /v3/kv/range {"key":"aw==","range_end":"bA==","limit":1000,"keys_only":true,"serializable":true}',
    'POST /v3/kv/range {"key":"awA=","range_end":"bA==","limit":1000,"keys_only":true,"serializable":true,"revision":"7"}',
  ],
  [
    "ls -raw -o json k",
    'POST /v3/kv/range {"key":"aw==","range_end":"bA==","limit":50,"keys_only":false,"serializable":false}',
    'POST /v3/kv/range {"key":"awA=","range_end":"bA==","limit":50,"keys_only":false,"serializable":false,"revision":"7"}',
  ],
  ["set k v", "POST /v1/keys/k value=v"],
  ["set -ttl 5 k v", "POST /v1/keys/k value=v&ttl=5"],
  ["set -raw k v", 'POST /v3/kv/put {"key":"aw==","value":"dg=="}'],
  [
    "set -raw -ttl 5 k v",
    'POST /v3/lease/grant {"TTL":5}',
    'POST /v3/kv/put {"key":"aw==","value":"dg==","lease":"9"}',
  ],
  ["cas k u v", "POST /v1/keys/k value=v&prevValue=u"],
  ["cas -ttl 5 k u v", "POST /v1/keys/k value=v&prevValue=u&ttl=5"],
  [
    "cas -raw k u v",
    'POST /v3/kv/txn {"compare":[{"key":"aw==","target":"VALUE","result":"EQUAL","value":"dQ=="}],"success":[{"request_put":{"key":"aw==","value":"dg=="}}]}',
  ],
  [
    "cas -raw -ttl 5 k u v",
    'POST /v3/lease/grant {"TTL":5}',
    'POST /v3/kv/txn {"compare":[{"key":"aw==","target":"VALUE","result":"EQUAL","value":"dQ=="}],"success":[{"request_put":{"key":"aw==","value":"dg==","lease":"9"}}]}',
  ],
  ["rm k", "DELETE /v1/keys/k"],
  ["rm -r d", "GET /v1/keys/d", "GET /v1/keys/d/e", "DELETE /v1/keys/d/k", "DELETE /v1/keys/d/k"],
  ["rm -raw k", 'POST /v3/kv/deleterange {"key":"aw==","range_end":""}'],
  ["rm -raw -r k", 'POST /v3/kv/deleterange {"key":"aw==","range_end":"bA=="}'],
  ["watch -once -index 5 k", "GET /v1/keys/_etcd/machines?stale=true", "GET /v1/watch/k?index=5"],
  ["watch -once k", "GET /v1/keys/_etcd/machines", "GET /v1/watch/k?index=8"],
  ["member remove k", "DELETE /v1/machines/k"],
  ["auth enable", "POST /v3/auth/enable {}"],
  [
    "auth init secret",
    'POST /v3/auth/user/add {"name":"root","password":"secret"}',
    'POST /v3/auth/role/add {"name":"root"}',
    'POST /v3/auth/user/grant {"user":"root","role":"root"}',
    "POST /v3/auth/enable {}",
  ],
  ["auth disable", "POST /v3/auth/disable {}"],
  ["auth status", "POST /v3/auth/status {}"],
  ["user add a:b", 'POST /v3/auth/user/add {"name":"a","password":"b"}'],
  ["user add -no-password a", 'POST /v3/auth/user/add {"name":"a","options":{"no_password":true}}'],
  ["user delete a", 'POST /v3/auth/user/delete {"name":"a"}'],
  ["user get a", 'POST /v3/auth/user/get {"name":"a"}'],
  ["user list", "POST /v3/auth/user/list {}"],
  ["user passwd a b", 'POST /v3/auth/user/changepw {"name":"a","password":"b"}'],
  ["user grant-role a r", 'POST /v3/auth/user/grant {"user":"a","role":"r"}'],
  ["user revoke-role a r", 'POST /v3/auth/user/revoke {"name":"a","role":"r"}'],
  ["role add r", 'POST /v3/auth/role/add {"name":"r"}'],
  ["role delete r", 'POST /v3/auth/role/delete {"role":"r"}'],
  ["role get r", 'POST /v3/auth/role/get {"role":"r"}'],
  ["role list", "POST /v3/auth/role/list {}"],
  [
    "role grant-permission r read k",
    'POST /v3/auth/role/grant {"name":"r","perm":{"permType":"READ","key":"aw==","range_end":""}}',
  ],
  [
    "role grant-permission r write k m",
    'POST /v3/auth/role/grant {"name":"r","perm":{"permType":"WRITE","key":"aw==","range_end":"bQ=="}}',
  ],
  [
    "role grant-permission r readwrite -prefix k",
    'POST /v3/auth/role/grant {"name":"r","perm":{"permType":"READWRITE","key":"aw==","range_end":"bA=="}}',
  ],
  [
    "role grant-permission r read -from-key k",
    'POST /v3/auth/role/grant {"name":"r","perm":{"permType":"READ","key":"aw==","range_end":"AA=="}}',
  ],
  [
    "role revoke-permission r k",
    'POST /v3/auth/role/revoke {"role":"r","key":"aw==","range_end":""}',
  ],
  [
    "role revoke-permission r k m",
    'POST /v3/auth/role/revoke {"role":"r","key":"aw==","range_end":"bQ=="}',
  ],
  [
    "role revoke-permission -prefix r k",
    'POST /v3/auth/role/revoke {"role":"r","key":"aw==","range_end":"bA=="}',
  ],
  [
    "role revoke-permission -from-key r k",
    'POST /v3/auth/role/revoke {"role":"r","key":"aw==","range_end":"AA=="}',
  ],
  ["backup -", "GET /admin/backup"],
  ["backup -stale -", "GET /admin/backup?stale=true"],
];

for (const [line, ...expected] of WAYS) {
  Deno.test(`etcd ${line} asks for no less and no more`, async () => {
    await using server = new BrokenServer(sound);
    await etcd([...line.split(" "), "-peers", server.address]);
    const asked = server.asked.map(({ method, target, body }) =>
      `${method} ${target} ${body}`.trim()
    );
    assertEquals(asked, expected);
  });
}
