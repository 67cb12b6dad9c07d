/** How connections begin, idle and end, and what a peer is given up for. */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Patience, PingPolicy } from "../../../src/http/h2/budget.ts";
import { Flag, FrameType as T, PREFACE } from "../../../src/http/h2/frame.ts";
import { looksLikeHttp2 } from "../../../src/http/h2/server.ts";
import { ErrorCode as E } from "../../../src/http/h2/stream.ts";
import { until } from "../../api/harness.ts";
import { block, END, frame, RawHttp2, request, requestFields } from "./raw_client.ts";
import { settings, TestServer, uint32 } from "./raw_client.ts";

const ping = frame(T.ping, 0, 0, "0000000000000001");

Deno.test("Http2Server.drain() takes requests on their way, answers them, and ends (RFC 9113 6.8)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/hold"));
  await until(() => server.streams.length === 1, "the request");
  const drained = server.server.drain();
  assertEquals((await client.until(T.goAway)).payload.readUInt32BE(), 2 ** 31 - 1);
  const shutdown = await client.until(T.ping);
  // Sent before the client has read of it.
  await client.send(request(3), frame(T.ping, Flag.ack, 0, shutdown.payload));
  assertEquals((await client.answer(3)).status, "200");
  await client.send(request(5), ping);
  await client.until(T.ping);
  server.streams[0]!.sendHeaders(200, []);
  server.streams[0]!.end();
  assertEquals((await client.until(T.headers, 1)).flags & Flag.endStream, 0);
  while (await client.next() !== undefined);
  client.close();
  await drained;
  assertEquals(server.streams.length, 2);
});

Deno.test("Http2Server.drain() names the last request that it answers, and waits for no silent client", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1), request(3));
  assertEquals((await client.answer(3)).status, "200");
  const drained = server.server.drain();
  const lastIds: number[] = [];
  for (;;) {
    const found = await client.next();
    if (found === undefined) break;
    if (found.type === T.goAway) lastIds.push(found.payload.readUInt32BE());
  }
  assertEquals(lastIds, [2 ** 31 - 1, 3]);
  await drained;
});

Deno.test("Http2Server ends when a client says GOAWAY and all is answered (RFC 9113 6.8)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/hold"), frame(T.goAway, 0, 0, Buffer.alloc(8)));
  await until(() => server.streams.length === 1, "the request");
  server.streams[0]!.endWithHeaders(200, []);
  assertEquals((await client.until(T.headers, 1)).flags, END);
  assertEquals(await client.goAway(), "0");
});

Deno.test("Http2Server answers requests that a client sends behind its GOAWAY, and ends then (RFC 9113 6.8)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  // As Node does, whose channel closes and has opened a stream in the same turn.
  await client.send(frame(T.goAway, 0, 0, Buffer.alloc(8)), request(1), request(3));
  assertEquals((await client.answer(1)).status, "200");
  assertEquals((await client.answer(3)).status, "200");
  assertEquals(await client.goAway(), "0");
});

Deno.test("Http2Server tells its handlers when a stream is broken off, and when the client leaves", async () => {
  await using server = await TestServer.start();
  const client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/hold"), frame(T.rstStream, 0, 1, uint32(E.cancel)));
  await until(() => server.heard.length === 1, "the reset");
  assertEquals(server.heard, [`reset ${E.cancel}`]);
  await client.send(request(3, "/hold"));
  await until(() => server.streams.length === 2, "the request");
  client.close();
  await until(() => server.heard.length === 2, "the end");
  assert(server.streams.every(({ isClosed }) => isClosed));
  // Nobody is harmed by an answer that comes too late.
  server.streams[1]!.sendHeaders(200, []);
  assert(server.streams[1]!.write(Buffer.alloc(1)));
  server.streams[1]!.end();
});

Deno.test("Http2Server breaks a stream off when its handler throws, and goes on", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/throw", Flag.endHeaders), frame(T.data, 0, 1, "61"));
  assertEquals(await client.resetOf(1), E.internalError);
  await client.send(request(3));
  assertEquals((await client.answer(3)).status, "200");
});

const LATE: readonly (readonly [what: string, begin: Uint8Array])[] = [
  ["says nothing", Buffer.alloc(0)],
  ["sends half a preface", PREFACE.subarray(0, 10)],
  ["sends no SETTINGS", PREFACE],
];

for (const [what, begin] of LATE) {
  Deno.test(`Http2Server ends a connection that ${what} in time`, async () => {
    await using server = await TestServer.start({ headerTimeoutMs: 80 });
    using client = await RawHttp2.connect(server.port, begin);
    assertMatch(await client.goAway(), new RegExp(`^${E.settingsTimeout} `));
  });
}

