/**
 * A stream that came to the gateway: the messages of the body, which is whole when it
 * comes here, and a line for each response. A client that has sent its body still takes
 * the lines.
 */
import { inLaterTurn } from "../../../base/turns.ts";
import { messageOf } from "../../../base/errors.ts";
import type { Exchange, Reply } from "../../../http/exchange.ts";
import { admissionProblem } from "../admission.ts";
import type { BidiListener, Caller, Handler, StreamCall, StreamListener } from "../call.ts";
import { decodeMessages } from "../messages/json_decode.ts";
import { encodeJson } from "../messages/json_encode.ts";
import { MessageError } from "../messages/message_error.ts";
import type { MethodCounters } from "../metrics.ts";
import type { OpenCall } from "../open_calls.ts";
import { StatusCode, StatusError } from "../status.ts";
import { httpStatusOf, type Status, status } from "../statuses.ts";
import {
  callerOf,
  deadlineOf,
  errorLine,
  errorReply,
  type GatewayShared,
  METADATA,
  requiresLeader,
  unreadable,
} from "./shared.ts";

type StreamHandler = Exclude<Handler, { readonly kind: "unary" }>;

/** Lines that wait for the client; above it the handler is asked to hold back. */
const QUEUED_CHARS_ENOUGH = 256 * 1024;

/** Messages of a body that are given to the handler in one turn of the event loop: a body may have 200,000. */
const MESSAGES_A_TURN = 1_024;

/**
 * Has `handler` answer `exchange`; the reply begins with the first response, and `onOver`
 * is called once, when nothing more comes.
 */
export function answerStream(
  shared: GatewayShared,
  handler: StreamHandler,
  counters: MethodCounters,
  exchange: Exchange,
  onOver: () => void,
): Reply | Promise<Reply> {
  const { method } = handler;
  const { bytes } = exchange;
  let requests: object[];
  let deadlineMs: number;
  try {
    deadlineMs = deadlineOf(shared, exchange);
    requests = decodeMessages(method.request, bytes);
  } catch (error) {
    onOver();
    if (error instanceof StatusError) return errorReply(error);
    if (!(error instanceof MessageError)) throw error;
    // Of a stream both ways etcd's gateway says no more than that something went wrong.
    return errorReply(
      method.kind === "bidi" ? status(StatusCode.unknown, error.message) : unreadable(error),
    );
  }
  const needsLeader = requiresLeader(exchange);
  const problem = admissionProblem(shared.service, method, undefined, needsLeader);
  return new Promise((resolve) => {
    const { open } = shared;
    const call = new StreamGatewayCall({
      exchange,
      handler,
      counters,
      deadlineMs,
      resolve,
      onOver: (over) => {
        open.delete(over);
        onOver();
      },
    });
    open.add(call);
    exchange.onGone(() => call.gone());
    if (problem === undefined) call.run(requests, bytes.length);
    else call.fail(problem);
  });
}

interface StreamGatewayOptions {
  readonly exchange: Exchange;
  readonly handler: StreamHandler;
  readonly counters: MethodCounters;
  readonly deadlineMs: number;
  /** Takes the reply. */
  readonly resolve: (reply: Reply) => void;
  /** Nothing more comes. */
  readonly onOver: (call: StreamGatewayCall) => void;
}

class StreamGatewayCall implements StreamCall<object>, OpenCall {
  readonly deadlineMs: number;
  readonly #exchange: Exchange;
  readonly #handler: StreamHandler;
  readonly #counters: MethodCounters;
  readonly #resolve: (reply: Reply) => void;
  readonly #onOver: (call: StreamGatewayCall) => void;
  #listener: StreamListener | BidiListener<object> | undefined;
  /** What the client says to a handler that takes many messages, and how many of them that has. */
  #requests: readonly object[] = [];
  #given = 0;
  #isGiving = false;
  #isPaused = false;
  #hasBegun = false;
  #isOver = false;
  /** It has ended otherwise than by `end`. */
  #isCut = false;
  #lines: string[] = [];
  #queuedChars = 0;
  #wantsDrain = false;
  #wake: (() => void) | undefined;

