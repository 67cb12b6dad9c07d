/**
 * One HTTP/2 connection (RFC 9113): how it begins, what is about all of it, and how it
 * ends. Memory and work that a peer can cause are bounded.
 */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { Logger } from "../../base/logger.ts";
import { arrived, type Reader } from "../arrivals.ts";
import { type ClientCertificate, clientCertificateOf } from "../client_certificate.ts";
import { Patience, PingPolicy } from "./budget.ts";
import { frameSizeError, Http2Error, protocolError } from "./errors.ts";
import { Flag, FRAME_BYTES_MAX, FrameReader, type FrameSink, FrameType } from "./frame.ts";
import { PREFACE, readUint31, Setting, WINDOW_MAX } from "./frame.ts";
import { HpackError } from "./hpack_decoder.ts";
import type { Http2Limits } from "./options.ts";
import { Output } from "./output.ts";
import { Sender } from "./sender.ts";
import { Streams, type StreamsOwner } from "./streams.ts";
import { ErrorCode, type StreamHandler } from "./stream.ts";

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly limits: Http2Limits;
  readonly logger: Logger;
  readonly handler: StreamHandler;
  /** A request has come on `socket`. */
  readonly used: (socket: Socket) => void;
  closed(connection: Connection): void;
}

/**
 * "new": no SETTINGS yet; "leaving": the first GOAWAY is out, and requests on their way are
 * still taken; "draining": what is under way is answered; "ended": all is sent, and the peer
 * has a moment to read it.
 */
type State = "new" | "open" | "leaving" | "draining" | "ended" | "closed";

/** How long a peer has to answer the first GOAWAY, and to close its side after the end. */
const PARTING_MS = 500;

const SHUTDOWN_PING = new TextEncoder().encode("shutdown");
const KEEPALIVE_PING = new TextEncoder().encode("alive???");

/** What a SETTINGS frame costs of a peer's `Patience`: every stream's window may change. */
const SETTINGS_COST = 20;

export class Connection implements Reader, FrameSink, StreamsOwner {
  readonly socket: Socket;
  readonly #host: ConnectionHost;
  readonly limits: Http2Limits;
  readonly logger: Logger;
  readonly handler: StreamHandler;
  readonly #output: Output;
  readonly sender: Sender;
  readonly patience: Patience;
  readonly #streams: Streams;
  readonly #reader = new FrameReader();
  readonly #pings: PingPolicy;
  #state: State = "new";
  #prefaceAt = 0;
  /** Nothing is read, because too much is unsent. */
  #isHeld = false;
  #frames = 0;
  /** A request has come with what is being read. */
  #isUsed = false;

  // All by `performance.now()`.
  #nowMs = performance.now();
  #stateMs = this.#nowMs;
  #readMs = this.#nowMs;
  /** Since when a part of a frame waits for the rest; undefined when none does. */
  #partialMs: number | undefined;
  #idleMs = this.#nowMs;
  #writtenMs = this.#nowMs;
  /** When the peer was asked for a sign; undefined when it is not. */
  #askedMs: number | undefined;

