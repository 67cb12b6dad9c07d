/** The listeners themselves, with handlers of the test's own. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect } from "node:tls";
import { renderFault } from "../../src/api/v1/fault.ts";
import type { Logger } from "../../src/base/logger.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { type Listener, ListenError } from "../../src/http/endpoint.ts";
import type { TlsMaterial } from "../../src/http/tls_material.ts";
import type { Handler } from "../../src/http/exchange.ts";
import { listen } from "../../src/http/listener.ts";
import { listenNode } from "../../src/http/node_listener.ts";
import { within } from "../cluster/wait.ts";
import { HTTP_LIMITS, PATIENCE_MS, pem } from "./harness.ts";

const SERVER: TlsMaterial = { cert: pem("server.crt"), key: pem("server.key.insecure") };
const MUTUAL: TlsMaterial = { ...SERVER, ca: pem("ca.crt") };

const hello: Handler = () => ({ status: 200, body: "hello" });

/** For what has to be cut. */
const SHORT_GRACE_MS = 100;

function options(
  tls?: TlsMaterial,
  logger: Logger = silentLogger,
  shutdownGraceMs = 60_000,
  stallTimeoutMs = 60_000,
) {
  const limits = { ...HTTP_LIMITS, shutdownGraceMs, stallTimeoutMs };
  const common = { hostname: "127.0.0.1", port: 0, limits, logger, renderFault };
  return tls === undefined ? common : { ...common, tls };
}

type Open = (handler: Handler, logger?: Logger, stallTimeoutMs?: number) => Promise<Listener>;

const OPENERS: Record<string, Open> = {
  listenDeno: (handler, logger, stallMs) =>
    listen(options(undefined, logger, undefined, stallMs), handler),
  listenNode: (handler, logger, stallMs) =>
    listenNode(options(undefined, logger, undefined, stallMs), handler),
};

/** Slices without end, which calls back when it is let go of. */
function* endless(onEnd: () => void): Generator<string, void> {
  try {
    for (;;) yield "x".repeat(65_536);
  } finally {
    onEnd();
  }
}

/** Whatever still comes, the server has closed `connection`. */
async function assertEnds(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024 * 1024);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // Cut.
  }
}

async function get(port: number, path = "/"): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return [response.status, await response.text()];
}

const OK = "HTTP/1.1 200 OK";

