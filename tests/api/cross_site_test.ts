/** What a page of another site may do to a node through a visitor's browser: nothing. */
import { assertEquals, assertMatch } from "@std/assert";
import { foreignReadProblem, foreignWriteProblem } from "../../src/http/cross_site.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { LISTENERS, startNode } from "./harness.ts";

function exchange(headers: Readonly<Record<string, string>>): Exchange {
  return {
    method: "POST",
    target: "/v1/keys/foo",
    body: "value=bar",
    bytes: new Uint8Array(0),
    clientCertificate: undefined,
    clientAddress: "",
    header: (name) => headers[name],
    onGone: () => {},
  };
}

const PLAIN = { tls: false, isOwnName: (name: string) => name === "node1.example" };
const TLS = { ...PLAIN, tls: true };

/** Whether a write with these headers is let through, on a plain port and on one with TLS. */
function writes(headers: Readonly<Record<string, string>>): [plain: boolean, tls: boolean] {
  const allows = (policy: typeof PLAIN) =>
    foreignWriteProblem(exchange(headers), policy) === undefined;
  return [allows(PLAIN), allows(TLS)];
}

Deno.test("foreignWriteProblem() lets every program pass, whatever name it uses", () => {
  assertEquals(writes({ host: "127.0.0.1:4001" }), [true, true]);
  assertEquals(writes({ host: "any.name.example:4001" }), [true, true]);
  assertEquals(writes({}), [true, true]);
});

Deno.test("foreignWriteProblem() takes a name with a final dot for the same without", () => {
  for (const host of ["localhost.:4001", "node1.example.:4001"]) {
    assertEquals(writes({ host, origin: `http://${host}` }), [true, true], host);
  }
});

Deno.test("foreignWriteProblem() refuses a form that another site's page sends", () => {
  const host = "127.0.0.1:4001";
  assertEquals(writes({ host, origin: "http://evil.example" }), [false, false]);
  assertEquals(writes({ host, origin: "http://127.0.0.1:8000" }), [false, false]);
  assertEquals(writes({ host, origin: "null" }), [false, false]);
  assertEquals(writes({ host, origin: "chrome-extension://abc" }), [false, false]);
  for (const site of ["cross-site", "same-site", "none"]) {
    const headers = { host, origin: `http://${host}`, "sec-fetch-site": site };
    assertEquals(writes(headers), [false, false], site);
  }
});

Deno.test("foreignWriteProblem() lets the node's own page pass", () => {
  for (const host of ["127.0.0.1:4001", "[::1]:4001", "localhost:4001", "NODE1.example:4001"]) {
    assertEquals(writes({ host, origin: `http://${host.toLowerCase()}` }), [true, true], host);
  }
  // Over HTTP/2 there is no Host, and behind a proxy another one.
  const site = { "sec-fetch-site": "same-origin" };
  assertEquals(writes({ ...site, origin: "https://any.example" }), [true, true]);
});

Deno.test("foreignWriteProblem() refuses a rebound name when there is no TLS", () => {
  for (const host of ["evil.example:4001", "127.0.0.1.evil.example", "xn--lcalhost-36a:4001"]) {
    assertEquals(writes({ host, origin: `http://${host}` }), [false, true], host);
  }
});

Deno.test("foreignReadProblem() refuses other sites and rebound names", () => {
  const reads = (headers: Readonly<Record<string, string>>, policy = PLAIN) =>
    foreignReadProblem(exchange(headers), policy) === undefined;
  assertEquals(reads({ host: "127.0.0.1:4001" }), true);
  assertEquals(reads({ host: "127.0.0.1:4001", "sec-fetch-site": "same-origin" }), true);
  assertEquals(reads({ host: "127.0.0.1:4001", "sec-fetch-site": "cross-site" }), false);
  assertEquals(reads({ host: "evil.example:4001" }), false);
  assertEquals(reads({ host: "evil.example:4001" }, TLS), true);
  assertEquals(reads({}, TLS), true);
});

for (const kind of LISTENERS) {
  Deno.test(`a client port refuses writes of foreign pages, on ${kind}`, async () => {
    await using node = await startNode({ kind });
    const origin = { headers: { origin: "https://evil.example" } };
    for (const method of ["POST", "PUT", "DELETE"]) {
      const answer = await node.ask(
        method,
        "/v1/keys/foo",
        method === "DELETE" ? undefined : { value: "bar" },
        origin,
      );
      assertEquals([answer.status, answer.json.errorCode], [403, 403]);
      assertMatch(answer.json.cause!, /a page of "https:\/\/evil\.example"/);
    }
    assertEquals((await node.ask("DELETE", "/v1/machines/node1", undefined, origin)).status, 403);
    assertEquals((await node.ask("POST", "/v1/keys/foo", { value: "bar" })).status, 200);
    // No preflight is answered with leave, so no browser sends what needs one.
    const preflight = await node.ask("OPTIONS", "/v1/keys/foo", undefined, origin);
    assertEquals(preflight.headers.get("access-control-allow-origin"), null);
    assertEquals((await node.ask("GET", "/v1/keys/foo", undefined, origin)).status, 200);
  });
}

Deno.test("names that a browser may use are the same in any case", () => {
  for (const host of ["Node1.Example:4001", "LOCALHOST:4001", "node1.EXAMPLE."]) {
    assertEquals(foreignReadProblem(exchange({ host }), PLAIN), undefined, host);
  }
});