  constructor(options: StreamGatewayOptions) {
    const { exchange, handler, counters, deadlineMs, resolve, onOver } = options;
    this.deadlineMs = deadlineMs;
    this.#exchange = exchange;
    this.#handler = handler;
    this.#counters = counters;
    this.#resolve = resolve;
    this.#onOver = onOver;
    counters.started++;
  }

  get caller(): Caller {
    return callerOf(this.#exchange);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get requiresLeader(): boolean {
    return requiresLeader(this.#exchange);
  }

  /** Gives the handler all that the client says, in so many bytes. */
  run(requests: readonly object[], bytes: number): void {
    const handler = this.#handler;
    this.#counters.messagesReceived += requests.length;
    this.#counters.bytesReceived += bytes;
    if (handler.kind === "serverStream") {
      return this.#attach(handler.handle(requests[0] ?? {}, this));
    }
    this.#requests = requests;
    const listener = handler.handle(this);
    this.#attach(listener);
    this.#give(listener);
  }

  send(response: object): boolean {
    if (this.#isOver) return true;
    const message = encodeJson(this.#handler.method.response, response);
    this.#counters.messagesSent++;
    this.#counters.bytesSent += message.length;
    this.#push(`{"result":${message}}\n`);
    this.#begin(200);
    const isEnough = this.#queuedChars > QUEUED_CHARS_ENOUGH;
    // Who was told to wait is called back, even if less was sent meanwhile.
    if (isEnough) this.#wantsDrain = true;
    return !isEnough;
  }

  /** The body is here as a whole, and may have a hundred thousand messages. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    const listener = this.#listener;
    if (listener !== undefined && "onMessage" in listener) this.#give(listener);
  }

  end(): void {
    if (this.#isOver) return;
    this.#counters.succeeded++;
    this.#finish();
    this.#begin(200);
  }

  fail(status: Status): void {
    if (this.#isOver) return;
    this.#counters.countFailure(status.code);
    this.#push(errorLine(status));
    this.#finish();
    this.#begin(httpStatusOf(status.code));
    this.#leave();
  }

  /** The client has left. */
  gone(): void {
    if (this.#isOver) return;
    this.#counters.countFailure(StatusCode.canceled);
    this.#finish();
    this.#begin(200);
    this.#leave();
  }

  /** Gives a handler as many messages as it takes, a few in a turn, and then their end, once. */
  #give(listener: BidiListener<object>): void {
    if (this.#isGiving) return;
    this.#isGiving = true;
    const requests = this.#requests;
    const enough = this.#given + MESSAGES_A_TURN;
    const stop = Math.min(enough, requests.length + 1);
    while (!this.#isOver && !this.#isPaused && this.#given < stop) {
      const request = requests[this.#given++];
      if (request === undefined) listener.onHalfClose();
      else listener.onMessage(request);
    }
    if (this.#given === enough) this.#giveLater(listener);
    else this.#isGiving = false;
  }

  #giveLater(listener: BidiListener<object>): void {
    inLaterTurn(() => {
      this.#isGiving = false;
      try {
        this.#give(listener);
      } catch (error) {
        // Nobody else would hear of it, and the process would end.
        this.fail(status(StatusCode.internal, messageOf(error)));
      }
    });
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

  #finish(): void {
    this.#isOver = true;
    this.#onOver(this);
    this.#wake?.();
  }

  #push(line: string): void {
    this.#lines.push(line);
    this.#queuedChars += line.length;
    this.#wake?.();
  }

  #begin(status: number): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const metadata = status === 200 ? { headers: METADATA } : {};
    this.#resolve({ status, ...metadata, body: this.#portions() });
  }

  /** What has gathered since the client took the last. */
  async *#portions(): AsyncGenerator<string> {
    try {
      while (true) {
        while (this.#lines.length === 0) {
          if (this.#isOver) return;
          await new Promise<void>((resolve) => this.#wake = resolve);
          this.#wake = undefined;
        }
        const portion = this.#lines.join("");
        this.#lines = [];
        this.#queuedChars = 0;
        yield portion;
        if (this.#wantsDrain && !this.#isOver) {
          this.#wantsDrain = false;
          this.#listener?.onDrain();
        }
      }
    } finally {
      this.gone();
    }
  }
}
