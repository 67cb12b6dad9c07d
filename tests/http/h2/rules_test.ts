/**
 * Every rule of RFC 9113 that a peer can break, by its section: what is sent after the
 * preface and SETTINGS, and what comes of it. "connection" rules end in GOAWAY with a code
 * and the end; "stream" rules in RST_STREAM, and another request is answered after it.
 */
import { Buffer } from "node:buffer";
import { assertEquals, assertMatch } from "@std/assert";
import { Flag, FrameType as T, PREFACE } from "../../../src/http/h2/frame.ts";
import { ErrorCode as E, type Field } from "../../../src/http/h2/stream.ts";
import { block, END, frame, hex, RawHttp2, request, requestFields } from "./raw_client.ts";
import { settings, TestServer, uint32 } from "./raw_client.ts";

const HEAD = Flag.endHeaders;
const open = (path = "/hold") => request(1, path, HEAD);
const data = (id: number, flags = 0, payload: Uint8Array | string = "6161") =>
  frame(T.data, flags, id, payload);
const fields = (list: readonly Field[], flags = END) => frame(T.headers, flags, 1, block(list));
const withField = (name: string, value: string) =>
  fields(requestFields("/", "GET", [[name, value]]));

type Rule = readonly [section: string, what: string, sent: Buffer[], code: number];

const CONNECTION_RULES: readonly Rule[] = [
  ["4.2", "a frame above 16,384 bytes", [data(1, 0, Buffer.alloc(16_385))], E.frameSizeError],
  ["4.3", "a block that can't be decoded", [frame(T.headers, END, 1, "ff")], E.compressionError],
  ["4.3", "such a block in trailers", [open(), frame(T.headers, END, 1, "80")], E.compressionError],
  ["4.3", "such a block of a stream that has ended", [
    request(1),
    request(3),
    frame(T.headers, END, 1, "ff"),
  ], E.compressionError],
  ["5.1", "DATA on an idle stream", [data(1)], E.protocolError],
  ["5.1", "RST_STREAM on an idle stream", [frame(T.rstStream, 0, 1, uint32(8))], E.protocolError],
  ["5.1", "WINDOW_UPDATE on an idle stream", [
    frame(T.windowUpdate, 0, 1, uint32(8)),
  ], E.protocolError],
  ["5.1", "HEADERS on a stream that has ended", [request(1), request(1)], E.streamClosed],
  ["5.1.1", "a request on an even stream", [request(2)], E.protocolError],
  ["5.1.1", "a request on stream 0", [request(0)], E.protocolError],
  ["5.1.1", "a stream number that is passed over", [request(5), request(3)], E.protocolError],
  ["6.1", "DATA on stream 0", [data(0)], E.protocolError],
  ["6.1", "more padding than DATA", [open(), data(1, Flag.padded, "0361")], E.protocolError],
  ["6.1", "padded DATA without its length", [open(), data(1, Flag.padded, "")], E.frameSizeError],
  ["6.2", "more padding than HEADERS", [
    frame(T.headers, END | Flag.padded, 1, "0582"),
  ], E.protocolError],
  ["6.2", "HEADERS too short for a priority", [
    frame(T.headers, END | Flag.priority, 1, "00000000"),
  ], E.frameSizeError],
  ["6.2", "another frame within a header block", [request(1, "/", 0), data(1)], E.protocolError],
  [
    "6.2",
    "another stream's HEADERS within a block",
    [request(1, "/", 0), request(3)],
    E.protocolError,
  ],
  ["5.5", "an unknown frame within a header block", [
    request(1, "/", 0),
    frame(0x16, 0, 0),
  ], E.protocolError],
  ["6.3", "PRIORITY on stream 0", [frame(T.priority, 0, 0, "0000000001")], E.protocolError],
  ["6.3", "PRIORITY of four bytes", [frame(T.priority, 0, 1, "00000001")], E.frameSizeError],
  ["6.4", "RST_STREAM on stream 0", [frame(T.rstStream, 0, 0, uint32(8))], E.protocolError],
  [
    "6.4",
    "RST_STREAM of three bytes",
    [open(), frame(T.rstStream, 0, 1, "000008")],
    E.frameSizeError,
  ],
  ["6.5", "SETTINGS on a stream", [frame(T.settings, 0, 1)], E.protocolError],
  [
    "6.5",
    "SETTINGS that are no multiple of six",
    [frame(T.settings, 0, 0, "000100")],
    E.frameSizeError,
  ],
  ["6.5", "an ACK with settings", [
    frame(T.settings, Flag.ack, 0, "000100000000"),
  ], E.frameSizeError],
  ["6.5.2", "ENABLE_PUSH of 2", [settings([2, 2])], E.protocolError],
  ["6.5.2", "INITIAL_WINDOW_SIZE of 2^31", [settings([4, 2 ** 31])], E.flowControlError],
  ["6.5.2", "MAX_FRAME_SIZE of 16,383", [settings([5, 16_383])], E.protocolError],
  ["6.5.2", "MAX_FRAME_SIZE of 2^24", [settings([5, 2 ** 24])], E.protocolError],
  ["6.6", "PUSH_PROMISE", [frame(T.pushPromise, HEAD, 1, "0000000282")], E.protocolError],
  ["6.7", "PING on a stream", [frame(T.ping, 0, 1, Buffer.alloc(8))], E.protocolError],
  ["6.7", "PING of seven bytes", [frame(T.ping, 0, 0, Buffer.alloc(7))], E.frameSizeError],
  ["6.8", "GOAWAY on a stream", [frame(T.goAway, 0, 1, Buffer.alloc(8))], E.protocolError],
  ["6.8", "GOAWAY of seven bytes", [frame(T.goAway, 0, 0, Buffer.alloc(7))], E.frameSizeError],
  [
    "6.9",
    "WINDOW_UPDATE of three bytes",
    [frame(T.windowUpdate, 0, 0, "000001")],
    E.frameSizeError,
  ],
  ["6.9", "WINDOW_UPDATE by nothing", [frame(T.windowUpdate, 0, 0, uint32(0))], E.protocolError],
  ["6.9.1", "a connection's window above 2^31-1", [
    frame(T.windowUpdate, 0, 0, uint32(2 ** 31 - 1)),
  ], E.flowControlError],
  ["6.9.2", "a stream's window above 2^31-1 by SETTINGS", [
    open(),
    frame(T.windowUpdate, 0, 1, uint32(2 ** 31 - 1 - 65_535)),
    settings([4, 65_536]),
  ], E.flowControlError],
  ["6.10", "CONTINUATION without HEADERS", [frame(T.continuation, HEAD, 1, "82")], E.protocolError],
  ["6.10", "CONTINUATION behind a whole block", [
    open(),
    frame(T.continuation, HEAD, 1, "82"),
  ], E.protocolError],
  ["6.10", "CONTINUATION of another stream", [
    request(1, "/", 0),
    frame(T.continuation, HEAD, 3, "82"),
  ], E.protocolError],
  ["6.10", "CONTINUATION on stream 0", [
    request(1, "/", 0),
    frame(T.continuation, HEAD, 0, "82"),
  ], E.protocolError],
];

