/** A client that somebody else wrote: the one of `node:http2`. */
import { Buffer } from "node:buffer";
import { type ClientHttp2Session, connect } from "node:http2";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { assert, assertEquals } from "@std/assert";
import { silentLogger } from "../../../src/base/logger.ts";
import { HTTP2_LIMITS } from "../../../src/http/h2/options.ts";
import { Http2Server } from "../../../src/http/h2/server.ts";
import type { StreamHandler } from "../../../src/http/h2/stream.ts";
import { TestServer } from "./raw_client.ts";

interface Answer {
  readonly size: number;
  readonly trailer: string | undefined;
}

function ask(session: ClientHttp2Session, path: string, body: Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = session.request({ ":method": "POST", ":path": path, te: "trailers" });
    let size = 0;
    let trailer: string | undefined;
    request.on("data", (bytes: Buffer) => size += bytes.length);
    request.on("trailers", (trailers) => trailer = trailers["grpc-status"] as string);
    request.on("end", () => resolve({ size, trailer }));
    request.on("error", reject);
    request.end(body);
  });
}

function closed(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    session.on("close", resolve);
    session.close();
  });
}

Deno.test("node:http2 gets answers with trailers, large and small, many at once", async () => {
  await using server = await TestServer.start();
  const session = connect(`http://127.0.0.1:${server.port}`);
  const small = Array.from({ length: 300 }, (_, i) => ask(session, "/trailers", Buffer.alloc(i)));
  const sizes = [1, 16_384, 65_536, 300_000, 2_000_000];
  const large = sizes.map((size) => ask(session, `/large/${size}`, Buffer.alloc(200_000)));
  for (const { size, trailer } of await Promise.all(small)) {
    assert(size > 0);
    assertEquals(trailer, "0");
  }
  assertEquals((await Promise.all(large)).map(({ size }) => size), sizes);
  await closed(session);
});

/** Answers a little later. */
const later: StreamHandler = (stream) => ({
  onData() {},
  onEnd() {
    setTimeout(() => {
      stream.sendHeaders(200, []);
      stream.write(Buffer.from("x"));
      stream.end();
    }, 2);
  },
  onReset() {},
  onDrain() {},
});

Deno.test("a shutdown costs node:http2 no request, however many are on their way", async () => {
  const options = { limits: HTTP2_LIMITS, logger: silentLogger };
  const servers = Array.from({ length: 4 }, () => new Http2Server(options, later));
  let turn = 0;
  const listener = createServer((socket: Socket) => servers[turn]!.serve(socket));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  let session = connect(`http://127.0.0.1:${port}`);
  const sessions = [session];
  let answers = 0;
  const client = async () => {
    while (turn < servers.length - 1 || answers < 2_000) {
      if (session.closed || session.destroyed) {
        session = connect(`http://127.0.0.1:${port}`);
        sessions.push(session);
      }
      await ask(session, "/", Buffer.from("y"));
      answers++;
    }
  };
  const clients = Array.from({ length: 20 }, client);
  for (const [i, server] of servers.slice(0, -1).entries()) {
    const before = answers;
    while (answers < before + 300) await new Promise((resolve) => setTimeout(resolve, 1));
    turn = i + 1;
    await server.drain();
  }
  await Promise.all(clients);
  assert(sessions.length >= servers.length);
  await closed(session);
  await servers.at(-1)!.drain();
  await new Promise<void>((resolve) => listener.close(() => resolve()));
});
