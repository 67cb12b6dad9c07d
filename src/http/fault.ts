/**
 * Faults of HTTP itself, as values: what is wrong, without any API's words for it.
 * A handler may return one instead of a reply; the port renders it in the form of
 * the API that the path belongs to.
 */
import type { Fault, FaultStatus, Reply, ReplyOrFault } from "./exchange.ts";

/** A fault with `status`; `problem` says what was expected and what was found. */
export function fault(
  status: FaultStatus,
  problem: string,
  headers?: Readonly<Record<string, string>>,
): Fault {
  return headers === undefined ? { status, problem } : { status, problem, headers };
}

const RETRY_AFTER = { "retry-after": "1" } as const;

/** 503: nothing was done, and a later try may succeed. */
export function unavailable(problem: string): Fault {
  return fault(503, problem, RETRY_AFTER);
}

/** Whether it has yet to be rendered. */
export function isFault(answer: ReplyOrFault): answer is Fault {
  return "problem" in answer;
}

/** The reply to a request for `target`; undefined when what was sent never became a request. */
export type RenderFault = (fault: Fault, target: string | undefined) => Reply;

/** How the paths under `prefix` hear of faults. */
export interface FaultForm {
  /** Of the raw target, e.g. `/v2/`. */
  readonly prefix: string;
  readonly render: (fault: Fault) => Reply;
}

/** The first of `forms` that the target begins with renders; `otherwise` all the rest. */
export function renderByPath(
  forms: readonly FaultForm[],
  otherwise: (fault: Fault) => Reply,
): RenderFault {
  return (fault, target = "") => {
    const form = forms.find(({ prefix }) => target.startsWith(prefix));
    return form === undefined ? otherwise(fault) : form.render(fault);
  };
}
