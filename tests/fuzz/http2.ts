/**
 * HTTP/2 connections without sockets: frames of all kinds, broken ones among them, that come
 * in one piece and in many. However they come, the same goes back: whole frames, within the
 * windows, in the order that streams allow; and every handler hears of its stream's end.
 */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { type Fields, silentLogger } from "../../src/base/logger.ts";
import { Flag, FrameType as T, PREFACE, Setting } from "../../src/http/h2/frame.ts";
import { HpackDecoder } from "../../src/http/h2/hpack_decoder.ts";
import { HTTP2_LIMITS } from "../../src/http/h2/options.ts";
import { Http2Server } from "../../src/http/h2/server.ts";
import type { Field, ServerStream, StreamReceiver } from "../../src/http/h2/stream.ts";
import { block, END, frame, requestFields, settings, uint32 } from "../http/h2/raw_client.ts";
import { SeededRandom } from "../sim/random.ts";
import { joined, mutated, randomBytes } from "./mutate.ts";
import { expectSame, FuzzError, type Subject } from "./subject.ts";
import { quietTurn } from "../http/turns.ts";

const WINDOW = 65_535;

/** What a connection uses of a socket. What is written is taken by `take`. */
class FakeSocket extends EventEmitter {
  destroyed = false;
  isEnded = false;
  #taken: (() => void)[] = [];
  readonly written: Buffer[] = [];

  setNoDelay(): void {}
  pause(): void {}
  resume(): void {}
  cork(): void {}
  uncork(): void {}

  write(bytes: Uint8Array, taken: () => void): boolean {
    if (this.isEnded) throw new FuzzError("Written behind the end");
    this.written.push(Buffer.from(bytes));
    this.#taken.push(taken);
    return true;
  }

  /** Takes all that is written, and what follows from that. */
  async take(): Promise<void> {
    do {
      while (this.#taken.length > 0) this.#taken.shift()!();
      // Answers leave at the end of the callback that made them.
      await undefined;
    } while (this.#taken.length > 0);
  }

  end(): void {
    if (this.isEnded) throw new FuzzError("Ended twice");
    this.isEnded = true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit("close");
  }
}

/** What has come to one handler. */
class Heard implements StreamReceiver {
  readonly #stream: ServerStream;
  #bytes = 0;
  #ends = 0;
  #resets = 0;

  constructor(stream: ServerStream) {
    this.#stream = stream;
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(stream.method)) {
      throw new FuzzError(`Method ${stream.method}`);
    }
    if (!/^(\/[^\0-\x20\x7f]*|\*)$/.test(stream.path)) throw new FuzzError(`Path ${stream.path}`);
    for (const [name, value] of stream.fields) {
      if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) throw new FuzzError(`A field ${name}`);
      if (/[\0\r\n]/.test(value)) throw new FuzzError(`A value of ${name}`);
      if (name === "connection" || name === "transfer-encoding") throw new FuzzError(name);
    }
  }

