/** Forms of v2 that are large. */
import { assert, assertEquals } from "@std/assert";
import { LISTENERS, startNode, type TestNode } from "./harness.ts";

const MiB = 2 ** 20;
const HTTP = { bodyBytesMax: 5 * MiB, arrivingBytesMax: 64 * MiB };

function put(node: TestNode, value: string) {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return node.ask("PUT", "/v2/keys/a", undefined, { headers, body: `value=${value}` });
}

Deno.test("a form of v2 may have 4 MiB, in escapes or not", async () => {
  for (const kind of LISTENERS) {
    await using node = await startNode({ kind, http: HTTP });
    assertEquals((await put(node, "x".repeat(4 * MiB - 6))).status, 201, kind);
    assertEquals((await put(node, "%c3%a9".repeat(MiB / 4))).status, 200, kind);
    assert(
      JSON.parse((await node.ask("GET", "/v2/keys/a")).text).node.value === "é".repeat(MiB / 4),
      kind,
    );
  }
});

Deno.test("a longer form is refused in v2's words, with the cluster's id", async () => {
  await using node = await startNode({ http: HTTP });
  const { status, text, headers } = await put(node, "x".repeat(4 * MiB));
  assertEquals([status, JSON.parse(text)], [400, {
    errorCode: 210,
    message: "Invalid POST form",
    cause: "http: POST too large",
    index: 0,
  }]);
  assertEquals(headers.get("x-etcd-cluster-id"), "8000000000000001");
});

Deno.test("other bodies of v2 have a MiB", async () => {
  await using node = await startNode({ http: HTTP });
  const { status } = await node.ask("POST", "/v2/members", undefined, {
    body: "x".repeat(2 * MiB),
  });
  assertEquals(status, 400);
});
