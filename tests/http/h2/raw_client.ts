/** A client that sends any frames, for what no proper one would send, and a server to send them to. */
import { Buffer } from "node:buffer";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { assert, assertEquals } from "@std/assert";
import { silentLogger } from "../../../src/base/logger.ts";
import { Flag, FrameType, PREFACE } from "../../../src/http/h2/frame.ts";
import { HpackDecoder } from "../../../src/http/h2/hpack_decoder.ts";
import { HTTP2_LIMITS, type Http2Limits } from "../../../src/http/h2/options.ts";
import { Http2Server } from "../../../src/http/h2/server.ts";
import type { Field, ServerStream, StreamHandler } from "../../../src/http/h2/stream.ts";
import { PATIENCE_MS } from "../../api/harness.ts";

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** The bytes of a frame; `payload` may be hex. */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array | string = "",
): Buffer {
  const bytes = typeof payload === "string" ? hex(payload) : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, bytes]);
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** Four bytes. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A header block of literals that leave the table alone. */
export function block(fields: readonly Field[]): Buffer {
  const string = (text: string) => {
    const bytes = Buffer.from(text, "latin1");
    const length = bytes.length < 127 ? [bytes.length] : [
      127,
      (bytes.length - 127) & 0x7f | 0x80,
      (bytes.length - 127) >> 7 & 0x7f | 0x80,
      bytes.length - 127 >> 14,
    ];
    return Buffer.concat([Buffer.from(length), bytes]);
  };
  return Buffer.concat(
    fields.map(([name, value]) => Buffer.concat([Buffer.of(0), string(name), string(value)])),
  );
}

export function requestFields(path = "/", method = "GET", more: readonly Field[] = []): Field[] {
  return [
    [":method", method],
    [":scheme", "http"],
    [":path", path],
    [":authority", "test"],
    ...more,
  ];
}

export const END = Flag.endStream | Flag.endHeaders;

/** A whole request in one frame, or its head when `flags` say so. */
export function request(id: number, path = "/", flags: number = END): Buffer {
  return frame(FrameType.headers, flags, id, block(requestFields(path)));
}

export function settings(...values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = values.map(([id, value]) =>
    Buffer.concat([uint32(id).subarray(2), uint32(value)])
  );
  return frame(FrameType.settings, 0, 0, Buffer.concat(payload));
}

export class RawHttp2 implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #decoder = new HpackDecoder(1024 * 1024);
  readonly #heads = new WeakMap<Frame, readonly Field[]>();
  #bytes = Buffer.alloc(0);
  #isEnded = false;
  #isClosed = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Sends the preface and SETTINGS unless `begin` says something else. */
  static async connect(
    port: number,
    begin: Uint8Array = Buffer.concat([PREFACE, settings()]),
  ): Promise<RawHttp2> {
    const client = new RawHttp2(await Deno.connect({ hostname: "127.0.0.1", port }));
    await client.send(begin);
    return client;
  }

  async send(...parts: readonly Uint8Array[]): Promise<void> {
    const bytes = Buffer.concat(parts);
    let at = 0;
    while (at < bytes.length) at += await this.#connection.write(bytes.subarray(at));
  }

  /** As `send`, by a server that may have had enough. */
  async trySend(...parts: readonly Uint8Array[]): Promise<boolean> {
    return await this.send(...parts).then(() => true, () => false);
  }

  /** The next frame; undefined at the end of the connection. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const length = this.#bytes.length >= 9 ? this.#bytes.readUIntBE(0, 3) : Infinity;
      if (this.#bytes.length >= 9 + length) {
        const found = this.#bytes.subarray(0, 9 + length);
        this.#bytes = this.#bytes.subarray(9 + length);
        const id = found.readUInt32BE(5);
        const next = { type: found[3]!, flags: found[4]!, id, payload: found.subarray(9) };
        // At once, whoever asks for it: what it means hangs on all that came before.
        if (next.type === FrameType.headers && (next.flags & Flag.endHeaders) !== 0) {
          this.#heads.set(next, this.#decode(next.payload));
        }
        return next;
      }
      if (!await this.#read()) {
        assertEquals(this.#bytes.length, 0, "the server ended in the middle of a frame");
        return undefined;
      }
    }
  }

  /** The next frame of a type, and of a stream if one is given; what comes before it is passed over. */
  async until(type: number, id?: number): Promise<Frame> {
    for (;;) {
      const found = await this.next();
      assert(found !== undefined, `expected a frame of type ${type}, found the end`);
      if (found.type === type && (id === undefined || found.id === id)) return found;
      // One that only says that the server is stopping is no failure.
      if (found.type !== FrameType.goAway || goAwayOf(found) === "0") continue;
      throw new Error(`Expected a frame of type ${type}, found GOAWAY ${goAwayOf(found)}`);
    }
  }

  /** The answer to a request: status, the text of the body, trailers. */
  async answer(id: number): Promise<{ status: string; text: string; trailers: readonly Field[] }> {
    const head = this.fields(await this.until(FrameType.headers, id));
    const status = head.find(([name]) => name === ":status")![1];
    let text = "";
    for (;;) {
      const found = await this.next();
      assert(found !== undefined, "expected the rest of an answer, found the end");
      if (found.id !== id) continue;
      assert(found.type !== FrameType.rstStream, "expected the rest of an answer, found a reset");
      const isTrailers = found.type === FrameType.headers;
      if (!isTrailers) text += found.payload.toString("utf8");
      if ((found.flags & Flag.endStream) === 0) continue;
      return { status, text, trailers: isTrailers ? this.fields(found) : [] };
    }
  }

  /** Of a frame that came, or of one that was put together from several. */
  fields(head: Frame): readonly Field[] {
    return this.#heads.get(head) ?? this.#decode(head.payload);
  }

  /** Reads until the connection ends; the code and the text of its GOAWAY. */
  async goAway(): Promise<string> {
    for (let found = "";;) {
      const next = await this.next();
      if (next === undefined) return found;
      if (next.type === FrameType.goAway) found = goAwayOf(next);
    }
  }

  /** The code of the reset of stream `id`. */
  async resetOf(id: number): Promise<number> {
    return (await this.until(FrameType.rstStream, id)).payload.readUInt32BE();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #decode(block: Buffer): readonly Field[] {
    return this.#decoder.decode(block, 0, block.length).fields;
  }

  async #read(): Promise<boolean> {
    if (this.#isEnded) return false;
    const buffer = new Uint8Array(64 * 1024);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.close();
    }, PATIENCE_MS);
    const count = await this.#connection.read(buffer).catch(() => null);
    clearTimeout(timer);
    if (isLate) throw new Error("The server is silent");
    if (count === null) this.#isEnded = true;
    else this.#bytes = Buffer.concat([this.#bytes, buffer.subarray(0, count)]);
    return count !== null;
  }
}

