/**
 * What the operations on one key demand of it, in numbers: each needs the key to
 * hold something when it takes effect, and leaves something behind. State 0 is
 * "nothing there"; every other state is a value, which comes once.
 */
import { describe, type Operation, quote, type Violation } from "./history.ts";

export const MISSING = 0;
/** `need`: whatever is there. */
export const ANY = -1;
/** `next`: what was there. */
export const KEEP = -2;

/** An operation that must have taken effect between `call` and `end`. */
export interface Demand {
  readonly call: number;
  readonly end: number;
  readonly need: number;
  readonly next: number;
  readonly operation: Operation;
}

export interface Register {
  /** In the order of their calls. */
  readonly demands: readonly Demand[];
  /** For each state, from when on it may have gone by itself or by a conditional removal of unknown fate. */
  readonly fadesFrom: readonly number[];
  /** Calls of unconditional removals of unknown fate, ascending. */
  readonly removals: readonly number[];
}

/** Throws `RangeError` when a value is written twice: the history does not say what was seen. */
export function registerOf(
  key: string,
  operations: readonly Operation[],
): Register | Violation {
  const writers = writersOf(key, operations);
  const states = new Map([...writers.keys()].map((value, i) => [value, i + 1]));
  const fadesFrom = [Infinity, ...[...writers.values()].map(({ fades }) => fades ? 0 : Infinity)];
  const removals: number[] = [];
  const demands: Demand[] = [];
  const seen = new Map<number, number>();
  const stateOf = (value: string | undefined) =>
    value === undefined ? MISSING : states.get(value) ?? ANY;
  for (const operation of operations) {
    const { kind, outcome, call, end } = operation;
    if (kind === "stale" || outcome.type === "refused" || outcome.type === "unknown") continue;
    const need = stateOf(outcome.found);
    if (need === ANY) return nobodys(operation, outcome.found);
    const next = outcome.type === "rejected" || kind === "read"
      ? KEEP
      : kind === "set"
      ? stateOf(operation.value)
      : MISSING;
    demands.push({ call, end, need, next, operation });
    if (need !== MISSING) seen.set(need, Math.min(end, seen.get(need) ?? Infinity));
  }
  const unseen = addSeen(demands, seen, [...writers.values()], stateOf);
  const lost = operations.filter(({ kind, outcome }) =>
    kind === "remove" && outcome.type === "unknown"
  );
  // What nobody saw and what went by itself may have taken what was there before with it.
  const faded = [...unseen].filter(({ fades }) => fades === true);
  for (const { expected, call } of [...lost, ...faded]) {
    const state = stateOf(expected);
    if (expected === undefined) removals.push(call);
    else if (state > 0) fadesFrom[state] = Math.min(fadesFrom[state]!, call);
  }
  demands.sort((a, b) => a.call - b.call);
  return { demands, fadesFrom, removals: removals.toSorted((a, b) => a - b) };
}

/**
 * A set of unknown fate whose value was seen did happen, before whoever saw it
 * first had the answer. One whose value nobody saw may as well not have
 * happened: every answer tells what was there before, so only another unseen
 * one can have come after it. Those are returned.
 */
function addSeen(
  demands: Demand[],
  seen: Map<number, number>,
  writers: readonly Operation[],
  stateOf: (value: string | undefined) => number,
): Set<Operation> {
  const left = new Set(writers.filter(({ outcome }) => outcome.type === "unknown"));
  for (let found = true; found;) {
    found = false;
    for (const operation of left) {
      const { value, expected, call } = operation;
      const next = stateOf(value);
      const end = seen.get(next);
      if (end === undefined) continue;
      left.delete(operation);
      found = true;
      const need = expected === undefined ? ANY : stateOf(expected);
      // Nobody wrote what it expected: it can't have happened, though somebody saw it.
      const isPossible = expected === undefined || need !== ANY;
      demands.push({ call, end, need: isPossible ? need : Infinity, next, operation });
      if (need > 0) seen.set(need, Math.min(end, seen.get(need) ?? Infinity));
    }
  }
  return left;
}

function writersOf(key: string, operations: readonly Operation[]): Map<string, Operation> {
  const writers = new Map<string, Operation>();
  for (const operation of operations) {
    const { kind, value, outcome } = operation;
    if (kind !== "set" || outcome.type === "refused" || outcome.type === "rejected") continue;
    if (value === undefined || writers.has(value)) {
      throw new RangeError(`Expected a value of its own, found ${quote(value)} at "${key}" again`);
    }
    writers.set(value, operation);
  }
  return writers;
}

function nobodys(operation: Operation, found: string | undefined): Violation {
  return {
    key: operation.key,
    what: `${quote(found)} was found, which nobody wrote: ${describe(operation)}`,
  };
}
