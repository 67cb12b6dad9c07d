/** Connections that bring much in one turn of the event loop: handled together, each in its own order. */
import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { until } from "../../api/harness.ts";
import type { RawClient } from "../../api/raw_client.ts";
import { WHOLE_BYTES_MAX } from "../../../src/http/h1/answer.ts";
import { busyTurn } from "../turns.ts";
import { echo, last, SOCKET_KINDS, startHttp1, type TestHttp1 } from "./harness.ts";

const LONG = "x".repeat(WHOLE_BYTES_MAX + 1);

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** A client, and the server's end of its connection. */
async function meet(server: TestHttp1): Promise<[RawClient, Socket]> {
  const before = new Set(server.sockets);
  const client = await server.connect();
  await until(() => server.sockets.size > before.size, "the connection");
  return [client, [...server.sockets].find((socket) => !before.has(socket))!];
}

/** Not by the network, so that the turn in which it comes is known. */
function comes(socket: Socket, text: string): void {
  socket.emit("data", Buffer.from(text));
}

for (const kind of SOCKET_KINDS) {
  Deno.test(`Http1Server() on ${kind} answers each connection in order when many bring several pieces in one turn`, async () => {
    const seen: string[] = [];
    await using server = await startHttp1((exchange) => {
      seen.push(exchange.target);
      if (exchange.target === "/later") return Promise.resolve(echo(exchange));
      return exchange.target === "/long" ? { status: 200, body: `${LONG}|` } : echo(exchange);
    }, { kind });
    const [one, a] = await meet(server);
    const [two, b] = await meet(server);
    await busyTurn();
    comes(a, get("/a1") + get("/a2").slice(0, 9));
    comes(b, get("/b1"));
    comes(a, get("/a2").slice(9));
    comes(b, get("/later") + get("/b2"));
    comes(a, get("/long"));
    comes(b, last("GET /b3 HTTP/1.1\r\nHost: a"));
    comes(a, last("GET /a3 HTTP/1.1\r\nHost: a"));
    assertEquals(seen, [], "nobody is handled before all are there");
    const answered = await Promise.all([one.untilClosed(), two.untilClosed()]);
    const bodies = answered.map((text) =>
      text.split("|").map((answer) => answer.split("\r\n\r\n").slice(1).join(""))
    );
    assertEquals(bodies[0], ["GET /a1 ", "GET /a2 ", LONG, "GET /a3 ", ""]);
    assertEquals(bodies[1], ["GET /b1 ", "GET /later ", "GET /b2 ", "GET /b3 ", ""]);
    assertEquals(seen.slice(0, 4), ["/a1", "/b1", "/a2", "/later"]);
    for (const client of [one, two]) client.close();
  });

  Deno.test(`Http1Server() on ${kind} answers all of a client that closes its half in the turn of its requests`, async () => {
    await using server = await startHttp1(echo, { kind });
    const [client, socket] = await meet(server);
    await busyTurn();
    comes(socket, get("/a"));
    comes(socket, get("/b"));
    socket.emit("end");
    const answered = await client.untilClosed();
    assertEquals(answered.match(/GET \/./g), ["GET /a", "GET /b"]);
    client.close();
  });
}
