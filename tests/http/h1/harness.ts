/** HTTP/1.1 on a socket of each kind, with a handler of the test's own. */
import { Buffer } from "node:buffer";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { TlsSessions } from "../../../src/http/tls_sessions.ts";
import { renderFault } from "../../../src/api/v1/fault.ts";
import { type Logger, silentLogger } from "../../../src/base/logger.ts";
import type { HttpLimits } from "../../../src/http/endpoint.ts";
import type { Handler } from "../../../src/http/exchange.ts";
import { Http1Server } from "../../../src/http/h1/server.ts";
import { HTTP_LIMITS, pem } from "../../api/harness.ts";
import { RawClient } from "../../api/raw_client.ts";

/** `net` is plain, `tls` demands a client's certificate. */
export type SocketKind = "net" | "tls";

export const SOCKET_KINDS: readonly SocketKind[] = ["net", "tls"];

export interface Http1Options {
  readonly kind?: SocketKind;
  readonly limits?: Partial<HttpLimits>;
  readonly logger?: Logger;
  readonly onRequest?: (socket: Socket) => void;
  /** What somebody has read of each socket already. */
  readonly firstBytes?: Uint8Array;
}

/** `await using` closes it, and what clients have left open. */
export class TestHttp1 implements AsyncDisposable {
  readonly #kind: SocketKind;
  readonly #server: Server;
  readonly http: Http1Server;
  readonly sockets = new Set<Socket>();

  constructor(kind: SocketKind, server: Server, http: Http1Server) {
    this.#kind = kind;
    this.#server = server;
    this.http = http;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async connect(): Promise<RawClient> {
    const address = { hostname: "127.0.0.1", port: this.port };
    if (this.#kind === "net") return new RawClient(await Deno.connect(address));
    return new RawClient(
      await Deno.connectTls({
        ...address,
        caCerts: [pem("ca.crt")],
        cert: pem("client.crt"),
        key: pem("client.key.insecure"),
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.http.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

export async function startHttp1(
  handler: Handler,
  options: Http1Options = {},
): Promise<TestHttp1> {
  const { kind = "net", logger = silentLogger, onRequest, firstBytes } = options;
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const http = new Http1Server(
    { limits, logger, renderFault, ...(onRequest === undefined ? {} : { onRequest }) },
    handler,
  );
  const tls = { cert: pem("server.crt"), key: pem("server.key.insecure"), ca: pem("ca.crt") };
  const server = kind === "net"
    ? createServer()
    : createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: true });
  if (kind !== "net") new TlsSessions(server, tls, logger);
  const test = new TestHttp1(kind, server, http);
  server.on(kind === "net" ? "connection" : "secureConnection", (socket: Socket) => {
    test.sockets.add(socket);
    socket.on("close", () => test.sockets.delete(socket));
    http.serve(socket, firstBytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return test;
}

/** What a handler was given, as it answers it. */
export const echo: Handler = (exchange) => ({
  status: 200,
  body: `${exchange.method} ${exchange.target} ${exchange.body}|`,
});

/** One request whose answer `untilClosed` can read whole. */
export function last(head: string, body = ""): string {
  return `${head}\r\nConnection: close\r\n\r\n${body}`;
}

/** One octet a character. */
export function octets(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
