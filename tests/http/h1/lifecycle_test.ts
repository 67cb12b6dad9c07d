/** How a connection begins, waits and ends, and what its handlers hear of that. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { type AddressInfo, createServer } from "node:net";
import { renderFault } from "../../../src/api/v1/fault.ts";
import { silentLogger } from "../../../src/base/logger.ts";
import { Http1Server } from "../../../src/http/h1/server.ts";
import type { Handler } from "../../../src/http/exchange.ts";
import { within } from "../../cluster/wait.ts";
import { HTTP_LIMITS, PATIENCE_MS, until } from "../../api/harness.ts";
import { RawClient } from "../../api/raw_client.ts";
import { echo, SOCKET_KINDS, startHttp1 } from "./harness.ts";

const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n";

for (const kind of SOCKET_KINDS) {
  Deno.test(`Http1Server() on ${kind} answers 408 when a head stays away`, async () => {
    await using server = await startHttp1(echo, { kind, limits: { headerTimeoutMs: 60 } });
    using client = await server.connect();
    await client.send(`${GET}GET / HTTP/1.1\r\nHo`);
    assertMatch(await client.untilClosed(), /^HTTP\/1\.1 200 [^]*\|HTTP\/1\.1 408 /);
  });

  Deno.test(`Http1Server() on ${kind} gives a head in drops no more time`, async () => {
    await using server = await startHttp1(echo, { kind, limits: { headerTimeoutMs: 60 } });
    using client = await server.connect();
    let isClosed = false;
    const ended = client.untilClosed().finally(() => isClosed = true);
    for (const character of `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(1000)}`) {
      if (isClosed) break;
      await client.send(character).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assertStringIncludes(await ended, "HTTP/1.1 408 ");
  });

  Deno.test(`Http1Server() on ${kind} answers 408 when a body stays away`, async () => {
    await using server = await startHttp1(echo, { kind, limits: { bodyTimeoutMs: 60 } });
    for (
      const framing of ["Content-Length: 9\r\n\r\nval", "Transfer-Encoding: chunked\r\n\r\n3\r\nv"]
    ) {
      using client = await server.connect();
      await client.send(`POST /a HTTP/1.1\r\nHost: a\r\n${framing}`);
      const received = await client.untilClosed();
      assertStringIncludes(received, "HTTP/1.1 408 ");
      assertStringIncludes(received, "\r\nconnection: close\r\n");
    }
  });

  Deno.test(`Http1Server() on ${kind} closes what says nothing, and what is idle`, async () => {
    const limits = { headerTimeoutMs: 60, idleTimeoutMs: 60 };
    await using server = await startHttp1(echo, { kind, limits });
    using mute = await server.connect();
    using idle = await server.connect();
    await idle.send(`${GET}\r\n`);
    assertEquals(await mute.untilClosed(), "");
    assertMatch(await idle.untilClosed(), /GET \/a \|$/);
  });

  Deno.test(`Http1Server() on ${kind} gives an answer all the time it needs`, async () => {
    const limits = { headerTimeoutMs: 20, idleTimeoutMs: 20, bodyTimeoutMs: 20 };
    await using server = await startHttp1(async (exchange) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return echo(exchange);
    }, { kind, limits });
    using client = await server.connect();
    await client.send(`${POST}123456789`);
    await client.until("POST /a 123456789|");
  });

  Deno.test(`Http1Server() on ${kind} answers a whole request whose client closes its half`, async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    await using server = await startHttp1(async (exchange) => {
      asked++;
      await go;
      return echo(exchange);
    }, { kind });
    using client = await server.connect();
    await client.send(`${POST}123456789${GET}`);
    await client.closeWrite();
    await until(() => asked === 1, "the request");
    resolve();
    assertMatch(await client.untilClosed(), /POST \/a 123456789\|[^]*GET \/a \|$/);
  });

  Deno.test(`Http1Server() on ${kind} ends with the client when nothing is under way`, async () => {
    await using server = await startHttp1(echo, { kind });
    for (const [text, expected] of [["", /^$/], [GET, /GET \/a \|$/]] as const) {
      using client = await server.connect();
      await client.send(text);
      await client.closeWrite();
      assertMatch(await client.untilClosed(), expected);
    }
    await until(() => server.sockets.size === 0, "the end of the connections");
  });

  Deno.test(`Http1Server() on ${kind} carries nothing out that was cut`, async () => {
    const seen: string[] = [];
    await using server = await startHttp1((exchange) => {
      seen.push(exchange.target);
      return echo(exchange);
    }, { kind });
    for (
      const [text, status] of [
        [`${POST}12345678`, 408],
        ["POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", 408],
        ["GET /a HTTP/1.1\r\nHost: a\r\n", 400],
        ["GET /a HTTP/1.1\r\nHost: a\r\n\r", 400],
      ] as const
    ) {
      using client = await server.connect();
      await client.send(text);
      await client.closeWrite();
      assertStringIncludes(await client.untilClosed(), `HTTP/1.1 ${status} `);
    }
    assertEquals(seen, []);
  });

  Deno.test(`Http1Server() on ${kind} tells a handler once when its client leaves`, async () => {
    const heard: string[] = [];
    await using server = await startHttp1((exchange) => {
      exchange.onGone(() => heard.push("first"));
      exchange.onGone(() => heard.push("second"));
      return new Promise(() => {});
    }, { kind });
    const client = await server.connect();
    await client.send(GET);
    await until(() => server.http.isAnswering([...server.sockets][0]!), "the request");
    client.close();
    await until(() => heard.length > 0, "the handler to hear of it");
    await until(() => server.sockets.size === 0, "the end of the connection");
    assertEquals(heard, ["first", "second"]);
  });

  Deno.test(`Http1Server() on ${kind} tells nobody who was answered that the client leaves`, async () => {
    const heard: string[] = [];
    let late: (() => void) | undefined;
    await using server = await startHttp1((exchange) => {
      exchange.onGone(() => heard.push("early"));
      late = () => exchange.onGone(() => heard.push("late"));
      return echo(exchange);
    }, { kind });
    const client = await server.connect();
    await client.send(GET);
    await client.until("GET /a |");
    late!();
    client.close();
    await until(() => server.sockets.size === 0, "the end of the connection");
    assertEquals(heard, []);
  });

  Deno.test(`Http1Server() on ${kind} shuts down in order`, async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    await using server = await startHttp1(async (exchange) => {
      if (exchange.target === "/slow") await go;
      return echo(exchange);
    }, { kind });
    const [mute, idle, half, arriving, slow] = await Promise.all(
      Array.from({ length: 5 }, () => server.connect()),
    );
    await idle!.send(GET);
    await idle!.until("GET /a |");
    await half!.send(`${GET}GET /`);
    await half!.until("GET /a |");
    await arriving!.send(`${POST}1234`);
    await slow!.send(`${GET.replace("/a", "/slow")}${GET}`);
    await until(() => {
      const busy = [...server.sockets].filter((socket) => server.http.isAnswering(socket));
      return busy.length === 2;
    }, "both requests");

    server.http.close();
    assertEquals(await mute!.untilClosed(), "");
    assertMatch(await idle!.untilClosed(), /GET \/a \|$/);
    assertMatch(await half!.untilClosed(), /GET \/a \|$/);
    const refused = await arriving!.untilClosed();
    assertMatch(refused, /^HTTP\/1\.1 503 [^]*\r\nconnection: close\r\n/);
    await until(() => server.sockets.size === 1, "the end of the others");
    resolve();
    // What was pipelined behind it is not begun.
    assertMatch(
      await slow!.untilClosed(),
      /^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n[^]*GET \/slow \|$/,
    );
    // Whether or not the clients close.
    await until(() => server.sockets.size === 0, "the end of all");
    for (const client of [mute, idle, half, arriving, slow]) client!.close();
  });

  Deno.test(`Http1Server() on ${kind} closes behind an answer that was on its way when the port closed`, async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    const body = async function* () {
      yield "first";
      await go;
      yield "last";
    };
    await using server = await startHttp1(() => ({ status: 200, body: body() }), { kind });
    using client = await server.connect();
    await client.send(GET);
    await client.until("first");
    server.http.close();
    resolve();
    assertMatch(await client.untilClosed(), /first[^]*last\r\n0\r\n\r\n$/);
    await until(() => server.sockets.size === 0, "the end");
  });

  Deno.test(`Http1Server() on ${kind} survives bytes that are no HTTP`, async () => {
    await using server = await startHttp1(echo, { kind });
    for (const garbage of ["\x16\x03\x01\0\xa5\x01\0\0", "\0".repeat(100), "\r\n\r\n\n", "{}\n"]) {
      using client = await server.connect();
      await client.send(garbage);
      assertMatch(await client.untilClosed(), /^HTTP\/1\.1 400 /);
    }
  });
}

Deno.test("Http1Server() takes a long poll whose client closes its half for one that has left", async () => {
  const { promise: left, resolve } = Promise.withResolvers<void>();
  const poll: Handler = (exchange) => {
    exchange.onGone(resolve);
    return new Promise(() => {});
  };
  await using server = await startHttp1(poll);
  using client = await server.connect();
  await client.send(GET);
  await until(() => server.http.isAnswering([...server.sockets][0]!), "the request");
  await client.closeWrite();
  await within("the handler to hear of it", left, PATIENCE_MS);
  assertEquals(await client.untilClosed(), "");
});

Deno.test("Http1Server() takes a watch whose client closes its half for one that has left, though its head is out", async () => {
  const { promise: left, resolve } = Promise.withResolvers<void>();
  const watch: Handler = (exchange) => {
    exchange.onGone(resolve);
    return {
      status: 200,
      body: (async function* () {
        yield "begun";
        await left;
      })(),
    };
  };
  await using server = await startHttp1(watch);
  using client = await server.connect();
  await client.send(GET);
  await client.until("begun");
  await client.closeWrite();
  await within("the handler to hear of it", left, PATIENCE_MS);
});

Deno.test("Http1Server() cuts who never closes after the last answer", async () => {
  await using server = await startHttp1(echo, { limits: { idleTimeoutMs: 40 } });
  using client = await server.connect();
  await client.send(GET.replace("1.1", "1.0"));
  await client.until("GET /a |");
  // The client goes on sending into a connection that is over for the server.
  await client.send("x".repeat(1000));
  assertEquals(server.sockets.size, 1);
  await until(() => server.sockets.size === 0, "the end of the connection");
});

Deno.test("Http1Server() knows that a client has said all when its socket was read by another", async () => {
  const http = new Http1Server(
    { limits: HTTP_LIMITS, logger: silentLogger, renderFault },
    echo,
  );
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const read: Buffer[] = [];
    const take = (bytes: Buffer) => void read.push(bytes);
    socket.on("data", take);
    socket.once("end", () => {
      socket.off("data", take);
      http.serve(socket, Buffer.concat(read));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  for (const [text, answer] of [[GET, /GET \/a \|$/], ["PRI * HT", /^HTTP\/1\.1 400 /]] as const) {
    const { port } = server.address() as AddressInfo;
    using client = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    await client.send(text);
    await client.closeWrite();
    assertMatch(await client.untilClosed(), answer);
  }
  await new Promise((resolve) => server.close(resolve));
});
