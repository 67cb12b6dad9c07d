/**
 * One connection that speaks HTTP/1.1 (RFC 9112): reads requests, has them answered one
 * after the other, writes the answers. Nothing is allocated a request but what its
 * handler sees, and no promise is made where the handler makes none.
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { arrived, type Reader, writeLater, type Writer } from "../arrivals.ts";
import { type ClientCertificate, clientCertificateOf } from "../client_certificate.ts";
import type { Fault, Reply, ReplyOrFault, TextFeed } from "../exchange.ts";
import { fault, isFault } from "../fault.ts";
import { isFeed, slicesOf } from "../feed.ts";
import { bodyTooSlow, internalError, STOPPING } from "../message.ts";
import { type ConnectionLine, isBodiless, WHOLE_BYTES_MAX } from "./answer.ts";
import { type ArrivingBody, beginBody } from "./arriving_body.ts";
import { type ExchangeOwner, Http1Exchange } from "./exchange.ts";
import { FedBody } from "./fed_body.ts";
import { BAD, INCOMPLETE, parseHead } from "./head.ts";
import { CR, LF } from "./octets.ts";
import type { OutputOwner } from "./output.ts";
import type { Port } from "./port.ts";
import { portionsOf, SlicedBody, type SliceSink } from "./slices.ts";

/** Of requests that wait for the answer to the one before: above it nothing is read. */
const PIPELINED_BYTES_MAX = 64 * 1024;
/** How long a client that was sent the last answer may take to close. */
export const LINGER_MS = 5_000;
/** What it may send meanwhile: who is still sending a body that was refused looks for the answer afterwards. */
const LINGER_BYTES_MAX = 64 * 1024 * 1024;

/**
 * - `fresh`: nothing has come yet. `idle`: the next request has not begun.
 * - `head`, `body`: a part of it has come.
 * - `answering`: the handler has it. `sending`: its answer goes out in slices.
 * - `lingering`: the last answer is out; the client is to close (RFC 9112 §9.6).
 */
type Phase = "fresh" | "idle" | "head" | "body" | "answering" | "sending" | "lingering" | "closed";

const NOTHING = Buffer.alloc(0);

export class Http1Connection implements Reader, Writer, OutputOwner, SliceSink, ExchangeOwner {
  readonly #port: Port;
  readonly #socket: Socket;
  #phase: Phase = "fresh";
  /** When the phase began. */
  #sinceMs: number;
  /** Since when the socket takes nothing more. */
  #blockedMs: number | undefined;
  #onDrained: (() => void) | undefined;
  /** What has come and is not used up, from `#at` on. */
  #pending: Buffer = NOTHING;
  #at = 0;
  /** Of an incomplete head: up to here it has no end. */
  #scanned = 0;
  #body: ArrivingBody | undefined;
  /** The request that arrives or is answered. */
  #exchange: Http1Exchange | undefined;
  /** Answers that go out with those of others. */
  #held: Buffer | undefined;
  /** The body of an answer that goes out. */
  #leaving: SlicedBody | FedBody | undefined;
  #onGone: (() => void) | undefined;
  #line: ConnectionLine = "";
  #isHttp10 = false;
  /** The client sends no more. */
  #hasEnded = false;
  #isPaused = false;
  #discarded = 0;

