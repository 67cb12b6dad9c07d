/** One port for TLS and plain text. */
import { Buffer } from "node:buffer";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { renderFault } from "../../src/api/v1/fault.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { HttpLimits, Listener } from "../../src/http/endpoint.ts";
import { PREFACE } from "../../src/http/h2/frame.ts";
import { listenMixed } from "../../src/http/wire_listener.ts";
import { HTTP_LIMITS, pem, tlsOf } from "../api/harness.ts";
import { RawClient } from "../api/raw_client.ts";
import { RawHttp2, request, settings } from "./h2/raw_client.ts";

async function mixed(limits: Partial<HttpLimits> = {}): Promise<Listener & AsyncDisposable> {
  const listener = await listenMixed(
    {
      hostname: "127.0.0.1",
      port: 0,
      limits: { ...HTTP_LIMITS, ...limits },
      logger: silentLogger,
      renderFault,
      tls: tlsOf("mtls")!,
    },
    (exchange) => ({ status: 200, body: `secret ${exchange.clientCertificate?.commonName}` }),
    () => ({ status: 200, body: "plain" }),
  );
  return { ...listener, [Symbol.asyncDispose]: () => listener.shutdown() };
}

function dialPlain(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

function dialTls(port: number, alpnProtocols: string[], name = "client"): Promise<Deno.TlsConn> {
  const pair = { cert: pem(`${name}.crt`), key: pem(`${name}.key.insecure`) };
  return Deno.connectTls({
    ...{ hostname: "127.0.0.1", port, caCerts: [pem("ca.crt")], alpnProtocols },
    ...pair,
  });
}

const HTTP1 = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("listenMixed() serves HTTP/1.1 and HTTP/2, each in plain text and under TLS", async () => {
  await using port = await mixed();
  for (let round = 0; round < 2; round++) {
    using plain = new RawClient(await dialPlain(port.port));
    await plain.send("G");
    await plain.send(HTTP1.slice(1));
    await plain.until("plain");
    using plain2 = await RawHttp2.connect(port.port);
    await plain2.send(request(1));
    assertEquals((await plain2.answer(1)).text, "plain");
    using secret = new RawClient(await dialTls(port.port, ["http/1.1"]));
    await secret.send(HTTP1);
    await secret.until("secret client");
    using secret2 = new RawClient(await dialTls(port.port, ["h2"]));
    await secret2.send(Buffer.concat([PREFACE, settings(), request(1)]));
    await secret2.until("secret client");
  }
});

Deno.test("listenMixed() lets nobody in under TLS without the certificate that it demands", async () => {
  await using port = await mixed();
  await assertRejects(async () => {
    using client = new RawClient(await dialTls(port.port, ["http/1.1"], "foreign-client"));
    await client.send(HTTP1);
    const text = await client.untilClosed();
    if (!text.includes("secret")) throw new Error("closed");
  });
});

Deno.test("listenMixed() cuts who says nothing, and ends when it is told to", async () => {
  const port = await mixed({ headerTimeoutMs: 60 });
  using silent = new RawClient(await dialPlain(port.port));
  assertEquals(await silent.untilClosed(), "");
  using idle = new RawClient(await dialTls(port.port, ["http/1.1"]));
  await idle.send(HTTP1);
  await idle.until("secret client");
  await port.shutdown();
  await idle.untilClosed();
  await assertRejects(() => dialPlain(port.port));
});

Deno.test("listenMixed() takes new certificates for those who come next", async () => {
  await using port = await mixed();
  const pair = { cert: pem("server2.crt"), key: pem("server2.key.insecure") };
  port.reloadTls!({ ...tlsOf("mtls"), ...pair });
  const connection = await Deno.connectTls({
    ...{ hostname: "localhost", port: port.port, caCerts: [pem("ca.crt")] },
    ...{ cert: pem("client.crt"), key: pem("client.key.insecure") },
  });
  using client = new RawClient(connection);
  await client.send(HTTP1);
  assertStringIncludes(await client.until("secret"), "200");
  using plain = new RawClient(await dialPlain(port.port));
  await plain.send(HTTP1);
  await plain.until("plain");
});