for (const [section, what, sent, code] of CONNECTION_RULES) {
  Deno.test(`Http2Server ends the connection at ${what} (RFC 9113 ${section})`, async () => {
    await using server = await TestServer.start();
    using client = await RawHttp2.connect(server.port);
    await client.send(...sent);
    assertMatch(await client.goAway(), new RegExp(`^${code}( |$)`));
  });
}

const without = (name: string) => fields(requestFields().filter(([other]) => other !== name));

const STREAM_RULES: readonly Rule[] = [
  ["5.1", "DATA behind the end of the request", [request(1, "/hold"), data(1)], E.streamClosed],
  ["5.1", "HEADERS behind the end of the request", [
    request(1, "/hold"),
    request(1, "/hold"),
  ], E.streamClosed],
  ["5.1", "DATA on a stream that has ended", [request(1), data(1)], E.streamClosed],
  ["5.1", "DATA on a stream that the client has broken off", [
    open(),
    frame(T.rstStream, 0, 1, uint32(8)),
    data(1),
  ], E.streamClosed],
  ["6.9", "WINDOW_UPDATE by nothing on a stream", [
    open(),
    frame(T.windowUpdate, 0, 1, uint32(0)),
  ], E.protocolError],
  ["6.9.1", "a stream's window above 2^31-1", [
    open(),
    frame(T.windowUpdate, 0, 1, uint32(2 ** 31 - 1)),
  ], E.flowControlError],
  ["8.1", "trailers that don't end the request", [
    open(),
    frame(T.headers, HEAD, 1, block([["a", "b"]])),
  ], E.protocolError],
  ["8.1", "trailers with a pseudo-header field", [
    open(),
    frame(T.headers, END, 1, block([[":path", "/"]])),
  ], E.protocolError],
  ["8.1.1", "a body shorter than its content-length", [
    fields(requestFields("/", "POST", [["content-length", "3"]]), HEAD),
    data(1, Flag.endStream),
  ], E.protocolError],
  ["8.1.1", "a body longer than its content-length", [
    fields(requestFields("/", "POST", [["content-length", "1"]]), HEAD),
    data(1),
  ], E.protocolError],
  ["8.1.1", "no body in spite of its content-length", [
    fields(requestFields("/", "POST", [["content-length", "1"]])),
  ], E.protocolError],
  ["8.1.1", "trailers after a body shorter than its content-length", [
    fields(requestFields("/", "POST", [["content-length", "3"]]), HEAD),
    frame(T.headers, END, 1, block([["a", "b"]])),
  ], E.protocolError],
  [
    "8.1.1",
    "a content-length that is no number",
    [withField("content-length", "+1")],
    E.protocolError,
  ],
  ["8.1.1", "two content-lengths that differ", [
    fields(requestFields("/", "GET", [["content-length", "0"], ["content-length", "1"]])),
  ], E.protocolError],
  ["8.2", "a field name in capitals", [withField("X-A", "b")], E.protocolError],
  ["8.2.1", "a field name with a space", [withField("x a", "b")], E.protocolError],
  ["8.2.1", "a field name with a colon", [withField("x:a", "b")], E.protocolError],
  ["8.2.1", "an empty field name", [withField("", "b")], E.protocolError],
  ["8.2.1", "a line end in a value", [withField("a", "b\r\nc: d")], E.protocolError],
  ["8.2.1", "a NUL in a value", [withField("a", "b\0")], E.protocolError],
  ["8.2.1", "white space around a value", [withField("a", " b")], E.protocolError],
  ["8.2.2", "a connection field", [withField("connection", "close")], E.protocolError],
  ["8.2.2", "transfer-encoding", [withField("transfer-encoding", "chunked")], E.protocolError],
  ["8.2.2", "upgrade", [withField("upgrade", "h2c")], E.protocolError],
  ["8.2.2", "te other than trailers", [withField("te", "gzip")], E.protocolError],
  ["8.3", "a pseudo-header field that is none of a request", [
    fields([...requestFields(), [":status", "200"]]),
  ], E.protocolError],
  ["8.3", "a pseudo-header field behind others", [
    fields([["a", "b"], ...requestFields()]),
  ], E.protocolError],
  ["8.3", "a pseudo-header field twice", [
    fields([...requestFields(), [":path", "/"]]),
  ], E.protocolError],
  ["8.3.1", "no :method", [without(":method")], E.protocolError],
  ["8.3.1", "no :scheme", [without(":scheme")], E.protocolError],
  ["8.3.1", "no :path", [without(":path")], E.protocolError],
  ["8.3.1", "an empty :path", [fields(requestFields(""))], E.protocolError],
  ["8.3.1", "a :path without a slash", [fields(requestFields("a"))], E.protocolError],
  ["8.3.1", "a space in :path", [fields(requestFields("/a b"))], E.protocolError],
  ["8.3.1", "a host other than :authority", [withField("host", "other")], E.protocolError],
  ["8.3.1", "two hosts", [
    fields(requestFields("/", "GET", [["host", "test"], ["host", "test"]])),
  ], E.protocolError],
  ["8.5", "CONNECT with a path", [fields(requestFields("/", "CONNECT"))], E.protocolError],
];

