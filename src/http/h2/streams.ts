/** The streams of one connection, and the frames that are about them (RFC 9113 §5.1, §6.1 to §6.4, §6.9). */
import type { Buffer } from "node:buffer";
import type { Logger } from "../../base/logger.ts";
import type { ClientCertificate } from "../client_certificate.ts";
import { EndedStreams, type Patience } from "./budget.ts";
import { Http2Error, protocolError } from "./errors.ts";
import { FIRST_WINDOW, Flag, WINDOW_MAX } from "./frame.ts";
import { HeaderBlock } from "./header_block.ts";
import type { Http2Limits } from "./options.ts";
import { HeadDecoder, type Malformed, type RequestHead } from "./request_head.ts";
import type { Sender } from "./sender.ts";
import { Http2Stream, type StreamHost } from "./server_stream.ts";
import { ErrorCode, type StreamHandler } from "./stream.ts";

/** What streams need of their connection. */
export interface StreamsOwner {
  readonly sender: Sender;
  readonly patience: Patience;
  readonly limits: Http2Limits;
  readonly logger: Logger;
  readonly handler: StreamHandler;
  readonly clientCertificate: ClientCertificate | undefined;
  readonly clientAddress: string;
  /** When what is being read has come; by `performance.now()`. */
  readonly nowMs: number;
  /** A request has come. */
  used(): void;
  /** The last stream has ended. */
  idle(): void;
}

export class Streams implements StreamHost {
  readonly #owner: StreamsOwner;
  readonly sender: Sender;
  readonly streamWindow: number;
  readonly #open = new Map<number, Http2Stream>();
  /** Those of them whose handlers have not been called, because too much of other answers waits. */
  readonly #waiting = new Set<Http2Stream>();
  readonly #ended = new EndedStreams();
  readonly #heads: HeadDecoder;
  readonly #block: HeaderBlock;
  /** What the peer may still send of all bodies. */
  #receiveWindow = FIRST_WINDOW;
  /** Taken, and not yet told. */
  #takenBytes = 0;
  #isRefusing = false;
  /** The highest that a peer has opened. */
  lastId = 0;