function goAwayOf({ payload }: Frame): string {
  return `${payload.readUInt32BE(4)} ${payload.subarray(8).toString("utf8")}`.trim();
}

/** Answers by the path: see the cases. What it was told of its streams is in `heard`. */
export class TestServer implements AsyncDisposable {
  readonly heard: string[] = [];
  readonly streams: ServerStream[] = [];
  readonly server: Http2Server;
  readonly sockets: Socket[] = [];
  readonly #listener = createServer({ allowHalfOpen: true });
  port = 0;

  private constructor(limits: Partial<Http2Limits>, handler?: StreamHandler) {
    const options = { limits: { ...HTTP2_LIMITS, ...limits }, logger: silentLogger };
    this.server = new Http2Server(options, handler ?? ((stream) => this.#handle(stream)));
    this.#listener.on("connection", (socket: Socket) => {
      this.sockets.push(socket);
      this.server.serve(socket);
    });
  }

  static async start(
    limits: Partial<Http2Limits> = {},
    handler?: StreamHandler,
  ): Promise<TestServer> {
    const server = new TestServer(limits, handler);
    await new Promise<void>((resolve) => server.#listener.listen(0, "127.0.0.1", resolve));
    server.port = (server.#listener.address() as AddressInfo).port;
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    this.server.destroy();
    await closed;
  }

  #handle(stream: ServerStream): ReturnType<StreamHandler> {
    this.streams.push(stream);
    const { path } = stream;
    let size = 0;
    return {
      onData: (bytes) => {
        size += bytes.length;
        if (path === "/throw") throw new Error("planted");
        if (path === "/pause") stream.pause();
      },
      onEnd: (trailers) => {
        if (path === "/hold") return;
        const told = trailers?.map(([name, value]) => `${name}=${value}`) ?? [];
        stream.sendHeaders(200, [["content-type", "text/plain"]]);
        const large = Number(path.match(/^\/large\/(\d+)$/)?.[1] ?? 0);
        if (large > 0) stream.write(Buffer.alloc(large, "x"));
        else stream.write(Buffer.from([stream.method, path, `${size}`, ...told].join(" ")));
        stream.end(path === "/trailers" ? [["grpc-status", "0"]] : undefined);
      },
      onReset: (code) => void this.heard.push(`reset ${code}`),
      onDrain: () => void this.heard.push("drain"),
    };
  }
}
