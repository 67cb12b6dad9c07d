/** A gRPC call with many messages from the server, and from the client one or many. */
import type { ServerStream, StreamReceiver } from "../../../http/h2/stream.ts";
import { admissionProblem } from "../admission.ts";
import type { BidiListener, Caller, Handler, StreamCall, StreamListener } from "../call.ts";
import { frameOf, MessageFrames, PREFIX_BYTES } from "../framing.ts";
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
  trailersOf,
} from "./shared.ts";

type StreamHandler = Exclude<Handler, { readonly kind: "unary" }>;

export class StreamGrpcCall implements StreamReceiver, StreamCall<object>, OpenCall {
  readonly #stream: ServerStream;
  readonly #handler: StreamHandler;
  readonly #metadata: Metadata;
  readonly #shared: GrpcShared;
  readonly #counters: MethodCounters;
  readonly #frames: MessageFrames;
  readonly deadlineMs: number;
  /** Of a call with one request, there once that has come. */
  #listener: StreamListener | BidiListener<object> | undefined;
  #hasHead = false;
  #isOver = false;
  /** It has ended otherwise than by `end`. */
  #isCut = false;

  constructor(
    stream: ServerStream,
    handler: StreamHandler,
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
    this.#frames = new MessageFrames(
      shared.messageBytesMax,
      metadata.encoding,
      (bytes, start, end) => this.#take(bytes, start, end),
      (bytes) => this.#keep(bytes),
    );
    counters.started++;
    shared.open.add(this);
  }

  /** Lets the handler begin, unless the call can't be served. */
  begin(): void {
    const { method } = this.#handler;
    const { requiresLeader } = this.#metadata;
    const problem = admissionProblem(this.#shared.service, method, undefined, requiresLeader);
    if (problem !== undefined) return this.fail(problem);
    if (this.#handler.kind === "bidi") this.#attach(this.#handler.handle(this));
  }

  get caller(): Caller {
    return callerOf(this.#stream, this.#metadata);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get requiresLeader(): boolean {
    return this.#metadata.requiresLeader;
  }

  onData(bytes: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.#frames.push(bytes);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.#cut(error);
    }
  }

  onEnd(): void {
    if (this.#isOver) return;
    if (this.#frames.isInMessage || this.#listener === undefined) return this.#cut(NO_MESSAGE);
    if ("onHalfClose" in this.#listener) this.#listener.onHalfClose();
  }

  onReset(): void {
    if (this.#isOver) return;
    this.#counters.countFailure(StatusCode.canceled);
    this.#finish();
    this.#leave();
  }

  onDrain(): void {
    if (!this.#isOver) this.#listener?.onDrain();
  }

  send(response: object): boolean {
    if (this.#isOver) return true;
    const stream = this.#stream;
    this.#begun();
    const { size, writeTo } = frameOf(this.#handler.method.response, response);
    this.#counters.messagesSent++;
    this.#counters.bytesSent += size - PREFIX_BYTES;
    return stream.writeInto(size, writeTo);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    if (this.#isOver) return;
    this.#counters.succeeded++;
    this.#finish();
    this.#begun();
    this.#stream.end(SUCCESS);
  }

  /** From outside: the handler is told, as if the client had gone. */
  fail(failure: Status): void {
    if (!this.#isOver) this.#cut(failure);
  }

  #cut(failure: Status): void {
    this.#counters.countFailure(failure.code);
    this.#finish();
    if (this.#hasHead) this.#stream.end(trailersOf(failure));
    else endWithStatus(this.#stream, failure);
    this.#leave();
  }

  #leave(): void {
    this.#isCut = true;
    this.#listener?.onGone();
  }

  /** Whose call has failed while it began is told so now. */
  #attach(listener: StreamListener | BidiListener<object>): void {
    this.#listener = listener;
    if (this.#isCut) listener.onGone();
  }

  #begun(): void {
    if (this.#hasHead) return;
    this.#hasHead = true;
    this.#stream.sendHeaders(200, HEAD);
  }

  /** What comes behind a message is not looked at when that one has ended the call. */
  #keep(bytes: number): void {
    if (!this.#isOver) this.#shared.arriving.keep(this, bytes);
  }

  #finish(): void {
    this.#keep(0);
    this.#isOver = true;
    this.#shared.open.delete(this);
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isOver) return;
    this.#counters.messagesReceived++;
    this.#counters.bytesReceived += end - start;
    let request: object;
    try {
      request = decode(this.#handler.method.request, bytes, start, end);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      return this.#cut(unreadable(error));
    }
    const listener = this.#listener;
    if (listener === undefined) {
      if (this.#handler.kind !== "serverStream") return;
      this.#attach(this.#handler.handle(request, this));
    } else if ("onMessage" in listener) {
      listener.onMessage(request);
    } else {
      this.#cut(TWO_MESSAGES);
    }
  }
}

const TWO_MESSAGES = status(
  StatusCode.internal,
  "grpc: a call of this method has one message, and a second one has come",
);

/** In the words of gRPC for Go, which has others for calls of one message. */
function unreadable({ message }: MessageError): Status {
  return status(
    StatusCode.internal,
    `grpc: failed to unmarshal the received message ${message}`,
  );
}