  constructor(owner: StreamsOwner) {
    const { limits } = owner;
    this.#owner = owner;
    this.sender = owner.sender;
    this.streamWindow = limits.streamWindowBytes;
    this.#heads = new HeadDecoder(limits.headerListBytesMax);
    // What is not much longer than allowed is worth an answer.
    this.#block = new HeaderBlock(limits.headerListBytesMax * 4);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Since when a header block is under way, of which nothing else may be in between. */
  get blockSinceMs(): number | undefined {
    return this.#block.open?.sinceMs;
  }

  get nowMs(): number {
    return this.#owner.nowMs;
  }

  get clientAddress(): string {
    return this.#owner.clientAddress;
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#owner.clientCertificate;
  }

  /** Gives the peer the whole window of the connection. */
  openWindow(): void {
    this.taken(this.#owner.limits.connectionWindowBytes - FIRST_WINDOW);
  }

  /** Requests that come from here on are not looked at: the peer was told by GOAWAY. */
  refuse(): void {
    this.#isRefusing = true;
  }

  /** The connection has ended: nobody hears more of any stream. */
  cutAll(code: number): void {
    for (const stream of [...this.#open.values()]) stream.cut(code);
  }

  /** Gives those that wait to the handler, in the order in which they came, as long as there is room. */
  handleWaiting(): void {
    for (const stream of this.#waiting) {
      if (this.#isFull) return;
      this.#waiting.delete(stream);
      stream.waitedMs = performance.now() - stream.openedMs;
      this.#handle(stream);
    }
  }

  /** Breaks off streams whose whole answers wait, and of which the peer takes nothing for too long. */
  abortStalled(nowMs: number): void {
    const { stallTimeoutMs } = this.#owner.limits;
    const sinceMs = nowMs - stallTimeoutMs;
    for (const { id } of [...this.sender.blocked]) {
      const stream = this.#open.get(id);
      if (stream === undefined || !stream.isWaitingForPeer || stream.progressMs > sinceMs) continue;
      this.#owner.logger.debug("A client takes nothing of its answer", { stream: id });
      stream.abort(ErrorCode.cancel);
    }
    this.handleWaiting();
    // After twice that time, because a client does better to wait than to try again.
    for (const stream of this.#waiting) {
      if (stream.openedMs > sinceMs - stallTimeoutMs) break;
      stream.abort(ErrorCode.refusedStream);
    }
  }

  /** All windows of streams become larger by `change`. Throws `Http2Error`. */
  changeWindows(change: number): void {
    this.sender.initialWindow += change;
    for (const stream of this.#open.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > WINDOW_MAX) {
        throw new Http2Error(ErrorCode.flowControlError, "a window is too large");
      }
    }
    if (change > 0) this.sender.pump();
  }

  onHeaders(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if ((id & 1) === 0) throw protocolError(`HEADERS for stream ${id}`);
    let [start, end] = [from, to];
    if ((flags & (Flag.padded | Flag.priority)) !== 0) {
      [start, end] = unpadded(flags, bytes, from, to);
      // How streams hang on each other is deprecated (RFC 9113 §5.3.2).
      if ((flags & Flag.priority) !== 0) start += 5;
      if (start > end) throw new Http2Error(ErrorCode.frameSizeError, "HEADERS are too short");
    }
    if ((flags & Flag.endHeaders) !== 0) return this.#onBlock(id, flags, bytes, start, end);
    this.#block.begin({ streamId: id, flags, sinceMs: this.nowMs });
    this.#addToBlock(bytes, start, end);
  }

  onContinuation(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const { open } = this.#block;
    if (open === undefined || open.streamId !== id) {
      throw protocolError(`CONTINUATION of stream ${id}`);
    }
    this.#addToBlock(bytes, start, end);
    if ((flags & Flag.endHeaders) === 0) return;
    const block = this.#block.take();
    this.#onBlock(id, open.flags, block, 0, block.length);
  }

  onData(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    this.#receiveWindow -= to - from;
    if (this.#receiveWindow < 0) {
      throw new Http2Error(ErrorCode.flowControlError, "more DATA than the connection's window");
    }
    const [start, end] = unpadded(flags, bytes, from, to);
    const stream = this.#open.get(id);
    if (stream === undefined) return this.#onStrayData(id, to - from);
    if (stream.isRemoteEnded || !stream.admit(to - from)) {
      this.taken(to - from);
      const { streamClosed, flowControlError } = ErrorCode;
      return stream.abort(stream.isRemoteEnded ? streamClosed : flowControlError);
    }
    const length = end - start;
    if (length < to - from) stream.taken(to - from - length);
    const isEnd = (flags & Flag.endStream) !== 0;
    if (length === 0) {
      if (!isEnd) this.#owner.patience.frame();
    } else if (!stream.receive(new Uint8Array(bytes.buffer, bytes.byteOffset + start, length))) {
      this.taken(length);
      return this.#abort(stream, { cause: "the body is longer than its content-length" });
    }
    if (isEnd && !stream.isClosed) this.#endRemote(stream);
  }

  onReset(id: number, code: number): void {
    if (this.#isIdle(id)) throw protocolError(`RST_STREAM for stream ${id}`);
    const stream = this.#open.get(id);
    if (stream === undefined) return this.#owner.patience.lateReset();
    const isUnanswered = !stream.isAnswered;
    stream.cut(code);
    if (isUnanswered) this.#owner.patience.reset(this.nowMs - stream.openedMs);
  }

  onWindowUpdate(id: number, count: number): void {
    this.#owner.patience.windowUpdate();
    if (id === 0) {
      if (count === 0) throw protocolError("WINDOW_UPDATE by nothing");
      if (this.sender.enlarge(count)) return;
      throw new Http2Error(ErrorCode.flowControlError, "the connection's window is too large");
    }
    if (this.#isIdle(id)) throw protocolError(`WINDOW_UPDATE for stream ${id}`);
    const stream = this.#open.get(id);
    if (stream === undefined) return;
    stream.sendWindow += count;
    if (count === 0 || stream.sendWindow > WINDOW_MAX) {
      stream.abort(count === 0 ? ErrorCode.protocolError : ErrorCode.flowControlError);
      this.#owner.patience.frame();
    } else if (stream.queuedBytes > 0) this.sender.pump();
  }

  streamClosed(stream: Http2Stream, code: number | undefined): void {
    const { id } = stream;
    this.#open.delete(id);
    this.#waiting.delete(stream);
    this.#ended.add(id, code !== undefined);
    if (code !== undefined) this.sender.reset(id, code);
    if (this.#open.size === 0) this.#owner.idle();
  }

  taken(count: number): void {
    this.#takenBytes += count;
    if (this.#takenBytes < this.#owner.limits.connectionWindowBytes / 2) return;
    this.sender.windowUpdate(0, this.#takenBytes);
    this.#receiveWindow += this.#takenBytes;
    this.#takenBytes = 0;
  }

  failed(stream: Http2Stream, error: unknown): void {
    const cause = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#owner.logger.error("A request could not be handled", { cause });
    stream.abort(ErrorCode.internalError);
  }

  /** Too much waits for the peer's windows: no more handlers are called for now. */
  get #isFull(): boolean {
    return this.sender.queuedBytes > this.#owner.limits.queuedBytesMax;
  }

  /** Neither was it opened, nor passed over by a higher one. */
  #isIdle(id: number): boolean {
    return (id & 1) === 0 || id > this.lastId;
  }

  #addToBlock(bytes: Buffer, start: number, end: number): void {
    if (this.#block.add(bytes, start, end)) return;
    throw new Http2Error(ErrorCode.enhanceYourCalm, "the fields are too long");
  }

  #onBlock(id: number, flags: number, bytes: Buffer, start: number, end: number): void {
    if (id > this.lastId) {
      this.lastId = id;
      return this.#begin(id, flags, this.#heads.decodeHead(bytes, start, end));
    }
    const stream = this.#open.get(id);
    if (stream === undefined) return this.#onStrayBlock(id, bytes, start, end);
    const trailers = this.#heads.decodeTrailers(bytes, start, end);
    if (stream.isRemoteEnded) return stream.abort(ErrorCode.streamClosed);
    if ("cause" in trailers) return this.#abort(stream, trailers);
    if ((flags & Flag.endStream) === 0) {
      return this.#abort(stream, { cause: "the trailers don't end the request" });
    }
    if (!stream.endRemote()) return this.#abort(stream, TOO_SHORT);
    stream.deliverEnd(trailers);
  }

  #begin(id: number, flags: number, head: RequestHead | Malformed): void {
    const { patience, limits, logger } = this.#owner;
    if (this.#isRefusing) return this.#ended.add(id, true);
    if ("cause" in head) {
      logger.debug("A request is malformed", { cause: head.cause });
      return this.#refuse(id, ErrorCode.protocolError);
    }
    if (this.#open.size >= limits.streamsMax) return this.#refuse(id, ErrorCode.refusedStream);
    const isEnd = (flags & Flag.endStream) !== 0;
    const stream = new Http2Stream(id, head, this);
    this.#open.set(id, stream);
    this.#owner.used();
    patience.requests++;
    if (isEnd && !stream.endRemote()) return this.#abort(stream, TOO_SHORT);
    if (head.isTooLong) {
      patience.frame();
      return stream.endWithHeaders(431, []);
    }
    if (head.method === "CONNECT") return stream.endWithHeaders(501, []);
    if (isEnd) stream.deliverEnd(undefined);
    if (this.#isFull || this.#waiting.size > 0) this.#waiting.add(stream);
    else this.#handle(stream);
  }

  #handle(stream: Http2Stream): void {
    try {
      stream.attach(this.#owner.handler(stream));
    } catch (error) {
      this.failed(stream, error);
    }
  }

  #endRemote(stream: Http2Stream): void {
    if (stream.endRemote()) stream.deliverEnd(undefined);
    else this.#abort(stream, TOO_SHORT);
  }

  #abort(stream: Http2Stream, { cause }: Malformed): void {
    this.#owner.logger.debug("A request is malformed", { cause });
    stream.abort(ErrorCode.protocolError);
    this.#owner.patience.frame();
  }

  #refuse(id: number, code: number): void {
    this.sender.reset(id, code);
    this.#ended.add(id, true);
    this.#owner.patience.frame();
  }

  /** DATA for a stream that has ended: it counts for the connection all the same (RFC 9113 §5.1). */
  #onStrayData(id: number, length: number): void {
    if (this.#isIdle(id)) throw protocolError(`DATA for stream ${id}`);
    this.taken(length);
    // It was on its way when the stream was broken off.
    if (this.#ended.endOf(id) !== "byUs") this.#refuse(id, ErrorCode.streamClosed);
    else this.#owner.patience.frame();
  }

  #onStrayBlock(id: number, bytes: Buffer, start: number, end: number): void {
    this.#heads.skip(bytes, start, end);
    const found = this.#ended.endOf(id);
    if (found === "byUs") return this.#owner.patience.frame();
    if (found === undefined) throw protocolError(`HEADERS for stream ${id} behind ${this.lastId}`);
    throw new Http2Error(ErrorCode.streamClosed, `HEADERS for stream ${id}, which has ended`);
  }
}

const TOO_SHORT: Malformed = { cause: "the body is shorter than its content-length" };

/** Where the payload is without its padding (RFC 9113 §6.1). Throws `Http2Error`. */
function unpadded(flags: number, bytes: Buffer, start: number, end: number): [number, number] {
  if ((flags & Flag.padded) === 0) return [start, end];
  if (start === end) throw new Http2Error(ErrorCode.frameSizeError, "a padded frame is empty");
  const padding = bytes[start]!;
  if (padding >= end - start) throw protocolError("more padding than payload");
  return [start + 1, end - padding];
}
