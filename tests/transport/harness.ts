/** Members on real sockets for the transport's tests, and peers that misbehave on purpose. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { Logger } from "../../src/base/logger.ts";
import type { Listener } from "../../src/http/endpoint.ts";
import type { Handler } from "../../src/http/exchange.ts";
import { listenNode } from "../../src/http/node_listener.ts";
import {
  acceptance,
  type Admission,
  type Hello,
  helloHeaders,
  STREAM_PATH,
} from "../../src/transport/handshake.ts";
import { PeerTransport, type TransportLimits } from "../../src/transport/peer_transport.ts";
import type { PeerTls } from "../../src/transport/peer_http.ts";

export const CLUSTER = 0xc1;

export const LIMITS: TransportLimits = {
  queueBytesMax: 4 * 1024 * 1024,
  frameBytesMax: 1024 * 1024,
  handshakeTimeoutMs: 2000,
  reconnectMinMs: 5,
  reconnectMaxMs: 20,
  pingIntervalMs: 50,
  silenceMsMax: 5000,
  drainMsMax: 500,
  acceptedMax: 16,
};

/** How long a condition may take before its test fails. */
const PATIENCE_MS = 20_000;

const fixtures = new URL("../../fixtures/ca/", import.meta.url);

export function pem(file: string): string {
  return Deno.readTextFileSync(new URL(file, fixtures));
}

/** The pair `NAME.crt` and `NAME.key.insecure`, trusting `ca`. */
export function tlsOf(name: string, ca = "ca.crt"): PeerTls {
  return { cert: pem(`${name}.crt`), key: pem(`${name}.key.insecure`), ca: pem(ca) };
}

/** Resolves once `condition` holds, checked each time something `happens`; rejects in the end. */
export class Conditions {
  readonly #waiting = new Set<() => void>();

  happen(): void {
    for (const check of this.#waiting) check();
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        this.#waiting.delete(check);
        clearTimeout(timer);
        clearInterval(poll);
        settle();
      };
      const check = () => {
        if (condition()) finish(resolve);
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`Waited ${PATIENCE_MS} ms for: ${what}`))),
        PATIENCE_MS,
      );
      // Counters change without an event.
      const poll = setInterval(check, 5);
      this.#waiting.add(check);
      check();
    });
  }
}

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly cause: string;
}

export interface MemberOptions {
  readonly id: number;
  readonly session?: number;
  readonly clusterId?: number;
  readonly tls?: PeerTls;
  readonly limits?: Partial<TransportLimits>;
  readonly clock?: Clock;
  readonly hostname?: string;
  readonly port?: number;
  /** What it announces, if not where it listens. */
  readonly url?: string;
  readonly admit?: (hello: Hello) => Admission;
  readonly receive?: (from: number, frame: Uint8Array) => void;
  readonly handler?: Handler;
}

/** One member: transport, listener, and a record of all that came out of them. */
export class TestMember {
  readonly id: number;
  readonly received: { readonly from: number; readonly frame: Uint8Array }[] = [];
  readonly connections: string[] = [];
  readonly refusals: {
    readonly id: number;
    readonly status: number;
    readonly reason: string;
    readonly rival?: number;
  }[] = [];
  readonly hellos: Hello[] = [];
  readonly lines: Line[] = [];
  readonly transport: PeerTransport;
  readonly #conditions = new Conditions();
  readonly #options: MemberOptions;
  #listener: Listener | undefined;

  private constructor(options: MemberOptions) {
    this.id = options.id;
    this.#options = options;
    const { tls } = options;
    this.transport = new PeerTransport({
      self: options.id,
      clusterId: options.clusterId ?? CLUSTER,
      session: options.session ?? 5,
      name: `node${options.id}`,
      version: "1.0.0",
      selfUrl: () => options.url ?? this.url,
      ...(tls === undefined ? {} : { tls: () => tls }),
      limits: { ...LIMITS, ...options.limits },
      clock: options.clock ?? systemClock,
      random: () => 0.5,
      logger: this.#logger(),
      receive: (from, frame) => {
        options.receive?.(from, frame);
        this.received.push({ from, frame });
        this.#conditions.happen();
      },
      admit: (hello) => {
        this.hellos.push(hello);
        return options.admit?.(hello) ?? { ok: true };
      },
      onConnection: (id, state) => {
        this.connections.push(`${id} ${state}`);
        this.#conditions.happen();
      },
      onRefused: (id, { status, reason, rival }) => {
        this.refusals.push({ id, status, reason, ...(rival !== undefined && { rival }) });
        this.#conditions.happen();
      },
    });
  }