  constructor(socket: Socket, host: ConnectionHost) {
    this.socket = socket;
    this.#host = host;
    this.limits = host.limits;
    this.logger = host.logger;
    this.handler = host.handler;
    this.#output = new Output(socket, () => this.#written());
    this.sender = new Sender(this.#output);
    this.patience = new Patience(this.sender);
    this.#pings = new PingPolicy(host.limits.pingMinTimeMs);
    this.#streams = new Streams(this);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get clientAddress(): string {
    return this.socket.remoteAddress ?? "";
  }

  get clientCertificate(): ClientCertificate | undefined {
    return clientCertificateOf(this.socket);
  }

  /** Whether a request has not been answered to its end. */
  get isAnswering(): boolean {
    return this.#streams.size > 0;
  }

  /** Begins; `firstBytes` were read from the socket already. */
  start(firstBytes: Buffer | undefined): void {
    const socket = this.socket;
    socket.setNoDelay(true);
    socket.on("error", (error: Error) => {
      this.logger.debug("A connection broke", { cause: error.message });
      this.#close();
    });
    socket.on("end", () => arrived(this, undefined));
    socket.on("close", () => this.#close());
    this.sender.settings([
      [Setting.maxConcurrentStreams, this.limits.streamsMax],
      [Setting.initialWindowSize, this.limits.streamWindowBytes],
      [Setting.maxHeaderListSize, this.limits.headerListBytesMax],
    ]);
    this.#streams.openWindow();
    if (firstBytes !== undefined) this.take(firstBytes);
    socket.on("data", (chunk: Buffer) => arrived(this, chunk));
    this.#output.flush();
  }

  /** Ends the connection in order: what is under way is answered, and nothing is lost on its way here. */
  drain(): void {
    if (this.#state === "new") return this.#end();
    if (this.#state !== "open") return;
    this.#enter("leaving");
    this.sender.goAway(WINDOW_MAX, ErrorCode.noError, "");
    this.sender.ping(SHUTDOWN_PING, false);
    this.#output.flush();
  }

  /** Cuts it. */
  destroy(): void {
    this.#close();
  }

  /** Looks after all that takes too long. */
  check(nowMs: number): void {
    this.#nowMs = nowMs;
    const { headerTimeoutMs, stallTimeoutMs, idleTimeoutMs } = this.limits;
    if (this.#output.unsentBytes === 0) this.#writtenMs = nowMs;
    const isIncomplete = nowMs - (this.#partialMs ?? nowMs) > headerTimeoutMs;
    const isBlockLate = nowMs - (this.#streams.blockSinceMs ?? nowMs) > headerTimeoutMs;
    const inStateMs = nowMs - this.#stateMs;
    if (this.#state === "ended") {
      if (inStateMs > PARTING_MS) this.#close();
    } else if (this.#state === "new" && inStateMs > headerTimeoutMs) {
      this.#fail(ErrorCode.settingsTimeout, "no SETTINGS in time");
    } else if (isIncomplete || isBlockLate) {
      this.#fail(ErrorCode.protocolError, "a frame takes too long");
    } else if (this.#output.unsentBytes > 0 && nowMs - this.#writtenMs > stallTimeoutMs) {
      this.logger.debug("A client takes nothing, its connection is cut");
      this.#close();
    } else if (this.#state === "leaving" && inStateMs > PARTING_MS) {
      this.#settle();
    } else if (this.#streams.size === 0 && nowMs - this.#idleMs > idleTimeoutMs) {
      this.drain();
    } else {
      this.#askForSign(nowMs);
    }
    if (this.sender.blocked.size > 0) this.#streams.abortStalled(nowMs);
  }

  used(): void {
    this.#isUsed = true;
  }

  idle(): void {
    this.#idleMs = this.#nowMs;
    if (this.#state === "draining") this.#end();
  }

  onFrameTooLong(): void {
    this.#fail(ErrorCode.frameSizeError, `a frame is longer than ${FRAME_BYTES_MAX} bytes`);
  }

  onFrame(
    type: number,
    flags: number,
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): boolean {
    this.#frames++;
    try {
      this.#dispatch(type, flags, id, bytes, start, end);
    } catch (error) {
      if (error instanceof Http2Error) this.#fail(error.code, error.message);
      else if (error instanceof HpackError) this.#fail(ErrorCode.compressionError, error.message);
      else {
        const cause = error instanceof Error ? error.stack ?? error.message : String(error);
        this.logger.error("A frame could not be handled", { cause });
        this.#fail(ErrorCode.internalError, "internal error");
      }
    }
    return this.#isReading;
  }

  get #isReading(): boolean {
    return this.#state !== "ended" && this.#state !== "closed";
  }

  /** See `Reader`. Half a close is a client that is gone; after our own end it is only polite. */
  end(): void {
    if (this.#isReading) this.#close();
  }

  /** See `Reader`. */
  take(chunk: Buffer): void {
    // What comes after the end is taken and thrown away: a reset would take our last words from the peer.
    if (!this.#isReading) return;
    this.#nowMs = this.#readMs = performance.now();
    const from = this.#prefaceAt < PREFACE.length ? this.#readPreface(chunk) : 0;
    if (from < 0) return;
    const frames = this.#frames;
    this.#reader.push(chunk, from, this);
    if (!this.#reader.isWithin) this.#partialMs = undefined;
    else if (this.#frames !== frames) this.#partialMs = this.#nowMs;
    else this.#partialMs ??= this.#nowMs;
    if (this.#isUsed) {
      this.#isUsed = false;
      this.#host.used(this.socket);
    }
    this.#streams.handleWaiting();
    if (this.#output.unsentBytes <= this.limits.unsentBytesMax || !this.#isReading) return;
    this.#isHeld = true;
    this.#partialMs = undefined;
    this.socket.pause();
  }

  /** Returns where the frames begin, or -1 when none can. */
  #readPreface(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && this.#prefaceAt < PREFACE.length) {
      if (chunk[at++] === PREFACE[this.#prefaceAt++]) continue;
      this.#fail(ErrorCode.protocolError, "the connection doesn't begin as HTTP/2 does");
      return -1;
    }
    return at;
  }

  #written(): void {
    this.#writtenMs = performance.now();
    const { unsentBytes } = this.#output;
    this.sender.pump();
    this.#streams.handleWaiting();
    if (!this.#isHeld || unsentBytes > this.limits.unsentBytesMax / 2) return;
    this.#isHeld = false;
    if (this.#reader.isWithin) this.#partialMs = this.#writtenMs;
    this.socket.resume();
  }

  #dispatch(
    type: number,
    flags: number,
    id: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (this.#state === "new") this.#expectSettings(type, flags);
    if (this.#streams.blockSinceMs !== undefined && type !== FrameType.continuation) {
      throw protocolError("another frame within a header block");
    }
    switch (type) {
      case FrameType.data:
        return this.#streams.onData(flags, id, bytes, start, end);
      case FrameType.headers:
        return this.#streams.onHeaders(flags, id, bytes, start, end);
      case FrameType.continuation:
        return this.#streams.onContinuation(flags, id, bytes, start, end);
      case FrameType.rstStream:
        expectLength(end - start, 4);
        return this.#streams.onReset(id, readUint32(bytes, start));
      case FrameType.windowUpdate:
        expectLength(end - start, 4);
        return this.#streams.onWindowUpdate(id, readUint31(bytes, start));
      case FrameType.settings:
        return this.#onSettings(flags, id, bytes, start, end);
      case FrameType.ping:
        return this.#onPing(flags, id, bytes, start, end);
      case FrameType.goAway:
        return this.#onGoAway(id, end - start);
      case FrameType.priority:
        if (id === 0) throw protocolError("PRIORITY for the connection");
        expectLength(end - start, 5);
        return this.patience.frame();
      case FrameType.pushPromise:
        throw protocolError("PUSH_PROMISE of a client");
      default:
        // What isn't known is passed over (RFC 9113 §4.1).
        return this.patience.frame();
    }
  }

  #expectSettings(type: number, flags: number): void {
    if (type !== FrameType.settings || (flags & Flag.ack) !== 0) {
      throw protocolError("another frame before SETTINGS");
    }
    this.#enter("open");
  }

  #onSettings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolError("SETTINGS for a stream");
    if ((flags & Flag.ack) !== 0) {
      this.patience.frame();
      return expectLength(end - start, 0);
    }
    if ((end - start) % 6 !== 0) throw frameSizeError();
    this.patience.frame(SETTINGS_COST);
    let initialWindow = this.sender.initialWindow;
    for (let at = start; at < end; at += 6) {
      const value = readUint32(bytes, at + 2);
      switch (bytes[at]! << 8 | bytes[at + 1]!) {
        case Setting.headerTableSize:
          this.sender.encoder.allowTable(value);
          break;
        case Setting.enablePush:
          if (value > 1) throw protocolError(`ENABLE_PUSH of ${value}`);
          break;
        case Setting.initialWindowSize:
          if (value > WINDOW_MAX) {
            throw new Http2Error(ErrorCode.flowControlError, `found a window of ${value}`);
          }
          initialWindow = value;
          break;
        case Setting.maxFrameSize:
          // Ours are never longer than everybody has to take.
          if (value < FRAME_BYTES_MAX || value >= 2 ** 24) {
            throw protocolError(`MAX_FRAME_SIZE of ${value}`);
          }
          break;
      }
    }
    this.sender.settingsAck();
    this.#streams.changeWindows(initialWindow - this.sender.initialWindow);
  }

  #onPing(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) throw protocolError("PING for a stream");
    expectLength(end - start, 8);
    this.patience.frame();
    const data = bytes.subarray(start, end);
    if ((flags & Flag.ack) !== 0) {
      if (this.#state === "leaving" && data.equals(SHUTDOWN_PING)) this.#settle();
      return;
    }
    this.sender.ping(data, true);
    const hasStreams = this.#streams.size > 0;
    if (this.#pings.admit(this.#nowMs, hasStreams, this.sender.usefulFrames)) return;
    // gRPC's clients know this text, and ping less often then.
    throw new Http2Error(ErrorCode.enhanceYourCalm, "too_many_pings");
  }

  #onGoAway(id: number, length: number): void {
    if (id !== 0) throw protocolError("GOAWAY for a stream");
    if (length < 8) throw frameSizeError();
    this.patience.frame();
    // Its last requests may be behind it: nghttp2, and so Node, puts GOAWAY before those that wait.
    this.drain();
  }

  /** Every request that was on its way has come. */
  #settle(): void {
    this.#enter("draining");
    this.#streams.refuse();
    this.sender.goAway(this.#streams.lastId, ErrorCode.noError, "");
    if (this.#streams.size === 0) this.#end();
    else this.#output.flush();
  }

  /** A peer that has vanished without a word is found out so. */
  #askForSign(nowMs: number): void {
    const { pingIntervalMs, pingTimeoutMs } = this.limits;
    if (this.#askedMs !== undefined && this.#readMs >= this.#askedMs) this.#askedMs = undefined;
    if (this.#askedMs === undefined) {
      if (nowMs - this.#readMs <= pingIntervalMs) return;
      this.#askedMs = nowMs;
      this.sender.ping(KEEPALIVE_PING, false);
    } else if (nowMs - this.#askedMs > pingTimeoutMs) {
      this.logger.debug("A client answers no ping, its connection is cut");
      this.#close();
    }
  }

  #fail(code: number, cause: string): void {
    if (!this.#isReading) return;
    this.logger.debug("A client broke a rule of HTTP/2, its connection ends", { cause });
    this.sender.goAway(this.#streams.lastId, code, cause);
    this.#end();
    this.#streams.cutAll(code);
  }

  #end(): void {
    if (!this.#isReading) return;
    this.#enter("ended");
    this.#reader.close();
    if (this.#isHeld) this.socket.resume();
    this.#output.end();
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#enter("closed");
    this.#reader.close();
    this.#output.close();
    this.#streams.cutAll(ErrorCode.cancel);
    this.socket.destroy();
    this.#host.closed(this);
  }

  #enter(state: State): void {
    this.#state = state;
    this.#stateMs = performance.now();
  }
}

function readUint32(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at);
}

function expectLength(found: number, expected: number): void {
  if (found !== expected) throw frameSizeError();
}
