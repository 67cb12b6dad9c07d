/**
 * What clients asked of a store and what they were told: the input of both
 * checkers. One store is one namespace of independent registers; a value is
 * written at most once to a key, so that a value tells who wrote it.
 *
 * Times are places in one order of all calls and returns, taken by one process:
 * exact where clocks would not be.
 */

/** What a client was told. */
export type Outcome =
  /**
   * Done, or read: `found` is the value before a write, or the value read;
   * undefined for nothing. `index`: of the log, where the answer bears one.
   */
  | { readonly type: "ok"; readonly found: string | undefined; readonly index: number | undefined }
  /** Compared with `found`, or asked for a key that is not there: changed nothing. */
  | { readonly type: "rejected"; readonly found: string | undefined }
  /** No answer, or one that leaves it open: it may happen at any time after the call, or never. */
  | { readonly type: "unknown" }
  /** The store said that nothing was or will be changed. */
  | { readonly type: "refused" };

export interface Operation {
  readonly client: string;
  readonly key: string;
  /** `remove` is a delete, or a set with a TTL that is over; `stale` a read of what a member knows. */
  readonly kind: "set" | "remove" | "read" | "stale";
  /** What a set writes. */
  readonly value?: string;
  /** Only if this is the key's value: a test-and-set, or a conditional `remove`. */
  readonly expected?: string;
  /** The value may go by itself: it has a TTL. */
  readonly fades?: boolean;
  /** Place of the call. */
  readonly call: number;
  /** Place of the return; Infinity when the outcome is unknown. */
  readonly end: number;
  readonly outcome: Outcome;
}

/** A promise that was broken, in words. */
export interface Violation {
  readonly key: string;
  readonly what: string;
}

/** Collects operations in the order in which they happen; its clock is the count of calls and returns. */
export class History {
  readonly operations: Operation[] = [];
  #now = 0;

  /** The next place in the order. */
  tick(): number {
    return ++this.#now;
  }

  /** `end` is now, unless the outcome is unknown. */
  add(asked: Omit<Operation, "end" | "outcome">, outcome: Outcome): void {
    const end = outcome.type === "unknown" ? Infinity : this.tick();
    this.operations.push({ ...asked, end, outcome });
  }
}

/** The operations of each key. */
export function byKey(operations: readonly Operation[]): Map<string, Operation[]> {
  const groups = new Map<string, Operation[]>();
  for (const operation of operations) {
    const group = groups.get(operation.key);
    if (group === undefined) groups.set(operation.key, [operation]);
    else group.push(operation);
  }
  return groups;
}

/** One line for people. */
export function describe({ client, kind, key, value, expected, call, end, outcome }: Operation) {
  const asked = `${kind} "${key}"` + (value === undefined ? "" : ` = "${value}"`) +
    (expected === undefined ? "" : ` if "${expected}"`);
  const found = "found" in outcome ? `, found ${quote(outcome.found)}` : "";
  const index = "index" in outcome && outcome.index !== undefined ? ` at ${outcome.index}` : "";
  return `${client} [${call}, ${end}] ${asked}: ${outcome.type}${found}${index}`;
}

/** `value`, or that there is none. */
export function quote(value: string | undefined): string {
  return value === undefined ? "nothing" : `"${value}"`;
}
