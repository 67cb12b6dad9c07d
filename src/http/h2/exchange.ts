/** Serves ordinary requests over HTTP/2: reads the body within its bounds, writes the reply. */
import { Buffer } from "node:buffer";
import { laterTurn } from "../../base/turns.ts";
import type { Logger } from "../../base/logger.ts";
import type { ClientCertificate } from "../client_certificate.ts";
import { type Deadline, Deadlines } from "../deadlines.ts";
import type { HttpLimits, ListenOptions } from "../endpoint.ts";
import type { Exchange, Fault, Handler, Reply, ReplyOrFault } from "../exchange.ts";
import { isFault, type RenderFault } from "../fault.ts";
import { slicesOf } from "../feed.ts";
import { Gathered } from "../gathered.ts";
import {
  bodyTooLarge,
  bodyTooSlow,
  internalError,
  originForm,
  STOPPING,
  TOO_MANY_BODIES,
} from "../message.ts";
import { ErrorCode, type Field, type ServerStream } from "./stream.ts";
import type { StreamHandler, StreamReceiver } from "./stream.ts";

/** What the exchanges of a port share. */
interface Shared {
  readonly handler: Handler;
  readonly limits: HttpLimits;
  readonly logger: Logger;
  readonly renderFault: RenderFault;
  readonly bodies: Deadlines<Http2Exchange>;
  /** Of all bodies that arrive. */
  arrivingBytes: number;
}

/** The exchanges of one port. */
export class Http2Exchanges {
  readonly #shared: Shared;

  constructor(
    { limits, logger, renderFault }: Pick<ListenOptions, "limits" | "logger" | "renderFault">,
    handler: Handler,
  ) {
    const bodies = new Deadlines<Http2Exchange>(
      limits.bodyTimeoutMs,
      (exchange) => exchange.late(),
    );
    this.#shared = { handler, limits, logger, renderFault, bodies, arrivingBytes: 0 };
  }