for (const [section, what, sent, code] of STREAM_RULES) {
  Deno.test(`Http2Server breaks the stream off at ${what} (RFC 9113 ${section})`, async () => {
    await using server = await TestServer.start();
    using client = await RawHttp2.connect(server.port);
    await client.send(...sent);
    assertEquals(await client.resetOf(1), code);
    await client.send(request(7));
    assertEquals((await client.answer(7)).text, "GET / 0");
  });
}

for (
  const [what, sent] of [
    ["another protocol", Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n")],
    ["a preface that is wrong at its end", Buffer.concat([PREFACE.subarray(0, 23), hex("00")])],
    ["another frame before SETTINGS", Buffer.concat([PREFACE, request(1)])],
    ["an ACK before SETTINGS", Buffer.concat([PREFACE, frame(T.settings, Flag.ack, 0)])],
  ] as const
) {
  Deno.test(`Http2Server ends the connection when it begins with ${what} (RFC 9113 3.4)`, async () => {
    await using server = await TestServer.start();
    using client = await RawHttp2.connect(server.port, sent);
    assertMatch(await client.goAway(), new RegExp(`^${E.protocolError} `));
  });
}

Deno.test("Http2Server refuses streams above its limit and tells it (RFC 9113 5.1.2)", async () => {
  await using server = await TestServer.start({ streamsMax: 2 });
  using client = await RawHttp2.connect(server.port);
  const { payload } = await client.until(T.settings);
  assertEquals(payload.subarray(0, 6), hex("0003 00000002"));
  await client.send(request(1, "/hold"), request(3, "/hold"), request(5), data(5));
  assertEquals(await client.resetOf(5), E.refusedStream);
  await client.send(frame(T.rstStream, 0, 1, uint32(8)), request(7));
  assertEquals((await client.answer(7)).text, "GET / 0");
});

Deno.test("Http2Server passes over what it doesn't know (RFC 9113 4.1, 5.5, 6.5.2)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  const padded = frame(
    T.headers,
    END | Flag.padded | Flag.priority,
    3,
    Buffer.concat([
      hex("02 80000001 10"),
      block(requestFields("/padded")),
      hex("0000"),
    ]),
  );
  await client.send(
    frame(0x16, 0xff, 0, "0102"),
    settings([0x99, 5]),
    frame(T.priority, 0, 9, "0000000001"),
    // The reserved bit of the stream's number, flags without a meaning.
    request(2 ** 31 + 1, "/", END | 0xc2),
    padded,
  );
  assertEquals((await client.answer(1)).text, "GET / 0");
  assertEquals((await client.answer(3)).text, "GET /padded 0");
});

