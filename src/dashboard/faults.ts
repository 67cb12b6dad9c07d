/** What the page is told when it can't have what it asked for. */
import { STATUS_TEXT } from "@std/http/status";
import type { Fault, Reply } from "../http/exchange.ts";
import type { FaultForm } from "../http/fault.ts";
import type { Failure } from "../node/ports.ts";
import { textOf } from "../store/byte_string.ts";
import type { Rejected } from "../store/result.ts";
import type { FaultView } from "./view.ts";

/** Where the page asks. */
export const DASHBOARD_API = "/dashboard/api/";

/** Faults of HTTP itself, and the node's failures that are told as such. */
export const DASHBOARD_FAULTS: FaultForm = {
  prefix: DASHBOARD_API,
  render: ({ status, problem, headers = {} }: Fault) => ({
    ...tell(status, { reason: "fault", message: STATUS_TEXT[status], cause: problem }),
    headers,
  }),
};

/** The node has no result. */
export function failureReply({ reason, cause }: Failure): Reply {
  return tell(503, { reason, message: "The cluster could not do it", cause });
}

/** The store changed nothing. */
export function rejectionReply(
  { reason, key, failed = [] }: Pick<Rejected, "reason" | "key" | "failed">,
): Reply {
  const cause = textOf(key);
  switch (reason) {
    case "keyNotFound":
      return tell(404, { reason, message: "There is no such key", cause });
    case "testFailed": {
      const [{ expected, found } = { expected: "", found: "" }] = failed;
      return tell(409, {
        reason,
        message: "The value has changed meanwhile",
        cause: `Expected "${textOf(expected)}", found "${textOf(found)}"`,
      });
    }
    case "notAFile":
      return tell(409, { reason, message: "A directory or a key is in the way", cause });
    default:
      return tell(409, { reason, message: "The change was refused", cause });
  }
}

/** A problem in the page's form. */
export function tell(status: number, view: FaultView): Reply {
  return { status, body: JSON.stringify(view) };
}
