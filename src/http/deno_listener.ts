/**
 * Serves a plain port by `Deno.serve`. The hot path of the server: no `URL`, no
 * walk over headers, no stream for a body whose length is told.
 *
 * What `Deno.serve` can't do and this can't add: time-outs for a request's head,
 * for an idle connection and for a handshake, and a body of our own on what the
 * HTTP parser itself refuses (400 without content): a line or headers of 64 KiB or
 * more, over 127 headers, raw bytes that are no UTF-8. Such a connection costs 7 to
 * 18 KB and no time; when there are as many as the process may have, `deno_port.ts`
 * closes them. One whose body was answered 408 or 413 stays open until the client
 * closes it, too.
 *
 * A client that closes its sending half counts as gone: the runtime cuts the connection
 * as soon as it sees that, which is after the handler has begun (0 of 200 requests were
 * told before), so a write is carried out and not answered. README.md says so.
 *
 * A client may begin in HTTP/2 (prior knowledge), where every body has to be read.
 */
import type { Logger } from "../base/logger.ts";
import { Deadlines } from "./deadlines.ts";
import { DenoPort } from "./deno_port.ts";
import { ListenError } from "./endpoint.ts";
import type { HttpLimits, Listener, ListenOptions } from "./endpoint.ts";
import type { ByteStream, Exchange, Fault, Handler, Reply, ReplyOrFault } from "./exchange.ts";
import { fault, isFault } from "./fault.ts";
import type { RenderFault } from "./fault.ts";
import { isByteStream, textSlicesOf } from "./feed.ts";
import { bodyTooLarge, bodyTooSlow, internalError, STOPPING, TOO_MANY_BODIES } from "./message.ts";
import { patientStream, StalledError } from "./patient_stream.ts";

/** Opens the port, without TLS. Rejects with `ListenError`. */
export function listenDeno(
  options: Omit<ListenOptions, "tls">,
  handler: Handler,
): Promise<Listener> {
  const { hostname } = options;
  const exchanges = new DenoExchanges(options, handler);
  const common = {
    hostname,
    port: options.port,
    onError: (error: unknown) => exchanges.failed(error),
  };
  try {
    const port = new DenoPort(common, exchanges.serve, options);
    return Promise.resolve({
      hostname: port.hostname,
      port: port.port,
      shutdown: () => shutdown(port, exchanges, options),
    });
  } catch (error) {
    return Promise.reject(new ListenError(options, error));
  }
}

async function shutdown(
  port: DenoPort,
  exchanges: DenoExchanges,
  { limits, logger }: ListenOptions,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, limits.shutdownGraceMs, "late");
  });
  // Answered before the shutdown begins, or the server waits for the rest of the bodies.
  if (exchanges.close()) await new Promise((resolve) => setTimeout(resolve, 0));
  const first = await Promise.race([port.shutdown(), late]);
  clearTimeout(timer);
  // Nothing cuts connections that outlast a shutdown: they end with the process.
  if (first === "late") logger.warn("Connections are still open after the grace time");
}

/** Up to here a body is read in one go, and not counted: ten thousand slow ones take 160 MiB. */
const SMALL_BODY_BYTES_MAX = 16 * 1024;

/** A request whose body arrives. */
interface Arriving {
  readonly target: string;
  readonly resolve: (response: Response) => void;
  /** Of a large body. */
  readonly reader: BodyReader | undefined;
}

type DenoOptions = Pick<ListenOptions, "limits" | "logger" | "renderFault">;

class DenoExchanges {
  readonly #limits: HttpLimits;
  readonly #logger: Logger;
  readonly #renderFault: RenderFault;
  readonly #handler: Handler;
  readonly #bodies: Deadlines<Arriving>;
  readonly #smallBytesMax: number;
  /** Of all large bodies that arrive, as told. */
  #arrivingBytes = 0;

