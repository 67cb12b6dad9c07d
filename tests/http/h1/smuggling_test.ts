/**
 * Requests that two servers behind each other have been found to read differently, so
 * that one hides in the other (RFC 9112 §11.2). None may reach a handler but the first,
 * and that only where there is no doubt; each ends its connection with a 4xx.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { echo, octets, SOCKET_KINDS, startHttp1 } from "./harness.ts";

/** What hides behind the request. */
const HIDDEN = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

/** Headers of a POST, and what follows its head; the hidden request comes right behind. */
const VECTORS: Readonly<Record<string, readonly [headers: string, body: string]>> = {
  "a length and chunks": ["Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\n"],
  "chunks and a length": ["Transfer-Encoding: chunked\r\nContent-Length: 6", "0\r\n\r\n"],
  "two lengths": ["Content-Length: 0\r\nContent-Length: 33", ""],
  "a list of lengths": ["Content-Length: 0, 33", ""],
  "a length with a sign": ["Content-Length: +0", ""],
  "a length in another base": ["Content-Length: 0x0", ""],
  "a length with a space in it": ["Content-Length: 3 3", ""],
  "an empty length": ["Content-Length:", ""],
  "a length after a null": ["Content-Length: \x000", ""],
  "a space before the colon": ["Content-Length : 33", ""],
  "a tab before the colon": ["Transfer-Encoding\t: chunked", "0\r\n\r\n"],
  "a folded encoding": ["Transfer-Encoding:\r\n chunked", "0\r\n\r\n"],
  "a folded name": ["X: y\r\n Content-Length: 33", ""],
  "an encoding behind a control": ["Transfer-Encoding: \x0bchunked", "0\r\n\r\n"],
  "an encoding in quotes": ['Transfer-Encoding: "chunked"', "0\r\n\r\n"],
  "an unknown encoding": ["Transfer-Encoding: xchunked", "0\r\n\r\n"],
  "two encodings": ["Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n"],
  "an encoding twice": ["Transfer-Encoding: chunked, chunked", "0\r\n\r\n"],
  "an encoding before chunks": ["Transfer-Encoding: gzip, chunked", "0\r\n\r\n"],
  "an encoding that ends by no chunks": ["Transfer-Encoding: chunked, gzip", "0\r\n\r\n"],
  "an underscore that some take for a hyphen": [
    "Transfer_Encoding: chunked\r\nTransfer-Encoding: x",
    "0\r\n\r\n",
  ],
  "a name that begins by a space": [" Transfer-Encoding: chunked", "0\r\n\r\n"],
  "a line feed alone": ["X: y\nTransfer-Encoding: chunked", "0\r\n\r\n"],
  "a carriage return alone": ["X: y\rTransfer-Encoding: chunked", "0\r\n\r\n"],
  "a null in a name": ["Content-Length\0: 33", ""],
  "a second host": ["Host: b\r\nContent-Length: 0", ""],
  "a host with a path": ["X: y\r\nHost: b/c", ""],
  "a chunk's size with a prefix": ["Transfer-Encoding: chunked", "0x0\r\n\r\n"],
  "a chunk's size with a space": ["Transfer-Encoding: chunked", "0 \r\n\r\n"],
  "a chunk's size that overflows": ["Transfer-Encoding: chunked", "100000000\r\n\r\n"],
  "a chunk's line that ends by a line feed": ["Transfer-Encoding: chunked", "0\n\r\n"],
  "a chunk's extension with a line feed": ["Transfer-Encoding: chunked", "2;\nxx\r\n0\r\n\r\n"],
  "a chunk that ends by a line feed": ["Transfer-Encoding: chunked", "1\r\na\n0\r\n\r\n"],
  "a chunk that is longer than it says": ["Transfer-Encoding: chunked", "1\r\nabc\r\n0\r\n\r\n"],
  "a trailer with a line feed": ["Transfer-Encoding: chunked", "0\r\nX: y\n\r\n"],
  "an expectation nobody knows": ["Expect: x\r\nContent-Length: 0", ""],
};

for (const kind of SOCKET_KINDS) {
  Deno.test(`Http1Server() on ${kind} lets no request hide in another`, async () => {
    const seen: string[] = [];
    await using server = await startHttp1((exchange) => {
      seen.push(exchange.target);
      return echo(exchange);
    }, { kind });
    for (const [name, [headers, body]] of Object.entries(VECTORS)) {
      using client = await server.connect();
      const request = `POST /first HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;
      await client.send(octets(request + HIDDEN));
      const received = await client.untilClosed();
      assertMatch(received, /^HTTP\/1\.1 4\d\d [^]*\r\nconnection: close\r\n/, name);
      assertEquals(received.match(/HTTP\/1\.1 \d/g)?.length, 1, name);
      assertEquals(seen, [], name);
    }
  });
}

Deno.test("Http1Server() takes a hidden request for the body that it is", async () => {
  const seen: string[] = [];
  await using server = await startHttp1((exchange) => {
    seen.push(`${exchange.target} ${exchange.body.length}`);
    return { status: 200, body: "" };
  });
  using client = await server.connect();
  const length = `Content-Length: ${HIDDEN.length}`;
  await client.send(`GET /a HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n${HIDDEN}`);
  await client.send(`HEAD /b HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n${HIDDEN}`);
  await client.send("GET /c HTTP/1.0\r\n\r\n" + HIDDEN);
  await client.untilClosed();
  assertEquals(seen, [`/a ${HIDDEN.length}`, `/b ${HIDDEN.length}`, "/c 0"]);
});

Deno.test("Http1Server() reads nothing behind a request that ends the connection (RFC 9112 §9.6)", async () => {
  const seen: string[] = [];
  await using server = await startHttp1((exchange) => {
    seen.push(exchange.target);
    return { status: 200, body: "" };
  });
  using client = await server.connect();
  await client.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + HIDDEN);
  await client.send(HIDDEN).catch(() => {});
  await client.untilClosed();
  assertEquals(seen, ["/a"]);
});