const SLOW: readonly (readonly [what: string, sent: Uint8Array])[] = [
  ["frame stays away", request(1).subarray(0, 12)],
  ["header block stays away", request(1, "/", 0)],
];

for (const [what, sent] of SLOW) {
  Deno.test(`Http2Server ends a connection when the rest of a ${what}`, async () => {
    await using server = await TestServer.start({ headerTimeoutMs: 80 });
    using client = await RawHttp2.connect(server.port);
    await client.send(sent);
    assertMatch(await client.goAway(), new RegExp(`^${E.protocolError} a frame takes too long`));
  });
}

Deno.test("Http2Server ends a connection that is idle too long, in order", async () => {
  await using server = await TestServer.start({ idleTimeoutMs: 80 });
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/hold"));
  await until(() => server.streams.length === 1, "the request");
  await new Promise((resolve) => setTimeout(resolve, 200));
  server.streams[0]!.endWithHeaders(200, []);
  await client.until(T.headers, 1);
  assertEquals(await client.goAway(), "0");
});

Deno.test("Http2Server asks a silent client for a sign, and cuts it when none comes", async () => {
  await using server = await TestServer.start({ pingIntervalMs: 60, pingTimeoutMs: 80 });
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/hold"));
  for (let i = 0; i < 3; i++) {
    const { payload } = await client.until(T.ping);
    await client.send(frame(T.ping, Flag.ack, 0, payload));
  }
  await client.until(T.ping);
  assertEquals(await client.next(), undefined);
  assertEquals(server.heard, [`reset ${E.cancel}`]);
});

Deno.test("Http2Server waits for a sign as long as it says, however long it waits before it asks", async () => {
  await using server = await TestServer.start({ pingIntervalMs: 60_000, pingTimeoutMs: 50 });
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/hold"));
  await until(() => server.streams.length === 1, "the request");
  const { now } = performance;
  performance.now = () => now.call(performance) + 61_000;
  try {
    await client.until(T.ping);
    assertEquals(await client.next(), undefined, "within the client's patience");
  } finally {
    performance.now = now;
  }
});

Deno.test("Http2Server that drains ends a connection that comes late", async () => {
  await using server = await TestServer.start();
  await server.server.drain();
  using client = await RawHttp2.connect(server.port);
  assertEquals(await client.goAway(), "");
});

Deno.test("Patience comes back with time, up to where it began", () => {
  const { now } = performance;
  let nowMs = 0;
  performance.now = () => nowMs;
  try {
    const patience = new Patience({ usefulFrames: 0 });
    patience.frame(2_000);
    assertThrows(() => patience.frame());
    nowMs += 1_000;
    patience.frame(499);
    assertThrows(() => patience.frame(2));
    nowMs += 3_600_000;
    patience.frame(2_000);
    assertThrows(() => patience.frame());
  } finally {
    performance.now = now;
  }
});

Deno.test("Http2Server cuts a client that takes nothing of what it has asked for", async () => {
  await using server = await TestServer.start({ stallTimeoutMs: 150 });
  const begin = Buffer.concat([
    PREFACE,
    settings([4, 2 ** 31 - 1]),
    frame(T.windowUpdate, 0, 0, uint32(2 ** 30)),
  ]);
  using client = await RawHttp2.connect(server.port, begin);
  await client.send(request(1, "/large/50000000"), request(3, "/hold"));
  await until(() => server.heard.length === 2, "the cut");
  assertEquals(server.heard, [`reset ${E.cancel}`, `reset ${E.cancel}`]);
});

Deno.test("Http2Server ends a stream whose answer nobody takes, and no other one", async () => {
  await using server = await TestServer.start({ stallTimeoutMs: 150 });
  using client = await RawHttp2.connect(server.port, Buffer.concat([PREFACE, settings([4, 5])]));
  await client.send(request(1, "/large/6"), request(3, "/hold"));
  assertEquals(await client.resetOf(1), E.cancel);
  assertEquals(server.heard, [`reset ${E.cancel}`]);
  server.streams[1]!.endWithHeaders(200, []);
  assertEquals((await client.until(T.headers, 3)).flags, END);
});

Deno.test("Http2Server stops reading while a client takes nothing, and goes on when it does", async () => {
  await using server = await TestServer.start({ unsentBytesMax: 100_000 });
  const begin = Buffer.concat([
    PREFACE,
    settings([4, 2 ** 31 - 1]),
    frame(T.windowUpdate, 0, 0, uint32(2 ** 30)),
  ]);
  using client = await RawHttp2.connect(server.port, begin);
  await client.send(request(1, "/large/20000000"));
  await until(() => server.streams.length === 1, "the first request");
  await until(() => server.sockets[0]!.isPaused(), "the pause");
  await client.send(request(3));
  assertEquals((await client.answer(1)).text.length, 20_000_000);
  assertEquals((await client.answer(3)).status, "200");
});