  constructor({ limits, logger, renderFault }: DenoOptions, handler: Handler) {
    this.#limits = limits;
    this.#logger = logger;
    this.#renderFault = renderFault;
    this.#handler = handler;
    this.#smallBytesMax = Math.min(SMALL_BODY_BYTES_MAX, limits.bodyBytesMax);
    this.#bodies = new Deadlines(limits.bodyTimeoutMs, ({ target, resolve, reader }) => {
      resolve(this.#refuse(bodyTooSlow(limits), target));
      reader?.cancel().catch(() => {});
    });
  }

  /** The callback of `Deno.serve`. */
  readonly serve = (request: Request, info: ClientInfo): Response | Promise<Response> => {
    const method = request.method;
    // Raw, unlike what `new URL` would make of it. An empty host has no slash after it.
    const url = request.url;
    const slash = url.indexOf("/", "http://".length + 1);
    if (slash < 0) return this.#refuse(BAD_HOST, undefined);
    const target = url.slice(slash);
    if (method === "GET" && request.body === null) {
      return this.#answer(new DenoExchange(request, info, method, target, ""));
    }
    // A host with a slash would shift the path past whoever filters before us. For a
    // GET, which changes nothing, it is not worth the look at the headers (0.7 of 6 µs).
    const { headers } = request;
    if (headers.get("host")?.includes("/")) return this.#refuse(BAD_HOST, target);
    const length = headers.get("content-length");
    if (length !== null && Number(length) <= this.#smallBytesMax) {
      return this.#read(request, info, method, target, request.text());
    }
    const { body } = request;
    if (body === null) return this.#answer(new DenoExchange(request, info, method, target, ""));
    return this.#readLarge(request, info, method, target, length, body.getReader());
  };

  /** A handler's mistake, or one of this listener. */
  readonly failed = (error: unknown, target?: string): Response => {
    // Its answer had begun: nobody hears of it, and it is nobody's fault here.
    if (error instanceof StalledError) return new Response();
    return this.#refuse(internalError(error, this.#logger), target);
  };

  #refuse(fault: Fault, target: string | undefined): Response {
    return toResponse(this.#renderFault(fault, target));
  }

  /** Ends the wait for bodies that still arrive; whether there were any. */
  close(): boolean {
    const arriving = this.#bodies.close();
    for (const { resolve, target } of arriving) resolve(this.#refuse(STOPPING, target));
    return arriving.length > 0;
  }

  #read(
    request: Request,
    info: ClientInfo,
    method: string,
    target: string,
    text: Promise<string | undefined>,
    reader?: BodyReader,
  ): Promise<Response> {
    return new Promise((resolve) => {
      const deadline = this.#bodies.add({ target, resolve, reader });
      text.then((body) => {
        if (!this.#bodies.delete(deadline)) return;
        if (body === undefined) return resolve(this.#refuse(bodyTooLarge(this.#limits), target));
        this.#answerBy(resolve, new DenoExchange(request, info, method, target, body));
      }, () => {
        // Cut off; a client that closed only its own half still hears of it.
        this.#bodies.delete(deadline);
        resolve(this.#refuse(bodyTooSlow(this.#limits), target));
      });
    });
  }

  /** Reads what may be large piece by piece: so it can be given up, and all of them are bounded together. */
  async #readLarge(
    request: Request,
    info: ClientInfo,
    method: string,
    target: string,
    length: string | null,
    reader: BodyReader,
  ): Promise<Response> {
    const { bodyBytesMax, arrivingBytesMax } = this.#limits;
    // A body of untold length counts as the longest.
    const bytes = length === null ? bodyBytesMax : Number(length);
    const isTooLarge = !(bytes <= bodyBytesMax);
    if (isTooLarge || this.#arrivingBytes + bytes > arrivingBytesMax) {
      discard(reader);
      return this.#refuse(isTooLarge ? bodyTooLarge(this.#limits) : TOO_MANY_BODIES, target);
    }
    this.#arrivingBytes += bytes;
    const text = this.#counted(reader).finally(() => this.#arrivingBytes -= bytes);
    return await this.#read(request, info, method, target, text, reader);
  }

  /** A large body, or undefined as soon as it is longer than allowed. */
  async #counted(reader: BodyReader): Promise<string | undefined> {
    const decoder = new TextDecoder();
    let text = "";
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      size += value.length;
      if (size > this.#limits.bodyBytesMax) {
        discard(reader);
        return undefined;
      }
      text += decoder.decode(value, { stream: true });
    }
  }

  /** As `#answer`, by `resolve`: to resolve with a promise would cost two more turns of the microtasks. */
  #answerBy(
    resolve: (response: Response | Promise<Response>) => void,
    exchange: Exchange,
  ): void {
    try {
      const reply = this.#handler(exchange);
      const respond = (reply: ReplyOrFault) => resolve(this.#respond(exchange, reply));
      const fail = (error: unknown) => resolve(this.failed(error, exchange.target));
      if (reply instanceof Promise) reply.then(respond, fail);
      else respond(reply);
    } catch (error) {
      resolve(this.failed(error, exchange.target));
    }
  }

  #respond(exchange: Exchange, answer: ReplyOrFault): Response | Promise<Response> {
    try {
      const reply = isFault(answer) ? this.#renderFault(answer, exchange.target) : answer;
      return exchange.method === "HEAD"
        ? toHeadResponse(reply)
        : toResponse(reply, this.#limits.stallTimeoutMs);
    } catch (error) {
      return this.failed(error, exchange.target);
    }
  }

  #answer(exchange: Exchange): Response | Promise<Response> {
    try {
      const reply = this.#handler(exchange);
      if (!(reply instanceof Promise)) return this.#respond(exchange, reply);
      return reply.then(
        (reply) => this.#respond(exchange, reply),
        (error) => this.failed(error, exchange.target),
      );
    } catch (error) {
      return this.failed(error, exchange.target);
    }
  }
}

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/** What a client may still send of a body that was refused. */
const DISCARD_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Goes on reading while the refusal is on its way: over HTTP/2 a body that nobody
 * reads resets the stream, and the client never sees the answer. Ends with the answer.
 */
