/**
 * Opens a stream to a peer: connect, verify, upgrade. One attempt; the caller
 * decides when to try again.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { formatId, parseId } from "../base/ids.ts";
import {
  type Hello,
  helloHeaders,
  parseReason,
  PROTOCOL,
  REFUSAL_BYTES_MAX,
  STREAM_PATH,
} from "./handshake.ts";
import { PeerError } from "./peer_error.ts";
import { openRequest, type PeerTls, readBody, timeoutError } from "./peer_http.ts";

/** A member answered and does not want the stream. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  /** One of `refusalStatus`. */
  readonly status: number;
  /** As the peer put it. */
  readonly reason: string;
  /** Of a duplicate: the process that the peer hears under this member's id. */
  readonly rival: number | undefined;

  constructor(status: number, reason: string, rival?: number) {
    super(`Peer refused: ${reason}`);
    this.status = status;
    this.reason = reason;
    this.rival = rival;
  }
}

export interface DialOptions {
  readonly url: string;
  readonly hello: Hello;
  readonly tls: PeerTls | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** An open stream. */
export interface Dialled {
  readonly socket: Socket;
  /** What came right behind the answer. */
  readonly head: Uint8Array;
  /** The process that answered. */
  readonly session: number;
}

/**
 * Resolves with the open stream. Rejects with `RefusedError` when a member
 * refuses it and with `PeerError` for everything else, with nothing left open.
 */
export async function dial(options: DialOptions): Promise<Dialled> {
  const { url, hello, tls, timeoutMs, signal } = options;
  const { request, explain } = openRequest(url, {
    method: "GET",
    path: STREAM_PATH,
    headers: helloHeaders(hello),
    tls,
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort = () => {};
  try {
    return await new Promise<Dialled>((resolve, reject) => {
      timer = setTimeout(() => reject(timeoutError(url, timeoutMs)), timeoutMs);
      abort = () => reject(new PeerError("aborted", `Gave up dialling "${url}"`));
      signal.addEventListener("abort", abort);
      request.on("error", reject);
      request.on("upgrade", (response: IncomingMessage, socket: Socket, head: Uint8Array) => {
        const problem = problemOf(response, hello);
        const session = parseId(text(response.headers["etcd-session"]));
        if (problem === undefined && session !== undefined) {
          return resolve({ socket, head, session });
        }
        socket.destroy();
        reject(new PeerError("protocol", `"${url}" is not the peer it should be: ${problem}`));
      });
      request.on("response", (response: IncomingMessage) => {
        readRefusal(response, url).then(reject, reject);
      });
      request.end();
    });
  } catch (error) {
    request.destroy();
    throw error instanceof RefusedError ? error : explain(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** Why a 101 does not open the stream that was asked for. */
function problemOf(response: IncomingMessage, hello: Hello): string | undefined {
  const { headers } = response;
  if (headers.upgrade !== PROTOCOL) {
    return `expected protocol "${PROTOCOL}", found "${headers.upgrade ?? ""}"`;
  }
  if (parseId(text(headers["etcd-cluster"])) !== hello.clusterId) {
    return `expected cluster "${formatId(hello.clusterId)}", found another one`;
  }
  if (parseId(text(headers["etcd-from"])) !== hello.to) {
    return `expected member "${formatId(hello.to)}", found another one`;
  }
  if (parseId(text(headers["etcd-session"])) === undefined) {
    return "expected its process, found none";
  }
  return undefined;
}

/** Only an answer with a cluster's id and a reason is a member's refusal; any HTTP server may send a status. */
async function readRefusal(response: IncomingMessage, url: string): Promise<Error> {
  const status = response.statusCode ?? 0;
  const said = parseReason(await readBody(response, url, REFUSAL_BYTES_MAX));
  if (said === undefined || parseId(text(response.headers["etcd-cluster"])) === undefined) {
    return new PeerError(
      "protocol",
      `Expected a peer at "${url}", found an HTTP server that answers with status ${status}`,
    );
  }
  return new RefusedError(status, said.reason, said.rival);
}

/** A header that may come only once. */
function text(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : undefined;
}
