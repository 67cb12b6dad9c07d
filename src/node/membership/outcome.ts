/** What became of a wish that concerns the membership, on its way from the leader to who asked. */
import { messageOf } from "../../base/errors.ts";
import { toConfiguration } from "../../raft/configuration_json.ts";
import type { Configuration } from "../../raft/types.ts";
import type { Failure, FailureReason, MemberRefusal, Outcome } from "../ports.ts";

/** A configuration that is committed. */
export interface Agreed {
  readonly configuration: Configuration;
  /** Of its entry. */
  readonly index: number;
}

/** Every reason, so that the compiler misses none. */
const REASONS: Readonly<Record<FailureReason, true>> = {
  notLeader: true,
  superseded: true,
  unknown: true,
  noLeader: true,
  overloaded: true,
  diskFull: true,
  refused: true,
  full: true,
  diverged: true,
  stopping: true,
};

const REFUSALS: Readonly<Record<MemberRefusal, true>> = {
  memberNotFound: true,
  memberRemoved: true,
  memberExists: true,
  peerUrlExists: true,
  notEnoughStarted: true,
  unhealthy: true,
  notALearner: true,
  learnerNotReady: true,
  tooManyLearners: true,
};

/** JSON: `{ok: true, value: {members, removed}, index}` or `{ok: false, reason, cause[, refusal]}`. */
export function encodeMembershipOutcome(outcome: Outcome<Agreed>): Uint8Array {
  const { configuration, index } = outcome.ok ? outcome.value : { configuration: null, index: 0 };
  const shown = outcome.ok ? { ok: true, value: configuration, index } : outcome;
  return new TextEncoder().encode(JSON.stringify(shown));
}

/** Reads it; what is no outcome is a failure of unknown consequence, because the leader has answered. */
export function parseMembershipOutcome(payload: Uint8Array): Outcome<Agreed> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(payload));
  } catch (error) {
    return unreadable(messageOf(error));
  }
  const { ok, value, index = 0, ...rest } = Object(parsed) as Record<string, unknown>;
  if (ok === false) return readFailure(rest);
  const configuration = toConfiguration(value);
  if (ok !== true || configuration === undefined) return unreadable("it is no configuration");
  if (!Number.isSafeInteger(index) || (index as number) < 0) return unreadable("it has no index");
  return { ok, value: { configuration, index: index as number } };
}

function readFailure({ reason, cause, refusal }: Record<string, unknown>): Failure {
  if (typeof cause !== "string" || !isReason(reason)) return unreadable("it gives no reason");
  // One of a newer version may have words that this one does not know.
  return { ok: false, reason, cause, ...(isRefusal(refusal) && { refusal }) };
}

function isRefusal(value: unknown): value is MemberRefusal {
  return typeof value === "string" && Object.hasOwn(REFUSALS, value);
}

function isReason(value: unknown): value is FailureReason {
  return typeof value === "string" && Object.hasOwn(REASONS, value);
}

function unreadable(found: string): Failure {
  return {
    ok: false,
    reason: "unknown",
    cause: `The leader's answer could not be read, ${found}: the request may still take effect`,
  };
}
