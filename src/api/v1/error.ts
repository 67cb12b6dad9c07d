/** The errors of the v1 API: codes, texts and statuses are the original's. */
import type { Reply, ReplyOrFault } from "../../http/exchange.ts";
import { unavailable } from "../../http/fault.ts";
import type { Failure } from "../../node/ports.ts";
import type { AuthProblem } from "../../service/auth/gate.ts";
import { textOf } from "../../store/byte_string.ts";
import type { Rejected } from "../../store/result.ts";
import { problemText } from "../who.ts";
import { errorBody } from "./fault.ts";

export type ErrorCode = 100 | 101 | 102 | 103 | 110 | 200 | 202 | 203 | 300 | 301 | 400 | 401;

interface Kind {
  readonly status: number;
  readonly message: string;
}

/** 201 is not here: an empty `prevValue` is none, so nobody ever gets it. */
const KINDS: Readonly<Record<ErrorCode, Kind>> = {
  100: { status: 404, message: "Key Not Found" },
  101: { status: 400, message: "The given PrevValue is not equal to the value of the key" },
  102: { status: 400, message: "Not A File" },
  103: { status: 400, message: "Reached the max number of machines in the cluster" },
  // The original had no users; the code and its text are those of v2.
  110: { status: 401, message: "The request requires user authentication" },
  200: { status: 400, message: "Value is Required in POST form" },
  202: { status: 400, message: "The given TTL in POST form is not a number" },
  203: { status: 400, message: "The given index in POST form is not a number" },
  300: { status: 500, message: "Raft Internal Error" },
  301: { status: 500, message: "During Leader Election" },
  400: { status: 400, message: "The prefix of the given key is a keyword in etcd" },
  401: { status: 400, message: "The event in requested index is outdated and cleared" },
};

/** An error of the v1 API; `cause` names the operation, the key, or what was found. */
export function errorReply(code: ErrorCode, cause: string): Reply {
  const { status, message } = KINDS[code];
  return { status, body: errorBody(code, message, cause) };
}

/** What a client hears when its command changed nothing. */
export function rejectionReply({ reason, key, failed = [] }: Rejected): Reply {
  switch (reason) {
    case "keyNotFound":
      return errorReply(100, textOf(key));
    case "testFailed": {
      const [{ expected, found } = { expected: "", found: "" }] = failed;
      return errorReply(101, `TestAndSet: ${textOf(found)}!=${textOf(expected)}`);
    }
    case "notAFile":
      return errorReply(102, textOf(key));
    case "permissionDenied":
    case "userNameEmpty":
    case "invalidToken":
    case "authenticationFailed":
    case "tooManyLogins":
      return problemReply(reason);
    case "authIsOld":
      return errorReply(110, "Users have changed meanwhile, try again");
    default:
      return errorReply(300, `Expected a change, the entry was refused: ${reason}`);
  }
}

/** What a client hears who is turned away. */
export function problemReply(problem: AuthProblem): Reply {
  return errorReply(110, problemText(problem));
}

/** What a client hears when the node has no result for it. */
export function failureReply({ reason, cause }: Failure): ReplyOrFault {
  switch (reason) {
    case "notLeader":
    case "noLeader":
      return errorReply(301, cause);
    case "full":
      return errorReply(103, cause);
    case "overloaded":
    case "diverged":
    case "stopping":
      return unavailable(cause);
    case "superseded":
    case "unknown":
    case "diskFull":
    case "refused":
      return errorReply(300, cause);
  }
}
