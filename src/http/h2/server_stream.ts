/** One stream of a connection: its two halves, what waits in them, and its end (RFC 9113 §5.1). */
import type { ClientCertificate } from "../client_certificate.ts";
import { Gathered } from "../gathered.ts";
import { FRAME_BYTES_MAX } from "./frame.ts";
import { fieldValue, type RequestHead } from "./request_head.ts";
import type { Sender, SendingStream } from "./sender.ts";
import { ErrorCode, type Fields, type ServerStream, type StreamReceiver } from "./stream.ts";

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly sender: Sender;
  readonly clientCertificate: ClientCertificate | undefined;
  readonly clientAddress: string;
  /** When what is being read has come; by `performance.now()`. */
  readonly nowMs: number;
  /** Of each stream: what the peer may send without being told to go on. */
  readonly streamWindow: number;
  /** Neither side sends any longer. `code` goes to the peer unless it is undefined. */
  streamClosed(stream: Http2Stream, code: number | undefined): void;
  /** Bytes of a body are taken: the peer may send as many more. */
  taken(count: number): void;
  /** A receiver has thrown. */
  failed(stream: Http2Stream, error: unknown): void;
}

/** Before its handler has returned: what comes until then is held. */
const NOBODY: StreamReceiver = { onData() {}, onEnd() {}, onReset() {}, onDrain() {} };

export class Http2Stream implements ServerStream, SendingStream {
  readonly id: number;
  /** By `performance.now()`. */
  readonly openedMs: number;
  waitedMs = 0;
  readonly #head: RequestHead;
  readonly #host: StreamHost;
  #receiver: StreamReceiver = NOBODY;

  // What comes.
  #receiveWindow: number;
  #takenBytes = 0;
  #receivedBytes = 0;
  #isRemoteEnded = false;
  #isPaused = false;
  /** What came while nobody took it, in pieces of a frame's size at most. */
  #held: Gathered[] = [];
  #trailers: Fields | undefined;
  #isEndHeld = false;
  /** Of what nobody wants, how much may still come; undefined as long as somebody does. */
  #discardLeft: number | undefined;

  // What goes.
  sendWindow: number;
  lastDataAt = 0;
  lastDataEnd = -1;
  lastDataGeneration = -1;
  #queue: Uint8Array[] = [];
  /** The first in the queue that has not gone whole, and what of it has. */
  #queueAt = 0;
  #queueStart = 0;
  #queuedBytes = 0;
  #hasHeaders = false;
  #isEnding = false;
  #endTrailers: Fields | undefined;
  #wantsDrain = false;
  /** When something of what waits went last, or began to wait; by `performance.now()`. */
  progressMs = 0;
  /** The answer has been sent to its end. */
  #isSent = false;
  #isClosed = false;

  constructor(id: number, head: RequestHead, host: StreamHost) {
    this.id = id;
    this.openedMs = host.nowMs;
    this.#head = head;
    this.#host = host;
    this.#receiveWindow = host.streamWindow;
    this.sendWindow = host.sender.initialWindow;
  }

  get method(): string {
    return this.#head.method;
  }

  get path(): string {
    return this.#head.path;
  }

  get fields(): Fields {
    return this.#head.fields;
  }

  get clientAddress(): string {
    return this.#host.clientAddress;
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#host.clientCertificate;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get isRemoteEnded(): boolean {
    return this.#isRemoteEnded;
  }

  /** Something of the answer has been sent. */
  get isAnswered(): boolean {
    return this.#hasHeaders;
  }

  /** The answer is whole and waits for the peer to take it. */
  get isWaitingForPeer(): boolean {
    return this.#isEnding && this.#queuedBytes > 0;
  }

