/** Requests and answers of `node:http(s)`: reads the body within its bounds, writes the reply. */
import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { laterTurn } from "../base/turns.ts";
import type { Logger } from "../base/logger.ts";
import { type ClientCertificate, clientCertificateOf } from "./client_certificate.ts";
import { Deadlines } from "./deadlines.ts";
import type { HttpLimits, ListenOptions } from "./endpoint.ts";
import type { Exchange, Fault, Handler, ReplyOrFault } from "./exchange.ts";
import { isFault } from "./fault.ts";
import type { RenderFault } from "./fault.ts";
import { slicesOf } from "./feed.ts";
import { Gathered } from "./gathered.ts";
import {
  bodyTooLarge,
  bodyTooSlow,
  internalError,
  originForm,
  STOPPING,
  TOO_MANY_BODIES,
} from "./message.ts";

/** A request whose body arrives. */
interface Arriving {
  readonly response: ServerResponse;
  /** Lets go of what has arrived. */
  readonly forget: () => void;
}

/** The exchanges of one port. */
export class NodeExchanges {
  readonly #handler: Handler;
  readonly #limits: HttpLimits;
  readonly #logger: Logger;
  readonly #renderFault: RenderFault;
  readonly #bodies: Deadlines<Arriving>;
  /** The answer begun last on each connection. */
  readonly #latest = new WeakMap<Socket, ServerResponse>();
  /** Of all bodies that arrive. */
  #arrivingBytes = 0;
  #closing = false;

