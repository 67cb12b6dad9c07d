/**
 * Membership changes, one server at a time (thesis §4.1): each is an entry with
 * the complete next configuration, in effect as soon as it is appended.
 */
import { decodeConfiguration, encodeConfiguration } from "./codec.ts";
import { changeFault } from "./configuration.ts";
import { appendOwn, followConfiguration, isEstablished } from "./leader.ts";
import type { State } from "./state.ts";
import { NONE } from "./types.ts";
import type { Configuration } from "./types.ts";

export type ConfigurationOutcome =
  | { readonly ok: true; readonly index: number }
  | {
    readonly ok: false;
    /** `pending` and `notReady` pass by themselves, the others do not. */
    readonly reason: "notLeader" | "pending" | "notReady" | "invalid";
    /** For people: what was expected and found. */
    readonly cause: string;
  };

/** Appends `next` as the configuration to go by, or says why not. */
export function proposeConfiguration(state: State, next: Configuration): ConfigurationOutcome {
  const { leadership, configurations, commitIndex } = state;
  if (leadership === undefined) {
    return refusal("notLeader", "Only the leader changes the membership");
  }
  if (leadership.transferee !== NONE) {
    return refusal("notReady", `Leadership is being handed over to "${leadership.transferee}"`);
  }
  // Else two leaders could each commit a change that the other does not know:
  // the bug in the thesis, found in 2015.
  if (!isEstablished(state)) {
    return refusal("notReady", `The leader has committed nothing in term ${state.term} yet`);
  }
  const { index: latestIndex, configuration } = configurations.latest;
  if (latestIndex > commitIndex) {
    return refusal("pending", `The change at index ${latestIndex} is not committed yet`);
  }
  const data = encodeConfiguration(next);
  // Judged as all members will read it: two texts may be the same in UTF-8.
  const fault = changeFault(configuration, decodeConfiguration(data));
  if (fault !== undefined) return refusal("invalid", fault);
  const index = appendOwn(state, leadership, "config", data);
  followConfiguration(state, leadership);
  return { ok: true, index };
}

function refusal(
  reason: Exclude<ConfigurationOutcome, { ok: true }>["reason"],
  cause: string,
): ConfigurationOutcome {
  return { ok: false, reason, cause };
}