// Floods: each is small work, and ends the connection before it is much.

async function flood(parts: (i: number) => Uint8Array): Promise<string> {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  for (let i = 0; i < 100; i++) {
    const many = Array.from({ length: 100 }, (_, j) => parts(i * 100 + j));
    if (!await client.trySend(...many)) break;
  }
  return await client.goAway();
}

const FLOODS: readonly (readonly [what: string, parts: (i: number) => Uint8Array, said: RegExp])[] =
  [
    ["pings", () => ping, /^11 too_many_pings$/],
    ["settings", () => settings([4, 65_535]), /^11 too many frames/],
    ["acknowledged settings", () => frame(T.settings, Flag.ack, 0), /^11 too many frames/],
    [
      "acknowledged pings",
      () => frame(T.ping, Flag.ack, 0, Buffer.alloc(8)),
      /^11 too many frames/,
    ],
    ["window updates", () => frame(T.windowUpdate, 0, 0, uint32(1)), /^11 too many frames/],
    ["priorities", (i) => frame(T.priority, 0, 2 * i + 1, "0000000001"), /^11 too many frames/],
    ["unknown frames", () => frame(0x77, 0, 0), /^11 too many frames/],
    [
      "resets (CVE-2023-44487)",
      (i) =>
        Buffer.concat([request(2 * i + 1, "/hold"), frame(T.rstStream, 0, 2 * i + 1, uint32(8))]),
      /^11 too many resets$/,
    ],
    [
      "resets of a request that has ended",
      (i) => i === 0 ? request(1) : frame(T.rstStream, 0, 1, uint32(8)),
      /^11 too many frames/,
    ],
    [
      "requests that make us reset (CVE-2025-8671)",
      (i) =>
        Buffer.concat([
          request(2 * i + 1, "/hold"),
          frame(T.windowUpdate, 0, 2 * i + 1, uint32(0)),
        ]),
      /^11 too many frames/,
    ],
    [
      "requests whose windows are too large (CVE-2025-8671)",
      (i) =>
        Buffer.concat([
          request(2 * i + 1, "/hold"),
          frame(T.windowUpdate, 0, 2 * i + 1, uint32(2 ** 31 - 1)),
        ]),
      /^11 too many frames/,
    ],
    [
      "window updates of a request",
      (i) => i === 0 ? request(1, "/hold") : frame(T.windowUpdate, 0, 1, uint32(1)),
      /^11 too many frames/,
    ],
    ["malformed requests", (i) => frame(T.headers, END, 2 * i + 1, "82"), /^11 too many frames/],
    [
      "empty continuations (CVE-2024-27316)",
      (i) => i === 0 ? request(1, "/", 0) : frame(T.continuation, 0, 1),
      /^11 the fields are too long$/,
    ],
    [
      "continuations without end",
      (i) =>
        i === 0
          ? request(1, "/", 0)
          : frame(T.continuation, 0, 1, block([["a", "b".repeat(16_000)]])),
      /^11 the fields are too long$/,
    ],
    [
      "empty DATA (CVE-2019-9518)",
      (i) => i === 0 ? request(1, "/hold", Flag.endHeaders) : frame(T.data, 0, 1),
      /^11 too many frames/,
    ],
    [
      "DATA of padding",
      (i) =>
        i === 0
          ? request(1, "/hold", Flag.endHeaders)
          : frame(T.data, Flag.padded, 1, Buffer.of(3, 0, 0, 0)),
      /^11 too many frames/,
    ],
    [
      "DATA for a stream that has ended",
      (i) => i === 0 ? request(1) : frame(T.data, 0, 1, "61"),
      /^11 too many frames/,
    ],
  ];

for (const [what, parts, said] of FLOODS) {
  Deno.test(`Http2Server ends a connection that floods it with ${what}`, async () => {
    assertMatch(await flood(parts), said);
  });
}

Deno.test("Http2Server lets a client cancel as much as it wants once it has been answered", async () => {
  await using server = await TestServer.start({}, (stream) => {
    stream.sendHeaders(200, []);
    return { onData() {}, onEnd() {}, onReset: () => void server.heard.push(""), onDrain() {} };
  });
  using client = await RawHttp2.connect(server.port);
  const count = 5_000;
  for (let i = 0; i < count; i++) {
    const id = 2 * i + 1;
    await client.send(request(id), frame(T.rstStream, 0, id, uint32(8)));
    await client.until(T.headers, id);
  }
  await until(() => server.heard.length === count, "all resets");
});

