/** What pages of the sites in `-cors` may do, and no others. */
import { assertEquals } from "@std/assert";
import { LISTENERS, startNode, type TestNode } from "./harness.ts";

const NAMED = "https://named.example";
const STRANGER = "https://stranger.example";

/** What a browser sends with a page's request. */
function of(origin: string, headers: Record<string, string> = {}): RequestInit {
  return { headers: { origin, "sec-fetch-site": "cross-site", ...headers } };
}

function allowed(headers: Headers): string | null {
  return headers.get("access-control-allow-origin");
}

for (const kind of LISTENERS) {
  Deno.test(`-cors lets pages of the sites it names use the port (${kind})`, async () => {
    await using node = await startNode({ kind, origins: [NAMED, "http://other.example"] });
    const written = await node.ask("POST", "/v1/keys/x", { value: "1" }, of(NAMED));
    assertEquals([written.status, allowed(written.headers)], [200, NAMED]);
    const missing = await node.ask("GET", "/v1/keys/missing", undefined, of(NAMED));
    assertEquals([missing.status, allowed(missing.headers)], [404, NAMED]);
    assertEquals(missing.headers.get("vary")?.toLowerCase(), "origin");
  });

  Deno.test(`-cors answers what a browser asks first (${kind})`, async () => {
    await using node = await startNode({ kind, origins: [NAMED] });
    const answer = await node.ask("OPTIONS", "/v1/keys/x", undefined, preflight(NAMED));
    assertEquals([answer.status, answer.text, allowed(answer.headers)], [200, "", NAMED]);
    const methods = answer.headers.get("access-control-allow-methods");
    assertEquals(methods, "POST, GET, OPTIONS, PUT, DELETE");
    await isKeptOut(node, STRANGER);
  });

  Deno.test(`-cors=* lets pages of any site use the port (${kind})`, async () => {
    await using node = await startNode({ kind, origins: ["*"] });
    const written = await node.ask("POST", "/v1/keys/x", { value: "1" }, of(STRANGER));
    assertEquals([written.status, allowed(written.headers)], [200, "*"]);
  });
}

Deno.test("without -cors no page of another site may do anything", async () => {
  await using node = await startNode();
  await isKeptOut(node, NAMED);
});

function preflight(origin: string): RequestInit {
  return of(origin, { "access-control-request-method": "PUT" });
}

async function isKeptOut(node: TestNode, origin: string): Promise<void> {
  const written = await node.ask("POST", "/v1/keys/x", { value: "1" }, of(origin));
  assertEquals([written.status, allowed(written.headers)], [403, null]);
  const read = await node.ask("GET", "/v1/keys/", undefined, of(origin));
  assertEquals([read.status, allowed(read.headers)], [200, null]);
  const asked = await node.ask("OPTIONS", "/v1/keys/x", undefined, preflight(origin));
  assertEquals(allowed(asked.headers), null);
}
