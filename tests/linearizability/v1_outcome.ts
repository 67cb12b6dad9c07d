/** What an answer of the v1 API says of the operation, as the checkers take it. */
import type { Outcome } from "./history.ts";

/** The fields of an event or of an error that matter here. */
interface Body {
  readonly value?: string;
  readonly prevValue?: string;
  readonly index?: number;
  readonly errorCode?: number;
  readonly cause?: string;
}

/**
 * `expected`: the `prevValue` of a test-and-set. Undefined when no well-formed
 * request may be told this.
 */
export function outcomeOf(
  kind: "set" | "remove" | "read" | "stale",
  expected: string | undefined,
  body: Body,
): Outcome | undefined {
  const { errorCode, cause = "", index, value, prevValue } = body;
  const isLook = kind === "read" || kind === "stale";
  switch (errorCode) {
    case undefined:
      return { type: "ok", found: isLook ? value : prevValue, index };
    case 100:
    case 102:
      return { type: "rejected", found: undefined };
    case 101:
      return { type: "rejected", found: comparedWith(cause, expected) };
    case 300:
    case 301:
      return { type: isLook || cause.includes("nothing was") ? "refused" : "unknown" };
    // Users and roles do not let it in, and nothing was done.
    case 110:
      return { type: "refused" };
    // The request did not arrive whole in time, so that nothing was done (RFC 9110, section 15.5.9).
    case 408:
      return { type: "refused" };
    default:
      return undefined;
  }
}

/** `TestAndSet: FOUND!=EXPECTED`. */
function comparedWith(cause: string, expected = ""): string {
  return cause.slice("TestAndSet: ".length, -`!=${expected}`.length);
}