  header(name: string): string | undefined {
    return fieldValue(this.#head, name);
  }

  /** Who takes what has come so far, and what comes from here on. */
  attach(receiver: StreamReceiver): void {
    this.#receiver = receiver;
    this.#deliverHeld();
  }

  // What goes.

  sendHeaders(status: number, fields: Fields): void {
    if (this.#isClosed || this.#hasHeaders) return;
    this.#hasHeaders = true;
    this.#host.sender.headers(this.id, status, fields, false);
  }

  endWithHeaders(status: number, fields: Fields): void {
    if (this.#isClosed || this.#hasHeaders) return;
    this.#hasHeaders = true;
    this.#isEnding = true;
    this.#host.sender.headers(this.id, status, fields, true);
    this.#sent();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#isEnding || bytes.length === 0) return true;
    const { sender } = this.#host;
    let start = 0;
    while (this.#queuedBytes === 0 && start < bytes.length) {
      const count = sender.data(this, bytes, start);
      if (count === 0) break;
      start += count;
    }
    if (start === bytes.length) return true;
    return this.#enqueue(new Uint8Array(bytes.subarray(start)));
  }

  writeInto(bytesMax: number, fill: (target: Uint8Array, at: number) => number): boolean {
    if (this.#isClosed || this.#isEnding) return true;
    const { sender } = this.#host;
    if (this.#queuedBytes === 0 && bytesMax <= sender.frameRoom(this)) {
      sender.dataInto(this, bytesMax, fill);
      return true;
    }
    const bytes = new Uint8Array(bytesMax);
    const end = fill(bytes, 0);
    // Behind what waits already, or in frames that are too small for all of it.
    return this.#queuedBytes > 0
      ? end === 0 ? false : this.#enqueue(bytes.subarray(0, end))
      : this.write(bytes.subarray(0, end));
  }

  end(trailers?: Fields): void {
    if (this.#isClosed || this.#isEnding) return;
    this.#isEnding = true;
    this.#endTrailers = trailers;
    if (this.#queuedBytes === 0) this.#sendEnd();
  }

  reset(code: number): void {
    if (this.#isClosed) return;
    this.#close(code);
  }

  sendQueued(): boolean {
    const first = this.#queue[this.#queueAt]!;
    const count = this.#host.sender.data(this, first, this.#queueStart);
    this.progressMs = performance.now();
    this.#queueStart += count;
    this.#queuedBytes -= count;
    this.#host.sender.queuedBytes -= count;
    if (this.#queueStart === first.length) {
      this.#queueAt++;
      this.#queueStart = 0;
    }
    if (this.#queuedBytes > 0) return true;
    this.#queue = [];
    this.#queueAt = 0;
    this.#host.sender.unblock(this);
    if (this.#isEnding) this.#sendEnd();
    else if (this.#wantsDrain) {
      this.#wantsDrain = false;
      try {
        this.#receiver.onDrain();
      } catch (error) {
        this.#host.failed(this, error);
      }
    }
    return false;
  }

  // What comes.

  /** Whether so many bytes are within the window. They count until they are taken. */
  admit(count: number): boolean {
    this.#receiveWindow -= count;
    return this.#receiveWindow >= 0;
  }

  /** False when the body is longer than the head has told. */
  receive(bytes: Uint8Array): boolean {
    if (this.#discardLeft !== undefined) {
      this.#discard(bytes.length);
      return true;
    }
    this.#receivedBytes += bytes.length;
    const { contentLength } = this.#head;
    if (contentLength !== undefined && this.#receivedBytes > contentLength) return false;
    if (this.#isHolding) this.#hold(bytes);
    else this.#deliver(bytes);
    return true;
  }

  /** The peer sends no more. False when the body is shorter than the head has told. */
  endRemote(): boolean {
    this.#isRemoteEnded = true;
    if (this.#discardLeft !== undefined) {
      if (this.#isSent) this.#close(undefined);
      return true;
    }
    const { contentLength } = this.#head;
    return contentLength === undefined || this.#receivedBytes === contentLength;
  }

  /** Says so to the receiver. */
  deliverEnd(trailers: Fields | undefined): void {
    if (this.#discardLeft !== undefined) return;
    this.#trailers = trailers;
    if (this.#isHolding) this.#isEndHeld = true;
    else this.#deliverEnd();
  }

  /** Bytes that nobody will see, padding included, are taken at once. */
  taken(count: number): void {
    this.#host.taken(count);
    if (this.#isClosed || this.#isRemoteEnded) return;
    this.#takenBytes += count;
    if (this.#takenBytes < this.#host.streamWindow / 2) return;
    this.#host.sender.windowUpdate(this.id, this.#takenBytes);
    this.#receiveWindow += this.#takenBytes;
    this.#takenBytes = 0;
  }

  discard(bytesMax: number): void {
    this.#discardLeft = bytesMax;
    this.resume();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#deliverHeld();
  }

  /** The peer has broken the stream off, or the connection has ended: nothing goes out for it. */
  cut(code: number): void {
    if (this.#isClosed) return;
    this.#close(undefined);
    this.#tellReset(code);
  }

  /** Breaks the stream off and tells both sides. */
  abort(code: number): void {
    if (this.#isClosed) return;
    this.#close(code);
    this.#tellReset(code);
  }

  get #isHolding(): boolean {
    return this.#isPaused || this.#receiver === NOBODY;
  }

  #deliverHeld(): void {
    while (this.#held.length > 0 && !this.#isHolding) this.#deliver(this.#held.shift()!.bytes);
    if (this.#isHolding || !this.#isEndHeld) return;
    this.#isEndHeld = false;
    this.#deliverEnd();
  }

  /** Small frames become one piece, so that there are few whatever a peer sends. */
  #hold(bytes: Uint8Array): void {
    let last = this.#held.at(-1);
    if (last === undefined || last.size + bytes.length > FRAME_BYTES_MAX) {
      last = new Gathered();
      this.#held.push(last);
    }
    last.append(bytes);
  }

  #discard(count: number): void {
    this.taken(count);
    this.#discardLeft! -= count;
    if (this.#discardLeft! < 0 && this.#isSent) this.#close(ErrorCode.noError);
  }

  #deliver(bytes: Uint8Array): void {
    if (!this.#isClosed && this.#discardLeft === undefined) {
      try {
        this.#receiver.onData(bytes);
      } catch (error) {
        this.#host.failed(this, error);
      }
    }
    this.taken(bytes.length);
  }

  #deliverEnd(): void {
    if (this.#isClosed || this.#discardLeft !== undefined) return;
    try {
      this.#receiver.onEnd(this.#trailers);
    } catch (error) {
      this.#host.failed(this, error);
    }
  }

  #tellReset(code: number): void {
    try {
      this.#receiver.onReset(code);
    } catch (error) {
      this.#host.failed(this, error);
    }
  }

  #enqueue(bytes: Uint8Array): false {
    if (this.#queuedBytes === 0) this.progressMs = performance.now();
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#host.sender.queuedBytes += bytes.length;
    this.#host.sender.block(this);
    this.#wantsDrain = true;
    return false;
  }

  #sendEnd(): void {
    const { sender } = this.#host;
    const trailers = this.#endTrailers;
    if (trailers === undefined || trailers.length === 0) sender.endData(this);
    else sender.headers(this.id, undefined, trailers, true);
    this.#sent();
  }

  /** All is sent. Who still sends is told that nobody wants it, or it keeps the stream (RFC 9113 §8.1). */
  #sent(): void {
    this.#isSent = true;
    if (this.#discardLeft !== undefined && !this.#isRemoteEnded) return;
    this.#close(this.#isRemoteEnded ? undefined : ErrorCode.noError);
  }

  #close(code: number | undefined): void {
    this.#isClosed = true;
    const { sender } = this.#host;
    sender.queuedBytes -= this.#queuedBytes;
    sender.unblock(this);
    this.#queuedBytes = 0;
    this.#queue = [];
    // What was held counts for the connection.
    for (const { size } of this.#held) this.#host.taken(size);
    this.#held = [];
    this.#host.streamClosed(this, code);
  }
}
