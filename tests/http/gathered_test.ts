/** Bodies in pieces of any size: what is kept of them is about as much as what is counted. */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import v8 from "node:v8";
import vm from "node:vm";
import { assert, assertEquals } from "@std/assert";
import { renderFault } from "../../src/api/v1/fault.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { Exchange, Handler } from "../../src/http/exchange.ts";
import { Gathered } from "../../src/http/gathered.ts";
import { Http2Exchanges } from "../../src/http/h2/exchange.ts";
import type { ServerStream } from "../../src/http/h2/stream.ts";
import { NodeExchanges } from "../../src/http/node_exchange.ts";
import { HTTP_LIMITS } from "../api/harness.ts";

const OCTETS = 50_000;

/** Makes garbage go at once. The flag counts for realms that are made after it. */
const collectGarbage: () => void = (() => {
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc");
})();

/** By how many bytes `fill` makes the process larger, for good. */
function bytesKept(fill: () => void): number {
  collectGarbage();
  const before = Deno.memoryUsage();
  fill();
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external - before.heapUsed - before.external;
}

/** What `send`, which gets each octet of a body, makes an exchange keep is no object an octet. */
function assertKeepsLittle(send: (octet: Uint8Array) => void): void {
  const bytes = bytesKept(() => {
    for (let i = 0; i < OCTETS; i++) send(Uint8Array.of(0x61 + i % 26));
  });
  assert(bytes < 20 * OCTETS, `${bytes} bytes are kept of ${OCTETS}`);
}

/** A handler that keeps the body that it is given. */
function hearing(): { readonly handler: Handler; readonly heard: Exchange[] } {
  const heard: Exchange[] = [];
  return { heard, handler: (exchange) => (heard.push(exchange), { status: 200, body: "" }) };
}

const OPTIONS = { limits: HTTP_LIMITS, logger: silentLogger, renderFault };
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

Deno.test("Gathered has the bytes of all pieces, and those that it gave do not change", () => {
  const gathered = new Gathered();
  assertEquals([gathered.size, gathered.bytes.length], [0, 0]);
  let expected = "";
  const given: Buffer[] = [];
  for (const size of [1, 0, 3, 8, 1, 100, 1]) {
    gathered.append(Buffer.from(ALPHABET.repeat(4).slice(0, size)));
    expected += ALPHABET.repeat(4).slice(0, size);
    given.push(gathered.bytes);
    assertEquals(gathered.bytes.toString(), expected);
    assertEquals(gathered.size, expected.length);
  }
  gathered.clear();
  gathered.append(Buffer.from("0"));
  assertEquals(gathered.bytes.toString(), "0");
  for (const bytes of given) assertEquals(bytes.toString(), expected.slice(0, bytes.length));
});

Deno.test("Http2Exchanges keep a body that comes in single octets in one piece", () => {
  const { handler, heard } = hearing();
  const exchanges = new Http2Exchanges(OPTIONS, handler);
  const stream = { method: "POST", path: "/", isRemoteEnded: false, header: () => undefined };
  const receiver = exchanges.serve({
    ...stream,
    endWithHeaders: () => {},
  } as unknown as ServerStream);
  assertKeepsLittle((octet) => receiver.onData(octet));
  receiver.onEnd();
  assertEquals(heard[0]!.bytes.length, OCTETS);
  assertEquals(heard[0]!.body.slice(0, 26), ALPHABET);
  exchanges.close();
});

Deno.test("NodeExchanges keep a body that comes in single octets in one piece", () => {
  const { handler, heard } = hearing();
  const exchanges = new NodeExchanges(OPTIONS, handler);
  const request = Object.assign(new EventEmitter(), {
    ...{ method: "POST", url: "/", headers: { "transfer-encoding": "chunked" } },
    socket: {} as Socket,
  }) as unknown as IncomingMessage;
  const response = { destroyed: false, writeHead: () => {}, end: () => {} };
  exchanges.begin(request, response as unknown as ServerResponse);
  assertKeepsLittle((octet) => request.emit("data", Buffer.from(octet)));
  request.emit("end");
  assertEquals(heard[0]!.bytes.length, OCTETS);
  assertEquals(heard[0]!.body.slice(0, 26), ALPHABET);
  exchanges.close();
});
