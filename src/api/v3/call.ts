/**
 * What a method's handler is given, the same for gRPC and the gateway: the message,
 * and the call that is to be answered. Callbacks, because the hot path can spare no
 * promise a request.
 */
import type { ClientCertificate } from "../../http/client_certificate.ts";
import type { Draft } from "./messages/table.ts";
import type { Method } from "./methods.ts";
import type { Status } from "./statuses.ts";

/** Who calls. */
export interface Caller {
  /** Of `token` or `authorization`. */
  readonly token: string | undefined;
  readonly certificate: ClientCertificate | undefined;
  /** Of the client, or of a proxy between; empty when it is not known. */
  readonly address: string;
  /** By gRPC or by the JSON gateway. */
  readonly door: "grpc" | "gateway";
}

/** A call that gets one response. */
export interface UnaryCall<Response extends object> {
  readonly caller: Caller;
  /** The client has gone, its deadline has passed, or the call is answered: nothing more is wanted. */
  readonly isOver: boolean;
  /**
   * Ends the call. The response is encoded before this returns, so it may hold views of
   * memory that changes later. Does nothing when the call is over.
   */
  answer(response: Draft<Response>): void;
  /** Ends the call without a response. */
  fail(status: Status): void;
  /** Calls back when the client has gone before it was answered; at most one callback a call. */
  onGone(callback: () => void): void;
}

/** A call that gets any number of responses. */
export interface StreamCall<Response extends object> {
  readonly caller: Caller;
  readonly isOver: boolean;
  /**
   * Sends a response, encoded before this returns. False when the client is slow: the
   * next had better wait for `onDrain`; what is sent meanwhile is queued.
   */
  send(response: Draft<Response>): boolean;
  /** Takes no further message of the client until `resume`, but for those that came along with the last. */
  pause(): void;
  resume(): void;
  /** Ends the stream well. The listener hears nothing of it. */
  end(): void;
  /** Ends it with a status. The listener's `onGone` is called. */
  fail(status: Status): void;
}

/** What happens to a stream of responses. Nothing comes after `onGone` and after `end`. */
export interface StreamListener {
  /** The client takes more, after a `send` that returned false. */
  onDrain(): void;
  /** The client has gone, or the call has failed. */
  onGone(): void;
}

/** What happens to a stream both ways. */
export interface BidiListener<Request extends object> extends StreamListener {
  /** A message. Bytes in it are valid during the call only. */
  onMessage(request: Request): void;
  /** The client sends no more, but takes what comes. */
  onHalfClose(): void;
}

/** Bytes in `request` are valid until it returns. It must not throw. */
export type UnaryHandler<Request extends object, Response extends object> = (
  request: Request,
  call: UnaryCall<Response>,
) => void;

export type ServerStreamHandler<Request extends object, Response extends object> = (
  request: Request,
  call: StreamCall<Response>,
) => StreamListener;

export type BidiHandler<Request extends object, Response extends object> = (
  call: StreamCall<Response>,
) => BidiListener<Request>;

// Methods in the declaration, so that a handler of one message's type fits where it is looked up by its path.
/** A method with what answers it. */
export type Handler =
  | {
    readonly kind: "unary";
    readonly method: Method;
    handle(request: object, call: UnaryCall<object>): void;
  }
  | {
    readonly kind: "serverStream";
    readonly method: Method;
    handle(request: object, call: StreamCall<object>): StreamListener;
  }
  | {
    readonly kind: "bidi";
    readonly method: Method;
    handle(call: StreamCall<object>): BidiListener<object>;
  };

/** `handle` answers `method`. */
export function unary<Request extends object, Response extends object>(
  method: Method<"unary", Request, Response>,
  handle: UnaryHandler<Request, Response>,
): Handler {
  return { kind: "unary", method, handle } as Handler;
}

/** `handle` answers `method`. */
export function serverStream<Request extends object, Response extends object>(
  method: Method<"serverStream", Request, Response>,
  handle: ServerStreamHandler<Request, Response>,
): Handler {
  return { kind: "serverStream", method, handle } as Handler;
}

/** `handle` answers `method`. */
export function bidi<Request extends object, Response extends object>(
  method: Method<"bidi", Request, Response>,
  handle: BidiHandler<Request, Response>,
): Handler {
  return { kind: "bidi", method, handle } as Handler;
}