Deno.test("Http2Server takes a header block in pieces (RFC 9113 6.10)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  const whole = block(requestFields("/pieces"));
  await client.send(frame(T.headers, Flag.endStream, 1, whole.subarray(0, 5)));
  await client.send(frame(T.continuation, 0, 1), frame(T.continuation, 0, 1, whole.subarray(5, 9)));
  await client.send(frame(T.continuation, HEAD, 1, whole.subarray(9)));
  assertEquals((await client.answer(1)).text, "GET /pieces 0");
});

Deno.test("Http2Server answers PING with the same bytes (RFC 9113 6.7)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  await client.send(frame(T.ping, 0, 0, "0102030405060708"));
  const { flags, payload } = await client.until(T.ping);
  assertEquals([flags, payload.toString("hex")], [Flag.ack, "0102030405060708"]);
});

Deno.test("Http2Server takes frames however they are cut", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port, PREFACE.subarray(0, 3));
  const body = Buffer.alloc(100, "a");
  const bytes = Buffer.concat([
    PREFACE.subarray(3),
    settings(),
    open("/"),
    data(1, Flag.endStream, body),
  ]);
  for (const byte of bytes) await client.send(Buffer.of(byte));
  assertEquals((await client.answer(1)).text, "GET / 100");
});

Deno.test("Http2Server takes trailers and sends some (RFC 9113 8.1)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  const trailers = frame(T.headers, END, 1, block([["a", "b"], ["c", ""]]));
  await client.send(open("/trailers"), data(1), trailers);
  assertEquals(await client.answer(1), {
    status: "200",
    text: "GET /trailers 2 a=b c=",
    trailers: [["grpc-status", "0"]],
  });
});

Deno.test("Http2Server answers CONNECT with 501 (RFC 9113 8.5)", async () => {
  await using server = await TestServer.start();
  using client = await RawHttp2.connect(server.port);
  await client.send(fields([[":method", "CONNECT"], [":authority", "a:1"]]));
  const head = client.fields(await client.until(T.headers, 1));
  assertEquals(head, [[":status", "501"]]);
});

Deno.test("Http2Server answers 431 when the fields are too long, and ends the connection when they never end (RFC 9113 10.5.1)", async () => {
  await using server = await TestServer.start({ headerListBytesMax: 1024 });
  using client = await RawHttp2.connect(server.port);
  await client.send(withField("a", "b".repeat(1200)));
  assertEquals(client.fields(await client.until(T.headers, 1)), [[":status", "431"]]);
  await client.send(request(3));
  assertEquals((await client.answer(3)).status, "200");
  await client.send(request(5, "/", 0));
  for (let i = 0; i < 6; i++) {
    if (!await client.trySend(frame(T.continuation, 0, 5, block([["a", "b".repeat(1000)]])))) break;
  }
  assertMatch(await client.goAway(), /^11 /);
});
