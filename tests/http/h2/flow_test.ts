/** Flow control both ways (RFC 9113 §5.2, §6.9): nobody sends more than the other one takes. */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Flag, FrameType as T, PREFACE } from "../../../src/http/h2/frame.ts";
import { ErrorCode as E, type ServerStream } from "../../../src/http/h2/stream.ts";
import { until } from "../../api/harness.ts";
import { END, frame, RawHttp2, request, settings, TestServer, uint32 } from "./raw_client.ts";

const update = (id: number, count: number) => frame(T.windowUpdate, 0, id, uint32(count));
const initialWindow = (bytes: number) => Buffer.concat([PREFACE, settings([4, bytes])]);

/** Reads DATA of a stream until `count` bytes have come; the sizes of the frames. */
async function dataOf(client: RawHttp2, id: number, count: number): Promise<number[]> {
  const sizes: number[] = [];
  for (let left = count; left > 0; left -= sizes.at(-1)!) {
    sizes.push((await client.until(T.data, id)).payload.length);
  }
  return sizes;
}

/** The next frame is the answer to a ping: nothing else was on its way. */
async function expectSilence(client: RawHttp2): Promise<void> {
  await client.send(frame(T.ping, 0, 0, "0000000000000001"));
  const found = await client.next();
  assertEquals([found?.type, found?.flags], [T.ping, Flag.ack]);
}

Deno.test("Http2Server sends no more than a stream's window, and the rest when it opens (RFC 9113 6.9.1)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port, initialWindow(10));
  await client.send(request(1, "/large/25"));
  assertEquals(await dataOf(client, 1, 10), [10]);
  await expectSilence(client);
  await client.send(update(1, 1));
  assertEquals(await dataOf(client, 1, 1), [1]);
  await client.send(update(1, 100));
  const { payload, flags } = await client.until(T.data, 1);
  assertEquals(payload.length, 14);
  const last = (flags & Flag.endStream) !== 0 ? flags : (await client.until(T.data, 1)).flags;
  assertEquals(last & Flag.endStream, Flag.endStream);
});

Deno.test("Http2Server changes the windows of open streams by SETTINGS, below zero too (RFC 9113 6.9.2)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port, initialWindow(10));
  await client.send(request(1, "/large/30"));
  assertEquals(await dataOf(client, 1, 10), [10]);
  await client.send(settings([4, 5]));
  await client.until(T.settings);
  await client.send(update(1, 5));
  await expectSilence(client);
  await client.send(update(1, 3));
  assertEquals(await dataOf(client, 1, 3), [3]);
  await client.send(settings([4, 20]));
  assertEquals(await dataOf(client, 1, 15), [15]);
  await client.send(settings([4, 3], [4, 100]));
  assertEquals(await dataOf(client, 1, 2), [2]);
});

Deno.test("Http2Server sends no more than the connection's window, all streams in turns (RFC 9113 6.9.1)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port, initialWindow(1_000_000));
  await client.send(request(1, "/large/100000"), request(3, "/large/100000"));
  const sizes = await dataOf(client, 1, 65_535);
  assertEquals(sizes, [16_384, 16_384, 16_384, 16_383]);
  await client.send(update(0, 40_000));
  assertEquals((await client.until(T.data)).id, 1);
  assertEquals((await client.until(T.data)).id, 3);
  await client.send(update(0, 1_000_000));
  const ids: number[] = [];
  for (let ends = 0; ends < 2;) {
    const { id, flags } = await client.until(T.data);
    ids.push(id);
    if ((flags & Flag.endStream) !== 0) ends++;
  }
  assertEquals(new Set(ids), new Set([1, 3]));
});