/** The first line of the answer on `connection`; nothing when it is closed. */
async function askOver(connection: Deno.Conn, path: string): Promise<string> {
  const buffer = new Uint8Array(1024);
  try {
    await connection.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`));
    const count = await connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0)).split("\r\n")[0]!;
  } catch {
    return "";
  }
}

/** What a client with this certificate gets: the answer's first line, or undefined when refused. */
function dial(port: number, client?: { cert: string; key: string }): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ca: pem("ca.crt"), ...client });
    socket.once("secureConnect", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    socket.once("data", (bytes) => {
      resolve(bytes.toString().split("\r\n")[0]);
      socket.destroy();
    });
    socket.once("error", () => socket.destroy());
    socket.once("close", () => resolve(undefined));
  });
}

function pair(name: string): { cert: string; key: string } {
  return { cert: pem(`${name}.crt`), key: pem(`${name}.key.insecure`) };
}

for (const [name, open] of Object.entries(OPENERS)) {
  Deno.test(`${name}() answers 500 and logs when a handler fails`, async () => {
    const logged: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => logged.push(message) };
    const listener = await open(({ target }) => {
      if (target === "/throws") throw new Error("secret");
      if (target === "/rejects") return Promise.reject(new Error("secret"));
      return { status: 200, body: "" };
    }, logger);
    for (const path of ["/throws", "/rejects"]) {
      const [status, text] = await get(listener.port, path);
      assertEquals([status, JSON.parse(text).errorCode], [500, 500]);
      assert(!text.includes("secret"), text);
    }
    assertEquals(await get(listener.port), [200, ""]);
    assertEquals(logged.length, 2);
    await listener.shutdown();
  });

  Deno.test(`${name}() rejects when the port is taken`, async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const busy = { ...options(), port };
    const opened = name === "listenNode" ? listenNode(busy, hello) : listen(busy, hello);
    const { message } = await assertRejects(() => opened, ListenError);
    assertEquals(
      message,
      `Cannot listen on "127.0.0.1:${port}": another program has it, ` +
        "stop that one or choose another address",
    );
  });

  Deno.test(`${name}() tells an address that this machine does not have from one that is taken`, async () => {
    // TEST-NET-1 (RFC 5737): nobody has it.
    const elsewhere = { ...options(), hostname: "192.0.2.1" };
    const opened = name === "listenNode" ? listenNode(elsewhere, hello) : listen(elsewhere, hello);
    const { message } = await assertRejects(() => opened, ListenError);
    assertStringIncludes(message, "this machine has no such address, choose one that it has");
  });

  Deno.test(`${name}() writes slices in order when the body is asynchronous`, async () => {
    const slice = "☃".repeat(10_000);
    const listener = await open(() => ({
      status: 200,
      contentType: "text/plain",
      headers: { "x-test": "1" },
      body: (async function* () {
        for (let i = 0; i < 20; i++) {
          await Promise.resolve();
          yield i + slice;
        }
      })(),
    }));
    const response = await fetch(`http://127.0.0.1:${listener.port}/`);
    assertEquals(response.headers.get("content-type"), "text/plain");
    assertEquals(response.headers.get("x-test"), "1");
    const expected = Array.from({ length: 20 }, (_, i) => i + slice).join("");
    assertEquals(await response.text() === expected, true);
    await listener.shutdown();
  });

  Deno.test(`${name}() stops asking for slices when the client leaves`, async () => {
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const listener = await open(() => ({
      status: 200,
      body: endless(resolve),
    }));
    const response = await fetch(`http://127.0.0.1:${listener.port}/`);
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await left;
    await listener.shutdown();
  });

  Deno.test(`${name}() cuts a client off that takes no more of a long answer`, async () => {
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const logged: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => logged.push(message) };
    const listener = await open(
      () => ({
        status: 200,
        body: endless(resolve),
      }),
      logger,
      50,
    );
    using connection = await Deno.connect({ port: listener.port });
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    await within("the slices to be let go of", left, PATIENCE_MS);
    await assertEnds(connection);
    assertEquals(logged, [], "it is nobody's fault here");
    await listener.shutdown();
  });

  Deno.test(`${name}() breaks the connection off when slices fail`, async () => {
    const listener = await open(() => ({
      status: 200,
      body: (function* () {
        yield "x";
        throw new Error("no more");
      })(),
    }));
    await assertRejects(() => get(listener.port));
    await listener.shutdown();
  });

  Deno.test(`${name}() gives headers and bytes when the handler asks and answers so`, async () => {
    const listener = await open((exchange) => {
      assertEquals(exchange.header("x-none"), undefined);
      return { status: 200, body: new TextEncoder().encode(exchange.header("x-test")) };
    });
    const response = await fetch(`http://127.0.0.1:${listener.port}/`, {
      headers: { "X-Test": "abc" },
    });
    assertEquals(await response.text(), "abc");
    await listener.shutdown();
  });

  Deno.test(`${name}() lets an answer finish when it shuts down, and takes nothing new`, async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: answer, resolve: finish } = Promise.withResolvers<void>();
    const listener = await open(async () => {
      begin();
      await answer;
      return { status: 200, body: "finished" };
    });
    const asked = get(listener.port);
    await begun;
    const down = listener.shutdown();
    await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port: listener.port }));
    finish();
    assertEquals(await asked, [200, "finished"]);
    await down;
  });
}

Deno.test("listen() lets in only who has a certificate of the CA when one is demanded", async () => {
  const listener = await listen(options(MUTUAL), hello);
  const { port } = listener;
  assertEquals(await dial(port, pair("client")), "HTTP/1.1 200 OK");
  assertEquals(await dial(port, pair("server2")), "HTTP/1.1 200 OK");
  assertEquals(await dial(port), undefined);
  for (const name of ["foreign-client", "expired", "server-only"]) {
    assertEquals(await dial(port, pair(name)), undefined, name);
  }
  await listener.shutdown();
});

Deno.test("listen() serves new certificates when they are reloaded", async () => {
  const listener = await listen(options(MUTUAL), hello);
  const { port } = listener;
  assertEquals(await dial(port, pair("foreign-client")), undefined);
  listener.reloadTls!({ ...SERVER, ca: pem("foreign-ca.crt") });
  assertEquals(await dial(port, pair("foreign-client")), "HTTP/1.1 200 OK");
  assertEquals(await dial(port, pair("client")), undefined);
  await listener.shutdown();
});

Deno.test("listen() goes on with open connections when certificates are reloaded", async () => {
  for (const tls of [SERVER, MUTUAL]) {
    const listener = await listen(options(tls), hello);
    const { port } = listener;
    const address = { hostname: "127.0.0.1", port, caCerts: [pem("ca.crt")] };
    using client = await Deno.connectTls({ ...address, ...pair("client") });
    const ask = async () => {
      await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
      const bytes = new Uint8Array(1024);
      return new TextDecoder().decode(bytes.subarray(0, await client.read(bytes) ?? 0));
    };
    assertStringIncludes(await ask(), "200 OK");
    listener.reloadTls!({ ...tls, ...pair("other-host") });
    assertEquals(await dial(port, pair("client")), undefined);
    assertStringIncludes(await ask(), "200 OK");
    listener.reloadTls!({ ...tls, ...pair("server2") });
    assertEquals(await dial(port, pair("client")), "HTTP/1.1 200 OK");
    await listener.shutdown();
  }
});