  static async start(options: MemberOptions): Promise<TestMember> {
    const member = new TestMember(options);
    const { tls, handler } = options;
    member.#listener = await listenNode(
      {
        hostname: options.hostname ?? "127.0.0.1",
        port: options.port ?? 0,
        ...(tls === undefined ? {} : { tls }),
        renderFault: ({ status, problem }) => ({ status, body: problem }),
        limits: {
          bodyBytesMax: 65536,
          arrivingBytesMax: 1024 * 1024,
          bodyTimeoutMs: 2000,
          stallTimeoutMs: 20_000,
          headerBytesMax: 16384,
          headerTimeoutMs: 2000,
          idleTimeoutMs: 2000,
          handshakeTimeoutMs: 2000,
          connectionsMax: 100,
          spareDescriptors: 32,
          shutdownGraceMs: 1000,
        },
        logger: member.#logger(),
        onUpgrade: (request, socket, head) => member.transport.handleUpgrade(request, socket, head),
      },
      handler ?? (() => ({ status: 404, body: "" })),
    );
    return member;
  }

  get url(): string {
    const scheme = this.#options.tls === undefined ? "http" : "https";
    return `${scheme}://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.#listener!.port;
  }

  /** The frames from `from` as text. */
  texts(from: number): string[] {
    return this.received.filter((item) => item.from === from).map((item) => textOf(item.frame));
  }

  send(to: number, text: string): void {
    this.transport.send(to, bytesOf(text));
  }

  stats(id: number) {
    const stats = this.transport.stats().find((item) => item.id === id);
    if (stats === undefined) throw new Error(`No statistics of peer ${id}`);
    return stats;
  }

  /** Warnings and errors whose cause or message contains `text`. */
  complaints(text: string): Line[] {
    return this.lines.filter((line) =>
      (line.level === "warn" || line.level === "error") &&
      `${line.message}: ${line.cause}`.includes(text)
    );
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return this.#conditions.until(`member ${this.id}: ${what}`, condition);
  }

  /** Resolves once this member can send to `id`. */
  untilUp(id: number): Promise<void> {
    return this.until(`up to ${id}`, () => this.stats(id).connected);
  }

  async stop(): Promise<void> {
    await this.transport.close();
    await this.#listener?.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #logger(): Logger {
    const log = (level: string) => (message: string, fields?: Record<string, unknown>) => {
      this.lines.push({ level, message, cause: String(fields?.["cause"] ?? "") });
      this.#conditions.happen();
    };
    return {
      error: log("error"),
      warn: log("warn"),
      info: log("info"),
      debug: log("debug"),
      trace: log("trace"),
    };
  }
}

/** Makes each member dial all others. */
export function join(...members: TestMember[]): void {
  const peers = members.map(({ id, url }) => ({ id, url }));
  for (const member of members) member.transport.setPeers(peers);
}

/** A plain peer that takes every stream and then leaves it to `onStream`; it answers no ping. */
export async function startMutePeer(
  id: number,
  onStream: (socket: Socket) => void,
): Promise<{ readonly url: string; [Symbol.asyncDispose](): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on("upgrade", (_request: IncomingMessage, stream) => {
    const socket = stream as Socket;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.write(acceptance(CLUSTER, id, 5));
    onStream(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A connection to a member's port on which a test writes what it likes. */
export class RawCaller {
  readonly #connection: Deno.TcpConn;
  #text = "";

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async connect(member: TestMember): Promise<RawCaller> {
    return new RawCaller(await Deno.connect({ hostname: "127.0.0.1", port: member.port }));
  }

  async write(data: string | Uint8Array): Promise<void> {
    let bytes = typeof data === "string" ? bytesOf(data) : data;
    while (bytes.length > 0) bytes = bytes.subarray(await this.#connection.write(bytes));
  }

  /** Asks for a stream as `hello` says, with `after` in the same write; resolves with the answer's head. */
  async shake(
    hello: Partial<Hello>,
    headers: Record<string, string> = {},
    after = "",
  ): Promise<string> {
    const whole: Hello = {
      clusterId: CLUSTER,
      from: 9,
      session: 5,
      to: 1,
      name: "raw",
      url: "http://127.0.0.1:1",
      version: "1.0.0",
      ...hello,
    };
    const lines = Object.entries({ host: "test", ...helloHeaders(whole), ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`);
    await this.write(`GET ${STREAM_PATH} HTTP/1.1\r\n${lines.join("")}\r\n${after}`);
    return await this.readTo("\r\n\r\n");
  }

  /** Reads up to and with `end`; what comes behind it stays. */
  async readTo(end: string): Promise<string> {
    while (!this.#text.includes(end)) {
      const more = await this.#read();
      if (more === undefined) throw new Error(`Closed before "${end}", after "${this.#text}"`);
      this.#text += more;
    }
    const length = this.#text.indexOf(end) + end.length;
    const head = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return head;
  }

  /** Resolves with what is left when the member closes. */
  async readToEnd(): Promise<string> {
    for (let more = await this.#read(); more !== undefined; more = await this.#read()) {
      this.#text += more;
    }
    return this.#text;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  async #read(): Promise<string | undefined> {
    const buffer = new Uint8Array(65536);
    try {
      const length = await this.#connection.read(buffer);
      return length === null ? undefined : textOf(buffer.subarray(0, length));
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return undefined;
      throw error;
    }
  }
}

/** Bytes as one frame. */
export function frameOf(payload: Uint8Array | string): Uint8Array {
  const bytes = typeof payload === "string" ? bytesOf(payload) : payload;
  const frame = new Uint8Array(4 + bytes.length);
  new DataView(frame.buffer).setUint32(0, bytes.length);
  frame.set(bytes, 4);
  return frame;
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