Deno.test("Http2Server lets calls that run out of time be given up, however many", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  const ids = Array.from({ length: 4_000 }, (_, i) => 2 * i + 3);
  await client.send(request(1, "/hold", Flag.endHeaders));
  // As gRPC's C core begins a call.
  const widen = (id: number) => frame(T.windowUpdate, 0, id, uint32(5));
  const begin = (id: number) => [widen(0), request(id, "/hold"), widen(id)];
  await client.send(...ids.flatMap(begin));
  await until(() => server.streams.length === 4_001, "all requests");
  const { now } = performance;
  performance.now = () => now.call(performance) + 100;
  try {
    await client.send(...ids.map((id) => frame(T.rstStream, 0, id, uint32(E.cancel))));
    await until(() => server.heard.length === 4_000, "all resets");
  } finally {
    performance.now = now;
  }
  await client.send(request(8_003));
  assertEquals((await client.answer(8_003)).status, "200");
  assert(!server.streams[0]!.isClosed, "the call beside them");
});

Deno.test("Patience bears resets of what is not new, and a few of what is (CVE-2023-44487)", () => {
  const patience = new Patience({ usefulFrames: 0 });
  for (let i = 0; i < 10_000; i++) patience.reset(100);
  let borne = 0;
  assertThrows(
    () => {
      for (; borne < 10_000; borne++) patience.reset(99);
    },
    Error,
    "too many resets",
  );
  assert(borne >= 200 && borne < 1_000, `${borne}`);
});

Deno.test("Patience bears as many rapid resets as there were other requests: a server that is late reads a call with its end", () => {
  const patience = new Patience({ usefulFrames: 0 });
  patience.requests = 10_000;
  for (let i = 0; i < 5_000; i++) patience.reset(0);
  assertThrows(() => {
    for (let i = 0; i < 1_000; i++) patience.reset(0);
  });
});

Deno.test("Http2Server bears that each of its answers meets a reset, however many", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  const ids = Array.from({ length: 5_000 }, (_, i) => 2 * i + 1);
  await client.send(...ids.map((id) => request(id)));
  await client.answer(ids.at(-1)!);
  const { now } = performance;
  const nowMs = now.call(performance);
  // No patience comes back with time.
  performance.now = () => nowMs;
  try {
    await client.send(...ids.map((id) => frame(T.rstStream, 0, id, uint32(E.cancel))));
    await client.send(request(10_001));
    assertEquals((await client.answer(10_001)).status, "200");
  } finally {
    performance.now = now;
  }
});

Deno.test("Http2Server bears calls that are given up at once by a client that has had many answered", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  const ids = (from: number) => Array.from({ length: 1_000 }, (_, i) => from + 2 * i);
  await client.send(...ids(1).map((id) => request(id)));
  assertEquals((await client.answer(1_999)).status, "200");
  const pairs = ids(2_001).map((
    id,
  ) => [request(id, "/hold"), frame(T.rstStream, 0, id, uint32(8))]);
  await client.send(...pairs.flat(), request(4_001));
  assertEquals((await client.answer(4_001)).status, "200");
});

Deno.test("PingPolicy forgives pings after something was sent, and two more", () => {
  const policy = new PingPolicy(5_000);
  assert(policy.admit(0, true, 0));
  assert(policy.admit(5_000, true, 0));
  assertEquals([1, 2, 3].map((ms) => policy.admit(5_000 + ms, true, 0)), [true, true, false]);
  const busy = new PingPolicy(5_000);
  for (let i = 0; i < 100; i++) assert(busy.admit(i, true, i));
  const idle = new PingPolicy(5_000);
  const minutes = [0, 1, 2, 3].map((minute) => idle.admit(minute * 60_000, false, 0));
  assertEquals(minutes, [true, true, true, false]);
});

Deno.test("looksLikeHttp2() tells by the first bytes, when there are enough", () => {
  const text = (some: string) => looksLikeHttp2(new TextEncoder().encode(some));
  assertEquals([text(""), text("P"), text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r")], [
    "perhaps",
    "perhaps",
    "perhaps",
  ]);
  assertEquals([text("PUT"), text("PRI * HTTP/2.1"), text("GET / HTTP/1.1")], ["no", "no", "no"]);
  assertEquals(text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"), "yes");
});

Deno.test("requests of many connections at once are all answered", async () => {
  await using server = await TestServer.start();
  const clients = await Promise.all(
    Array.from({ length: 50 }, () => RawHttp2.connect(server.port)),
  );
  const texts = await Promise.all(clients.map(async (client, i) => {
    await client.send(frame(T.headers, END, 1, block(requestFields(`/${i}`))));
    return (await client.answer(1)).text;
  }));
  assertEquals(texts, Array.from({ length: 50 }, (_, i) => `GET /${i} 0`));
  for (const client of clients) client.close();
});