  constructor(port: Port, socket: Socket) {
    this.#port = port;
    this.#socket = socket;
    this.#sinceMs = port.nowMs;
    // A client that has said all it wants may close its half, and is answered.
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => arrived(this, bytes));
    socket.on("end", () => arrived(this, undefined));
    socket.on("drain", () => this.#drained());
    // "close" follows.
    socket.on("error", () => {});
    socket.on("close", () => this.#closed());
  }

  get clientAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  get clientCertificate(): ClientCertificate | undefined {
    return clientCertificateOf(this.#socket);
  }

  get isGone(): boolean {
    return this.#phase === "closed";
  }

  /** Whether a request has begun to arrive whose answer is not out. */
  get isAnswering(): boolean {
    const phase = this.#phase;
    if (phase === "lingering") return !this.#socket.writableFinished;
    return phase === "body" || phase === "answering" || phase === "sending";
  }

  /** See `Reader`. */
  take(chunk: Uint8Array): void {
    if (this.#phase === "closed") return;
    if (this.#phase === "lingering") return this.#discard(chunk.length);
    const bytes = asBuffer(chunk);
    this.#pending = this.#at === this.#pending.length
      ? bytes
      : Buffer.concat([this.#pending.subarray(this.#at), bytes]);
    this.#at = 0;
    if (this.#isReading) return this.#advance();
    if (this.#pending.length < PIPELINED_BYTES_MAX || this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  /** See `Reader`: what is whole is answered. */
  end(): void {
    if (this.#phase === "closed") return;
    this.#hasEnded = true;
    // Who waits for something to happen has gone, as far as one can see. A watch has its head by then.
    const isServed = this.#phase === "answering" || this.#phase === "sending";
    if (isServed && this.#onGone !== undefined) this.#socket.destroy();
    else this.#concludeEnded();
  }

  /** Ends what has taken too long. `nowMs` is the time, known to be true within `slackMs`. */
  check(nowMs: number, slackMs: number): void {
    const { limits } = this.#port;
    const passedMs = nowMs - slackMs - this.#sinceMs;
    if (
      this.#blockedMs !== undefined && nowMs - slackMs - this.#blockedMs > limits.stallTimeoutMs
    ) {
      this.#socket.destroy();
      return;
    }
    switch (this.#phase) {
      case "fresh":
        if (passedMs > limits.headerTimeoutMs) this.#socket.destroy();
        return;
      case "idle":
        if (passedMs > limits.idleTimeoutMs) this.#socket.destroy();
        return;
      case "head":
        if (passedMs > limits.headerTimeoutMs) this.#refuse(HEAD_TOO_SLOW);
        return;
      case "body":
        if (passedMs > limits.bodyTimeoutMs) this.#refuse(bodyTooSlow(limits));
        return;
      case "sending":
        // Who has closed one half may have closed both: nothing but a write would tell.
        if (this.#hasEnded && passedMs > limits.stallTimeoutMs) this.#socket.destroy();
        return;
      case "lingering":
        if (passedMs > this.#lingerMs) this.#socket.destroy();
        return;
      case "answering":
      case "closed":
        return;
    }
  }

  /** The port closes: answers what arrives, and ends once nothing is under way. */
  shutDown(): void {
    this.writeHeld();
    switch (this.#phase) {
      case "fresh":
      case "idle":
      case "head":
        this.#socket.destroy();
        return;
      case "body":
        this.#refuse(STOPPING);
        return;
      case "lingering":
        if (this.#socket.writableFinished) this.#socket.destroy();
        else this.#socket.once("finish", () => this.#socket.destroy());
        return;
      case "answering":
      case "sending":
      case "closed":
        return;
    }
  }

  /** See `Exchange.onGone`. */
  onGone(exchange: Http1Exchange, callback: () => void): void {
    if (this.#exchange !== exchange) return;
    if (this.#phase === "closed") return callback();
    const earlier = this.#onGone;
    this.#onGone = earlier === undefined ? callback : () => {
      earlier();
      callback();
    };
  }

  /** See `OutputOwner`. */
  flush(): void {
    this.writeHeld();
    const bytes = this.#port.output.take(this);
    if (bytes !== undefined) this.#write(bytes);
  }

  /** See `Writer`. */
  writeHeld(): void {
    const bytes = this.#held;
    this.#held = undefined;
    if (bytes !== undefined) this.#write(bytes);
  }

  /** See `SliceSink`. */
  write(bytes: Buffer): boolean {
    this.flush();
    this.#sinceMs = this.#port.nowMs;
    return this.#write(bytes);
  }

  /** See `SliceSink`. */
  drained(): Promise<void> {
    if (this.#blockedMs === undefined || this.isGone) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained = resolve);
  }

  #flushLater(): void {
    this.writeHeld();
    this.#held = this.#port.output.take(this);
    if (this.#held !== undefined) writeLater(this);
  }

  #write(bytes: Buffer): boolean {
    if (this.#socket.write(bytes)) return true;
    this.#blockedMs ??= this.#port.nowMs;
    return false;
  }

  get #lingerMs(): number {
    const { idleTimeoutMs, stallTimeoutMs } = this.#port.limits;
    return this.#socket.writableFinished ? Math.min(LINGER_MS, idleTimeoutMs) : stallTimeoutMs;
  }

  /** Whether what comes is to be read now, and not later. */
  get #isReading(): boolean {
    return (this.#phase === "idle" || this.#phase === "fresh" || this.#phase === "head" ||
      this.#phase === "body") && this.#blockedMs === undefined;
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#sinceMs = this.#port.nowMs;
  }

  /** Reads and answers as long as there is something to read and the answers are there at once. */
  #advance(): void {
    while (this.#isReading && this.#at < this.#pending.length) {
      if (!(this.#phase === "body" ? this.#readBody() : this.#readHead())) break;
    }
    this.#flushLater();
    if (this.#at === this.#pending.length) {
      this.#pending = NOTHING;
      this.#at = 0;
    }
    if (this.#hasEnded) this.#concludeEnded();
    if (this.#isPaused && this.#isReading) {
      this.#isPaused = false;
      this.#socket.resume();
    }
  }

  /** False when more has to come first. */
  #readHead(): boolean {
    const pending = this.#pending;
    if (this.#scanned > 0 && !this.#hasHeadEnd()) return false;
    let start = this.#at;
    // Some clients put empty lines behind a body (RFC 9112 §2.2).
    while (pending[start] === CR && pending[start + 1] === LF) start += 2;
    this.#at = start;
    if (start === pending.length) {
      if (this.#phase === "head") this.#enter("idle");
      return false;
    }
    if (pending[start] === CR && start + 1 === pending.length) {
      if (this.#phase !== "head") this.#enter("head");
      return false;
    }
    const { head, limits } = this.#port;
    const bodyAt = parseHead(pending, start, head);
    const size = (bodyAt < 0 ? pending.length : bodyAt) - start;
    if (size > limits.headerBytesMax && bodyAt !== BAD) {
      const lineBytes = (head.targetEnd === 0 ? pending.length : head.targetEnd) - start;
      this.#refuse(lineBytes > limits.headerBytesMax ? TARGET_TOO_LONG : HEAD_TOO_LONG);
      return false;
    }
    if (bodyAt === INCOMPLETE) {
      this.#scanned = size;
      if (this.#phase !== "head") this.#enter("head");
      return false;
    }
    this.#scanned = 0;
    if (bodyAt === BAD) {
      this.#refuse(head.refusal);
      return false;
    }
    this.#at = bodyAt;
    this.#begin();
    return true;
  }

  /** Looks at what has come since the last look: a head in single octets is parsed twice, and not at each. */
  #hasHeadEnd(): boolean {
    const pending = this.#pending;
    const { length } = pending;
    if (length - this.#at > this.#port.limits.headerBytesMax) return true;
    for (let i = this.#at + this.#scanned; i < length; i++) {
      if (pending[i] !== LF) continue;
      // The end, or a line feed that the parser will refuse.
      if (pending[i - 1] !== CR || pending[i - 2] === LF) return true;
    }
    this.#scanned = length - this.#at;
    return false;
  }

  /** A head has been read. */
  #begin(): void {
    const { head, isClosing } = this.#port;
    this.#port.used(this.#socket);
    this.#isHttp10 = head.isHttp10;
    this.#line = !head.isPersistent || isClosing
      ? "connection: close\r\n"
      : head.isHttp10
      ? "connection: keep-alive\r\n"
      : "";
    const pending = this.#pending;
    const exchange = new Http1Exchange(this, head, pending, NOTHING);
    this.#exchange = exchange;
    if (head.framing === "none") return this.#answer(exchange);
    const end = this.#at + head.contentLength;
    if (
      head.framing === "length" && end <= pending.length &&
      head.contentLength <= this.#port.limits.bodyBytesMax
    ) {
      exchange.bytes = pending.subarray(this.#at, end);
      this.#at = end;
      return this.#answer(exchange);
    }
    const body = beginBody(head, this.#port);
    if ("problem" in body) return this.#refuse(body);
    this.#body = body;
    this.#enter("body");
    if (head.expectsContinue && this.#at === pending.length) this.#port.answers.writeContinue(this);
  }

  /** False when more has to come first. */
  #readBody(): boolean {
    const progress = this.#body!.take(this.#pending, this.#at);
    switch (progress.kind) {
      case "more":
        this.#at = this.#pending.length;
        return false;
      case "refused":
        this.#refuse(progress.refusal);
        return false;
      case "whole": {
        this.#at = progress.end;
        this.#dropBody();
        const exchange = this.#exchange!;
        exchange.bytes = progress.bytes;
        this.#answer(exchange);
        return true;
      }
    }
  }

  #dropBody(): void {
    this.#body?.release();
    this.#body = undefined;
  }

  #answer(exchange: Http1Exchange): void {
    this.#enter("answering");
    try {
      const reply = this.#port.handler(exchange);
      if (reply instanceof Promise) reply.then(this.#replied, this.#failed);
      else this.#send(reply);
    } catch (error) {
      this.#send(internalError(error, this.#port.logger));
    }
  }

  /** A handler's promise is kept. */
  readonly #replied = (reply: ReplyOrFault): void => {
    if (this.isGone) return;
    try {
      this.#send(reply);
    } catch (error) {
      this.#send(internalError(error, this.#port.logger));
    }
    this.#advance();
  };

  /** A handler's promise is broken. */
  readonly #failed = (error: unknown): void => {
    const reply = internalError(error, this.#port.logger);
    if (this.isGone) return;
    this.#send(reply);
    this.#advance();
  };

  /** Answers what was not read to its end: the connection can't be used again. */
  #refuse(refusal: Fault): void {
    this.#dropBody();
    this.#line = "connection: close\r\n";
    this.#send(refusal);
    this.flush();
  }

  /** Throws when the reply can't be one; nothing of it is out then. */
  #send(answer: ReplyOrFault): void {
    const { answers, isClosing, renderFault } = this.#port;
    if (isClosing) this.#line = "connection: close\r\n";
    const reply = isFault(answer) ? renderFault(answer, this.#exchange?.target) : answer;
    const { body, status } = reply;
    const isWhole = typeof body === "string" || body instanceof Uint8Array;
    if (this.#exchange?.method === "HEAD" || isBodiless(status)) {
      const length = isWhole && !isBodiless(status) ? Buffer.byteLength(body) : undefined;
      answers.writeHead(this, reply, this.#line, length, "");
      if (!isWhole) letGo(body);
      return this.#answered();
    }
    if (!isWhole) {
      return isFeed(body) ? this.#sendFeed(reply, body) : this.#sendSlices(reply, slicesOf(body));
    }
    if (typeof body === "string" && answers.writeText(this, reply, body, this.#line)) {
      return this.#answered();
    }
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    if (bytes.length > WHOLE_BYTES_MAX) {
      return this.#sendSlices(reply, portionsOf(bytes), bytes.length);
    }
    answers.writeBytes(this, reply, bytes, this.#line);
    this.#answered();
  }

  #sendSlices(
    reply: Reply,
    slices: Iterable<string> | AsyncIterable<string | Uint8Array>,
    contentLength?: number,
  ): void {
    const isChunked = this.#sendHead(reply, contentLength);
    const sliced = new SlicedBody(slices, isChunked);
    this.#leaving = sliced;
    sliced.writeTo(this).then(this.#sent, (error) => {
      if (!this.isGone) this.#port.logger.error("An answer broke off", { cause: String(error) });
      this.#socket.destroy();
    });
  }

  #sendFeed(reply: Reply, feed: TextFeed): void {
    const isChunked = this.#sendHead(reply, undefined);
    this.#leaving = new FedBody(feed, isChunked, this, this.#port.fedBodies, this.#sent);
  }

  /** Whether the body is to be sent in chunks. */
  #sendHead(reply: Reply, contentLength: number | undefined): boolean {
    const isChunked = contentLength === undefined && !this.#isHttp10;
    // HTTP/1.0 knows no chunks: such a body ends with its connection (RFC 9112 §6.3).
    if (contentLength === undefined && this.#isHttp10) this.#line = "connection: close\r\n";
    const ending = isChunked ? "transfer-encoding: chunked\r\n" : "";
    this.#port.answers.writeHead(this, reply, this.#line, contentLength, ending);
    this.#enter("sending");
    return isChunked;
  }

  /** A body that went out by and by is out. */
  readonly #sent = (): void => {
    if (this.isGone) return;
    this.#answered();
    this.#advance();
  };

  /** The answer is out, or in the output. */
  #answered(): void {
    this.#exchange = this.#leaving = this.#onGone = undefined;
    // The port may have closed since the head went out.
    if (this.#line === "connection: close\r\n" || this.#port.isClosing) this.#finish();
    else this.#enter("idle");
  }

  /** Sends what is left and the end, and waits for the client's. */
  #finish(): void {
    this.flush();
    this.#enter("lingering");
    this.#pending = NOTHING;
    this.#at = this.#scanned = 0;
    const socket = this.#socket;
    if (this.#port.isClosing) socket.end(() => socket.destroy());
    else socket.end();
    if (this.#isPaused) {
      this.#isPaused = false;
      socket.resume();
    }
  }

  #discard(bytes: number): void {
    this.#discarded += bytes;
    if (this.#discarded > LINGER_BYTES_MAX) this.#socket.destroy();
  }

  #concludeEnded(): void {
    if (this.#blockedMs !== undefined && this.#at < this.#pending.length) return;
    switch (this.#phase) {
      case "fresh":
      case "idle":
        this.#finish();
        return;
      case "head":
        this.#refuse(HEAD_CUT);
        return;
      case "body":
        this.#refuse(bodyTooSlow(this.#port.limits));
        return;
      case "answering":
      case "sending":
      case "lingering":
      case "closed":
        return;
    }
  }

  #drained(): void {
    this.#blockedMs = undefined;
    const onDrained = this.#onDrained;
    this.#onDrained = undefined;
    if (onDrained !== undefined) onDrained();
    else if (this.#isReading) this.#advance();
  }

  #closed(): void {
    const onGone = this.#onGone;
    this.#phase = "closed";
    this.#dropBody();
    this.#leaving?.cancel();
    this.#onDrained?.();
    this.#pending = NOTHING;
    this.#at = 0;
    this.#held = undefined;
    this.#onGone = this.#onDrained = undefined;
    this.#port.closed(this.#socket);
    onGone?.();
  }
}

/** Nobody asked for `body`, but it may hold something. */
function letGo(body: Exclude<Reply["body"], string | Uint8Array>): void {
  if (isFeed(body)) body.cancel();
  else new SlicedBody(slicesOf(body), false).cancel();
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const HEAD_TOO_SLOW = fault(408, "Expected a whole request in time, found a part of it");
const HEAD_TOO_LONG = fault(431, "Expected shorter headers");
const TARGET_TOO_LONG = fault(414, "Expected a shorter request target");
const HEAD_CUT = fault(400, "Expected a whole request, found the end of the connection");
