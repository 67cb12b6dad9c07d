/** Ordinary requests over HTTP/2: the same handlers as over HTTP/1.1, and the same bounds. */
import { Buffer } from "node:buffer";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { renderFault } from "../../../src/api/v1/fault.ts";
import { silentLogger } from "../../../src/base/logger.ts";
import type { HttpLimits } from "../../../src/http/endpoint.ts";
import type { Handler } from "../../../src/http/exchange.ts";
import { Flag, FrameType as T } from "../../../src/http/h2/frame.ts";
import { Http2Exchanges } from "../../../src/http/h2/exchange.ts";
import { HTTP2_LIMITS } from "../../../src/http/h2/options.ts";
import { Http2Server } from "../../../src/http/h2/server.ts";
import { ErrorCode as E, type Field } from "../../../src/http/h2/stream.ts";
import { HTTP_LIMITS, until } from "../../api/harness.ts";
import { block, END, frame, RawHttp2, request, requestFields, uint32 } from "./raw_client.ts";

interface Port extends AsyncDisposable {
  readonly port: number;
  readonly exchanges: Http2Exchanges;
}

async function serve(handler: Handler, limits: Partial<HttpLimits> = {}): Promise<Port> {
  const options = { limits: { ...HTTP_LIMITS, ...limits }, logger: silentLogger, renderFault };
  const exchanges = new Http2Exchanges(options, handler);
  const server = new Http2Server({ limits: HTTP2_LIMITS, logger: silentLogger }, exchanges.serve);
  const listener = createServer((socket) => server.serve(socket));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    exchanges,
    async [Symbol.asyncDispose]() {
      exchanges.close();
      server.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

const post = (id: number, fields: readonly Field[] = []) =>
  frame(T.headers, Flag.endHeaders, id, block(requestFields("/p?q=1", "POST", fields)));
const body = (id: number, text: string, flags = 0) => frame(T.data, flags, id, Buffer.from(text));

Deno.test("Http2Exchanges give a handler the request, and its reply to the client", async () => {
  await using port = await serve((exchange) => ({
    status: 201,
    contentType: "text/plain",
    headers: { "X-Etcd-Index": "7", Connection: "close" },
    body: [
      ...[exchange.method, exchange.target, exchange.body],
      ...["host", "a", "cookie"].map((name) => exchange.header(name)),
    ].join(" "),
  }));
  using client = await RawHttp2.connect(port.port);
  const more: Field[] = [["a", "1"], ["cookie", "x=1"], ["a", "2"], ["cookie", "y=2"]];
  await client.send(post(1, more), body(1, "héllo"), body(1, "!", Flag.endStream));
  const head = client.fields(await client.until(T.headers, 1));
  const { payload } = await client.until(T.data, 1);
  const text = "POST /p?q=1 héllo! test 1, 2 x=1; y=2";
  assertEquals(payload.toString("utf8"), text);
  assertEquals(head, [
    [":status", "201"],
    ["content-type", "text/plain"],
    ["x-etcd-index", "7"],
    ["content-length", `${Buffer.byteLength(text)}`],
  ]);
});

Deno.test("Http2Exchanges answer HEAD without a body, and 204 without a length", async () => {
  await using port = await serve(({ target }) =>
    target === "/none" ? { status: 204, body: "" } : { status: 200, body: "12345" }
  );
  using client = await RawHttp2.connect(port.port);
  await client.send(frame(T.headers, END, 1, block(requestFields("/", "HEAD"))));
  const head = await client.until(T.headers, 1);
  assertEquals(head.flags & Flag.endStream, Flag.endStream);
  assertEquals(client.fields(head).at(-1), ["content-length", "5"]);
  await client.send(request(3, "/none"));
  const none = await client.until(T.headers, 3);
  assertEquals(none.flags & Flag.endStream, Flag.endStream);
  assertEquals(client.fields(none).map(([name]) => name), [":status", "content-type"]);
});

Deno.test("Http2Exchanges send slices, portions and bytes", async () => {
  async function* portions() {
    for (let i = 0; i < 3; i++) yield await Promise.resolve(new Uint8Array(30_000).fill(97 + i));
  }
  await using port = await serve(({ target }) => {
    if (target === "/slices") return { status: 200, body: ["ä", "b", "c"] };
    if (target === "/portions") return { status: 200, body: { portions: portions() } };
    return { status: 200, body: Uint8Array.of(97, 98) };
  });
  using client = await RawHttp2.connect(port.port);
  await client.send(request(1, "/slices"));
  assertEquals((await client.answer(1)).text, "äbc");
  await client.send(request(3, "/bytes"));
  assertEquals((await client.answer(3)).text, "ab");
  const updates = [0, 5].map((id) => frame(T.windowUpdate, 0, id, uint32(100_000)));
  await client.send(request(5, "/portions"), ...updates);
  assertEquals((await client.answer(5)).text.length, 90_000);
});

Deno.test("Http2Exchanges break an answer off when its slices fail", async () => {
  await using port = await serve(() => ({
    status: 200,
    body: (function* () {
      yield "a";
      throw new Error("planted");
    })(),
  }));
  using client = await RawHttp2.connect(port.port);
  await client.send(request(1));
  assertEquals(await client.resetOf(1), E.internalError);
});

Deno.test("Http2Exchanges answer 500 when a handler throws or rejects", async () => {
  await using port = await serve(({ target }) => {
    if (target === "/throw") throw new Error("planted");
    return Promise.reject(new Error("planted"));
  });
  using client = await RawHttp2.connect(port.port);
  await client.send(request(1, "/throw"), request(3));
  assertEquals((await client.answer(1)).status, "500");
  assertEquals((await client.answer(3)).status, "500");
});

Deno.test("Http2Exchanges answer 413 when a body is too long, told or untold, and go on", async () => {
  await using port = await serve(() => ({ status: 200, body: "ok" }), { bodyBytesMax: 10 });
  using client = await RawHttp2.connect(port.port);
  await client.send(post(1, [["content-length", "11"]]));
  assertMatch((await client.answer(1)).text, /"errorCode":413/);
  await client.send(body(1, "12345678901", Flag.endStream));
  await client.send(post(3), body(3, "123456"), body(3, "78901"));
  assertEquals((await client.answer(3)).status, "413");
  await client.send(
    body(3, "more", Flag.endStream),
    post(5),
    body(5, "1234567890", Flag.endStream),
  );
  assertEquals((await client.answer(5)).text, "ok");
});

Deno.test("Http2Exchanges answer 408 when a body stays away, and break off what never ends", async () => {
  await using port = await serve(() => ({ status: 200, body: "ok" }), { bodyTimeoutMs: 60 });
  using client = await RawHttp2.connect(port.port);
  await client.send(post(1, [["content-length", "5"]]), body(1, "123"));
  assertMatch((await client.answer(1)).text, /"errorCode":408/);
  assertEquals(await client.resetOf(1), E.noError);
});

Deno.test("Http2Exchanges answer 503 when bodies that arrive would fill the memory", async () => {
  const limits = { arrivingBytesMax: 20, bodyTimeoutMs: 200 };
  await using port = await serve(() => ({ status: 200, body: "ok" }), limits);
  using slow = await RawHttp2.connect(port.port);
  await slow.send(post(1), body(1, "x".repeat(15)), request(3));
  assertEquals((await slow.answer(3)).status, "200");
  using other = await RawHttp2.connect(port.port);
  await other.send(post(1), body(1, "x".repeat(10)));
  assertMatch((await other.answer(1)).text, /Too many bodies/);
  assertEquals((await slow.answer(1)).status, "408");
  await other.send(post(3), body(3, "x".repeat(19), Flag.endStream));
  assertEquals((await other.answer(3)).status, "200");
});

Deno.test("Http2Exchanges.close() answers 503 to whoever still sends a body", async () => {
  await using port = await serve(() => ({ status: 200, body: "ok" }));
  using client = await RawHttp2.connect(port.port);
  await client.send(post(1), body(1, "x"), request(3));
  assertEquals((await client.answer(3)).status, "200");
  port.exchanges.close();
  assertMatch((await client.answer(1)).text, /The server is stopping/);
});

Deno.test("Exchange.onGone() of HTTP/2 is called when the client cancels, and not when it is answered", async () => {
  const gone: string[] = [];
  await using port = await serve((exchange) => {
    for (let i = 0; i < 2; i++) exchange.onGone(() => gone.push(exchange.target));
    if (exchange.target === "/answered") return { status: 200, body: "" };
    return new Promise(() => {});
  });
  const client = await RawHttp2.connect(port.port);
  await client.send(request(1, "/answered"), request(3, "/reset"), request(5, "/closed"));
  await client.until(T.headers, 1);
  await client.send(frame(T.rstStream, 0, 3, uint32(8)));
  await until(() => gone.length === 2, "the cancelled request");
  client.close();
  await until(() => gone.length === 4, "the closed connection");
  assertEquals(gone, ["/reset", "/reset", "/closed", "/closed"]);
});

Deno.test("Http2Exchanges let go of a stream that its client does not take", async () => {
  let returned = false;
  function* slices() {
    try {
      for (;;) yield "x".repeat(10_000);
    } finally {
      returned = true;
    }
  }
  await using port = await serve(() => ({ status: 200, body: slices() }), { stallTimeoutMs: 60 });
  using client = await RawHttp2.connect(port.port);
  await client.send(request(1));
  assertEquals(await client.resetOf(1), E.cancel);
  await until(() => returned, "the end of the slices");
  assert(returned);
});
