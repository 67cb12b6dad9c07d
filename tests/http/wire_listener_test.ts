/** One port for HTTP/1.1 and HTTP/2: who speaks what, and how it ends. */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { renderFault } from "../../src/api/v1/fault.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { HttpLimits, Listener, ListenOptions } from "../../src/http/endpoint.ts";
import type { Handler } from "../../src/http/exchange.ts";
import { Flag, FrameType as T, PREFACE } from "../../src/http/h2/frame.ts";
import { HTTP_LIMITS, type Kind, listenAs, pem, tlsOf, until } from "../api/harness.ts";
import { RawClient } from "../api/raw_client.ts";
import { block, frame, RawHttp2, request, settings, uint32 } from "./h2/raw_client.ts";

interface Port extends AsyncDisposable {
  readonly listener: Listener;
  readonly port: number;
}

async function serve(
  kind: Kind,
  handler: Handler = () => ({ status: 200, contentType: "text/plain", body: "hello" }),
  limits: Partial<HttpLimits> = {},
  more: Partial<ListenOptions> = {},
): Promise<Port> {
  const tls = tlsOf(kind);
  const listener = await listenAs(kind, {
    hostname: "127.0.0.1",
    port: 0,
    limits: { ...HTTP_LIMITS, ...limits },
    logger: silentLogger,
    renderFault,
    ...(tls !== undefined && { tls }),
    ...more,
  }, handler);
  return {
    listener,
    port: listener.port,
    [Symbol.asyncDispose]: () => listener.shutdown(),
  };
}

async function connect(port: number): Promise<RawClient> {
  return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
}

Deno.test("listenWire() tells HTTP/1.1 from HTTP/2 by the first bytes, however they are cut", async () => {
  await using port = await serve("wire");
  const http1 = new TextEncoder().encode("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  for (const cut of [1, 2, 3, 20]) {
    using client = await connect(port.port);
    await client.send(http1.subarray(0, cut));
    await client.send(http1.subarray(cut));
    assertStringIncludes(await client.until("hello"), "HTTP/1.1 200 ");
    using other = await RawHttp2.connect(port.port, PREFACE.subarray(0, cut));
    await other.send(PREFACE.subarray(cut), settings(), request(1));
    assertEquals((await other.answer(1)).text, "hello");
  }
});

Deno.test("listenWire() cuts a plain connection that says nothing in time, or too little", async () => {
  await using port = await serve("wire", undefined, { headerTimeoutMs: 60 });
  for (const text of ["", "P", "PRI * HTTP/2.0\r\n"]) {
    using client = await connect(port.port);
    await client.send(text);
    assertEquals((await client.untilClosed()).includes("200"), false);
  }
  using cut = await connect(port.port);
  await cut.send("P");
  await cut.closeWrite();
  await cut.untilClosed();
});

for (const kind of ["tls", "mtls"] as const) {
  Deno.test(`listenWire() under ${kind} speaks what was agreed by ALPN, and HTTP/1.1 without`, async () => {
    await using port = await serve(kind);
    const tls = {
      hostname: "127.0.0.1",
      port: port.port,
      caCerts: [pem("ca.crt")],
      ...(kind === "mtls" && { cert: pem("client.crt"), key: pem("client.key.insecure") }),
    };
    const agreed: (string | null)[] = [];
    // `curl -0` offers nothing but http/1.0.
    const offers = [["h2", "http/1.1"], ["http/1.1", "h2"], ["http/1.1"], ["http/1.0"], undefined];
    for (const alpnProtocols of offers) {
      const connection = await Deno.connectTls({
        ...tls,
        ...(alpnProtocols !== undefined && { alpnProtocols }),
      });
      const { alpnProtocol } = await connection.handshake();
      agreed.push(alpnProtocol);
      using client = new RawClient(connection);
      if (alpnProtocol === "h2") {
        await client.send(Buffer.concat([PREFACE, settings(), request(1)]));
        await client.until("hello");
      } else {
        await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assertStringIncludes(await client.until("hello"), "HTTP/1.1 200 ");
      }
    }
    assertEquals(agreed, ["h2", "h2", "http/1.1", "http/1.0", null]);
  });
}

Deno.test("listenWire() gives some streams to whoever wants them", async () => {
  await using port = await serve("wire", undefined, {}, {
    streams: (ordinary) => (stream) => {
      if (stream.header("content-type") !== "application/special") return ordinary(stream);
      stream.endWithHeaders(200, [["special", "yes"]]);
      return { onData() {}, onEnd() {}, onReset() {}, onDrain() {} };
    },
    http2: { streamsMax: 7 },
  });
  using client = await RawHttp2.connect(port.port);
  assertEquals((await client.until(T.settings)).payload.readUInt32BE(2), 7);
  const special = [
    ...[[":method", "POST"], [":scheme", "http"], [":path", "/"]],
    ["content-type", "application/special"],
  ] as [string, string][];
  await client.send(frame(T.headers, Flag.endHeaders | Flag.endStream, 1, block(special)));
  assertEquals(client.fields(await client.until(T.headers, 1)).at(-1), ["special", "yes"]);
  await client.send(request(3));
  assertEquals((await client.answer(3)).text, "hello");
});

