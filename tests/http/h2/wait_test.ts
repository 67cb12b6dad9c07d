/** Requests that wait, because their client has yet to take much of what it had asked for before. */
import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { Flag, FrameType as T, PREFACE } from "../../../src/http/h2/frame.ts";
import type { Http2Limits } from "../../../src/http/h2/options.ts";
import { ErrorCode as E, type ServerStream } from "../../../src/http/h2/stream.ts";
import { until } from "../../api/harness.ts";
import {
  block,
  END,
  frame,
  RawHttp2,
  request,
  settings,
  TestServer,
  uint32,
} from "./raw_client.ts";

const WINDOW = 100;
const LIMITS: Partial<Http2Limits> = { queuedBytesMax: 1000 };
/** Its answer is more than the window and all that may wait. */
const LARGE = request(1, "/large/1200");
const openWindow = frame(T.windowUpdate, 0, 1, uint32(2000));
const cancel = (id: number) => frame(T.rstStream, 0, id, uint32(E.cancel));

function connect(server: TestServer): Promise<RawHttp2> {
  return RawHttp2.connect(server.port, Buffer.concat([PREFACE, settings([4, WINDOW])]));
}

/** Until all that was sent has been read and answered, as far as it can be; what has come of streams but 1. */
async function settle(client: RawHttp2): Promise<number[]> {
  await client.send(frame(T.ping, 0, 0, "0000000000000001"));
  const ids: number[] = [];
  for (;;) {
    const found = await client.next();
    assert(found !== undefined, "expected the answer to a ping, found the end");
    if (found.type === T.ping) return ids;
    if (found.id > 1) ids.push(found.id);
  }
}

const pathsOf = ({ streams }: TestServer) => streams.map(({ path }) => path);

Deno.test("Http2Server lets requests wait while much waits for the client's windows, and answers all in their order", async () => {
  await using server = await TestServer.start(LIMITS);
  using client = await connect(server);
  await client.send(
    ...[LARGE, request(3, "/a", Flag.endHeaders), request(5, "/b"), request(7, "/hold")],
    ...[frame(T.data, 0, 3, "6161"), frame(T.data, 0, 3, "61"), request(9, "/trailers")],
    frame(T.headers, END, 3, block([["c", "d"]])),
  );
  assertEquals(await settle(client), []);
  assertEquals(pathsOf(server), ["/large/1200"]);
  await client.send(openWindow, request(11, "/c"));
  assertEquals((await client.answer(3)).text, "GET /a 3 c=d");
  assertEquals((await client.answer(5)).text, "GET /b 0");
  assertEquals((await client.answer(11)).text, "GET /c 0");
  assertEquals(pathsOf(server), ["/large/1200", "/a", "/b", "/hold", "/trailers", "/c"]);
  assert(server.streams[1]!.waitedMs > 0 && server.streams[0]!.waitedMs === 0);
});

Deno.test("Http2Server begins with what waits as soon as there is room, and no sooner", async () => {
  await using server = await TestServer.start(LIMITS);
  using client = await connect(server);
  await client.send(LARGE, request(3, "/large/1200"), request(5, "/b"));
  await client.send(frame(T.windowUpdate, 0, 1, uint32(99)));
  assertEquals(await settle(client), []);
  // With this one octet a thousand are left: then the next one fills the queue again.
  await client.send(frame(T.windowUpdate, 0, 1, uint32(1)));
  await client.until(T.data, 3);
  assertEquals(await settle(client), []);
  assertEquals(pathsOf(server), ["/large/1200", "/large/1200"]);
  await client.send(openWindow);
  assertEquals(await settle(client), []);
  await client.send(frame(T.windowUpdate, 0, 3, uint32(200)));
  assertEquals((await client.answer(5)).text, "GET /b 0");
});

const WAYS: readonly (readonly [what: string, free: (s: TestServer, c: RawHttp2) => unknown])[] = [
  ["the client gives up what fills the queue", (_, client) => client.send(cancel(1))],
  ["its handler gives up what fills the queue", ({ streams }) => streams[0]!.reset(E.cancel)],
  ["nobody takes what fills the queue", () => {}],
];

for (const [what, free] of WAYS) {
  Deno.test(`Http2Server begins with what waits when ${what}`, async () => {
    await using server = await TestServer.start({ ...LIMITS, stallTimeoutMs: 100 });
    using client = await connect(server);
    await client.send(LARGE, request(3));
    await until(() => server.streams.length === 1, "the first request");
    await free(server, client);
    assertEquals((await client.answer(3)).text, "GET / 0");
  });
}