  /** All is over: has it heard of that? */
  conclude(): void {
    if (!this.#stream.isClosed) throw new FuzzError("A stream outlives its connection");
    if (this.#ends + this.#resets === 0) throw new FuzzError("A handler waits for ever");
  }

  onData(bytes: Uint8Array): void {
    this.#expectOpen("data");
    this.#bytes += bytes.length;
  }

  onEnd(): void {
    this.#expectOpen("an end");
    this.#ends++;
    const told = this.#stream.header("content-length");
    if (told !== undefined) expectSame(this.#bytes, Number(told), "The body");
    this.#answer();
  }

  onReset(): void {
    if (this.#resets > 0) throw new FuzzError("A handler hears of two resets");
    this.#resets++;
  }

  onDrain(): void {
    this.#expectOpen("a drain", 1);
    this.#stream.end([["drained", "yes"]]);
  }

  #answer(): void {
    const stream = this.#stream;
    const size = Number(/^\/(\d{1,5})$/.exec(stream.path)?.[1] ?? 5);
    if (stream.path === "/hold") return;
    if (stream.path === "/head") return stream.endWithHeaders(204, HEAD);
    stream.sendHeaders(200, HEAD);
    const isMore = stream.writeInto(size, (target, at) => {
      target.fill(1, at, at + size);
      return at + size;
    });
    if (isMore) stream.end(size % 2 === 0 ? TRAILERS : undefined);
  }

  #expectOpen(what: string, ends = 0): void {
    if (this.#resets > 0 || this.#ends > ends) {
      throw new FuzzError(`A handler hears of ${what} late`);
    }
  }
}

const HEAD: readonly Field[] = [["content-type", "text/plain"], ["x-long", "y".repeat(100)]];
const TRAILERS: readonly Field[] = [["grpc-status", "0"]];

let heard: Heard[] = [];
const failures: unknown[] = [];
const limits = {
  ...HTTP2_LIMITS,
  streamsMax: 5,
  streamWindowBytes: WINDOW,
  connectionWindowBytes: WINDOW,
  headerListBytesMax: 1000,
};
const logger = {
  ...silentLogger,
  error: (message: string, fields: Fields = {}) => void failures.push(fields["cause"] ?? message),
};
function handle(stream: ServerStream): StreamReceiver {
  const receiver = new Heard(stream);
  heard.push(receiver);
  return receiver;
}

const server = new Http2Server({ limits, logger }, handle);
/** Requests often wait there for their turn, so that what goes back hangs on how bytes come. */
const narrowServer = new Http2Server({ limits: { ...limits, queuedBytesMax: 0 }, logger }, handle);

/** Everything that goes back to a client that sends `pieces`. */
async function run(pieces: readonly Uint8Array[], server: Http2Server): Promise<Buffer> {
  // Connections are known until the end of the turn in which they began, too.
  await quietTurn();
  heard = [];
  const socket = new FakeSocket();
  server.serve(socket as unknown as Socket);
  await socket.take();
  for (const piece of pieces) {
    socket.emit("data", Buffer.from(piece));
    await socket.take();
  }
  socket.emit("end");
  socket.destroy();
  for (const receiver of heard) receiver.conclude();
  const failure = failures.splice(0)[0];
  if (failure !== undefined) throw new FuzzError(`A failure: ${failure}`);
  return Buffer.concat(socket.written);
}

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** Whole frames, and what is left. */
function framesOf(bytes: Buffer): { readonly frames: Frame[]; readonly rest: number } {
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length - at >= 9 && bytes.length - at >= 9 + bytes.readUIntBE(at, 3)) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    const id = bytes.readUInt32BE(at + 5) % 2 ** 31;
    frames.push({
      type: bytes[at + 3]!,
      flags: bytes[at + 4]!,
      id,
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return { frames, rest: bytes.length - at };
}

const BEGINNING = joined(PREFACE, settings([4, 0]).subarray(0, 9 + 2));

/** Whether `input` has the beginning that `make` gives it, with a window that may be. */
function isBegun(input: Uint8Array): boolean {
  return BEGINNING.every((octet, at) => input[at] === octet) && input[BEGINNING.length]! < 0x80 &&
    input.length >= BEGINNING.length + 4;
}

/** The frames as text; how DATA that follows DATA is cut hangs on how the bytes come. */
function told(bytes: Buffer): string[] {
  const texts: string[] = [];
  let last: Frame | undefined;
  for (const { type, flags, id, payload } of framesOf(bytes).frames) {
    const isMore = type === T.data && last?.type === T.data && last.id === id;
    const whole = isMore ? Buffer.concat([last!.payload, payload]) : payload;
    if (isMore) texts.pop();
    texts.push(`${type} ${flags} ${id} ${whole.toString("hex")}`);
    last = { type, flags, id, payload: whole };
  }
  return texts;
}

/** What the peer may be sent at most, whatever of its frames was taken. */
function allowance(sent: Buffer): (id: number) => number {
  let initial = WINDOW;
  const updates = new Map<number, number>([[0, WINDOW]]);
  for (const { type, id, payload } of framesOf(sent.subarray(PREFACE.length)).frames) {
    if (type === T.windowUpdate && payload.length === 4) {
      updates.set(id, (updates.get(id) ?? 0) + payload.readUInt32BE() % 2 ** 31);
    } else if (type === T.settings) {
      for (let at = 0; at + 6 <= payload.length; at += 6) {
        if (payload.readUInt16BE(at) !== Setting.initialWindowSize) continue;
        initial = Math.max(initial, payload.readUInt32BE(at + 2));
      }
    }
  }
  return (id) => (updates.get(id) ?? 0) + (id === 0 ? 0 : initial);
}

/** Throws when what was received breaks a rule. */
function checkReceived(received: Buffer, sent: Buffer): void {
  const { frames, rest } = framesOf(received);
  expectSame(rest, 0, "Bytes behind the last frame");
  const allowed = allowance(sent);
  const decoder = new HpackDecoder(2 ** 20);
  const states = new Map<number, "open" | "ended" | "reset">();
  const data = new Map<number, number>();
  for (const [i, { type, flags, id, payload }] of frames.entries()) {
    const state = states.get(id);
    if (type === T.headers || type === T.data) {
      if (state === "ended" || state === "reset") throw new FuzzError(`Stream ${id} goes on`);
      if (type === T.data && state === undefined) throw new FuzzError(`Stream ${id} has no head`);
      if (type === T.headers) decoder.decode(payload, 0, payload.length);
      states.set(id, (flags & Flag.endStream) !== 0 ? "ended" : "open");
    } else if (type === T.rstStream) states.set(id, "reset");
    else if (type === T.goAway && i < frames.length - 1) {
      expectSame(payload.readUInt32BE(4), 0, "Frames behind a GOAWAY with code");
    }
    if (type !== T.data) continue;
    for (const stream of [0, id]) {
      data.set(stream, (data.get(stream) ?? 0) + payload.length);
      if (data.get(stream)! > allowed(stream)) {
        throw new FuzzError(`More than the window of ${stream}`);
      }
    }
  }
}

const PATHS = ["/", "/5", "/17", "/500", "/hold", "/head", "/head", "/", "/20000", "/70000"];

function anyRequest(random: SeededRandom, id: number): Uint8Array {
  const more: Field[] = [];
  if (random.chance(0.2)) more.push(["content-length", `${random.skewed(0, 300)}`]);
  if (random.chance(0.1)) {
    more.push([random.pick(["te", "Connection", "host", "x-y", "cookie"]), "trailers"]);
  }
  if (random.chance(0.05)) more.push(["long", "z".repeat(random.pick([900, 3000]))]);
  const fields = requestFields(random.pick(PATHS), random.pick(["GET", "POST"]), more);
  const whole = random.chance(0.1) ? block(random.shuffled(fields)) : block(fields);
  const end = random.chance(0.5) ? Flag.endStream : 0;
  if (random.chance(0.8)) return frame(T.headers, end | Flag.endHeaders, id, whole);
  const cut = random.integer(0, whole.length);
  return joined(
    frame(T.headers, end, id, whole.subarray(0, cut)),
    frame(T.continuation, Flag.endHeaders, id, whole.subarray(cut)),
  );
}

function anyFrame(random: SeededRandom, fresh: () => number): Uint8Array {
  const id = random.pick([1, 3, 3, 5, 7, 9, 11, 0, 2]);
  const flags = random.chance(0.3) ? Flag.endStream : 0;
  switch (random.integer(0, 14)) {
    case 0:
      return frame(
        T.data,
        flags | Flag.padded,
        id,
        joined(Uint8Array.of(2), randomBytes(random, random.integer(0, 9))),
      );
    case 1:
    case 2:
      return frame(T.data, flags, id, new Uint8Array(random.skewed(0, 16_384)));
    case 3:
      return frame(T.headers, END, id, block([["trailer", "yes"]]));
    case 4:
      return frame(T.rstStream, 0, id, uint32(8));
    case 5:
    case 6:
      return frame(
        T.windowUpdate,
        0,
        id,
        uint32(random.pick([1, 5, 30_000, 70_000, 2 ** 31 - 1, 0])),
      );
    case 7:
      return settings([random.integer(1, 7), random.pick([0, 1, 100, 65_535, 16_384, 2 ** 31])]);
    case 8:
      return frame(T.ping, random.pick([0, 1]), 0, randomBytes(random, 8));
    case 9:
      return random.chance(0.2)
        ? frame(T.goAway, 0, 0, new Uint8Array(8))
        : frame(T.priority, 0, id, new Uint8Array(5));
    case 10:
      return frame(
        random.integer(0, 255),
        random.integer(0, 255),
        id,
        randomBytes(random, random.skewed(0, 30)),
      );
    default:
      return anyRequest(random, fresh());
  }
}

export const http2: Subject = {
  name: "http2 connections",
  promise: "whole frames within the windows, the same however the bytes come",
  make(random) {
    let next = 1;
    const fresh = () => (next += 2) - 2;
    const frames = Array.from({ length: random.skewed(1, 30) }, () => anyFrame(random, fresh));
    const bytes = joined(PREFACE, settings([4, random.pick([65_535, 10, 100_000])]), ...frames);
    return random.chance(0.3) ? mutated(bytes, random) : bytes;
  },
  async check([input]) {
    const whole = await run([input!], server);
    checkReceived(whole, Buffer.from(input!));
    // Or nothing was handled at all.
    if (isBegun(input!)) expectSame(told(whole)[1], "4 1 0 ", "What the client's SETTINGS get");
    const random = new SeededRandom(input!.length, input!.at(-1) ?? 0);
    const pieces: Uint8Array[] = [];
    const sizeMax = Math.max(random.pick([1, 10, 500, input!.length]), input!.length >> 8);
    for (let at = 0; at < input!.length;) {
      const size = random.integer(1, sizeMax);
      pieces.push(input!.subarray(at, at + size));
      at += size;
    }
    const cut = await run(pieces, server);
    if (!cut.equals(whole)) expectSame(told(cut), told(whole), "In pieces");
    checkReceived(await run(pieces, narrowServer), Buffer.from(input!));
  },
};
