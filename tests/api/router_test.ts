import { assertEquals } from "@std/assert";
import type { Exchange, Fault, Reply } from "../../src/http/exchange.ts";
import { makeRouter, type RouteHandler } from "../../src/http/router.ts";

function echo(name: string): RouteHandler {
  return (exchange, rest, query) => ({
    status: 200,
    body: [name, exchange.method, rest, query].join(" "),
  });
}

const route = makeRouter([
  { path: "/", methods: { GET: echo("root") } },
  { path: "/v1/machines", methods: { GET: echo("machines") } },
  { path: "/v1/machines", subtree: true, methods: { DELETE: echo("machine") } },
  { path: "/v1/keys", subtree: true, methods: { GET: echo("keys"), PUT: echo("keys") } },
], "/v1/keys/KEY");

function ask(method: string, target: string): Partial<Reply & Omit<Fault, "status">> {
  const exchange: Exchange = {
    method,
    target,
    body: "",
    bytes: new Uint8Array(0),
    clientCertificate: undefined,
    clientAddress: "",
    header: () => undefined,
    onGone() {},
  };
  return route(exchange) as Partial<Reply & Omit<Fault, "status">>;
}

Deno.test("makeRouter() hands over what follows the path when the route is a subtree", () => {
  assertEquals(ask("GET", "/v1/keys/a/b?x=1").body, "keys GET /a/b x=1");
  assertEquals(ask("GET", "/v1/keys/").body, "keys GET / ");
  assertEquals(ask("GET", "/v1/keys").body, "keys GET / ");
  assertEquals(ask("GET", "/v1/keys?a?b").body, "keys GET / a?b");
});

Deno.test("makeRouter() goes by the clean path when it is spelled otherwise", () => {
  assertEquals(ask("GET", "//v1/./keys/../keys/%61").body, "keys GET /a ");
  assertEquals(ask("GET", "/v1/keys/../machines").body, "machines GET / ");
  assertEquals(ask("GET", "/..").body, "root GET / ");
});

Deno.test("makeRouter() prefers the exact route when a subtree has the same path", () => {
  assertEquals(ask("GET", "/v1/machines").body, "machines GET / ");
  assertEquals(ask("DELETE", "/v1/machines/n1").body, "machine DELETE /n1 ");
  assertEquals(ask("DELETE", "/v1/machines").status, 405);
});

Deno.test("makeRouter() answers 404 when the path is unknown", () => {
  for (const target of ["/v1", "/v2/keys/a", "/v1/keysfoo", "/favicon.ico", "/v1/keys%00"]) {
    assertEquals(ask("GET", target).status, target.endsWith("%00") ? 400 : 404, target);
  }
  const problem = 'Expected a path such as "/v1/keys/KEY", found "/v2"';
  assertEquals(ask("GET", "/v2"), { status: 404, problem });
});

Deno.test("makeRouter() takes HEAD for GET and tells what is allowed", () => {
  assertEquals(ask("HEAD", "/v1/keys/a").body, "keys HEAD /a ");
  assertEquals(ask("OPTIONS", "/v1/keys/a"), {
    status: 204,
    headers: { allow: "GET, PUT, HEAD, OPTIONS" },
    body: "",
  });
  for (const method of ["PATCH", "get", "constructor", "__proto__"]) {
    const reply = ask(method, "/v1/keys/a");
    assertEquals(reply.status, 405, method);
    assertEquals(reply.headers, { allow: "GET, PUT, HEAD, OPTIONS" });
  }
});