Deno.test("Http2Server begins with what waits when the connection has taken enough, by windows that were never shut", async () => {
  await using server = await TestServer.start(LIMITS);
  const windows = [settings([4, 2 ** 31 - 1]), frame(T.windowUpdate, 0, 0, uint32(2 ** 30))];
  using client = await RawHttp2.connect(server.port, Buffer.concat([PREFACE, ...windows]));
  await client.send(request(1, "/large/3000000"), request(3));
  assertEquals((await client.answer(1)).text.length, 3_000_000);
  assertEquals((await client.answer(3)).text, "GET / 0");
});

Deno.test("Http2Server refuses what has waited too long, as nothing that it has begun with", async () => {
  const asked: ServerStream[] = [];
  await using server = await TestServer.start({ ...LIMITS, stallTimeoutMs: 100 }, (stream) => {
    asked.push(stream);
    return {
      // An answer without an end has no time-out of its own.
      onEnd: () => void stream.write(new Uint8Array(1200)),
      onData() {},
      onReset() {},
      onDrain() {},
    };
  });
  using client = await connect(server);
  await client.send(request(1), request(3));
  assertEquals(await client.resetOf(3), E.refusedStream);
  assertEquals(asked.length, 1);
  assert(!asked[0]!.isClosed);
});

Deno.test("Http2Server asks no handler about a request that was taken back while it waited, or whose client has left", async () => {
  await using server = await TestServer.start(LIMITS);
  const client = await connect(server);
  await client.send(LARGE, request(3, "/a"), request(5, "/b"), cancel(3));
  assertEquals(await settle(client), []);
  await client.send(openWindow);
  await client.until(T.headers, 5);
  assertEquals(pathsOf(server), ["/large/1200", "/b"]);
  await client.send(request(7, "/large/1200"), request(9, "/hold"));
  await until(() => server.streams.length === 3, "what fills the queue again");
  client.close();
  await until(() => server.heard.length === 1, "the end");
  assertEquals(server.heard, [`reset ${E.cancel}`]);
  assertEquals(pathsOf(server), ["/large/1200", "/b", "/large/1200"]);
});

Deno.test("Http2Server lets no more requests wait than there may be streams", async () => {
  await using server = await TestServer.start({ ...LIMITS, streamsMax: 3 });
  using client = await connect(server);
  await client.send(LARGE, request(3), request(5), request(7));
  assertEquals(await client.resetOf(7), E.refusedStream);
  await client.send(cancel(3), request(9));
  assertEquals(await settle(client), []);
  await client.send(openWindow);
  assertEquals((await client.answer(9)).text, "GET / 0");
});

Deno.test("Http2Server holds of bodies what their windows allow while their requests wait, and gives it back", async () => {
  const windows = { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 };
  await using server = await TestServer.start({ ...LIMITS, ...windows });
  using client = await connect(server);
  await client.send(LARGE);
  const part = new Uint8Array(16_000);
  for (let id = 3; id < 20; id += 2) {
    await client.send(request(id, "/a", Flag.endHeaders), frame(T.data, 0, id, part));
    await client.send(frame(T.data, 0, id, part), frame(T.data, 0, id, part), cancel(id));
  }
  await client.send(request(21, "/a", Flag.endHeaders));
  for (let i = 0; i < 4; i++) await client.send(frame(T.data, 0, 21, part));
  // No window is opened for it, because nobody has taken it.
  assertEquals(await settle(client), []);
  await client.send(openWindow);
  await client.until(T.windowUpdate, 21);
  await client.send(frame(T.data, Flag.endStream, 21, part));
  assertEquals((await client.answer(21)).text, "GET /a 80000");
});

Deno.test("ServerStream.pause() holds when its handler calls it at once for a request that has waited", async () => {
  let paused: ServerStream | undefined;
  const pieces: number[] = [];
  await using server = await TestServer.start(LIMITS, (stream) => {
    if (stream.path === "/paused") {
      paused = stream;
      stream.pause();
      stream.resume();
      stream.pause();
    }
    return {
      onData: (bytes) => void pieces.push(bytes.length),
      onEnd() {
        stream.sendHeaders(200, []);
        stream.write(new Uint8Array(stream.path === "/" ? 1200 : 1));
        stream.end();
      },
      onReset() {},
      onDrain() {},
    };
  });
  using client = await connect(server);
  await client.send(request(1), request(3, "/paused", Flag.endHeaders), frame(T.data, 1, 3, "61"));
  await settle(client);
  assertEquals(paused, undefined);
  await client.send(openWindow);
  assertEquals(await settle(client), []);
  assertEquals(pieces, []);
  paused!.resume();
  await client.until(T.headers, 3);
  assertEquals(pieces, [1]);
});
