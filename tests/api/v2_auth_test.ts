/** `/v2/auth` as clients ask for it where no exchange was recorded. */
import { assertEquals } from "@std/assert";
import { startNode } from "./harness.ts";

Deno.test("a pattern of nothing is told back, and grants nothing", async () => {
  await using node = await startNode({});
  const put = async (body: unknown) => {
    const answer = await fetch(`${node.url}/v2/auth/roles/a`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return [answer.status, await answer.json()];
  };
  const empty = { kv: { read: [""], write: [""] } };
  // What etcd 3.4 answers; to it a request of such a user is a crash of its handler.
  assertEquals(await put({ role: "a", permissions: empty }), [201, {
    role: "a",
    permissions: empty,
  }]);
  const grant = { kv: { read: ["", "/a*"], write: ["/w"] } };
  assertEquals(await put({ role: "a", grant }), [200, { role: "a", permissions: grant }]);
  assertEquals((await put({ role: "a", grant: empty }))[0], 200);
  assertEquals(node.store.auth.role("a")?.permissions.length, 2);
});

Deno.test("a role is changed by etcdctl, whose grants come with permissions that are empty", async () => {
  await using node = await startNode({});
  const put = async (body: unknown) => {
    const answer = await fetch(`${node.url}/v2/auth/roles/a`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return [answer.status, await answer.json()];
  };
  const nothing = { kv: { read: null, write: null } };
  assertEquals((await put({ role: "a", permissions: nothing }))[0], 201);
  const reads = { kv: { read: ["/a/*"], write: null } };
  const granted = { role: "a", permissions: { kv: { read: ["/a/*"], write: [] } } };
  assertEquals(await put({ role: "a", permissions: nothing, grant: reads }), [200, granted]);
  const both = { message: "Role JSON contains both permissions and grant/revoke" };
  assertEquals(await put({ role: "a", permissions: reads, grant: reads }), [400, both]);
  const revoked = { role: "a", permissions: { kv: { read: [], write: [] } } };
  assertEquals(await put({ role: "a", permissions: nothing, revoke: reads }), [200, revoked]);
});