Deno.test("listenWire() answers what is under way when it shuts down, and tells HTTP/2 clients", async () => {
  const waiting: ((text: string) => void)[] = [];
  const handler: Handler = (exchange) =>
    exchange.target === "/wait"
      ? new Promise((resolve) => waiting.push((body) => resolve({ status: 200, body })))
      : { status: 200, body: "hello" };
  const port = await serve("wire", handler, { shutdownGraceMs: 20_000 });
  using busy = await RawHttp2.connect(port.port);
  using idle = await RawHttp2.connect(port.port);
  using http1 = await connect(port.port);
  using silent = await connect(port.port);
  await http1.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await http1.until("hello");
  await idle.send(request(1));
  assertEquals((await idle.answer(1)).text, "hello");
  await busy.send(request(1, "/wait"));
  await until(() => waiting.length === 1, "the request");
  const begun = performance.now();
  const stopped = port.listener.shutdown();
  for (const client of [busy, idle]) {
    const { payload } = await client.until(T.ping);
    await client.send(frame(T.ping, Flag.ack, 0, payload));
  }
  assertEquals([await http1.untilClosed(), await silent.untilClosed()].at(-1), "");
  assertEquals(await idle.goAway(), "0");
  idle.close();
  waiting[0]!("late");
  assertEquals((await busy.answer(1)).text, "late");
  assertEquals(await busy.next(), undefined);
  busy.close();
  await stopped;
  assert(performance.now() - begun < 10_000, "expected no wait for the grace time");
});

Deno.test("listenWire() cuts what is not answered within the grace time", async () => {
  const gone: string[] = [];
  const port = await serve("wire", (exchange) => {
    exchange.onGone(() => gone.push(exchange.target));
    return new Promise(() => {});
  }, { shutdownGraceMs: 50 });
  using client = await RawHttp2.connect(port.port);
  await client.send(request(1, "/wait"), frame(T.windowUpdate, 0, 0, uint32(1)));
  await client.until(T.settings);
  await client.send(frame(T.ping, 0, 0, "0000000000000001"));
  await client.until(T.ping);
  await port.listener.shutdown();
  assertEquals(gone, ["/wait"]);
});

Deno.test("listenWire() closes the idlest connection when there are too many, HTTP/2 or not", async () => {
  await using port = await serve("wire", undefined, { connectionsMax: 2 });
  using first = await RawHttp2.connect(port.port);
  await first.send(request(1));
  assertEquals((await first.answer(1)).text, "hello");
  using second = await RawHttp2.connect(port.port);
  await second.send(request(1));
  assertEquals((await second.answer(1)).text, "hello");
  await first.send(request(3));
  assertEquals((await first.answer(3)).text, "hello");
  using third = await connect(port.port);
  await third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await third.until("hello");
  assertEquals(await second.goAway(), "");
  await first.send(request(5));
  assertEquals((await first.answer(5)).text, "hello");
});

/** The standard output of a program that is installed; undefined when it is not. */
async function run(command: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await new Deno.Command(command, { args }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const fixture = (name: string) => new URL(`../../fixtures/ca/${name}`, import.meta.url).pathname;

Deno.test("curl chooses HTTP/2 under mutual TLS and gets the same answers by both protocols", async () => {
  await using port = await serve("mtls", (exchange) => ({
    status: 200,
    body: `${exchange.method} ${exchange.bytes.length} ${exchange.clientCertificate?.commonName}`,
  }));
  const url = `https://127.0.0.1:${port.port}/`;
  const tls = [
    ...["--cacert", fixture("ca.crt"), "--cert", fixture("client.crt")],
    ...["--key", fixture("client.key.insecure"), "-sS", "-w", " %{http_version}"],
  ];
  const form = "x".repeat(900_000);
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, form);
  const found = [
    await run("curl", ...tls, "--http2", url),
    await run("curl", ...tls, "--http2", "--data-binary", `@${file}`, url),
    await run("curl", ...tls, "--http1.1", url),
    await run("curl", ...tls, "--http2", "-I", url),
  ];
  await Deno.remove(file);
  if (found[0] === undefined) return;
  assertEquals(found.slice(0, 3), ["GET 0 client 2", "POST 900000 client 2", "GET 0 client 1.1"]);
  assertStringIncludes(found[3]!, "HTTP/2 200");
  const strange = await run("curl", "--cacert", fixture("ca.crt"), "-sS", url);
  assertEquals(strange?.includes("GET 0"), false);
});

Deno.test("curl sees the answer when its body is too long, told or untold, over HTTP/2", async () => {
  await using port = await serve("h2");
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "x".repeat(5_000_000));
  const url = `http://127.0.0.1:${port.port}/`;
  const common = ["--http2-prior-knowledge", "-sS", "-w", " %{http_code}"];
  const told = await run("curl", ...common, "--data-binary", `@${file}`, url);
  const untold = await run("curl", ...common, "-T", file, "-H", "Content-Length:", url);
  await Deno.remove(file);
  if (told === undefined) return;
  for (const text of [told, untold]) assertStringIncludes(text!, "413");
});

for (const kind of ["h2", "tls"] as const) {
  Deno.test(`h2load gets all of its answers on ${kind}`, async () => {
    await using port = await serve(kind);
    const scheme = kind === "h2" ? "http" : "https";
    const url = `${scheme}://127.0.0.1:${port.port}/`;
    const text = await run("h2load", "-n", "5000", "-c", "20", "-m", "50", url);
    if (text === undefined) return;
    assertStringIncludes(text, "5000 succeeded, 0 failed, 0 errored");
  });
}