  constructor(
    { limits, logger, renderFault }: Pick<ListenOptions, "limits" | "logger" | "renderFault">,
    handler: Handler,
  ) {
    this.#handler = handler;
    this.#limits = limits;
    this.#logger = logger;
    this.#renderFault = renderFault;
    this.#bodies = new Deadlines(limits.bodyTimeoutMs, ({ response, forget }) => {
      forget();
      this.#refuse(response, bodyTooSlow(limits));
    });
  }

  /**
   * A request's head has arrived. Pipelined ones come all at once; each waits for
   * the answer to the one before, or a read could overtake the write it follows.
   */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const previous = this.#latest.get(socket);
    this.#latest.set(socket, response);
    if (previous === undefined || previous.writableEnded) this.#start(request, response);
    else previous.once("close", () => this.#start(request, response));
  }

  /** Whether a request of this connection has not been answered to its end. */
  isAnswering(socket: Socket): boolean {
    const response = this.#latest.get(socket);
    return response !== undefined && !response.writableFinished;
  }

  /** Ends the wait for bodies that still arrive; from here on every answer ends its connection. */
  close(): void {
    this.#closing = true;
    for (const { response } of this.#bodies.close()) this.#refuse(response, STOPPING);
  }

  #start(request: IncomingMessage, response: ServerResponse): void {
    if (request.socket.destroyed) return;
    const { headers } = request;
    const empty = headers["content-length"] === undefined &&
      headers["transfer-encoding"] === undefined;
    if (empty) this.#answer(request, response, NOTHING);
    else this.#read(request, response);
  }

  #read(request: IncomingMessage, response: ServerResponse): void {
    const max = this.#limits.bodyBytesMax;
    const length = Number(request.headers["content-length"] ?? 0);
    if (length > max) return this.#refuse(response, bodyTooLarge(this.#limits));
    const arrived = new Gathered();
    const forget = () => {
      this.#arrivingBytes -= arrived.size;
      arrived.clear();
    };
    const deadline = this.#bodies.add({ response, forget });
    const refuse = (fault: Fault) => {
      this.#bodies.delete(deadline);
      forget();
      this.#refuse(response, fault);
    };
    request.on("data", (chunk: Buffer) => {
      if (!this.#bodies.has(deadline)) return;
      arrived.append(chunk);
      this.#arrivingBytes += chunk.length;
      if (arrived.size > max) refuse(bodyTooLarge(this.#limits));
      else if (this.#arrivingBytes > this.#limits.arrivingBytesMax) refuse(TOO_MANY_BODIES);
    });
    request.on("end", () => {
      if (!this.#bodies.delete(deadline)) return;
      const whole = arrived.bytes;
      forget();
      this.#answer(request, response, whole);
    });
    // The client left in the middle: there is nobody to answer.
    request.on("error", () => {
      this.#bodies.delete(deadline);
      forget();
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    try {
      const reply = this.#handler(new NodeExchange(request, response, body));
      if (!(reply instanceof Promise)) return this.#send(response, reply);
      reply.then(
        (reply) => this.#send(response, reply),
        (error) => this.#send(response, internalError(error, this.#logger)),
      );
    } catch (error) {
      this.#send(response, internalError(error, this.#logger));
    }
  }

  /** Answers what was not read to its end: the connection can't be used again. */
  #refuse(response: ServerResponse, fault: Fault): void {
    response.shouldKeepAlive = false;
    this.#send(response, fault);
  }

  #send(response: ServerResponse, answer: ReplyOrFault): void {
    if (response.destroyed) return;
    if (this.#closing) response.shouldKeepAlive = false;
    const reply = isFault(answer)
      ? this.#renderFault(answer, originForm(response.req.url!))
      : answer;
    const { body, status } = reply;
    const headers: Record<string, string | number> = {
      "content-type": reply.contentType ?? "application/json",
      ...reply.headers,
    };
    if (typeof body === "string" || body instanceof Uint8Array) {
      // RFC 9110 §8.6: a 204 has no length, not even 0.
      if (status !== 204) headers["content-length"] = Buffer.byteLength(body);
      response.writeHead(status, headers);
      response.end(body);
      return;
    }
    response.writeHead(status, headers);
    this.#sendSlices(response, slicesOf(body)).catch((error) => {
      this.#logger.error("An answer broke off", { cause: String(error) });
      response.destroy();
    });
  }

  /** Writes as the client takes it, one slice in memory. */
  async #sendSlices(
    response: ServerResponse,
    slices: Iterable<string> | AsyncIterable<string | Uint8Array>,
  ): Promise<void> {
    if (response.req.method === "HEAD") {
      response.end();
      return;
    }
    // To HTTP/1.0 the last slice ends the answer: without one the runtime never ends the
    // connection under TLS, its only end there, if the slice before is under way.
    const holdsBack = response.req.httpVersionMinor === 0;
    let held: string | Uint8Array = "";
    for await (const slice of slices) {
      if (response.destroyed) return;
      const next = holdsBack ? held : slice;
      if (holdsBack) held = slice;
      if (next.length > 0 && !response.write(next)) {
        await drained(response, this.#limits.stallTimeoutMs);
      }
      // A socket that takes all at once never leaves the microtasks: others want their turn.
      await laterTurn();
    }
    response.end(held);
  }
}

const NOTHING = Buffer.alloc(0);

class NodeExchange implements Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly method: string;
  readonly target: string;
  readonly bytes: Buffer;
  #body: string | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, bytes: Buffer) {
    this.#request = request;
    this.#response = response;
    this.method = request.method!;
    this.target = originForm(request.url!);
    this.bytes = bytes;
  }

  get body(): string {
    return this.#body ??= this.bytes.toString("utf8");
  }

  get clientCertificate(): ClientCertificate | undefined {
    return clientCertificateOf(this.#request.socket);
  }

  get clientAddress(): string {
    return this.#request.socket.remoteAddress ?? "";
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  onGone(callback: () => void): void {
    const response = this.#response;
    if (response.destroyed) return callback();
    response.once("close", () => {
      if (!response.writableFinished) callback();
    });
  }
}

/** Resolves when the client has taken what was written, or has left; cut off when that takes longer than `stallMs`. */
function drained(response: ServerResponse, stallMs: number): Promise<void> {
  return new Promise((resolve) => {
    const patience = setTimeout(() => response.destroy(), stallMs);
    const done = () => {
      clearTimeout(patience);
      response.removeListener("drain", done);
      response.removeListener("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}
