/**
 * A port that serves HTTP/2 and HTTP/1.1 by parsers of our own: under TLS as the client
 * and this port agree by ALPN (RFC 7301), in plain text by the first bytes (RFC 9113 §3.3).
 */
import { Buffer } from "node:buffer";
import { createServer, type Server, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type TLSSocket,
} from "node:tls";
import { messageOf } from "../base/errors.ts";
import { Deadlines } from "./deadlines.ts";
import type { Listener, ListenOptions } from "./endpoint.ts";
import type { TlsMaterial } from "./tls_material.ts";
import type { Handler } from "./exchange.ts";
import { HandshakeRefusals } from "./handshake_refusals.ts";
import { Http1Server } from "./h1/server.ts";
import { Http2Exchanges } from "./h2/exchange.ts";
import { HTTP2_LIMITS, type Http2Limits } from "./h2/options.ts";
import { Http2Server, looksLikeHttp2 } from "./h2/server.ts";
import { NodeConnections } from "./node_connections.ts";
import { openServer, refusesClient, Reopening, secureContext } from "./node_server.ts";
import { TlsError } from "./tls_check.ts";
import { TlsSessions } from "./tls_sessions.ts";

/** The first byte of a connection that begins with a TLS handshake. */
const HANDSHAKE_RECORD = 0x16;

/** The one that we like best first. `curl -0` offers the last one alone. */
const PROTOCOLS = ["h2", "http/1.1", "http/1.0"];

/** Opens the port; TLS when `tls` is given, mutual when it has a `ca`. Rejects with `ListenError`. */
export async function listenWire(options: ListenOptions, handler: Handler): Promise<Listener> {
  const { tls } = options;
  const server = tls === undefined ? createServer({ allowHalfOpen: true }) : makeTls(tls, options);
  return await serve(server, options, (onScarcity) => [
    makeWire(server, options, handler, onScarcity),
  ]);
}

/**
 * Opens a port where both TLS and plain text are spoken: the first byte tells (RFC 8446
 * §5.1). `plain` serves those who do not encrypt. Rejects with `ListenError`.
 */
export async function listenMixed(
  options: ListenOptions & { readonly tls: TlsMaterial },
  handler: Handler,
  plain: Handler,
): Promise<Listener> {
  const { tls, ...withoutTls } = options;
  const secured = makeTls(tls, options);
  const open = createServer({ allowHalfOpen: true });
  const door = createServer({ allowHalfOpen: true });
  return await serve(door, options, (onScarcity) => [
    openDoor(door, options, secured, open),
    makeWire(secured, options, handler, onScarcity),
    makeWire(open, withoutTls, plain, onScarcity),
  ]);
}

/** Who has to do with the connections of a port. */
interface Part {
  /** Takes no more requests, and closes what is idle. */
  stop(): void;
  /** Closes everything. */
  cut(): void;
  /** Absent where there is nothing to change. */
  readonly reloadTls?: (next: TlsMaterial) => void;
}

async function serve(
  server: Server,
  options: ListenOptions,
  partsOf: (onScarcity: () => void) => readonly Part[],
): Promise<Listener> {
  const { limits, logger, onShortage } = options;
  const reopening = new Reopening(server, options);
  const parts = partsOf(() => {
    reopening.soon();
    onShortage?.();
  });
  const address = await openServer(server, options);
  server.on("error", (error: Error) => {
    logger.error("A connection could not be accepted", { cause: error.message });
    reopening.soon();
  });
  const reloads = parts.flatMap(({ reloadTls }) => reloadTls ?? []);
  return {
    hostname: address.address,
    port: address.port,
    shutdown: () => {
      reopening.stop();
      return shutdown(server, parts, limits.shutdownGraceMs);
    },
    reopen: () => reopening.soon(),
    ...(reloads.length > 0 && {
      reloadTls: (next: TlsMaterial) => reloads.forEach((reload) => reload(next)),
    }),
  };
}

/** Serves what `server` takes, whether or not it is `server` that listens. */
function makeWire(
  server: Server | TlsServer,
  options: ListenOptions,
  handler: Handler,
  onScarcity: () => void,
): Part {
  const { tls, limits, logger } = options;
  const sessions = tls === undefined ? undefined : new TlsSessions(server, tls, logger);
  const refusals = new HandshakeRefusals(logger);
  let inUse = tls;
  const protocols: Protocols = new Protocols(
    options,
    handler,
    (socket) => connections.used(socket),
  );
  const connections = new NodeConnections(server, {
    tls: tls !== undefined,
    max: limits.connectionsMax,
    spareDescriptors: limits.spareDescriptors,
    logger,
    isAnswering: (socket) => protocols.isBusy(socket),
    onScarcity,
  });
  if (tls === undefined) server.on("connection", (socket: Socket) => protocols.sniff(socket));
  else {
    server.on("secureConnection", (socket: TLSSocket) => {
      if (!refusesClient(socket, inUse ?? tls, logger)) protocols.serveAgreed(socket);
    });
    server.on("tlsClientError", (error: Error, socket: Socket) => {
      refusals.tell(error, socket);
      // Not the runtime's work once somebody listens: a handshake out of time would stay open.
      socket.destroy();
    });
  }
  return {
    stop: () => {
      protocols.close();
      connections.closeIdle();
    },
    cut: () => connections.closeAll(),
    ...("setSecureContext" in server &&
      {
        reloadTls: (next: TlsMaterial) => {
          inUse = next;
          server.setSecureContext(secureContext(next));
          sessions?.renew(next);
        },
      }),
  };
}

