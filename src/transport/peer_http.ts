/**
 * Ordinary HTTP to a peer port: one request, one answer, one connection. The
 * stream's dialler starts from the same request, so that both verify the peer
 * alike. Not for bulk; retries nothing.
 */
import http from "node:http";
import https from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import { gateError, hostError } from "./certificate.ts";
import { explain, PeerError } from "./peer_error.ts";
import type { CertificateGate } from "../http/tls_material.ts";
import { bareHost, parsePeerUrl } from "./peer_url.ts";

/** What a member presents and what it trusts, PEM. */
export interface PeerTls {
  readonly cert: string;
  readonly key: string;
  /** The authority that must have signed the certificate of every peer; without it nobody proves who it is. */
  readonly ca?: string;
  /** Why a peer's certificate is not taken although `ca` has signed it. */
  readonly problem?: CertificateGate | undefined;
}

export interface OpenRequest {
  readonly method: string;
  /** Origin form, starts with `/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: the peer port is plain HTTP. */
  readonly tls: PeerTls | undefined;
}

/** A request whose headers are not sent yet, on a connection of its own. */
export interface OpenedRequest {
  readonly request: ClientRequest;
  /** `error` in words, as far as the connection came. */
  explain(error: unknown): PeerError;
}

/**
 * Prepares a request to the peer port at `url`. With TLS the peer's certificate
 * must be signed by `tls.ca`, if there is one, and be valid for the host of the URL. Throws
 * `PeerError` for a URL that is none, or not of the scheme that `tls` asks for.
 */
export function openRequest(url: string, options: OpenRequest): OpenedRequest {
  const target = parsePeerUrl(url, options.tls !== undefined);
  const common = {
    method: options.method,
    hostname: bareHost(target),
    port: Number(target.port || (target.protocol === "https:" ? 443 : 80)),
    path: options.path,
    headers: options.headers,
    agent: false as const,
  };
  const { problem, ...pair } = options.tls ?? {};
  const request = options.tls === undefined ? http.request(common) : https.request({
    ...common,
    ...pair,
    rejectUnauthorized: options.tls.ca !== undefined,
    minVersion: "TLSv1.2",
    checkServerIdentity: (host, shown) => hostError(host, shown) ?? gateError(host, shown, problem),
  });
  let secured = false;
  request.once("socket", (socket) => {
    socket.once("secureConnect", () => secured = true);
  });
  return { request, explain: (error) => explain(error, { url: target, secured }) };
}

export interface PeerRequest {
  readonly method: string;
  /** Origin form, starts with `/`. */
  readonly path: string;
  /** Sent as JSON unless empty. */
  readonly body: string;
  readonly tls: PeerTls | undefined;
  /** For the whole exchange. */
  readonly timeoutMs: number;
  /** Longest answer that is read. */
  readonly responseBytesMax: number;
}

export interface PeerReply {
  readonly status: number;
  readonly body: string;
}

/**
 * Sends one request to the peer port at `url` and resolves with the answer,
 * whatever its status. Rejects with `PeerError`.
 */
export async function requestPeer(url: string, options: PeerRequest): Promise<PeerReply> {
  const { method, path, body, tls, timeoutMs, responseBytesMax } = options;
  const content = new TextEncoder().encode(body);
  const headers: Record<string, string> = {
    "connection": "close",
    "content-length": String(content.length),
  };
  if (content.length > 0) headers["content-type"] = "application/json";
  const { request, explain } = openRequest(url, { method, path, headers, tls });
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<PeerReply>((resolve, reject) => {
      timer = setTimeout(() => reject(timeoutError(url, timeoutMs)), timeoutMs);
      request.on("error", reject);
      request.on("response", (response: IncomingMessage) => {
        readBody(response, url, responseBytesMax).then((body) => {
          resolve({ status: response.statusCode ?? 0, body });
        }, reject);
      });
      request.end(content);
    });
  } catch (error) {
    throw explain(error);
  } finally {
    clearTimeout(timer);
    request.destroy();
  }
}

/** No answer came in time. */
export function timeoutError(url: string, timeoutMs: number): PeerError {
  return new PeerError(
    "timeout",
    `Expected an answer from "${url}" within ${timeoutMs} ms, found none`,
  );
}

/** The body of what `url` answers, as UTF-8. Rejects with `PeerError` when it is longer than `bytesMax`. */
export function readBody(
  response: IncomingMessage,
  url: string,
  bytesMax: number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder();
    let text = "";
    let byteLength = 0;
    response.on("data", (chunk: Uint8Array) => {
      byteLength += chunk.length;
      if (byteLength > bytesMax) {
        const message = `Expected an answer of at most ${bytesMax} bytes from "${url}", found more`;
        response.destroy(new PeerError("tooLarge", message));
        return;
      }
      text += decoder.decode(chunk, { stream: true });
    });
    response.on("end", () => resolve(text + decoder.decode()));
    response.on("error", reject);
    response.on("close", () => {
      reject(new PeerError("unreachable", `"${url}" closed the connection within its answer`));
    });
  });
}
