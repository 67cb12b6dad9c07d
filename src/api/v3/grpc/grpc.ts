/**
 * Serves gRPC on HTTP/2 streams (grpc.io, "gRPC over HTTP2"): finds the method, lets its
 * handler answer, and says how the call has ended.
 */
import type { StreamHandler, StreamReceiver } from "../../../http/h2/stream.ts";
import type { ServerStream } from "../../../http/h2/stream.ts";
import type { Handler } from "../call.ts";
import { type Method, SERVICES } from "../methods.ts";
import type { MethodCounters } from "../metrics.ts";
import { isGrpcContentType, StatusCode } from "../status.ts";
import { type Status, status } from "../statuses.ts";
import { metadataOf } from "./metadata.ts";
import { endWithStatus, type GrpcShared } from "./shared.ts";
import { StreamGrpcCall } from "./stream_call.ts";
import { UnaryGrpcCall } from "./unary_call.ts";

/** Whether a request is a call of gRPC, and not one of ordinary HTTP. */
export function isGrpc(stream: ServerStream): boolean {
  return stream.method === "POST" && isGrpcContentType(stream.header("content-type"));
}

/** Hears what still comes of a call that has been answered. */
const DEAF: StreamReceiver = { onData() {}, onEnd() {}, onReset() {}, onDrain() {} };

interface Entry {
  readonly handler: Handler;
  readonly counters: MethodCounters;
}

/** Answers calls; a request for which `isGrpc` is false is not to be given to it. */
export function makeGrpc(
  handlers: readonly Handler[],
  counters: ReadonlyMap<Method, MethodCounters>,
  shared: GrpcShared,
): StreamHandler {
  const entries = new Map<string, Entry>();
  for (const handler of handlers) {
    const { method } = handler;
    entries.set(method.path, { handler, counters: counters.get(method)! });
  }
  return (stream) => {
    const entry = entries.get(stream.path);
    if (entry === undefined) return refuse(stream, unknownMethod(stream.path));
    const metadata = metadataOf(stream.fields);
    if (metadata.problem !== undefined) return refuse(stream, metadata.problem);
    const { handler } = entry;
    if (handler.kind === "unary") {
      return new UnaryGrpcCall(stream, handler, metadata, shared, entry.counters);
    }
    const call = new StreamGrpcCall(stream, handler, metadata, shared, entry.counters);
    call.begin();
    return call;
  };
}

function refuse(stream: ServerStream, problem: Status): StreamReceiver {
  endWithStatus(stream, problem);
  return DEAF;
}

/** In the words of gRPC for Go. */
function unknownMethod(path: string): Status {
  const slash = path.lastIndexOf("/");
  if (slash <= 0) {
    return status(StatusCode.unimplemented, `malformed method name: ${JSON.stringify(path)}`);
  }
  const service = path.slice(1, slash);
  const method = path.slice(slash + 1);
  if (!SERVICES.has(service)) {
    return status(StatusCode.unimplemented, `unknown service ${service}`);
  }
  return status(StatusCode.unimplemented, `unknown method ${method} for service ${service}`);
}