Deno.test("ServerStream.write() tells who writes too much, and calls back when more is wanted", async () => {
  let drained = 0;
  let wanted = true;
  await using server = await TestServer.start({}, (stream) => ({
    onData() {},
    onEnd() {
      stream.sendHeaders(200, []);
      assert(stream.write(Buffer.alloc(10, "a")));
      wanted = stream.write(Buffer.alloc(10, "b"));
    },
    onReset() {},
    onDrain() {
      drained++;
      const end = stream.writeInto(3, (target, at) => {
        target.set([1, 2], at);
        return at + 2;
      });
      if (end) stream.end();
    },
  }));
  using client = await RawHttp2.connect(server.port, initialWindow(15));
  await client.send(request(1));
  assertEquals(await dataOf(client, 1, 15), [15]);
  assertEquals([drained, wanted], [0, false]);
  await client.send(update(1, 5));
  assertEquals(await dataOf(client, 1, 5), [5]);
  await until(() => drained === 1, "more to be wanted");
  await client.send(update(1, 100));
  // What waited, and what was written when that had gone.
  assertEquals((await client.until(T.data, 1)).payload.toString("hex"), "01020102");
});

Deno.test("Http2Server ends a connection that sends more than its window, and a stream that does (RFC 9113 6.9.1)", async () => {
  const windows = { streamWindowBytes: 65_535, connectionWindowBytes: 131_070 };
  await using server = await TestServer.start(windows);
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/pause", Flag.endHeaders));
  const full = frame(T.data, 0, 1, Buffer.alloc(13_107));
  // The first frame is taken; then the stream is paused.
  await client.send(full, full, full, full, full, frame(T.data, 0, 1, "61"));
  assertEquals(await client.resetOf(1), E.flowControlError);
  await client.send(request(3, "/pause", Flag.endHeaders), request(5, "/pause", Flag.endHeaders));
  for (const id of [3, 5]) {
    for (let i = 0; i < 5; i++) await client.trySend(frame(T.data, 0, id, Buffer.alloc(13_107)));
  }
  await client.trySend(request(7, "/", Flag.endHeaders), frame(T.data, 0, 7, Buffer.alloc(16_000)));
  await client.trySend(frame(T.data, 0, 7, Buffer.alloc(16_000)));
  await client.trySend(frame(T.data, 0, 7, Buffer.alloc(16_000)));
  assertMatch(await client.goAway(), new RegExp(`^${E.flowControlError} `));
});

Deno.test("Http2Server gives windows back as bodies are taken, padding and stray DATA included", async () => {
  const windows = { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 };
  await using server = await TestServer.start(windows);
  using client = await RawHttp2.connect(server.port);
  let window = 65_535;
  let streamWindow = 65_535;
  const send = async (id: number, flags: number, payload: Uint8Array) => {
    while (window < payload.length || (id === 1 && streamWindow < payload.length)) {
      const { id: of, payload: count } = await client.until(T.windowUpdate);
      if (of === 0) window += count.readUInt32BE();
      else if (of === 1) streamWindow += count.readUInt32BE();
    }
    window -= payload.length;
    streamWindow -= id === 1 ? payload.length : 0;
    await client.send(frame(T.data, flags, id, payload));
  };
  const padded = Buffer.concat([Buffer.of(200), Buffer.alloc(1200)]);
  await client.send(request(1, "/", Flag.endHeaders));
  for (let i = 0; i < 200; i++) await send(1, Flag.padded, padded);
  // On its way when the stream was broken off.
  await client.send(request(3, "/throw", Flag.endHeaders));
  for (let i = 0; i < 200; i++) await send(3, 0, padded);
  await send(1, Flag.endStream, Buffer.alloc(0));
  assertEquals((await client.answer(1)).text, "GET / 200000");
});

Deno.test("ServerStream.pause() holds the peer back by its window, and resume() gives all of it", async () => {
  await using server = await TestServer.start({ streamWindowBytes: 65_535 });
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/pause", Flag.endHeaders));
  const part = frame(T.data, 0, 1, Buffer.alloc(16_000));
  await client.send(part, part, part, part, frame(T.data, Flag.endStream, 1));
  await client.send(request(3));
  assertEquals((await client.answer(3)).status, "200");
  await until(() => server.streams.length === 2, "both requests");
  // The stream pauses again at each part.
  for (let i = 0; i < 4; i++) server.streams[0]!.resume();
  assertEquals((await client.answer(1)).text, "GET /pause 64000");
});

