/** What is counted of each method: gRPC's own metrics (`grpc_server_*`) are made of it. */
import { ALL_METHODS, type Method } from "./methods.ts";
import type { MethodReading } from "../reading.ts";
import { type StatusCode, statusName } from "./status.ts";

/** Of one method since the process started; plain numbers, because the hot path counts. */
export class MethodCounters {
  readonly method: Method;
  started = 0;
  messagesReceived = 0;
  messagesSent = 0;
  /** Of the messages alone; those of the gateway as JSON. */
  bytesReceived = 0;
  bytesSent = 0;
  /** Calls that have ended well; most do. */
  succeeded = 0;
  readonly #failed = new Map<StatusCode, number>();

  constructor(method: Method) {
    this.method = method;
  }

  /** A call has ended with `code`, which is not `ok`. */
  countFailure(code: StatusCode): void {
    this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1);
  }

  /** Ended calls by their codes, without `ok`. */
  get failed(): ReadonlyMap<StatusCode, number> {
    return this.#failed;
  }
}

const TYPES = { unary: "unary", serverStream: "server_stream", bidi: "bidi_stream" } as const;

/** The counters as of now, by names. */
export function readingOf(counters: MethodCounters): MethodReading {
  const { method: { kind, service, name }, started, messagesReceived, messagesSent } = counters;
  const { bytesReceived, bytesSent } = counters;
  const failed = [...counters.failed].map(([code, count]) => [statusName(code), count] as const);
  const ended = new Map([["OK", counters.succeeded] as const, ...failed]);
  return {
    ...{ service, name, type: TYPES[kind], started, ended },
    ...{ messagesReceived, messagesSent, bytesReceived, bytesSent },
  };
}

/** Counters for every method. */
export function countersOfAll(): ReadonlyMap<Method, MethodCounters> {
  return new Map(ALL_METHODS.map((method) => [method, new MethodCounters(method)]));
}
