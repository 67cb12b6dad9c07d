/**
 * Serves a port by `Deno.serve`: plain HTTP, or TLS that asks no client for a
 * certificate. The hot path of the server: no `URL`, no walk over headers, no
 * stream for a body whose length is told.
 *
 * What `Deno.serve` can't do and this can't add: time-outs for a request's head,
 * for an idle connection and for a handshake, and a body of our own on what the
 * HTTP parser itself refuses (400 without content). It closes the connection of
 * a request that it did not read to the end only when the client does.
 */
import type { Logger } from "../base/logger.ts";
import { Deadlines } from "./deadlines.ts";
import { ListenError } from "./endpoint.ts";
import type { HttpLimits, Listener, ListenOptions } from "./endpoint.ts";
import type { Exchange, Handler, Reply } from "./exchange.ts";
import { fault } from "./fault.ts";
import { bodyExpected, bodyTooLarge, bodyTooSlow, internalError, STOPPING } from "./message.ts";

/** Opens the port. Rejects with `ListenError`; `tls.ca` has no place here. */
export function listenDeno(options: ListenOptions, handler: Handler): Promise<Listener> {
  const { hostname, port, tls, limits, logger } = options;
  const exchanges = new DenoExchanges(limits, logger, handler);
  const { promise, resolve, reject } = Promise.withResolvers<Listener>();
  let server: Deno.HttpServer<Deno.NetAddr> | undefined;
  const onListen = (address: Deno.NetAddr) => {
    resolve({
      hostname: address.hostname,
      port: address.port,
      shutdown: () => shutdown(server!, exchanges, options),
    });
  };
  const common = { hostname, port, onListen, onError: exchanges.failed };
  const pair = tls === undefined ? {} : { cert: tls.cert, key: tls.key };
  try {
    server = Deno.serve({ ...common, ...pair }, exchanges.serve);
  } catch (error) {
    reject(new ListenError(options, error));
  }
  return promise;
}

async function shutdown(
  server: Deno.HttpServer<Deno.NetAddr>,
  exchanges: DenoExchanges,
  { limits, logger }: ListenOptions,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, limits.shutdownGraceMs, "late");
  });
  // Answered before the shutdown begins, or the server waits for the rest of the bodies.
  if (exchanges.close()) await new Promise((resolve) => setTimeout(resolve, 0));
  const first = await Promise.race([server.shutdown(), late]);
  clearTimeout(timer);
  // Nothing cuts connections that outlast a shutdown: they end with the process.
  if (first === "late") logger.warn("Connections are still open after the grace time");
}

/** A request whose body arrives. */
interface Arriving {
  readonly resolve: (response: Response) => void;
}

class DenoExchanges {
  readonly #limits: HttpLimits;
  readonly #logger: Logger;
  readonly #handler: Handler;
  readonly #bodies: Deadlines<Arriving>;

  constructor(limits: HttpLimits, logger: Logger, handler: Handler) {
    this.#limits = limits;
    this.#logger = logger;
    this.#handler = handler;
    this.#bodies = new Deadlines(limits.bodyTimeoutMs, ({ resolve }) => {
      resolve(toResponse(bodyTooSlow(limits)));
    });
  }

  /** The callback of `Deno.serve`. */
  readonly serve = (request: Request): Response | Promise<Response> => {
    const method = request.method;
    // Raw, unlike what `new URL` would make of it. An empty host has no slash after it.
    const url = request.url;
    const slash = url.indexOf("/", "http://".length + 1);
    if (slash < 0) return toResponse(BAD_HOST);
    const target = url.slice(slash);
    if (!bodyExpected(method)) {
      return this.#answer(new DenoExchange(request, method, target, ""));
    }
    // A host with a slash would shift the path past whoever filters before us. For a
    // GET, which changes nothing, it is not worth the look at the headers (0.7 of 6 µs).
    const { headers } = request;
    if (headers.get("host")?.includes("/")) return toResponse(BAD_HOST);
    const length = headers.get("content-length");
    if (length === null) return this.#read(request, method, target, this.#counted(request));
    if (Number(length) > this.#limits.bodyBytesMax) {
      return toResponse(bodyTooLarge(this.#limits));
    }
    return this.#read(request, method, target, request.text());
  };

  /** A handler's mistake, or one of this listener. */
  readonly failed = (error: unknown): Response => toResponse(internalError(error, this.#logger));

  /** Ends the wait for bodies that still arrive; whether there were any. */
  close(): boolean {
    const arriving = this.#bodies.close();
    for (const { resolve } of arriving) resolve(toResponse(STOPPING));
    return arriving.length > 0;
  }

  #read(
    request: Request,
    method: string,
    target: string,
    text: Promise<string | undefined>,
  ): Promise<Response> {
    return new Promise((resolve) => {
      const arriving = { resolve };
      this.#bodies.add(arriving);
      text.then((body) => {
        if (!this.#bodies.delete(arriving)) return;
        if (body === undefined) return resolve(toResponse(this.#cutOff()));
        const response = this.#answer(new DenoExchange(request, method, target, body));
        resolve(response as Response);
      }, () => {
        // Cut off; a client that closed only its own half still hears of it.
        this.#bodies.delete(arriving);
        resolve(toResponse(bodyTooSlow(this.#limits)));
      });
    });
  }

  /** A body of untold length, or undefined when it is longer than allowed. */
  async #counted(request: Request): Promise<string | undefined> {
    if (request.body === null) return "";
    const decoder = new TextDecoder();
    let text = "";
    let size = 0;
    for await (const chunk of request.body) {
      size += chunk.length;
      if (size > this.#limits.bodyBytesMax) return undefined;
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  }

  /** The connection can't be used again, which the server notes by itself only for a told length. */
  #cutOff(): Reply {
    return { ...bodyTooLarge(this.#limits), headers: { connection: "close" } };
  }

  #answer(exchange: Exchange): Response | Promise<Response> {
    try {
      const reply = this.#handler(exchange);
      return reply instanceof Promise ? reply.then(toResponse, this.failed) : toResponse(reply);
    } catch (error) {
      return this.failed(error);
    }
  }
}

class DenoExchange implements Exchange {
  readonly #request: Request;
  readonly method: string;
  readonly target: string;
  readonly body: string;

  constructor(request: Request, method: string, target: string, body: string) {
    this.#request = request;
    this.method = method;
    this.target = target;
    this.body = body;
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }

  onGone(callback: () => void): void {
    const { signal } = this.#request;
    if (signal.aborted) callback();
    else signal.addEventListener("abort", callback, { once: true });
  }
}

/** Shared by all answers of one status: made once, read by `Response`. */
const JSON_INITS = new Map<number, ResponseInit>();

function jsonInit(status: number): ResponseInit {
  let init = JSON_INITS.get(status);
  if (init === undefined) {
    init = { status, headers: { "content-type": "application/json" } };
    JSON_INITS.set(status, init);
  }
  return init;
}

function toResponse(reply: Reply): Response {
  const { status, contentType, headers, body } = reply;
  const init = contentType === undefined && headers === undefined
    ? jsonInit(status)
    : { status, headers: { "content-type": contentType ?? "application/json", ...headers } };
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    return new Response(streamOf(body), init);
  }
  // A 204 may not even have an empty body.
  return new Response(body.length === 0 ? null : body as BodyInit, init);
}

/** Encodes slices one at a time, as the client takes them. */
function streamOf(
  slices: Iterable<string> | AsyncIterable<string>,
): ReadableStream<Uint8Array> {
  return ReadableStream.from(slices).pipeThrough(new TextEncoderStream());
}

const BAD_HOST = fault(400, "Expected a Host header without a path");
