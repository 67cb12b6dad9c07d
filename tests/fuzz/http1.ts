/**
 * HTTP/1.1 connections without sockets: requests, broken ones among them, as a
 * pipeline that comes in one piece and in many. However the bytes come, the handler
 * must see the same requests, those that a strict parser sees first of all, and the
 * client must get as many answers.
 */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { renderFault } from "../../src/api/v1/fault.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { Http1Server } from "../../src/http/h1/server.ts";
import { HTTP_LIMITS } from "../api/harness.ts";
import { SeededRandom } from "../sim/random.ts";
import { joined } from "./mutate.ts";
import { anyBroken, anyRequest } from "./requests.ts";
import { parseRequest } from "./strict_http.ts";
import { expectSame, FuzzError, type Subject } from "./subject.ts";
import { busyTurn, quietTurn, turn } from "../http/turns.ts";

const BODY_BYTES_MAX = 4096;

/** What a connection uses of a socket. */
class FakeSocket extends EventEmitter {
  allowHalfOpen = false;
  destroyed = false;
  writableFinished = false;
  readonly written: string[] = [];

  setNoDelay(): void {}
  pause(): void {}
  resume(): void {}

  write(bytes: Uint8Array): boolean {
    if (this.writableFinished) throw new FuzzError("Written behind the end");
    this.written.push(Buffer.from(bytes).toString("latin1"));
    return true;
  }

  end(): void {
    if (this.writableFinished) throw new FuzzError("Ended twice");
    this.writableFinished = true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit("close");
  }
}

/** What a pipeline has led to. */
interface Outcome {
  /** Method, target and body of what the handler saw. */
  readonly seen: readonly string[];
  /** Of the answers that are no refusals of the connection itself. */
  readonly answers: number;
  /** The last answer refuses what came. */
  readonly isRefused: boolean;
}

let seen: string[] = [];

const server = new Http1Server({
  limits: { ...HTTP_LIMITS, bodyBytesMax: BODY_BYTES_MAX },
  logger: silentLogger,
  renderFault,
}, ({ method, target, bytes }) => {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) throw new FuzzError(`Method ${method}`);
  if (!/^\/[^\0-\x20\x7f]*$/.test(target)) throw new FuzzError(`Target ${target}`);
  if (bytes.length > BODY_BYTES_MAX) throw new FuzzError(`A body of ${bytes.length} bytes`);
  seen.push(`${method} ${target} ${bytes.toHex()}`);
  return { status: 200, body: "" };
});

async function run(pieces: readonly Uint8Array[], begin: () => Promise<void>): Promise<Outcome> {
  await begin();
  seen = [];
  const socket = new FakeSocket();
  server.serve(socket as unknown as Socket);
  for (const piece of pieces) socket.emit("data", Buffer.from(piece));
  socket.emit("end");
  await turn();
  socket.destroy();
  const statuses = [...socket.written.join("").matchAll(/HTTP\/1\.1 (\d)\d\d /g)];
  if (statuses.some(([, first]) => first === "5")) throw new FuzzError("A handler's assertion");
  const answers = statuses.filter(([, first]) => first === "2").length;
  return { seen, answers, isRefused: statuses.at(-1)?.[1] === "4" };
}

/** `bytes` cut at random places, now and then at each; long ones not into ever so many. */
function pieces(bytes: Uint8Array, random: SeededRandom): Uint8Array[] {
  const sizeMax = Math.max(random.pick([1, 3, 40, bytes.length]), bytes.length >> 9);
  const result: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = random.integer(1, sizeMax);
    result.push(bytes.subarray(at, at + size));
    at += size;
  }
  return result;
}

export const http1: Subject = {
  name: "http1 pipelines",
  promise: "the same requests, however the bytes come; what a strict parser sees is seen",
  make(random) {
    const requests = Array.from(
      { length: random.skewed(1, 4) },
      () => random.chance(0.3) ? anyBroken(random) : anyRequest(random),
    );
    return joined(...requests);
  },
  async check([input]) {
    const whole = await run([input!], quietTurn);
    expectSame(whole.answers, whole.seen.length, "The answers");
    const strict = parseRequest(input!);
    if (strict !== undefined && strict.bodyBytes <= BODY_BYTES_MAX) {
      const { method, target, body } = strict;
      const [first] = whole.seen;
      const found = first?.replace(/ [0-9a-f]*$/, "");
      expectSame([whole.seen.length, found], [1, `${method} ${target}`], "The request");
      const bytes = Uint8Array.fromHex(first!.slice(found!.length + 1));
      expectSame(new TextDecoder().decode(bytes), body, "Its body");
    }
    // The same cuts for the same input.
    const random = new SeededRandom(input!.length, input![0] ?? 0);
    expectSame(await run(pieces(input!, random), quietTurn), whole, "In pieces");
    expectSame(await run(pieces(input!, random), busyTurn), whole, "In pieces of one turn");
  },
};