Deno.test("Http2Server breaks a stream off with NO_ERROR when its answer ends before the request, and passes over the rest (RFC 9113 8.1)", async () => {
  await using server = await TestServer.start({}, (stream) => {
    stream.endWithHeaders(200, [["grpc-status", "12"]]);
    return { onData() {}, onEnd() {}, onReset() {}, onDrain() {} };
  });
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/", Flag.endHeaders));
  assertEquals((await client.until(T.headers, 1)).flags, END);
  assertEquals(await client.resetOf(1), E.noError);
  await client.send(frame(T.data, 0, 1, "61"), frame(T.headers, END, 1, "82"));
  await expectSilence(client);
});

Deno.test("ServerStream.discard() lets a request come to its end when its answer is out", async () => {
  await using server = await TestServer.start({}, (stream) => ({
    onData() {
      stream.discard(1000);
      stream.endWithHeaders(413, []);
    },
    onEnd: () => void server.heard.push("end"),
    onReset: () => void server.heard.push("reset"),
    onDrain() {},
  }));
  using client = await RawHttp2.connect(server.port);
  const part = frame(T.data, 0, 1, Buffer.alloc(500));
  await client.send(request(1, "/", Flag.endHeaders), part, part, part);
  assertEquals((await client.until(T.headers, 1)).flags, END);
  await client.send(frame(T.data, Flag.endStream, 1));
  await expectSilence(client);
  await client.send(request(3, "/", Flag.endHeaders));
  for (let i = 0; i < 4; i++) await client.send(frame(T.data, 0, 3, Buffer.alloc(500)));
  assertEquals(await client.resetOf(3), E.noError);
  assertEquals(server.heard, []);
});

Deno.test("Http2Server sends whole frames whatever fills its buffers", async () => {
  // Heads and data of all sizes, so that each frame comes to stand at a buffer's end once.
  const sizes = Array.from({ length: 400 }, (_, i) => (i * 977) % 5000);
  await using server = await TestServer.start({}, (stream) => ({
    onData() {},
    onEnd() {
      const size = Number(stream.path.slice(1));
      stream.sendHeaders(200, [["x-size", "s".repeat(size % 700)]]);
      stream.write(Buffer.alloc(size, size % 256));
      stream.end(size % 3 === 0 ? [["x-end", `${size}`]] : undefined);
    },
    onReset() {},
    onDrain() {},
  }));
  using client = await RawHttp2.connect(server.port, initialWindow(1_000_000));
  await client.send(update(0, 2 ** 30));
  const requests = sizes.map((size, i) => request(2 * i + 1, `/${size}`));
  for (let i = 0; i < requests.length; i += 50) {
    await client.send(...requests.slice(i, i + 50));
    for (let at = i; at < i + 50; at++) {
      const size = sizes[at]!;
      const { text, trailers } = await client.answer(2 * at + 1);
      assertEquals(text, Buffer.alloc(size, size % 256).toString("utf8"));
      assertEquals(trailers, size % 3 === 0 ? [["x-end", `${size}`]] : []);
    }
  }
});

Deno.test("Http2Server puts what is written to a stream in one turn into one frame, up to its length", async () => {
  await using server = await TestServer.start({}, (stream) => ({
    onData() {},
    onEnd() {
      stream.sendHeaders(200, []);
      for (let i = 0; i < 100; i++) {
        if (i % 2 === 0) stream.write(Buffer.alloc(200, i));
        else {
          stream.writeInto(300, (target, at) => {
            target.fill(i, at, at + 200);
            return at + 200;
          });
        }
      }
      stream.end();
    },
    onReset() {},
    onDrain() {},
  }));
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1), request(3));
  for (const id of [1, 3]) {
    const frames = [await client.until(T.data, id), await client.until(T.data, id)];
    const expected = Buffer.concat(Array.from({ length: 100 }, (_, i) => Buffer.alloc(200, i)));
    assert(Buffer.concat(frames.map(({ payload }) => payload)).equals(expected));
    assert(frames[0]!.payload.length > 16_000);
    assertEquals(frames.map(({ flags }) => flags), [0, Flag.endStream]);
  }
});

