/** `/v2/auth` as clients ask for it where no exchange was recorded. */
import { assertEquals } from "@std/assert";
import { startNode } from "./harness.ts";

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
