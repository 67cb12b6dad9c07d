/** What calls of the gateway share, and how it tells what is wrong. */
import type { Fault, Reply } from "../../../http/exchange.ts";
import type { Exchange } from "../../../http/exchange.ts";
import type { Service } from "../../../service/service.ts";
import type { Caller } from "../call.ts";
import { jsonString } from "../messages/json_encode.ts";
import type { MessageError } from "../messages/message_error.ts";
import type { OpenCalls } from "../open_calls.ts";
import { parseTimeoutMs, StatusCode, StatusError } from "../status.ts";
import { httpStatusOf, type Status, status } from "../statuses.ts";

export interface GatewayShared {
  readonly service: Service;
  /** Of one message, as gRPC would have it. */
  readonly messageBytesMax: number;
  /** That may be under way at once; others wait. Undefined for as many as there are. */
  readonly callsMax: number | undefined;
  /** Streams, and calls with a deadline. */
  readonly open: OpenCalls;
  readonly nowMs: () => number;
}

/** Who calls. */
export function callerOf(exchange: Exchange): Caller {
  return {
    token: exchange.header("authorization") ?? exchange.header("grpc-metadata-token") ??
      exchange.header("grpc-metadata-authorization"),
    certificate: exchange.clientCertificate,
    address: exchange.clientAddress,
    door: "gateway",
  };
}

/** Whether the client wants no answer from a member that knows no leader. */
export function requiresLeader(exchange: Exchange): boolean {
  return exchange.header("grpc-metadata-hasleader") === "true";
}

/** When a call is late, by the shared clock; Infinity when it never is. Throws `StatusError`. */
export function deadlineOf({ nowMs }: GatewayShared, exchange: Exchange): number {
  const text = exchange.header("grpc-timeout") ?? "";
  if (text === "") return Infinity;
  const timeoutMs = parseTimeoutMs(text);
  if (timeoutMs === undefined) {
    throw new StatusError(StatusCode.invalidArgument, `invalid grpc-timeout: ${text}`);
  }
  return timeoutMs === 0 ? Infinity : nowMs() + timeoutMs;
}

/** Of answers: what gRPC's server says in its head, as the gateway hands it on. */
export const METADATA = { "grpc-metadata-content-type": "application/grpc" } as const;

/** As grpc-gateway 1 does it: the text twice, for older and newer clients. */
export function errorReply({ code, message }: Status): Reply {
  const text = jsonString(message);
  return {
    status: httpStatusOf(code),
    body: `{"error":${text},"message":${text},"code":${code}}`,
  };
}

const HTTP_TEXTS: ReadonlyMap<number, string> = new Map([
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [409, "Conflict"],
  [412, "Precondition Failed"],
  [413, "Request Entity Too Large"],
  [414, "Request URI Too Long"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
]);

/** The last line of a stream that has failed. */
export function errorLine({ code, message }: Status): string {
  const httpStatus = httpStatusOf(code);
  return `{"error":{"grpc_code":${code},"http_code":${httpStatus},` +
    `"message":${jsonString(message)},"http_status":"${HTTP_TEXTS.get(httpStatus) ?? ""}"}}\n`;
}

/** A body is no message. */
export function unreadable({ message }: MessageError): Status {
  return status(StatusCode.invalidArgument, message);
}

const TEXT_HEADERS = { "x-content-type-options": "nosniff" } as const;

/** What etcd says of a path that no API has. */
export function renderUnknown(fault: Fault): Reply {
  const reply = renderFault(fault);
  return fault.status === 404 ? { ...reply, body: "404 page not found\n" } : reply;
}

/** What clients of v3 hear of faults of HTTP: plain text, as Go's servers say it. */
export function renderFault({ status, headers }: Pick<Fault, "status" | "headers">): Reply {
  return {
    status,
    contentType: "text/plain; charset=utf-8",
    headers: { ...TEXT_HEADERS, ...headers },
    body: `${HTTP_TEXTS.get(status) ?? "Error"}\n`,
  };
}
