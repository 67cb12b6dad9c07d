/**
 * Faults of HTTP itself, in the shape of v1's errors. The original had no codes
 * for most of them (its server answered in plain text); they take the HTTP
 * status as their code, but 402 for a malformed request, because 400 and 401
 * mean something else in v1, and 300 for all that the server can't do now.
 */
import type { Reply } from "./exchange.ts";

export type FaultStatus = 400 | 403 | 404 | 405 | 408 | 413 | 414 | 431 | 500 | 503;

interface Fault {
  readonly errorCode: number;
  readonly message: string;
}

const FAULTS: Readonly<Record<FaultStatus, Fault>> = {
  400: { errorCode: 402, message: "Malformed Request" },
  403: { errorCode: 403, message: "Forbidden" },
  404: { errorCode: 404, message: "Unknown Path" },
  405: { errorCode: 405, message: "Method Not Allowed" },
  408: { errorCode: 408, message: "Request Timeout" },
  413: { errorCode: 413, message: "Request Body Too Large" },
  414: { errorCode: 414, message: "Key Too Long" },
  431: { errorCode: 431, message: "Request Header Too Large" },
  500: { errorCode: 500, message: "Internal Error" },
  503: { errorCode: 300, message: "Raft Internal Error" },
};

/** The body of every error: v1's three fields, in v1's order. */
export function errorBody(errorCode: number, message: string, cause: string): string {
  return `{"errorCode":${errorCode},"message":${JSON.stringify(message)},` +
    `"cause":${JSON.stringify(cause)}}`;
}

/** An answer with `status`; `cause` says what was expected and what was found. */
export function fault(
  status: FaultStatus,
  cause: string,
  headers?: Readonly<Record<string, string>>,
): Reply {
  const { errorCode, message } = FAULTS[status];
  const body = errorBody(errorCode, message, cause);
  return headers === undefined ? { status, body } : { status, headers, body };
}

const RETRY_AFTER = { "retry-after": "1" } as const;

/** 503: nothing was done, and a later try may succeed. */
export function unavailable(cause: string): Reply {
  return fault(503, cause, RETRY_AFTER);
}
