/** The errors of the v2 API: codes, texts and statuses are the original's. */
import type { Fault, Reply } from "../../http/exchange.ts";
import type { Failure } from "../../node/ports.ts";
import { textOf } from "../../store/byte_string.ts";
import type { FailedComparison, Rejected } from "../../store/result.ts";
import { clusterHeaders, textReply, type V2 } from "./context.ts";

export type ErrorCode =
  | 100
  | 101
  | 102
  | 104
  | 105
  | 107
  | 108
  | 110
  | 201
  | 202
  | 203
  | 209
  | 210
  | 211
  | 212
  | 300
  | 301
  | 401;

interface Kind {
  readonly status: number;
  readonly message: string;
}

const KINDS: Readonly<Record<ErrorCode, Kind>> = {
  100: { status: 404, message: "Key not found" },
  101: { status: 412, message: "Compare failed" },
  102: { status: 403, message: "Not a file" },
  104: { status: 400, message: "Not a directory" },
  105: { status: 412, message: "Key already exists" },
  107: { status: 400, message: "Root is read only" },
  108: { status: 403, message: "Directory not empty" },
  110: { status: 401, message: "The request requires user authentication" },
  201: { status: 400, message: "PrevValue is Required in POST form" },
  202: { status: 400, message: "The given TTL in POST form is not a number" },
  203: { status: 400, message: "The given index in POST form is not a number" },
  209: { status: 400, message: "Invalid field" },
  210: { status: 400, message: "Invalid POST form" },
  211: { status: 400, message: "Value provided on refresh" },
  212: { status: 400, message: "A TTL must be provided on refresh" },
  300: { status: 500, message: "Raft Internal Error" },
  301: { status: 500, message: "During Leader Election" },
  401: { status: 400, message: "The event in requested index is outdated and cleared" },
};

/** What is wrong with a request before the store has seen it. */
export interface BadRequest {
  readonly code: ErrorCode;
  readonly cause: string;
}

/** An error; `index` is that of the store, 0 when it was not asked. */
export function errorReply(v2: V2, code: ErrorCode, cause: string, index: number): Reply {
  const { status, message } = KINDS[code];
  const headers = { ...clusterHeaders(v2), "x-etcd-index": `${index}` };
  return { status, headers, body: errorBody(code, message, cause, index) };
}

/** What a client hears who may not, whatever the reason. */
export function unauthorizedReply(v2: V2): Reply {
  return errorReply(v2, 110, INSUFFICIENT, 0);
}

/** Why, in the original's words. */
export const INSUFFICIENT = "Insufficient credentials";

/** What a client hears when its command changed nothing; `prevIndex` as the client wrote it. */
export function rejectionReply(v2: V2, rejected: Rejected, prevIndex: string): Reply {
  const { reason, key, changeIndex, failed = [] } = rejected;
  const reply = (code: ErrorCode) => errorReply(v2, code, textOf(key), changeIndex);
  switch (reason) {
    case "keyNotFound":
      return reply(100);
    case "testFailed":
      return errorReply(v2, 101, comparisons(failed, prevIndex), changeIndex);
    case "notAFile":
      return reply(102);
    case "notADirectory":
      return reply(104);
    case "keyExists":
      return reply(105);
    case "rootIsReadOnly":
      return reply(107);
    case "directoryNotEmpty":
      return reply(108);
    case "permissionDenied":
    case "authIsOld":
    case "userNameEmpty":
    case "invalidToken":
    case "authenticationFailed":
    case "tooManyLogins":
      return unauthorizedReply(v2);
    // v3's texts: what an operator looks up.
    case "noSpace":
      return errorReply(v2, 300, "etcdserver: mvcc: database space exceeded", changeIndex);
    case "corrupt":
      return errorReply(v2, 300, "etcdserver: corrupt cluster", changeIndex);
    default:
      return errorReply(v2, 300, `etcdserver: ${reason}`, changeIndex);
  }
}

/** What a client hears when the node has no result for it. */
export function failureReply(v2: V2, { reason, cause }: Failure): Reply {
  const index = v2.service.changeIndex;
  switch (reason) {
    case "notLeader":
    case "noLeader":
      return errorReply(v2, 301, cause, index);
    case "unknown":
      return errorReply(v2, 300, "etcdserver: request timed out", index);
    case "overloaded":
    case "diverged":
    case "stopping": {
      const { message } = KINDS[300];
      const headers = { ...clusterHeaders(v2), "retry-after": "1" };
      return { status: 503, headers, body: errorBody(300, message, cause, index) };
    }
    case "full":
    case "superseded":
    case "diskFull":
    case "refused":
      return errorReply(v2, 300, cause, index);
  }
}

/** In the original's words. */
export const TOO_LARGE = "http: POST too large";

/** How clients of v2 hear of faults of HTTP. */
export function renderFault({ status, problem, headers = {} }: Fault): Reply {
  switch (status) {
    case 404:
      return textReply(404, "404 page not found", headers);
    case 405:
      return textReply(405, "Method Not Allowed", headers);
    case 413:
      return { status: 400, headers, body: errorBody(210, KINDS[210].message, TOO_LARGE, 0) };
    case 503:
      return { status, headers, body: errorBody(300, KINDS[300].message, problem, 0) };
    default:
      return { status, headers, body: errorBody(status, "Malformed Request", problem, 0) };
  }
}

function errorBody(code: number, message: string, cause: string, index: number): string {
  return `{"errorCode":${code},"message":${JSON.stringify(message)},` +
    `"cause":${JSON.stringify(cause)},"index":${index}}\n`;
}

function comparisons(failed: readonly FailedComparison[], prevIndex: string): string {
  return failed.map(({ of, expected, found }) => {
    const asked = of === "index" ? prevIndex : textOf(expected);
    return `[${asked} != ${textOf(found)}]`;
  }).join(" ");
}
