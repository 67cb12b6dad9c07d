/** Answers on the wire: framing by version and method, streams, and one write a turn. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Socket } from "node:net";
import { silentLogger } from "../../../src/base/logger.ts";
import type { Handler, Reply } from "../../../src/http/exchange.ts";
import { SlicedBody, type SliceSink } from "../../../src/http/h1/slices.ts";
import { within } from "../../cluster/wait.ts";
import { PATIENCE_MS, until } from "../../api/harness.ts";
import { ResponseReader } from "../../fuzz/strict_http.ts";
import { last, SOCKET_KINDS, startHttp1 } from "./harness.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST_GET = last("GET / HTTP/1.1\r\nHost: a");

/** Slices without end, which calls back when it is let go of. */
function* endless(onEnd: () => void): Generator<string, void> {
  try {
    for (;;) yield "x".repeat(65_536);
  } finally {
    onEnd();
  }
}

async function* slowly(...slices: string[]): AsyncGenerator<string> {
  for (const slice of slices) {
    await Promise.resolve();
    yield slice;
  }
}

async function* bytesOf(...portions: string[]): AsyncGenerator<Uint8Array> {
  for await (const portion of slowly(...portions)) yield new TextEncoder().encode(portion);
}

/** What comes back on a connection of its own that ends with `request`. */
async function exchange(handler: Handler, request: string): Promise<string> {
  await using server = await startHttp1(handler);
  using client = await server.connect();
  await client.send(request);
  return await client.untilClosed();
}

function reply(body: Reply["body"], rest: Partial<Reply> = {}): Handler {
  return () => ({ status: 200, body, ...rest });
}

Deno.test("Http1Server() answers with type, date and length (RFC 9110 §6.6.1, §8.6)", async () => {
  const received = await exchange(reply("☃"), LAST_GET);
  assertMatch(
    received,
    /^HTTP\/1\.1 200 OK\r\ncontent-type: application\/json\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\nconnection: close\r\ncontent-length: 3\r\n\r\n☃$/,
  );
});

Deno.test("Http1Server() sends the headers of a reply, and 500 in place of what would be two", async () => {
  const headers = { "x-a": "1", location: "/é☃" };
  const received = await exchange(
    reply("é", { status: 307, contentType: "a/b", headers }),
    LAST_GET,
  );
  assertMatch(received, /^HTTP\/1\.1 307 Temporary Redirect\r\ncontent-type: a\/b\r\n/);
  assertStringIncludes(received, "\r\nx-a: 1\r\nlocation: /é☃\r\n");
  assertMatch(received, /content-length: 2\r\n\r\né$/);
  for (const value of ["a\r\nset-cookie: b", "a\nb", "\0"]) {
    const split = await exchange(reply("x", { headers: { "x-a": value } }), LAST_GET);
    assertMatch(split, /^HTTP\/1\.1 500 /);
    assertEquals(split.includes("cookie"), false);
    const later = await exchange(
      () => Promise.resolve({ status: 200, headers: { "x-a": value }, body: "x" }),
      LAST_GET,
    );
    assertMatch(later, /^HTTP\/1\.1 500 /);
  }
});

Deno.test("Http1Server() sends bodies of every size whole", async () => {
  const sizes = [0, 1, 9, 10, 99, 100, 2730, 8191, 8192, 8193, 65_535, 65_536, 65_537, 1_000_000];
  await using server = await startHttp1(({ target, header: _ }) => {
    const [, kind, size] = target.split("/");
    const text = (kind === "wide" ? "☃" : "x").repeat(Number(size));
    return { status: 200, body: kind === "bytes" ? new TextEncoder().encode(text) : text };
  });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const reader = new ResponseReader(connection);
  for (const kind of ["text", "wide", "bytes"]) {
    for (const size of sizes) {
      const request = `GET /${kind}/${size} HTTP/1.1\r\nHost: a\r\n\r\n`;
      await connection.write(new TextEncoder().encode(request));
      const text = (kind === "wide" ? "☃" : "x").repeat(size);
      const found = await reader.next("GET");
      assert(found?.text === text, `${kind} of ${size}: found ${found?.text.length}`);
    }
  }
});

Deno.test("Http1Server() sends no body to HEAD, and its length when it is known (RFC 9110 §9.3.2)", async () => {
  const head = last("HEAD / HTTP/1.1\r\nHost: a");
  assertMatch(await exchange(reply("☃☃"), head), /content-length: 6\r\n\r\n$/);
  assertMatch(await exchange(reply(new Uint8Array(5)), head), /content-length: 5\r\n\r\n$/);
  let isLetGo = false;
  const slices: Iterable<string> = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: "a" }),
      return: () => {
        isLetGo = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const streamed = await exchange(reply(slices), head);
  assertEquals(isLetGo, true);
  assertMatch(streamed, /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
  assertEquals(streamed.includes("content-length"), false);
});

