/**
 * Serves a port by `node:http` or `node:https`: the client port under TLS, whose
 * certificates can change here, and every peer port, which also takes HTTP Upgrade.
 * Exchanges are filled straight from node's objects: building `Request` and
 * `Response` here halves the rate.
 */
import { Buffer } from "node:buffer";
import { createServer, METHODS } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { STATUS_TEXT } from "@std/http/status";
import type { StatusCode } from "@std/http/status";
import { messageOf } from "../base/errors.ts";
import type { Listener, ListenOptions } from "./endpoint.ts";
import type { TlsMaterial } from "./tls_material.ts";
import type { Fault, Handler } from "./exchange.ts";
import { fault } from "./fault.ts";
import type { RenderFault } from "./fault.ts";
import { HandshakeRefusals } from "./handshake_refusals.ts";
import { NodeConnections } from "./node_connections.ts";
import { NodeExchanges } from "./node_exchange.ts";
import { openServer, refusesClient, Reopening, secureContext } from "./node_server.ts";
import { TlsError } from "./tls_check.ts";
import { TlsSessions } from "./tls_sessions.ts";

export interface NodeListenOptions extends ListenOptions {
  /**
   * Takes over the socket of a request with an `Upgrade` header; `head` may hold
   * the first bytes of the new protocol. Without it the header is ignored.
   */
  readonly onUpgrade?: (request: IncomingMessage, socket: Socket, head: Uint8Array) => void;
}

/**
 * Opens the port; TLS when `tls` is given, mutual when it has a `ca`.
 * Rejects with `ListenError`. Upgraded sockets are the caller's to close; a
 * shutdown waits for them as for answers, and then cuts them.
 */
export async function listenNode(
  options: NodeListenOptions,
  handler: Handler,
): Promise<Listener> {
  const server = makeServer(options);
  const { tls } = options;
  const sessions = tls === undefined ? undefined : new TlsSessions(server, tls, options.logger);
  const exchanges = new NodeExchanges(options, handler);
  let inUse = tls;
  const reopening = new Reopening(server, options);
  const { logger, onUpgrade } = options;
  const refusals = new HandshakeRefusals(logger);
  if (tls !== undefined) {
    // Before a request of it can be read: a connection that is cut has said nothing.
    server.prependListener("secureConnection", (socket: TLSSocket) => {
      refusesClient(socket, inUse ?? tls, logger);
    });
  }
  server.on("clientError", (error: ParseError, socket: Socket) => {
    answerClientError(error, socket, options.renderFault);
  });
  server.on("tlsClientError", (error: Error, socket: Socket) => {
    refusals.tell(error, socket);
    // Not the runtime's work once somebody listens: a handshake out of time would stay open.
    socket.destroy();
  });
  const connections = new NodeConnections(server, {
    tls: options.tls !== undefined,
    max: options.limits.connectionsMax,
    spareDescriptors: options.limits.spareDescriptors,
    logger,
    isAnswering: (socket) => exchanges.isAnswering(socket),
    onScarcity: () => {
      reopening.soon();
      options.onShortage?.();
    },
  });
  server.on("request", (request, response) => {
    connections.used(request.socket);
    exchanges.begin(request, response);
  });
  if (onUpgrade !== undefined) {
    server.on("upgrade", (request: IncomingMessage, _, head) => {
      connections.upgraded(request.socket);
      onUpgrade(request, request.socket, head);
    });
  }
  const address = await openServer(server, options);
  server.on("error", (error: Error) => {
    logger.error("A connection could not be accepted", { cause: error.message });
    reopening.soon();
  });
  const listener: Listener = {
    hostname: address.address,
    port: address.port,
    shutdown: () => {
      reopening.stop();
      return shutdown(server, exchanges, connections, options.limits.shutdownGraceMs);
    },
    reopen: () => reopening.soon(),
  };
  if (!("setSecureContext" in server)) return listener;
  const reloadTls = (next: TlsMaterial) => {
    inUse = next;
    server.setSecureContext(secureContext(next));
    sessions?.renew(next);
  };
  return { ...listener, reloadTls };
}

function makeServer({ tls, limits }: NodeListenOptions): Server | TlsServer {
  const timeouts = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headerTimeoutMs,
    // A backstop: `Deadlines` answers a slow body first, in the form of its API.
    requestTimeout: limits.headerTimeoutMs + 2 * limits.bodyTimeoutMs,
    connectionsCheckingInterval: Math.max(100, limits.headerTimeoutMs / 8),
    keepAliveTimeout: limits.idleTimeoutMs,
    noDelay: true,
  };
  if (tls === undefined) return createServer(timeouts);
  const demanded = tls.ca !== undefined;
  try {
    return createTlsServer({
      ...timeouts,
      ...secureContext(tls),
      requestCert: demanded,
      rejectUnauthorized: demanded,
      handshakeTimeout: limits.handshakeTimeoutMs,
    });
  } catch (error) {
    // A key too small, for example.
    throw new TlsError(`The runtime takes no such certificate or key: ${messageOf(error)}`);
  }
}

async function shutdown(
  server: Server | TlsServer,
  exchanges: NodeExchanges,
  connections: NodeConnections,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  exchanges.close();
  connections.closeIdle();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, graceMs));
  await Promise.race([closed, late]);
  clearTimeout(timer);
  connections.closeAll();
  await closed;
}

/** The methods that any path here may know; node's parser refuses others before a handler sees them. */
const ALLOW = "GET, HEAD, POST, PUT, DELETE, OPTIONS";

/** A request line that is fine but for a method that the parser may not know. */
const REQUEST_LINE = /^([^\s]+) [^\s]+ HTTP\/1\.1\r\n/;

interface ParseError extends Error {
  readonly code?: string;
  /** What the parser was given last. */
  readonly rawPacket?: Uint8Array;
}

/** What never became a request: answered on the bare socket. */
function answerClientError(
  error: ParseError,
  socket: { readonly writable: boolean; end(text: string): void },
  renderFault: RenderFault,
): void {
  if (!socket.writable) return;
  const reply = renderFault(clientErrorFault(error), undefined);
  const headers = {
    connection: "close",
    "content-type": "application/json",
    "content-length": Buffer.byteLength(reply.body as string),
    ...reply.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const { status, body } = reply;
  socket.end(`HTTP/1.1 ${status} ${STATUS_TEXT[status as StatusCode]}\r\n${lines}\r\n${body}`);
}

function clientErrorFault({ code, message, rawPacket }: ParseError): Fault {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return fault(408, "Expected a whole request in time, found a part of it");
  }
  if (code === "HPE_HEADER_OVERFLOW") return fault(431, "Expected shorter headers");
  const head = new TextDecoder().decode(rawPacket?.subarray(0, 1024));
  const method = REQUEST_LINE.exec(head)?.[1];
  if (method !== undefined && !METHODS.includes(method)) {
    return fault(405, `Expected one of ${ALLOW}, found "${method}"`, { allow: ALLOW });
  }
  return fault(400, `Expected an HTTP/1.1 request: ${message}`);
}
