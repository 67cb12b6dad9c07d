/**
 * Linearizability of a handful of operations on one key by trying every order: a
 * third opinion that is too plain to be wrong, for the test of the search.
 */
import type { Operation } from "./history.ts";

interface State {
  readonly value: string | undefined;
  readonly fades: boolean;
}

const NOTHING: State = { value: undefined, fades: false };

/** Exponential: for up to about eight operations. */
export function isLinearizable(operations: readonly Operation[]): boolean {
  return canFollow(NOTHING, operations.filter(({ outcome }) => outcome.type !== "refused"));
}

function canFollow(state: State, rest: readonly Operation[]): boolean {
  if (rest.every(({ end }) => end === Infinity)) return true;
  if (state.fades && canFollow(NOTHING, rest)) return true;
  return rest.some((operation) => {
    if (rest.some(({ end }) => end < operation.call)) return false;
    const next = take(state, operation);
    return next !== undefined && canFollow(next, rest.filter((other) => other !== operation));
  });
}

/** Undefined when the operation would have been told something else. */
function take(state: State, operation: Operation): State | undefined {
  const { kind, value, expected, fades = false, outcome } = operation;
  const done = kind === "read" ? state : kind === "set" ? { value: value!, fades } : NOTHING;
  switch (outcome.type) {
    case "ok":
      return outcome.found === state.value ? done : undefined;
    case "rejected":
      return outcome.found === state.value ? state : undefined;
    case "refused":
      return undefined;
    case "unknown":
      return expected === undefined || expected === state.value ? done : state;
  }
}