/** Gives each connection to one of two servers, by its first byte. */
function openDoor(
  door: Server,
  { limits }: ListenOptions,
  secured: TlsServer,
  open: Server,
): Part {
  const silent = new Deadlines<Socket>(limits.headerTimeoutMs, (socket) => socket.destroy());
  let waiting = 0;
  door.on("connection", (socket: Socket) => {
    if (waiting >= limits.connectionsMax) return void socket.destroy();
    waiting++;
    const deadline = silent.add(socket);
    const leave = () => {
      waiting--;
      silent.delete(deadline);
      socket.off("data", onData).off("end", onEnd).off("error", leave).off("close", leave);
    };
    const onData = (first: Buffer) => {
      leave();
      socket.pause();
      socket.unshift(first);
      if (first[0] === HANDSHAKE_RECORD) {
        // TLS takes what was read, and what comes, out of the socket by itself.
        socket.allowHalfOpen = false;
        return void secured.emit("connection", socket);
      }
      open.emit("connection", socket);
      socket.resume();
    };
    const onEnd = () => socket.destroy();
    socket.on("data", onData).on("end", onEnd).on("error", leave).on("close", leave);
  });
  const stop = () => {
    for (const socket of silent.close()) socket.destroy();
  };
  return { stop, cut: stop };
}

function makeTls(tls: TlsMaterial, { limits }: ListenOptions) {
  const isDemanded = tls.ca !== undefined;
  try {
    // Not `allowHalfOpen`: who goes away within the handshake would be kept until it is out of time.
    return createTlsServer({
      ...secureContext(tls),
      ALPNProtocols: PROTOCOLS,
      requestCert: isDemanded,
      rejectUnauthorized: isDemanded,
      handshakeTimeout: limits.handshakeTimeoutMs,
    });
  } catch (error) {
    // A key too small, for example.
    throw new TlsError(`The runtime takes no such certificate or key: ${messageOf(error)}`);
  }
}

/** Gives each connection to whoever speaks its protocol. */
class Protocols {
  readonly #http1: Http1Server;
  readonly #http2: Http2Server;
  readonly #exchanges: Http2Exchanges;
  /** Connections that have not said enough. */
  readonly #silent: Deadlines<Socket>;
  #isClosing = false;

  constructor(options: ListenOptions, handler: Handler, used: (socket: Socket) => void) {
    const { limits, logger, streams } = options;
    this.#http1 = new Http1Server({ ...options, onRequest: used }, handler);
    this.#exchanges = new Http2Exchanges(options, handler);
    const ordinary = this.#exchanges.serve;
    const serve = streams === undefined ? ordinary : streams(ordinary);
    this.#http2 = new Http2Server({ limits: http2Limits(options), logger }, serve, used);
    this.#silent = new Deadlines(limits.headerTimeoutMs, (socket) => socket.destroy());
  }

  /** Whether `socket` must not be closed only because there are too many, or because the port closes. */
  isBusy(socket: Socket): boolean {
    return this.#http1.isAnswering(socket) || this.#http2.isAnswering(socket) ||
      // It is ended in order.
      (this.#isClosing && this.#http2.serves(socket));
  }

  /** A handshake has ended. Who has said nothing of protocols knows one. */
  serveAgreed(socket: TLSSocket): void {
    if (socket.destroyed) return;
    if (socket.alpnProtocol === "h2") this.#http2.serve(socket);
    else this.#http1.serve(socket);
  }

  /** A plain connection: its first bytes tell. */
  sniff(socket: Socket): void {
    if (socket.destroyed) return;
    let first: Buffer = Buffer.alloc(0);
    const deadline = this.#silent.add(socket);
    const decide = (isHttp2: boolean) => {
      leave();
      if (isHttp2) this.#http2.serve(socket, first);
      else this.#http1.serve(socket, first);
    };
    const onData = (bytes: Buffer) => {
      first = first.length === 0 ? bytes : Buffer.concat([first, bytes]);
      const isHttp2 = looksLikeHttp2(first);
      if (isHttp2 !== "perhaps") decide(isHttp2 === "yes");
    };
    const onEnd = () => first.length === 0 ? socket.destroy() : decide(false);
    const leave = () => {
      this.#silent.delete(deadline);
      socket.off("data", onData).off("end", onEnd).off("error", leave).off("close", leave);
    };
    socket.on("data", onData).on("end", onEnd).on("error", leave).on("close", leave);
  }

  /** Takes no more requests. What is under way is answered, and HTTP/2 connections end in order. */
  close(): void {
    this.#isClosing = true;
    for (const socket of this.#silent.close()) socket.destroy();
    this.#http1.close();
    this.#exchanges.close();
    this.#http2.drain();
  }
}

/** Bounds that both protocols have are the port's. */
function http2Limits({ limits, http2 }: ListenOptions): Http2Limits {
  const { headerTimeoutMs, stallTimeoutMs, headerBytesMax } = limits;
  const common = { headerTimeoutMs, stallTimeoutMs, headerListBytesMax: headerBytesMax };
  return { ...HTTP2_LIMITS, ...common, ...http2 };
}

async function shutdown(server: Server, parts: readonly Part[], graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const part of parts) part.stop();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, graceMs));
  await Promise.race([closed, late]);
  clearTimeout(timer);
  for (const part of parts) part.cut();
  await closed;
}
