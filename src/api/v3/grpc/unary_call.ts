/** A gRPC call with one message each way: the hot path. */
import type { ServerStream, StreamReceiver } from "../../../http/h2/stream.ts";
import { admissionProblem } from "../admission.ts";
import type { Caller, Handler, UnaryCall } from "../call.ts";
import { frameOf, MessageFrames, PREFIX_BYTES, tooLarge } from "../framing.ts";
import { decode } from "../messages/codec.ts";
import { MessageError } from "../messages/message_error.ts";
import type { MethodCounters } from "../metrics.ts";
import { StatusCode, StatusError } from "../status.ts";
import { type Status, status } from "../statuses.ts";
import type { Metadata } from "./metadata.ts";
import type { OpenCall } from "../open_calls.ts";
import {
  callerOf,
  deadlineOf,
  endWithStatus,
  type GrpcShared,
  HEAD,
  NO_MESSAGE,
  SUCCESS,
} from "./shared.ts";

type UnaryHandler = Extract<Handler, { readonly kind: "unary" }>;

/** For so long an answer waits for its client's end, which is on its way if it comes at all. */
const END_WAIT_MS = 1_000;

export class UnaryGrpcCall implements StreamReceiver, UnaryCall<object>, OpenCall {
  readonly #stream: ServerStream;
  readonly #handler: UnaryHandler;
  readonly #metadata: Metadata;
  readonly #shared: GrpcShared;
  readonly #counters: MethodCounters;
  deadlineMs: number;
  #frames: MessageFrames | undefined;
  #hasMessage = false;
  /** The answer is out, and the client's end has not come. */
  #isAnswered = false;
  #isOver = false;
  /** It can be ended from outside. */
  #isListed = false;
  #onGone: (() => void) | undefined;

  constructor(
    stream: ServerStream,
    handler: UnaryHandler,
    metadata: Metadata,
    shared: GrpcShared,
    counters: MethodCounters,
  ) {
    this.#stream = stream;
    this.#handler = handler;
    this.#metadata = metadata;
    this.#shared = shared;
    this.#counters = counters;
    this.deadlineMs = deadlineOf(shared, metadata, stream);
    counters.started++;
    if (this.deadlineMs !== Infinity) this.#list();
  }

  get caller(): Caller {
    return callerOf(this.#stream, this.#metadata);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Asked for when the call begins; a call that waits goes on in spite of an election. */
  get requiresLeader(): boolean {
    return false;
  }

  onData(bytes: Uint8Array): void {
    if (this.#isOver) return;
    try {
      if (this.#frames === undefined && isOneMessage(bytes)) {
        this.#take(bytes, PREFIX_BYTES, bytes.length);
      } else {
        this.#frames ??= new MessageFrames(
          this.#shared.messageBytesMax,
          this.#metadata.encoding,
          (message, start, end) => this.#take(message, start, end),
          (bytes) => this.#keep(bytes),
        );
        this.#frames.push(bytes);
      }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.fail(error);
    }
  }

  onEnd(): void {
    if (this.#isAnswered) return this.#endAnswered();
    if (this.#isOver) return;
    if (!this.#hasMessage || this.#frames?.isInMessage) this.fail(NO_MESSAGE);
  }

  onReset(): void {
    if (this.#isAnswered) this.#endAnswered();
    else if (!this.#isOver) {
      this.#counters.countFailure(StatusCode.canceled);
      this.#leave();
    }
  }

  onDrain(): void {}

  answer(response: object): void {
    if (this.#isOver) return;
    const stream = this.#stream;
    const { size, writeTo } = frameOf(this.#handler.method.response, response);
    stream.sendHeaders(200, HEAD);
    stream.writeInto(size, writeTo);
    this.#counters.messagesSent++;
    this.#counters.bytesSent += size - PREFIX_BYTES;
    this.#counters.succeeded++;
    this.#onGone = undefined;
    this.#finish();
    if (stream.isRemoteEnded) stream.end(SUCCESS);
    else this.#awaitEnd();
  }

  /** A handler may answer before the client's end is seen: to end the stream sooner would break it off. */
  #awaitEnd(): void {
    this.#isAnswered = true;
    this.deadlineMs = this.#shared.nowMs() + END_WAIT_MS;
    this.#list();
  }

  #endAnswered(): void {
    this.#isAnswered = false;
    this.#shared.open.delete(this);
    this.#stream.end(SUCCESS);
  }

  fail(failure: Status): void {
    // What was done and told stays so.
    if (this.#isAnswered) return this.#endAnswered();
    if (this.#isOver) return;
    endWithStatus(this.#stream, failure);
    this.#counters.countFailure(failure.code);
    this.#leave();
  }

  onGone(callback: () => void): void {
    this.#onGone = callback;
    // Whoever asks for that may wait for long.
    if (!this.#isOver) this.#list();
  }

  #list(): void {
    this.#isListed = true;
    this.#shared.open.add(this);
  }

  /** Nobody waits for the answer any longer. */
  #leave(): void {
    this.#finish();
    const tell = this.#onGone;
    this.#onGone = undefined;
    tell?.();
  }

  /** What comes behind a message is not looked at when that one has ended the call. */
  #keep(bytes: number): void {
    if (!this.#isOver) this.#shared.arriving.keep(this, bytes);
  }

  #finish(): void {
    if (this.#frames !== undefined) this.#keep(0);
    this.#isOver = true;
    this.#frames = undefined;
    if (this.#isListed) this.#shared.open.delete(this);
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#hasMessage) throw new StatusError(StatusCode.internal, TWO_MESSAGES);
    const { messageBytesMax } = this.#shared;
    if (end - start > messageBytesMax) throw tooLarge(end - start, messageBytesMax);
    this.#hasMessage = true;
    this.#counters.messagesReceived++;
    this.#counters.bytesReceived += end - start;
    const { method } = this.#handler;
    let request: object;
    try {
      request = decode(method.request, bytes, start, end);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      return this.fail(unreadable(error));
    }
    const { service, open } = this.#shared;
    // Nobody waits for it any longer, and its client may have asked for the same again.
    if (this.deadlineMs !== Infinity && open.endLate(this)) return;
    const problem = admissionProblem(service, method, request, this.#metadata.requiresLeader);
    if (problem !== undefined) return this.fail(problem);
    this.#handler.handle(request, this);
  }
}

const TWO_MESSAGES = "grpc: a call of this method has one message, and a second one has come";

/** A message is not what the method takes; in the words of gRPC for Go. */
function unreadable({ message }: MessageError): Status {
  return status(StatusCode.internal, `grpc: error unmarshalling request: ${message}`);
}

/** Whether `bytes` are one uncompressed message and nothing else. */
function isOneMessage(bytes: Uint8Array): boolean {
  return bytes.length >= PREFIX_BYTES && bytes[0] === 0 &&
    (bytes[1]! << 24 | bytes[2]! << 16 | bytes[3]! << 8 | bytes[4]!) ===
      bytes.length - PREFIX_BYTES;
}
