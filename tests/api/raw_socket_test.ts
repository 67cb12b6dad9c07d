/** What arrives at the client port when nobody keeps to the rules, on each kind of listener. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { HTTP1_KINDS, startNode, until } from "./harness.ts";
import { connectRaw, RawClient } from "./raw_client.ts";

/** Nobody waits so long for a machine that is busy. */
const GRACE_MS = 30_000;

const HOST = "Host: test\r\n";

for (const kind of HTTP1_KINDS) {
  Deno.test(`listener() on ${kind} answers in order when requests are pipelined`, async () => {
    await using node = await startNode({ kind });
    using client = await connectRaw(node);
    await client.send(
      `POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: 9\r\n\r\nvalue=one` +
        `GET /v1/keys/a HTTP/1.1\r\n${HOST}\r\n` +
        `GET /version HTTP/1.1\r\n${HOST}\r\n`,
    );
    const received = await client.until("etcdcluster");
    const positions = ['"SET"', '"GET"', '"etcdserver"'].map((text) => received.indexOf(text));
    assert(positions.every((at) => at > 0), received);
    assertEquals(positions, positions.toSorted((a, b) => a - b));
  });

  Deno.test(`listener() on ${kind} ends the connection after an answer to HTTP/1.0, however long it is`, async () => {
    await using node = await startNode({ kind });
    for (let i = 0; i < 400; i++) {
      await node.ask("PUT", `/v1/keys/d/${i}`, { value: "x".repeat(400) });
    }
    // RFC 9112 §9.3: without keep-alive a 1.0 connection ends with the answer.
    for (const path of ["/v1/keys/d", "/v1/keys/d/1", "/v1/keys/none", "/version"]) {
      for (const extra of ["", "Connection: keep-alive\r\n", "Connection: close\r\n"]) {
        using client = await connectRaw(node);
        await client.send(`GET ${path} HTTP/1.0\r\n${HOST}${extra}\r\n`);
        const head = await client.until("\r\n\r\n");
        // Who is told a length, and that the connection stays, may go on with it.
        if (/^connection: keep-alive/im.test(head) && /^content-length:/im.test(head)) continue;
        const [, ...body] = (await client.untilClosed()).split("\r\n\r\n");
        const { text } = await node.ask("GET", path);
        assertEquals(body.join("\r\n\r\n"), text);
      }
    }
    using client = await connectRaw(node);
    await client.send(`HEAD /v1/keys/d HTTP/1.0\r\n${HOST}\r\n`);
    assertMatch(await client.untilClosed(), /^HTTP\/1\.[01] 200 OK\r\n(?:[^\r]+\r\n)+\r\n$/);
  });

  Deno.test(`listener() on ${kind} ends the connection when the client asks for that, also after a long answer`, async () => {
    await using node = await startNode({ kind });
    for (let i = 0; i < 400; i++) {
      await node.ask("PUT", `/v1/keys/d/${i}`, { value: "x".repeat(400) });
    }
    using client = await connectRaw(node);
    await client.send(`GET /v1/keys/d HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
    assertMatch(await client.untilClosed(), /\r\n0\r\n\r\n$/);
  });

  Deno.test(`listener() on ${kind} reads a body when it is chunked`, async () => {
    await using node = await startNode({ kind });
    using client = await connectRaw(node);
    await client.send(
      `POST /v1/keys/a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n` +
        "6\r\nvalue=\r\n",
    );
    await client.send("3\r\n\u2603\r\n0\r\n\r\n");
    assertStringIncludes(await client.until('"index":3}'), '"value":"\u2603"');
  });

  Deno.test(`listener() on ${kind} answers 400 when a body has two lengths`, async () => {
    await using node = await startNode({ kind });
    using client = await connectRaw(node);
    // Who believes the one bounds what the other lets in (RFC 9112 §6.1).
    await client.send(
      `POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: 1\r\n` +
        "Transfer-Encoding: chunked\r\n\r\n9\r\nvalue=two\r\n0\r\n\r\n",
    );
    assertStringIncludes(await client.until("\r\n\r\n"), "HTTP/1.1 400 ");
    assertEquals(node.store.read("/a", 0), undefined);
  });

  Deno.test(`listener() on ${kind} goes on when a body comes where none is wanted`, async () => {
    await using node = await startNode({ kind });
    using client = await connectRaw(node);
    for (const method of ["GET", "DELETE", "BREW"]) {
      await client.send(
        `${method} /v1/keys/${method} HTTP/1.1\r\n${HOST}Content-Length: 7\r\n\r\nvalue=1`,
      );
      if (method === "BREW") await client.until("HTTP/1.1 405 ");
      else await client.until(`"cause":"/${method}"`);
    }
    assertEquals(node.store.read("/GET", 0), undefined);
  });

  Deno.test(`listener() on ${kind} answers 413 when a chunked body grows over the limit`, async () => {
    await using node = await startNode({ kind, http: { bodyBytesMax: 1000 } });
    using client = await connectRaw(node);
    const chunk = `200\r\n${"x".repeat(512)}\r\n`;
    await client.send(
      `POST /v1/keys/a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunk}`,
    );
    await client.send(chunk);
    const received = await client.until('"cause"');
    assertStringIncludes(received, "HTTP/1.1 413 ");
    assertMatch(received, /connection: close/i);
    assertEquals(node.store.index, 0);
  });

  Deno.test(`listener() on ${kind} answers 413 when the told length is over the limit, before the body`, async () => {
    await using node = await startNode({ kind });
    using client = await connectRaw(node);
    await client.send(`POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: 1048577\r\n\r\n`);
    const received = await client.until('"cause"');
    assertStringIncludes(received, "HTTP/1.1 413 ");
    assertStringIncludes(received, '"errorCode":413');
    assertMatch(received, /connection: close/i);
  });

  Deno.test(`listener() on ${kind} answers 408 when a body stays away`, async () => {
    await using node = await startNode({ kind, http: { bodyTimeoutMs: 80 } });
    using client = await connectRaw(node);
    await client.send(`POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: 9\r\n\r\nvalue`);
    const received = await client.until('"cause"');
    assertStringIncludes(received, "HTTP/1.1 408 ");
    assertStringIncludes(received, '"errorCode":408,"message":"Request Timeout"');
    assertMatch(received, /connection: close/i);
    await client.send("=one").catch(() => {});
    assertEquals(node.store.index, 0);
  });

  Deno.test(`listener() on ${kind} answers 503 when large bodies that arrive would fill the memory`, async () => {
    const http = { arrivingBytesMax: 100_000, bodyTimeoutMs: 300 };
    await using node = await startNode({ kind, http });
    const head = `POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: 60000\r\n\r\nvalue=`;
    const part = head + "x".repeat(59_000);
    using slow = await connectRaw(node);
    await slow.send(part);
    // Answered after the other's head has come.
    assertEquals((await node.ask("GET", "/version")).status, 200);
    using other = await connectRaw(node);
    await other.send(part);
    assertStringIncludes(await other.until('"cause"'), "HTTP/1.1 503 ");
    // Small ones are never in the way, and a large one is let go of when it is late.
    assertEquals((await node.ask("POST", "/v1/keys/a", { value: "small" })).status, 200);
    assertStringIncludes(await slow.until('"cause"'), "HTTP/1.1 408 ");
    const value = "y".repeat(60_000);
    assertEquals((await node.ask("POST", "/v1/keys/a", { value })).json.value, value);
  });

  Deno.test(`listener() on ${kind} changes nothing when a body is cut`, async () => {
    await using node = await startNode({ kind });
    const client = await connectRaw(node);
    await client.send(`POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: 9\r\n\r\nvalue=o`);
    client.close();
    assertEquals((await node.ask("GET", "/version")).status, 200);
    assertEquals(node.store.index, 0);
  });

  Deno.test(`listener() on ${kind} takes path and query when the target is absolute`, async () => {
    await using node = await startNode({ kind });
    using client = await connectRaw(node);
    await client.send(
      `PUT http://elsewhere/v1/keys/a?value=1 HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`,
    );
    assertStringIncludes(await client.until('"index":3}'), '"key":"/a"');
  });

  Deno.test(`listener() on ${kind} refuses and survives when the bytes are no HTTP`, async () => {
    await using node = await startNode({ kind });
    for (
      const garbage of [
        "\x16\x03\x01\x00\xa5\x01\x00\x00\r\n\r\n",
        "GET /v1/keys/a b HTTP/1.1\r\nHost: a\r\n\r\n",
        `POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: x\r\n\r\n`,
        `POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
        `GET /${"u".repeat(80_000)} HTTP/1.1\r\n${HOST}\r\n`,
        `GET / HTTP/1.1\r\n${HOST}X: ${"y".repeat(500_000)}\r\n\r\n`,
      ]
    ) {
      using client = await connectRaw(node);
      await client.send(garbage).catch(() => {});
      assertMatch(await client.untilClosed(), /^(HTTP\/1.1 4\d\d |$)/);
    }
    assertEquals((await node.ask("GET", "/version")).status, 200);
    assertEquals(node.store.index, 0);
  });

  Deno.test(`listener() on ${kind} lets go of a watch when its client leaves`, async () => {
    await using node = await startNode({ kind });
    const client = await connectRaw(node);
    await client.send(`GET /v1/watch/a HTTP/1.1\r\n${HOST}\r\n`);
    await until(() => node.store.watches.size === 1, "the watch");
    client.close();
    await until(() => node.store.watches.size === 0, "its end");
  });

  Deno.test(`listener() on ${kind} ends its connections when it shuts down`, async () => {
    await using node = await startNode({ kind, http: { shutdownGraceMs: GRACE_MS } });
    using idle = await connectRaw(node);
    await idle.send(`GET /version HTTP/1.1\r\n${HOST}\r\n`);
    await idle.until("etcdcluster");
    using arriving = await connectRaw(node);
    await arriving.send(`POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: 9\r\n\r\nvalue`);
    using waiting = await connectRaw(node);
    await waiting.send(`GET /v1/watch/a HTTP/1.1\r\n${HOST}\r\n`);
    await until(() => node.store.watches.size === 1, "the watch");
    const begun = performance.now();
    await node.stop();
    assert(performance.now() - begun < GRACE_MS, "expected no wait for the grace time");
    assertStringIncludes(await arriving.untilClosed(), "HTTP/1.1 503 ");
    assertStringIncludes(await waiting.untilClosed(), "HTTP/1.1 503 ");
    await idle.untilClosed();
  });
}

for (const kind of ["deno", "tls"] as const) {
  Deno.test(`listener() on ${kind} answers 408 when a body is cut by half a close`, async () => {
    await using node = await startNode({ kind });
    using client = await connectRaw(node);
    await client.send(`POST /v1/keys/a HTTP/1.1\r\n${HOST}Content-Length: 9\r\n\r\nvalue=o`);
    await client.closeWrite();
    assertMatch(await client.untilClosed(), /^(HTTP\/1.1 408 |$)/);
    assertEquals(node.store.index, 0);
  });
}

Deno.test("listener() on deno refuses a write when the Host has a slash", async () => {
  await using node = await startNode({ kind: "deno" });
  using client = await connectRaw(node);
  await client.send(
    "POST /x?value=1 HTTP/1.1\r\nHost: test/v1/keys\r\nContent-Length: 0\r\n\r\n",
  );
  assertStringIncludes(await client.until('"cause"'), "HTTP/1.1 400 ");
  assertEquals(node.store.index, 0);
});

for (const kind of ["node", "mtls"] as const) {
  Deno.test(`listener() on ${kind} answers 408 when a head stays away`, async () => {
    await using node = await startNode({ kind, http: { headerTimeoutMs: 100 } });
    using client = await connectRaw(node);
    await client.send("GET /version HTTP/1.1\r\nHo");
    assertStringIncludes(await client.untilClosed(), '"errorCode":408');
  });

  Deno.test(`listener() on ${kind} answers 431 when a head is too long`, async () => {
    await using node = await startNode({ kind });
    using client = await connectRaw(node);
    await client.send(`GET /version HTTP/1.1\r\n${HOST}X: ${"y".repeat(17_000)}\r\n\r\n`);
    assertStringIncludes(await client.untilClosed(), '"errorCode":431');
  });
}

for (const kind of ["node", "mtls"] as const) {
  Deno.test(`listener() on ${kind} cuts at once what has said nothing when it shuts down`, async () => {
    await using node = await startNode({ kind, http: { shutdownGraceMs: GRACE_MS } });
    const { port } = node.listener;
    using mute = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    using half = await connectRaw(node);
    await half.send("GET / HTTP/1.1\r\nHo");
    // Answered after the others were accepted.
    assertEquals((await node.ask("GET", "/version")).status, 200);
    const begun = performance.now();
    await node.stop();
    assert(performance.now() - begun < GRACE_MS, "expected no wait for the grace time");
    assertEquals([await mute.untilClosed(), await half.untilClosed()], ["", ""]);
  });
}

Deno.test("listener() on mtls ends a connection when its handshake stays away", async () => {
  await using node = await startNode({ kind: "mtls", http: { handshakeTimeoutMs: 50 } });
  const { port } = node.listener;
  using mute = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  assertEquals(await mute.untilClosed(), "");
});

Deno.test("listener() on mtls ends a connection when it is idle too long", async () => {
  await using node = await startNode({ kind: "mtls", http: { idleTimeoutMs: 50 } });
  using client = await connectRaw(node);
  await client.send(`GET /version HTTP/1.1\r\n${HOST}\r\n`);
  assertStringIncludes(await client.untilClosed(), "etcdcluster");
});

for (const kind of ["tls", "mtls"] as const) {
  Deno.test(`listener() on ${kind} ends the connection when it hears plain HTTP`, async () => {
    await using node = await startNode({ kind });
    const { port } = node.listener;
    using client = new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
    await client.send(`POST /v1/keys/a?value=1 HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`);
    assertEquals((await client.untilClosed()).includes("HTTP/1.1 200"), false);
    assertEquals(node.store.index, 0);
    assertEquals((await node.ask("GET", "/version")).status, 200);
  });
}