Deno.test("listen() asks nobody for a certificate when there is no CA", async () => {
  const listener = await listen(options(SERVER), hello);
  assertEquals(await dial(listener.port), "HTTP/1.1 200 OK");
  assertEquals(await dial(listener.port, pair("client")), "HTTP/1.1 200 OK");
  await listener.shutdown();
});

for (const tls of [undefined, MUTUAL]) {
  const kind = tls === undefined ? "plain" : "mutual TLS";
  Deno.test(`listenNode() hands the socket over when asked to upgrade on ${kind}`, async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const listener = await listenNode({
      ...options(tls),
      onUpgrade: (request, socket, head) => {
        assertEquals(request.headers.upgrade, "test");
        socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\n\r\n");
        if (head.length > 0) socket.write(head);
        socket.on("data", (bytes) => socket.write(bytes));
        socket.on("close", () => resolve());
        socket.on("end", () => socket.end());
      },
    }, hello);
    const connection = tls === undefined
      ? await Deno.connect({ hostname: "127.0.0.1", port: listener.port })
      : await Deno.connectTls({
        hostname: "127.0.0.1",
        port: listener.port,
        caCerts: [pem("ca.crt")],
        ...pair("client"),
      });
    const text = new TextEncoder().encode(
      "GET /peer HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\nfirst",
    );
    await connection.write(text);
    let received = "";
    const buffer = new Uint8Array(1024);
    while (!received.endsWith("first")) {
      received += new TextDecoder().decode(buffer.subarray(0, (await connection.read(buffer))!));
    }
    await connection.write(new TextEncoder().encode("echo"));
    while (!received.endsWith("echo")) {
      received += new TextDecoder().decode(buffer.subarray(0, (await connection.read(buffer))!));
    }
    connection.close();
    await closed;
    await listener.shutdown();
  });
}

Deno.test("listenNode() closes the connection whose request is the oldest when there are too many", async () => {
  const { limits, ...common } = options(undefined, silentLogger, SHORT_GRACE_MS);
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const listener = await listenNode(
    { ...common, limits: { ...limits, connectionsMax: 3 } },
    ({ target }) => {
      if (target === "/") return { status: 200, body: "" };
      hold();
      return new Promise(() => {});
    },
  );
  const open = async () => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    return { connection, ask: (path: string) => askOver(connection, path) };
  };
  const [waiting, first, second] = [await open(), await open(), await open()];
  const poll = waiting.ask("/poll");
  await held;
  assertEquals([await first.ask("/"), await second.ask("/"), await first.ask("/")], [OK, OK, OK]);

  const third = await open();
  assertEquals(await third.ask("/"), OK);
  assertEquals(await second.ask("/"), "");
  assertEquals([await first.ask("/"), await third.ask("/")], [OK, OK]);

  await listener.shutdown();
  assertEquals(await poll, "");
  for (const { connection } of [waiting, first, second, third]) connection.close();
});

Deno.test("listenNode() turns a newcomer away when nobody is idle", async () => {
  const { limits, ...common } = options(undefined, silentLogger, SHORT_GRACE_MS);
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const listener = await listenNode(
    { ...common, limits: { ...limits, connectionsMax: 1 } },
    () => {
      hold();
      return new Promise(() => {});
    },
  );
  using waiting = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  const poll = askOver(waiting, "/");
  await held;
  using newcomer = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  assertEquals(await askOver(newcomer, "/"), "");
  await listener.shutdown();
  assertEquals(await poll, "");
});

Deno.test("listenNode() cuts what is left when the grace time is over", async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const short = options(undefined, silentLogger, SHORT_GRACE_MS);
  const listener = await listenNode(short, () => {
    begin();
    return new Promise(() => {});
  });
  const asked = get(listener.port).catch(() => "cut");
  await begun;
  await listener.shutdown();
  assertEquals(await asked, "cut");
});

Deno.test("listenNode() cuts an upgraded socket when its owner does not close it", async () => {
  const { promise: upgraded, resolve } = Promise.withResolvers<void>();
  const listener = await listenNode(
    { ...options(undefined, silentLogger, SHORT_GRACE_MS), onUpgrade: () => resolve() },
    hello,
  );
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  const text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n";
  await connection.write(new TextEncoder().encode(text));
  await upgraded;
  await listener.shutdown();
  assertEquals(await connection.read(new Uint8Array(1)), null);
});
