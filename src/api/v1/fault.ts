/**
 * Faults of HTTP in the shape of v1's errors. The original had no codes for most of
 * them (its server answered in plain text); they take the HTTP status as their code,
 * but 402 for a malformed request, because 400 and 401 mean something else in v1,
 * and 300 for all that the server can't do now.
 */
import type { Fault, FaultStatus, Reply } from "../../http/exchange.ts";

interface Kind {
  readonly errorCode: number;
  readonly message: string;
}

const KINDS: Readonly<Record<FaultStatus, Kind>> = {
  400: { errorCode: 402, message: "Malformed Request" },
  403: { errorCode: 403, message: "Forbidden" },
  404: { errorCode: 404, message: "Unknown Path" },
  405: { errorCode: 405, message: "Method Not Allowed" },
  408: { errorCode: 408, message: "Request Timeout" },
  409: { errorCode: 409, message: "Conflict" },
  413: { errorCode: 413, message: "Request Body Too Large" },
  414: { errorCode: 414, message: "Key Too Long" },
  417: { errorCode: 417, message: "Expectation Failed" },
  421: { errorCode: 421, message: "Misdirected Request" },
  431: { errorCode: 431, message: "Request Header Too Large" },
  500: { errorCode: 500, message: "Internal Error" },
  503: { errorCode: 300, message: "Raft Internal Error" },
};

/** The body of every error: v1's three fields, in v1's order. */
export function errorBody(errorCode: number, message: string, cause: string): string {
  return `{"errorCode":${errorCode},"message":${JSON.stringify(message)},` +
    `"cause":${JSON.stringify(cause)}}`;
}

/** What clients of v1 hear of a fault, and those whose request never had a path. */
export function renderFault({ status, problem, headers }: Fault): Reply {
  const { errorCode, message } = KINDS[status];
  const body = errorBody(errorCode, message, problem);
  return headers === undefined ? { status, body } : { status, headers, body };
}
