/** A call of one message each way that came to the gateway. */
import type { Exchange, Reply } from "../../../http/exchange.ts";
import { admissionProblem } from "../admission.ts";
import type { Caller, Handler, UnaryCall } from "../call.ts";
import { tooLarge } from "../framing.ts";
import { prepare } from "../messages/codec.ts";
import { decodeJson } from "../messages/json_decode.ts";
import { encodeJson } from "../messages/json_encode.ts";
import { MessageError } from "../messages/message_error.ts";
import type { MethodCounters } from "../metrics.ts";
import type { OpenCall } from "../open_calls.ts";
import { StatusCode, StatusError } from "../status.ts";
import type { Status } from "../statuses.ts";
import {
  callerOf,
  deadlineOf,
  errorReply,
  type GatewayShared,
  METADATA,
  requiresLeader,
  unreadable,
} from "./shared.ts";

type UnaryHandler = Extract<Handler, { readonly kind: "unary" }>;

/** Has `handler` answer `exchange`; at once where it can. */
export function answerUnary(
  shared: GatewayShared,
  handler: UnaryHandler,
  counters: MethodCounters,
  exchange: Exchange,
): Reply | Promise<Reply> {
  const { method } = handler;
  let request: object;
  let deadlineMs: number;
  try {
    deadlineMs = deadlineOf(shared, exchange);
    request = decodeJson(method.request, exchange.body);
  } catch (error) {
    if (error instanceof StatusError) return errorReply(error);
    if (!(error instanceof MessageError)) throw error;
    return errorReply(unreadable(error));
  }
  // Base64 makes of three bytes four characters, so most bodies tell without counting.
  if (exchange.body.length > shared.messageBytesMax) {
    const { size } = prepare(method.request, request);
    if (size > shared.messageBytesMax) {
      // Like gRPC's server, which etcd's gateway asks.
      return errorReply(tooLarge(size, shared.messageBytesMax));
    }
  }
  const call = new UnaryGatewayCall(exchange, handler, counters, deadlineMs);
  const needsLeader = requiresLeader(exchange);
  const problem = admissionProblem(shared.service, method, request, needsLeader);
  if (problem === undefined) handler.handle(request, call);
  else call.fail(problem);
  if (call.reply !== undefined) return call.reply;
  const waiting = new Promise<Reply>((resolve) => call.wait(resolve));
  if (!call.isToBeEnded) return waiting;
  shared.open.add(call);
  return waiting.finally(() => shared.open.delete(call));
}

class UnaryGatewayCall implements UnaryCall<object>, OpenCall {
  readonly deadlineMs: number;
  readonly #exchange: Exchange;
  readonly #handler: UnaryHandler;
  readonly #counters: MethodCounters;
  /** There once the call is over. */
  reply: Reply | undefined;
  #resolve: ((reply: Reply) => void) | undefined;
  #isGone = false;
  #onGone: (() => void) | undefined;

  /** Of a call whose message has come. */
  constructor(
    exchange: Exchange,
    handler: UnaryHandler,
    counters: MethodCounters,
    deadlineMs: number,
  ) {
    this.deadlineMs = deadlineMs;
    this.#exchange = exchange;
    this.#handler = handler;
    this.#counters = counters;
    counters.started++;
    counters.messagesReceived++;
    counters.bytesReceived += exchange.body.length;
  }

  get caller(): Caller {
    return callerOf(this.#exchange);
  }

  /** Asked for when the call begins; a call that waits goes on in spite of an election. */
  get requiresLeader(): boolean {
    return false;
  }

  get isOver(): boolean {
    return this.#isGone || this.reply !== undefined;
  }

  /** It has a deadline, or may wait for long. */
  get isToBeEnded(): boolean {
    return this.deadlineMs !== Infinity || this.#onGone !== undefined;
  }

  answer(response: object): void {
    if (this.isOver) return;
    const body = encodeJson(this.#handler.method.response, response);
    this.#counters.messagesSent++;
    this.#counters.bytesSent += body.length;
    this.#counters.succeeded++;
    this.#finish({ status: 200, headers: METADATA, body });
  }

  fail(status: Status): void {
    if (this.isOver) return;
    this.#counters.countFailure(status.code);
    this.#finish(errorReply(status));
    this.#leave();
  }

  onGone(callback: () => void): void {
    this.#onGone = callback;
  }

  /** Calls back with the reply once it is there. */
  wait(resolve: (reply: Reply) => void): void {
    this.#resolve = resolve;
    this.#exchange.onGone(() => {
      if (this.isOver) return;
      this.#isGone = true;
      this.#counters.countFailure(StatusCode.canceled);
      // Nobody reads it, but the port waits for one.
      resolve(NOBODY_IS_THERE);
      this.#leave();
    });
  }

  /** Nobody waits for the answer any longer. */
  #leave(): void {
    const tell = this.#onGone;
    this.#onGone = undefined;
    tell?.();
  }

  #finish(reply: Reply): void {
    this.reply = reply;
    this.#resolve?.(reply);
  }
}

const NOBODY_IS_THERE: Reply = { status: 408, body: "" };