Deno.test("Http1Server() sends neither body nor length with 204 (RFC 9110 §8.6)", async () => {
  const received = await exchange(reply("", { status: 204 }), LAST_GET);
  assertMatch(received, /^HTTP\/1\.1 204 No Content\r\n[^]*\r\n\r\n$/);
  assertEquals(received.includes("content-length"), false);
});

Deno.test("Http1Server() answers 500 and logs when a handler throws or rejects", async () => {
  const logged: string[] = [];
  const logger = { ...silentLogger, error: (message: string) => logged.push(message) };
  await using server = await startHttp1(({ target }) => {
    if (target === "/throws") throw new Error("secret");
    if (target === "/rejects") return Promise.reject(new Error("secret"));
    return { status: 200, body: "well" };
  }, { logger });
  using client = await server.connect();
  for (const target of ["throws", "rejects"]) {
    await client.send(`GET /${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  }
  await client.send(LAST_GET);
  const received = await client.untilClosed();
  assertEquals(received.match(/HTTP\/1\.1 500 /g)?.length, 2);
  assertMatch(received, /well$/);
  assertEquals([received.includes("secret"), logged.length], [false, 2]);
});

Deno.test("Http1Server() keeps an HTTP/1.0 connection when it is asked to, and else closes it (RFC 9112 §9.3)", async () => {
  const get = "GET / HTTP/1.0\r\n";
  const kept = await exchange(reply("x"), `${get}Connection: keep-alive\r\n\r\n${get}\r\n`);
  const [first, second, ...others] = kept.split(/(?<=x)(?=HTTP)/);
  assertStringIncludes(first!, "\r\nconnection: keep-alive\r\n");
  assertStringIncludes(second!, "\r\nconnection: close\r\n");
  assertEquals(others, []);
});

for (const kind of SOCKET_KINDS) {
  Deno.test(`Http1Server() on ${kind} streams in chunks, and goes on afterwards (RFC 9112 §7.1)`, async () => {
    const bodies: readonly (() => Reply["body"])[] = [
      () => ["ab", "", "é☃"],
      () => slowly("ab", "", "é☃"),
      () => ({ portions: bytesOf("ab", "", "é☃") }),
    ];
    let next = 0;
    await using server = await startHttp1(() => ({ status: 200, body: bodies[next++]!() }), {
      kind,
    });
    using client = await server.connect();
    await client.send(GET + GET + LAST_GET);
    const received = await client.untilClosed();
    assertEquals(received.split("2\r\nab\r\n5\r\né☃\r\n0\r\n\r\n").length, 4, received);
    assertEquals(received.split("\r\ntransfer-encoding: chunked\r\n").length, 4);
  });

  Deno.test(`Http1Server() on ${kind} ends a stream of HTTP/1.0 with its connection (RFC 9112 §6.3)`, async () => {
    await using server = await startHttp1(reply(slowly("ab", "", "c".repeat(100_000))), { kind });
    using client = await server.connect();
    await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const received = await client.untilClosed();
    assertStringIncludes(received, "\r\nconnection: close\r\n\r\nab" + "c".repeat(100_000));
    assertEquals(received.includes("chunked"), false);
  });

  Deno.test(`Http1Server() on ${kind} makes slices only as the client takes them`, async () => {
    let made = 0;
    let isOver = false;
    const { promise: left, resolve } = Promise.withResolvers<void>();
    function* counted() {
      for (const slice of endless(resolve)) {
        made++;
        if (isOver) return;
        yield slice;
      }
    }
    await using server = await startHttp1(reply(counted()), { kind });
    using client = await server.connect();
    await client.send(GET);
    let before = -1;
    await until(() => {
      const stands = made > 0 && made === before;
      before = made;
      return stands;
    }, "the sockets to be full");
    // 64 KiB each: no more than what the sockets and the kernel hold.
    assert(made < 400, `${made} slices were made for nobody`);
    isOver = true;
    while (!client.received.endsWith("0\r\n\r\n") && await client.more());
    await within("the slices to be let go of", left, PATIENCE_MS);
  });

  Deno.test(`Http1Server() on ${kind} lets go of slices when the client leaves`, async () => {
    const { promise: left, resolve } = Promise.withResolvers<void>();
    await using server = await startHttp1(reply(endless(resolve)), { kind });
    const client = await server.connect();
    await client.send(GET);
    await client.until("200 OK");
    client.close();
    await within("the slices to be let go of", left, PATIENCE_MS);
  });

  Deno.test(`Http1Server() on ${kind} cuts off who takes nothing of a long answer`, async () => {
    const logged: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => logged.push(message) };
    const { promise: left, resolve } = Promise.withResolvers<void>();
    const limits = { stallTimeoutMs: 80 };
    await using server = await startHttp1(({ target }) => ({
      status: 200,
      body: target === "/" ? endless(resolve) : "x".repeat(50_000_000),
    }), { kind, logger, limits });
    using streaming = await server.connect();
    await streaming.send(GET);
    using whole = await server.connect();
    await whole.send("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n");
    await within("the slices to be let go of", left, PATIENCE_MS);
    await until(() => server.sockets.size === 0, "both connections to be cut");
    assertEquals(logged, [], "it is nobody's fault here");
  });

  Deno.test(`Http1Server() on ${kind} reads no more from who takes no answers`, async () => {
    let answered = 0;
    await using server = await startHttp1(() => {
      answered++;
      return { status: 200, body: "x".repeat(8000) };
    }, { kind });
    using client = await server.connect();
    const sending = client.send(GET.repeat(50_000)).catch(() => {});
    let before = -1;
    await until(() => {
      const stands = answered > 0 && answered === before;
      before = answered;
      return stands;
    }, "the sockets to be full");
    assert(answered < 5_000, `${answered} answers were made for nobody`);
    // It goes on as soon as they are taken.
    const stood = answered;
    while (answered === stood && await client.more());
    client.close();
    await sending;
  });
}

Deno.test("Http1Server() breaks the connection off and logs when slices fail", async () => {
  const logged: string[] = [];
  const logger = { ...silentLogger, error: (message: string) => logged.push(message) };
  await using server = await startHttp1(
    reply((function* () {
      yield "x";
      throw new Error("no more");
    })()),
    { logger },
  );
  using client = await server.connect();
  await client.send(GET + GET);
  const received = await client.untilClosed();
  assertEquals([received.includes("0\r\n\r\n"), logged], [false, ["An answer broke off"]]);
});

Deno.test("Http1Server() answers by one write what came by one read", async () => {
  const written: number[] = [];
  await using server = await startHttp1(reply("x".repeat(100)), {
    onRequest: (socket) => countWrites(socket, written),
  });
  using client = await server.connect();
  await client.send(GET.repeat(50) + LAST_GET);
  const received = await client.untilClosed();
  assertEquals(received.match(/HTTP\/1\.1 200 OK/g)?.length, 51);
  assertEquals(written, [received.length]);
});

Deno.test("Http1Server() keeps answers apart when several connections are answered in one turn", async () => {
  const { promise: go, resolve } = Promise.withResolvers<void>();
  let waiting = 0;
  await using server = await startHttp1(async ({ target }) => {
    waiting++;
    await go;
    return { status: 200, body: `${target.repeat(50)}|` };
  });
  const clients = await Promise.all(Array.from({ length: 20 }, () => server.connect()));
  for (const [i, client] of clients.entries()) {
    await client.send(last(`GET /${i}/ HTTP/1.1\r\nHost: a`));
  }
  await until(() => waiting === clients.length, "all requests");
  resolve();
  for (const [i, client] of clients.entries()) {
    const [head, body] = (await client.untilClosed()).split("\r\n\r\n");
    assertMatch(head!, /^HTTP\/1\.1 200 OK\r\n/);
    assertEquals(body, `${`/${i}/`.repeat(50)}|`);
    client.close();
  }
});

/** Notes the sizes of what is written to `socket`, once. */
function countWrites(socket: Socket, written: number[]): void {
  if (socket.listenerCount("counted") > 0) return;
  socket.on("counted", () => {});
  const write = socket.write.bind(socket) as (bytes: Uint8Array) => boolean;
  socket.write = (bytes: Uint8Array | string) => {
    written.push(bytes.length);
    return write(bytes as Uint8Array);
  };
}

Deno.test("SlicedBody frames a text for each who is told it, whatever others are told in between", async () => {
  const told = async (slices: string[], isChunked: boolean): Promise<string> => {
    let text = "";
    const sink: SliceSink = {
      isGone: false,
      write: (bytes) => {
        text += bytes.toString();
        return true;
      },
      drained: () => Promise.resolve(),
    };
    await new SlicedBody(slices, isChunked).writeTo(sink);
    return text;
  };
  const all = await Promise.all([
    told(["same"], true),
    told(["sämé"], true),
    told(["same"], true),
    told(["same"], false),
    told(["same", "same"], true),
    told(["s".repeat(5_000)], true),
    told(["same"], true),
  ]);
  const chunk = "4\r\nsame\r\n";
  const long = `1388\r\n${"s".repeat(5_000)}\r\n0\r\n\r\n`;
  const one = `${chunk}0\r\n\r\n`;
  assertEquals(all, [one, "6\r\nsämé\r\n0\r\n\r\n", one, "same", chunk + one, long, one]);
});