Deno.test("Http2Server adds to no frame that has gone, wherever the next one comes to stand", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/hold"), request(3, "/hold"));
  await until(() => server.streams.length === 2, "both requests");
  const [first, second] = server.streams as [ServerStream, ServerStream];
  first.sendHeaders(200, []);
  first.write(Buffer.from("aaaa"));
  assertEquals((await client.until(T.data, 1)).payload.toString(), "aaaa");
  // As long as what was sent before: the first stream's last frame ended here, too.
  second.sendHeaders(200, []);
  second.write(Buffer.from("bbbb"));
  first.write(Buffer.from("cccc"));
  assertEquals((await client.until(T.data, 3)).payload.toString(), "bbbb");
  assertEquals((await client.until(T.data, 1)).payload.toString(), "cccc");
});

Deno.test("Http2Server sends a head that is longer than a frame in several (RFC 9113 6.10)", async () => {
  const long = "x".repeat(40_000);
  await using server = await TestServer.start({}, (stream) => {
    stream.endWithHeaders(200, [["long", long]]);
    return { onData() {}, onEnd() {}, onReset() {}, onDrain() {} };
  });
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1));
  const parts = [await client.until(T.headers, 1)];
  while ((parts.at(-1)!.flags & Flag.endHeaders) === 0) {
    const next = await client.next();
    assertEquals([next?.type, next?.id], [T.continuation, 1]);
    parts.push(next!);
  }
  assert(parts.length > 1);
  const payload = Buffer.concat(parts.map((part) => part.payload));
  assertEquals(client.fields({ ...parts[0]!, payload }), [[":status", "200"], ["long", long]]);
});

/** So small that a few streams fill it. */
const SMALL_WINDOWS = { connectionWindowBytes: 65_535, streamWindowBytes: 65_535 };
const DATA = new Uint8Array(16_384);

Deno.test("Http2Server gives back what came for a stream that its client had ended", async () => {
  await using server = await TestServer.start(SMALL_WINDOWS);
  using client = await RawHttp2.connect(server.port);
  for (let id = 1; id < 20; id += 2) {
    await client.send(request(id, "/hold"), frame(T.data, 0, id, DATA));
    assertEquals(await client.resetOf(id), E.streamClosed);
  }
});

Deno.test("ServerStream.resume() gives what came in single octets in few pieces, however many there are", async () => {
  const octets = 20_000;
  const pieces: Buffer[] = [];
  let stream: ServerStream | undefined;
  await using server = await TestServer.start({}, (opened) => {
    stream = opened;
    stream.pause();
    return {
      onData: (bytes) => void pieces.push(Buffer.from(bytes)),
      onEnd: () => opened.endWithHeaders(200, []),
      onReset: () => {},
      onDrain: () => {},
    };
  });
  using client = await RawHttp2.connect(server.port);
  await client.send(request(1, "/", Flag.endHeaders));
  const sent = Buffer.from(Array.from({ length: octets }, (_, i) => i % 251));
  await client.send(...Array.from(sent, (octet) => frame(T.data, 0, 1, Buffer.of(octet))));
  await client.send(frame(T.data, Flag.endStream, 1));
  await client.send(frame(T.ping, 0, 0, "0000000000000001"));
  await client.until(T.ping);
  assertEquals(pieces, []);
  stream!.resume();
  await client.until(T.headers, 1);
  assert(Buffer.concat(pieces).equals(sent), "the octets that were sent");
  assertEquals(pieces.map(({ length }) => length), [16_384, octets - 16_384]);
});

Deno.test("Http2Server gives back what it held for a receiver that had paused, when the client breaks off", async () => {
  await using server = await TestServer.start(SMALL_WINDOWS);
  using client = await RawHttp2.connect(server.port);
  for (let id = 1; id < 20; id += 2) {
    await client.send(
      request(id, "/pause", Flag.endHeaders),
      ...[frame(T.data, 0, id, DATA), frame(T.data, 0, id, DATA)],
      frame(T.rstStream, 0, id, uint32(E.cancel)),
    );
    await until(() => server.heard.length === (id + 1) / 2, "the reset");
  }
});
