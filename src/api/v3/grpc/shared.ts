/** What all gRPC calls of a server share, and how they begin and end on the wire. */
import type { Logger } from "../../../base/logger.ts";
import type { Fields, ServerStream } from "../../../http/h2/stream.ts";
import type { Service } from "../../../service/service.ts";
import type { Caller } from "../call.ts";
import { encodeStatusMessage, StatusCode } from "../status.ts";
import { type Status, status } from "../statuses.ts";
import type { Metadata } from "./metadata.ts";
import type { OpenCalls } from "../open_calls.ts";
import type { Arriving } from "./arriving.ts";

export interface GrpcShared {
  readonly service: Service;
  readonly logger: Logger;
  /** Of one message that comes. */
  readonly messageBytesMax: number;
  /** Calls with a deadline, streams, and whatever waits for long. */
  readonly open: OpenCalls;
  readonly arriving: Arriving;
  readonly nowMs: () => number;
}

/** The head of every answer; one array, so that connections encode it once. */
export const HEAD: Fields = [["content-type", "application/grpc"]];

/** The client has said all it wants, and that is no request. */
export const NO_MESSAGE = status(
  StatusCode.internal,
  "grpc: the request ends before its message does",
);

/** The end of every call that succeeds. */
export const SUCCESS: Fields = [["grpc-status", "0"], ["grpc-message", ""]];

const known = new WeakMap<Status, Fields>();

/** The trailers that tell `status`. */
export function trailersOf(status: Status): Fields {
  const found = known.get(status);
  if (found !== undefined) return found;
  const trailers: Fields = [
    ["grpc-status", `${status.code}`],
    ["grpc-message", encodeStatusMessage(status.message)],
  ];
  known.set(status, trailers);
  return trailers;
}

/** Ends a call whose answer has not begun: the head says all ("Trailers-Only"). */
export function endWithStatus(stream: ServerStream, status: Status): void {
  stream.endWithHeaders(200, [...HEAD, ...trailersOf(status)]);
}

/** Who calls on `stream`. */
export function callerOf(stream: ServerStream, { caller }: Metadata): Caller {
  const { clientCertificate: certificate, clientAddress: address } = stream;
  return { ...caller, certificate, address };
}

/** When a call is late, by the shared clock, counted from when it came; Infinity when it never is. */
export function deadlineOf(
  { nowMs }: GrpcShared,
  { timeoutMs }: Metadata,
  { waitedMs }: ServerStream,
): number {
  return timeoutMs === undefined ? Infinity : nowMs() + timeoutMs - waitedMs;
}