  /** Answers one request. */
  readonly serve: StreamHandler = (stream) => {
    const exchange = new Http2Exchange(stream, this.#shared);
    exchange.begin();
    return exchange;
  };

  /** Ends the wait for bodies that still arrive. */
  close(): void {
    for (const exchange of this.#shared.bodies.close()) exchange.refuse(STOPPING);
  }
}

/** What a client may still send of a body that was refused. */
const DISCARD_BYTES_MAX = 64 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

class Http2Exchange implements Exchange, StreamReceiver {
  readonly #stream: ServerStream;
  readonly #shared: Shared;
  readonly method: string;
  readonly target: string;
  #deadline: Deadline<Http2Exchange> | undefined;
  readonly #arrived = new Gathered();
  #bytes: Buffer = NOTHING;
  #text: string | undefined;
  #onGone: (() => void) | undefined;
  #isRefused = false;
  /** Whoever waits for the client to take more. */
  #wake: (() => void) | undefined;

  constructor(stream: ServerStream, shared: Shared) {
    this.#stream = stream;
    this.#shared = shared;
    this.method = stream.method;
    this.target = originForm(stream.path);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get body(): string {
    return this.#text ??= this.#bytes.toString("utf8");
  }

  get clientAddress(): string {
    return this.#stream.clientAddress;
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#stream.clientCertificate;
  }

  header(name: string): string | undefined {
    return this.#stream.header(name);
  }

  onGone(callback: () => void): void {
    if (this.#stream.isClosed) return callback();
    const earlier = this.#onGone;
    this.#onGone = earlier === undefined ? callback : () => {
      earlier();
      callback();
    };
  }

  /** Waits for the body, if there is one. */
  begin(): void {
    if (this.#stream.isRemoteEnded) return;
    const { limits, bodies } = this.#shared;
    const length = Number(this.#stream.header("content-length") ?? 0);
    if (length > limits.bodyBytesMax) this.refuse(bodyTooLarge(limits));
    else this.#deadline = bodies.add(this);
  }

  /** Answers what has not come to its end. The rest is read and thrown away, for a while. */
  refuse(fault: Fault): void {
    this.#forget();
    if (this.#isRefused) return this.#stream.reset(ErrorCode.noError);
    this.#isRefused = true;
    this.#stream.discard(DISCARD_BYTES_MAX);
    this.#deadline = this.#shared.bodies.add(this);
    this.#send(fault);
  }

  /** The body, or the rest of a refused one, stays away. */
  late(): void {
    this.refuse(bodyTooSlow(this.#shared.limits));
  }

  onData(bytes: Uint8Array): void {
    const { limits } = this.#shared;
    this.#arrived.append(bytes);
    this.#shared.arrivingBytes += bytes.length;
    if (this.#arrived.size > limits.bodyBytesMax) this.refuse(bodyTooLarge(limits));
    else if (this.#shared.arrivingBytes > limits.arrivingBytesMax) this.refuse(TOO_MANY_BODIES);
  }

  onEnd(): void {
    this.#bytes = this.#arrived.bytes;
    this.#forget();
    this.#answer();
  }

  onReset(): void {
    this.#forget();
    this.#wake?.();
    this.#onGone?.();
  }

  onDrain(): void {
    this.#wake?.();
  }

  /** Lets go of what has arrived. */
  #forget(): void {
    if (this.#deadline !== undefined) this.#shared.bodies.delete(this.#deadline);
    this.#shared.arrivingBytes -= this.#arrived.size;
    this.#arrived.clear();
  }

  #answer(): void {
    const { handler, logger } = this.#shared;
    try {
      const answer = handler(this);
      if (!(answer instanceof Promise)) return this.#send(answer);
      answer.then(this.#trySend, (error) => this.#trySend(internalError(error, logger)));
    } catch (error) {
      this.#trySend(internalError(error, logger));
    }
  }

  /** Nobody would hear of what is thrown behind a promise, but the process would end. */
  readonly #trySend = (answer: ReplyOrFault): void => {
    try {
      this.#send(answer);
    } catch (error) {
      internalError(error, this.#shared.logger);
      this.#stream.reset(ErrorCode.internalError);
    }
  };

  #send(answer: ReplyOrFault): void {
    const stream = this.#stream;
    if (stream.isClosed) return;
    const reply = isFault(answer) ? this.#shared.renderFault(answer, this.target) : answer;
    const { status, body } = reply;
    const fields = fieldsOf(reply);
    if (typeof body === "string") return this.#sendText(status, fields, body);
    if (body instanceof Uint8Array) {
      fields.push(["content-length", `${body.length}`]);
      if (this.method === "HEAD") return stream.endWithHeaders(status, fields);
      stream.sendHeaders(status, fields);
      stream.write(body);
      return stream.end();
    }
    if (this.method === "HEAD") return stream.endWithHeaders(status, fields);
    stream.sendHeaders(status, fields);
    this.#sendSlices(slicesOf(body)).catch((error) => {
      this.#shared.logger.error("An answer broke off", { cause: String(error) });
      stream.reset(ErrorCode.internalError);
    });
  }

  #sendText(status: number, fields: Field[], text: string): void {
    const stream = this.#stream;
    if (text === "" && (status === 204 || status === 304)) {
      return stream.endWithHeaders(status, fields);
    }
    const length = Buffer.byteLength(text);
    fields.push(["content-length", `${length}`]);
    if (this.method === "HEAD" || length === 0) return stream.endWithHeaders(status, fields);
    stream.sendHeaders(status, fields);
    stream.writeInto(length, (target, at) => {
      return at + ENCODER.encodeInto(text, target.subarray(at, at + length)).written;
    });
    stream.end();
  }

  /** Writes as the client takes it, one slice in memory. */
  async #sendSlices(
    slices: Iterable<string> | AsyncIterable<string | Uint8Array>,
  ): Promise<void> {
    const stream = this.#stream;
    for await (const slice of slices) {
      if (stream.isClosed) return;
      const bytes = typeof slice === "string" ? ENCODER.encode(slice) : slice;
      if (!stream.write(bytes)) await this.#drained();
      // A client that takes all at once never leaves the microtasks: others want their turn.
      await laterTurn();
    }
    stream.end();
  }

  /** Resolves when the client has taken what was written, or has left; cut off when that takes too long. */
  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const patience = setTimeout(() => {
        this.#stream.reset(ErrorCode.cancel);
        this.#wake?.();
      }, this.#shared.limits.stallTimeoutMs);
      this.#wake = () => {
        clearTimeout(patience);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

const ENCODER = new TextEncoder();

/** Fields that speak of an HTTP/1.1 connection (RFC 9113 §8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
]);

/** Names are in lower case here (RFC 9113 §8.2.1). */
function fieldsOf({ contentType, headers }: Reply): Field[] {
  const fields: Field[] = [["content-type", contentType ?? "application/json"]];
  if (headers === undefined) return fields;
  for (const name in headers) {
    const lower = name.toLowerCase();
    if (!CONNECTION_FIELDS.has(lower)) fields.push([lower, headers[name]!]);
  }
  return fields;
}