async function discard(reader: BodyReader): Promise<void> {
  let size = 0;
  try {
    while (size < DISCARD_BYTES_MAX) {
      const { done, value } = await reader.read();
      if (done) return;
      size += value.length;
    }
  } catch {
    // The answer is out, or the client has left.
  }
}

/** What `Deno.serve` knows of a client; to ask for it costs something. */
type ClientInfo = Deno.ServeHandlerInfo<Deno.NetAddr>;

class DenoExchange implements Exchange {
  readonly #request: Request;
  readonly #info: ClientInfo;
  readonly method: string;
  readonly target: string;
  readonly body: string;

  constructor(
    request: Request,
    info: ClientInfo,
    method: string,
    target: string,
    body: string,
  ) {
    this.#request = request;
    this.#info = info;
    this.method = method;
    this.target = target;
    this.body = body;
  }

  get bytes(): Uint8Array {
    return new TextEncoder().encode(this.body);
  }

  /** `Deno.serve` asks for none. */
  get clientCertificate(): undefined {
    return undefined;
  }

  get clientAddress(): string {
    try {
      return this.#info.remoteAddr.hostname;
    } catch {
      // The client has left, and nobody knows any longer where it was.
      return "";
    }
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

/** `stallMs` is for bodies in slices. */
function toResponse(reply: Reply, stallMs = 0): Response {
  const { status, contentType, headers, body } = reply;
  const init = contentType === undefined && headers === undefined
    ? jsonInit(status)
    : { status, headers: { "content-type": contentType ?? "application/json", ...headers } };
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    const stream = isByteStream(body) ? toStream(body) : patientStream(textSlicesOf(body), stallMs);
    return new Response(stream, init);
  }
  // A 204 may not even have an empty body.
  return new Response(body.length === 0 ? null : body as BodyInit, init);
}

/** The same without a body, which HTTP/2 clients take for a breach of the protocol. */
async function toHeadResponse(reply: Reply): Promise<Response> {
  const length = await bodyLength(reply.body);
  const headers = { ...reply.headers, "content-length": `${length}` };
  return toResponse({ ...reply, headers, body: "" });
}

async function bodyLength(body: Reply["body"]): Promise<number> {
  if (typeof body === "string") return new TextEncoder().encode(body).length;
  if (body instanceof Uint8Array) return body.length;
  let length = 0;
  if (isByteStream(body)) {
    for await (const { length: bytes } of body.portions) length += bytes;
    return length;
  }
  for await (const slice of textSlicesOf(body)) {
    length += new TextEncoder().encode(slice).length;
    // A long listing must not hold up everybody else.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return length;
}

function toStream({ portions }: ByteStream): ReadableStream<Uint8Array> {
  return ReadableStream.from(portions);
}

const BAD_HOST = fault(400, "Expected a Host header without a path");
