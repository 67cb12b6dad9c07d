/** What a listener is given and what it gives back, the same for all kinds of port. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { RenderFault } from "./fault.ts";
import type { Http2Limits } from "./h2/options.ts";
import type { StreamHandler } from "./h2/stream.ts";
import type { TlsMaterial } from "./tls_material.ts";

/** Every bound of a port; `config.ts` has the defaults. */
export interface HttpLimits {
  /** Longest body; a longer one is answered 413 before it is buffered. */
  readonly bodyBytesMax: number;
  /** Of all large bodies that arrive at once; a request above it is answered 503. */
  readonly arrivingBytesMax: number;
  /** Time for a body to arrive, from its request's headers on; then 408. */
  readonly bodyTimeoutMs: number;
  /** How long nothing of the next part of an answer may go out; then the connection is cut. */
  readonly stallTimeoutMs: number;
  /** Longest head of a request. `node:https` only: `Deno.serve` has limits of its own. */
  readonly headerBytesMax: number;
  /** Time for a request's head to arrive. `node:https` only. */
  readonly headerTimeoutMs: number;
  /** How long a connection may stay without a request. `node:https` only. */
  readonly idleTimeoutMs: number;
  /** Time for a TLS handshake. `node:https` only. */
  readonly handshakeTimeoutMs: number;
  /** Connections at once; above it the idlest is closed. `node:https` only: `Deno.serve` takes what the process may have. */
  readonly connectionsMax: number;
  /** Descriptors of the process that connections leave to others, in the same way. */
  readonly spareDescriptors: number;
  /** How long `shutdown` waits for answers in flight before it cuts the connections. */
  readonly shutdownGraceMs: number;
}

export interface ListenOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Of a unix socket to listen on instead; `hostname` is what it is called in messages. Ports of node's sockets only. */
  readonly path?: string;
  readonly tls?: TlsMaterial;
  readonly limits: HttpLimits;
  readonly logger: Logger;
  /** The form of what the port itself refuses, and of the faults that handlers return. */
  readonly renderFault: RenderFault;
  /** Bounds of HTTP/2 connections, where they are to be others than usual. */
  readonly http2?: Partial<Http2Limits>;
  /**
   * Who serves HTTP/2 streams, where that is not only `ordinary`, which serves the handler:
   * somebody who needs trailers, or messages both ways.
   */
  readonly streams?: (ordinary: StreamHandler) => StreamHandler;
  /** Called when the process had no descriptor for a connection, and has some again. */
  readonly onShortage?: () => void;
}

export interface Listener {
  readonly hostname: string;
  readonly port: number;
  /**
   * Stops accepting, lets answers in flight finish and closes what is idle;
   * resolves when all is closed or the grace time is over. Whoever holds long
   * polls answers them before.
   */
  shutdown(): Promise<void>;
  /** Accepts again; absent where the listener does that by itself. */
  reopen?(): void;
  /** Takes other certificates for new connections; absent where the runtime can't. */
  reloadTls?(tls: TlsMaterial): void;
}

/** A port could not be opened. */
export class ListenError extends Error {
  override readonly name = "ListenError";

  constructor(options: ListenOptions, cause: unknown) {
    const at = options.path ?? `${options.hostname}:${options.port}`;
    super(`Cannot listen on "${at}": ${explain(cause)}`, { cause });
  }
}

/** What the system says, in an operator's words, and what to do. */
function explain(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  switch (code) {
    case "EADDRINUSE":
      return "another program has it, stop that one or choose another address";
    // Where it should be EADDRNOTAVAIL, `node:net` of Deno also says EINVAL.
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return "this machine has no such address, choose one that it has";
    case "EACCES":
      return "permission denied, choose a port from 1024 on or give the process the right to it";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "no address is known for this name, choose an address or mend the name";
    default:
      return `${messageOf(cause)}, choose another address`;
  }
}
