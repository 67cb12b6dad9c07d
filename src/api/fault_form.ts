/**
 * The faults of whatever has no form of its own: JSON with the HTTP status as its
 * code, what that means, and what was expected and found. And what a failure of the
 * node comes to where HTTP has to tell it.
 */
import { STATUS_TEXT } from "@std/http/status";
import type { Fault, Reply } from "../http/exchange.ts";
import { fault, unavailable } from "../http/fault.ts";
import type { Failure } from "../node/ports.ts";

/** See `FaultForm`. */
export function renderPlainly({ status, problem, headers }: Fault): Reply {
  const body = JSON.stringify({ errorCode: status, message: STATUS_TEXT[status], cause: problem });
  return headers === undefined ? { status, body } : { status, headers, body };
}

/** What a client hears when the node has no result for it. */
export function failureFault({ reason, cause }: Failure): Fault {
  switch (reason) {
    case "notLeader":
    case "noLeader":
    case "overloaded":
    case "diverged":
    case "stopping":
      return unavailable(cause);
    case "refused":
    case "full":
      return fault(409, cause);
    case "superseded":
    case "unknown":
    case "diskFull":
      return fault(500, cause);
  }
}
