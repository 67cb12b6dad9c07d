/** Requests on a connection: in order, whole, within their bounds; on plain and TLS sockets. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { until } from "../../api/harness.ts";
import { echo, last, octets, SOCKET_KINDS, startHttp1 } from "./harness.ts";

const HOST = "Host: a\r\n";

/** The bodies of the answers in `received`, as `echo` makes them. */
function echoed(received: string): string[] {
  return [...received.matchAll(/\r\n\r\n([^|]*)\|/g)].map(([, body]) => body!);
}

for (const kind of SOCKET_KINDS) {
  Deno.test(`Http1Server() on ${kind} answers pipelined requests in order (RFC 9112 §9.3.2)`, async () => {
    const seen: string[] = [];
    const { promise: go, resolve } = Promise.withResolvers<void>();
    await using server = await startHttp1(async (exchange) => {
      seen.push(exchange.target);
      if (exchange.target === "/slow") await go;
      return echo(exchange);
    }, { kind });
    using client = await server.connect();
    const request = (target: string) => `GET ${target} HTTP/1.1\r\n${HOST}\r\n`;
    await client.send(request("/a") + request("/slow") + request("/b"));
    await client.until("GET /a |");
    await until(() => seen.length === 2, "the slow one");
    await client.send(last(`GET /c HTTP/1.1\r\nHost: a`));
    assertEquals(seen, ["/a", "/slow"], "nobody overtakes the one before");
    resolve();
    const received = await client.untilClosed();
    assertEquals(echoed(received), ["GET /a ", "GET /slow ", "GET /b ", "GET /c "]);
  });

  Deno.test(`Http1Server() on ${kind} reads requests however the bytes come`, async () => {
    await using server = await startHttp1(echo, { kind });
    const text = `\r\nPOST /a HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nab\r\n` +
      `\r\n\r\nPUT /b HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\ncde\r\n0\r\nT: x\r\n\r\n` +
      `GET /c HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n` +
      last(`DELETE /d HTTP/1.1\r\nHost: a\r\nContent-Length: 1`, "f");
    const expected = ["POST /a ab\r\n", "PUT /b cde", "GET /c ", "DELETE /d f"];
    for (const step of [1, 2, 3, 7, 50, text.length]) {
      using client = await server.connect();
      for (let at = 0; at < text.length; at += step) await client.send(text.slice(at, at + step));
      assertEquals(echoed(await client.untilClosed()), expected, `in steps of ${step}`);
    }
  });

  Deno.test(`Http1Server() on ${kind} takes over what was read of a socket already`, async () => {
    const firstBytes = octets(`GET /first HTTP/1.1\r\n${HOST}\r\nGET /sec`);
    await using server = await startHttp1(echo, { kind, firstBytes });
    using client = await server.connect();
    await client.send(`ond HTTP/1.0\r\n\r\n`);
    assertEquals(echoed(await client.untilClosed()), ["GET /first ", "GET /second "]);
  });

  Deno.test(`Http1Server() on ${kind} tells a client to go on when it waits for that (RFC 9110 §10.1.1)`, async () => {
    await using server = await startHttp1(echo, { kind, limits: { bodyBytesMax: 100 } });
    const head = `POST /a HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: `;
    using client = await server.connect();
    await client.send(`${head}5\r\n\r\n`);
    assertEquals(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    await client.send("12345");
    await client.until("POST /a 12345|");
    // The body comes with its head: there is nothing to wait for.
    await client.send(`${head}2\r\n\r\n67`);
    const received = await client.until("POST /a 67|");
    assertEquals(received.split(" 100 ").length, 2, received);
    await client.send(`${head}101\r\n\r\n`);
    assertMatch(await client.untilClosed(), /\|HTTP\/1\.1 413 /);
  });

  Deno.test(`Http1Server() on ${kind} answers a large body that comes in many pieces`, async () => {
    await using server = await startHttp1(({ body, bytes }) => ({
      status: 200,
      body: `${bytes.length} ${body.length} ${body.slice(-3)}`,
    }), { kind });
    using client = await server.connect();
    const body = "é".repeat(200_000) + "end";
    const length = 2 * 200_000 + 3;
    await client.send(`PUT / HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\n\r\n${body}`);
    await client.until(`${length} 200003 end`);
    const half = "x".repeat(length / 2 | 0);
    const chunk = `${half.length.toString(16)}\r\n${half}\r\n`;
    await client.send(
      `PUT / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
    );
    await client.until(`${2 * half.length} ${2 * half.length} xxx`);
  });

  Deno.test(`Http1Server() on ${kind} refuses a longer body, and the client sees why`, async () => {
    await using server = await startHttp1(echo, { kind, limits: { bodyBytesMax: 1000 } });
    // A client that goes on sending must not find a reset in place of the answer (RFC 9112 §9.6).
    using told = await server.connect();
    await told.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 3000000\r\n\r\n`);
    await told.send("x".repeat(3_000_000));
    const received = await told.untilClosed();
    assertStringIncludes(received, "HTTP/1.1 413 ");
    assertStringIncludes(received, "\r\nconnection: close\r\n");
    using chunked = await server.connect();
    await chunked.send(
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n200\r\n${"x".repeat(512)}\r\n`,
    );
    await chunked.send(`1e9\r\n`);
    assertStringIncludes(await chunked.untilClosed(), "HTTP/1.1 413 ");
  });

  Deno.test(`Http1Server() on ${kind} refuses heads that are too long`, async () => {
    await using server = await startHttp1(echo, { kind, limits: { headerBytesMax: 1000 } });
    for (
      const [head, status] of [
        [`GET / HTTP/1.1\r\n${HOST}X: ${"y".repeat(1000)}\r\n\r\n`, 431],
        [`GET / HTTP/1.1\r\n${HOST}${"X: y\r\n".repeat(200)}`, 431],
        [`GET /${"x".repeat(1000)}`, 414],
        [`GET /${"x".repeat(2000)} HTTP/1.1\r\n${HOST}\r\n`, 414],
        ["G".repeat(1001), 414],
      ] as const
    ) {
      for (const step of [head.length, 100]) {
        using client = await server.connect();
        for (let at = 0; at < head.length; at += step) {
          await client.send(head.slice(at, at + step)).catch(() => {});
        }
        assertStringIncludes(await client.untilClosed(), `HTTP/1.1 ${status} `);
      }
    }
    using client = await server.connect();
    await client.send(last(`GET /${"x".repeat(900)} HTTP/1.1\r\nHost: a`));
    assertStringIncludes(await client.untilClosed(), "HTTP/1.1 200 ");
  });

  Deno.test(`Http1Server() on ${kind} bounds all large bodies that arrive together`, async () => {
    const limits = { arrivingBytesMax: 100_000, bodyTimeoutMs: 200 };
    await using server = await startHttp1(echo, { kind, limits });
    const post = `POST /a HTTP/1.1\r\n${HOST}`;
    using slow = await server.connect();
    await slow.send(`${post}Content-Length: 60000\r\n\r\nx`);
    using probe = await server.connect();
    await probe.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
    await probe.until("GET / |");
    using told = await server.connect();
    await told.send(`${post}Content-Length: 60000\r\n\r\nx`);
    assertStringIncludes(await told.untilClosed(), "HTTP/1.1 503 ");
    using chunked = await server.connect();
    await chunked.send(
      `${post}Transfer-Encoding: chunked\r\n\r\nfffe\r\n${"x".repeat(0xfffe)}\r\n`,
    );
    assertStringIncludes(await chunked.untilClosed(), "HTTP/1.1 503 ");
    // Small ones are never in the way, and a late one gives back what it was counted for.
    await probe.send(`${post}Content-Length: 5\r\n\r\nsm`);
    await probe.send("all");
    await probe.until("POST /a small|");
    assertStringIncludes(await slow.untilClosed(), "HTTP/1.1 408 ");
    await probe.send(`${post}Content-Length: 60000\r\n\r\n${"y".repeat(30_000)}`);
    await probe.send("y".repeat(30_000));
    await probe.until("y|");
  });
}

Deno.test("Http1Server() gives handlers the headers and the host of the request", async () => {
  await using server = await startHttp1((exchange) => ({
    status: 200,
    body: ["host", "x-a", "x-none", "content-length"].map((name) => `${exchange.header(name)}`)
      .join("|"),
  }));
  using client = await server.connect();
  await client.send(
    `PUT / HTTP/1.1\r\nhOST:  b:1 \r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 1\r\n\r\nx`,
  );
  await client.until("b:1|1, 2|undefined|1");
  // The host of an absolute target counts, whatever the header says (RFC 9112 §3.2.2).
  await client.send(last("GET http://c/ HTTP/1.1\r\nHost: b"));
  assertStringIncludes(await client.untilClosed(), "c|undefined|undefined|undefined");
});

Deno.test("Http1Server() gives handlers the bytes of a body, and text for what is UTF-8", async () => {
  await using server = await startHttp1(({ bytes, body }) => ({
    status: 200,
    body: `${bytes.toHex()} ${body}|`,
  }));
  using client = await server.connect();
  await client.send(octets(`PUT / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\n\xff\xc3\xa9`));
  await client.until("ffc3a9 \ufffdé|");
});

Deno.test("Http1Server() gives handlers the name in the client's certificate", async () => {
  await using server = await startHttp1(({ clientCertificate }) => ({
    status: 200,
    body: `${clientCertificate?.commonName}|`,
  }), { kind: "tls" });
  using client = await server.connect();
  await client.send(`GET / HTTP/1.1\r\n${HOST}\r\n`);
  assertMatch(await client.until("|"), /\r\n\r\n\w+\|/);
  assertEquals((await client.until("|")).includes("undefined"), false);
});

Deno.test("Http1Server() ignores an Upgrade (RFC 9110 §7.8)", async () => {
  await using server = await startHttp1(echo);
  using client = await server.connect();
  await client.send(
    `GET /a HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n` +
      "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
  );
  await client.until("GET /a |");
});

Deno.test("Http1Server() tells whoever counts of every request", async () => {
  let requests = 0;
  await using server = await startHttp1(echo, { onRequest: () => requests++ });
  using client = await server.connect();
  await client.send(`GET /a HTTP/1.1\r\n${HOST}\r\n`.repeat(3));
  await client.until("a |HTTP/1.1 200 OK\r\ncontent-type: application/json");
  await until(() => requests === 3, "the third");
});

Deno.test("Http1Server() passes over empty lines before a request, however they come (RFC 9112 §2.2)", async () => {
  await using server = await startHttp1(echo);
  using client = await server.connect();
  for (const piece of ["\r", "\n\r", "\n", "\r\n\r\n", "\r", `\nGET /a HTTP/1.1\r\n${HOST}\r\n`]) {
    await client.send(piece);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await client.until("GET /a |");
});
