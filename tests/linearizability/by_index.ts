/**
 * Linearizability by the indexes that answers bear: replays what was written in
 * the order of the log and holds every answer against it. Exact where an answer
 * has an index; an answer without one must fit somewhere between what was known
 * when it was asked and what was done afterwards.
 */
import { byKey, describe, type Operation, quote, type Violation } from "./history.ts";
import { Windows } from "./windows.ts";

/** A change that a watcher was told of. */
export interface WatchedEvent {
  readonly index: number;
  readonly key: string;
  /** Undefined: gone. */
  readonly value: string | undefined;
  readonly prevValue: string | undefined;
}

/** A change of a key, or a look at it, at its place in the log. */
interface Fact {
  readonly index: number;
  readonly need: string | undefined;
  /** What it leaves there; absent for a look. */
  readonly next?: { readonly value: string | undefined };
  readonly from: string;
}

/** What a key is known to hold from `index` on. */
interface Known {
  readonly index: number;
  readonly value: string | undefined;
}

/**
 * All broken promises; empty when all is well. `events` are changes that are
 * known beside the answers, such as expiries: they fill in what clients were not
 * told of.
 */
export function checkByIndex(
  operations: readonly Operation[],
  events: readonly WatchedEvent[] = [],
): Violation[] {
  const violations: Violation[] = [];
  const windows = new Windows(operations);
  for (const operation of operations) {
    const broken = windows.broken(operation);
    if (broken !== undefined) violations.push({ key: operation.key, what: broken });
  }
  violations.push(...sharedIndexes(operations, events));
  const watched = Map.groupBy(events, ({ key }) => key);
  for (const [key, group] of byKey(operations)) {
    violations.push(...new Replay(key, group, windows).run(watched.get(key) ?? []));
    watched.delete(key);
  }
  for (const [key, [event]] of watched) {
    violations.push({ key, what: `a watcher saw what nobody asked for: ${JSON.stringify(event)}` });
  }
  return violations;
}

/** An index belongs to one write, and whoever tells of it tells the same. */
function sharedIndexes(
  operations: readonly Operation[],
  events: readonly WatchedEvent[],
): Violation[] {
  const told = new Map<number, WatchedEvent>();
  const violations: Violation[] = [];
  for (const operation of operations) {
    const event = eventOf(operation);
    if (event === undefined) continue;
    if (told.has(event.index)) {
      violations.push({
        key: event.key,
        what: `index ${event.index} was told twice: ${describe(operation)}`,
      });
    }
    told.set(event.index, event);
  }
  for (const event of events) {
    const other = told.get(event.index);
    if (other === undefined || isSame(event, other)) continue;
    const [a, b] = [event, other].map((shown) => JSON.stringify(shown));
    violations.push({ key: event.key, what: `a watcher was told ${a}, the writer ${b}` });
  }
  return violations;
}

/** What an acknowledged write with an index changed. */
export function eventOf({ key, kind, value, outcome }: Operation): WatchedEvent | undefined {
  if (outcome.type !== "ok" || outcome.index === undefined) return undefined;
  if (kind !== "set" && kind !== "remove") return undefined;
  const { index, found: prevValue } = outcome;
  return { index, key, value: kind === "set" ? value : undefined, prevValue };
}

function isSame(a: WatchedEvent, b: WatchedEvent): boolean {
  return a.key === b.key && a.value === b.value && a.prevValue === b.prevValue;
}

/** The past of one key. */
class Replay {
  readonly #key: string;
  readonly #operations: readonly Operation[];
  readonly #windows: Windows;
  readonly #violations: Violation[] = [];
  /** Writes of unknown fate, by their value. */
  readonly #unknown = new Map<string, Operation>();
  /** Those of them that have not been seen to happen. */
  readonly #open: Map<string, Operation>;
  /** Removals of unknown fate. */
  readonly #lost: Operation[] = [];
  /** Those of them that explain nothing yet; the conditional ones first. */
  readonly #removals: Operation[];
  /** Values that may go by themselves. */
  readonly #fading = new Set<string>();
  readonly #past: Known[] = [{ index: 0, value: undefined }];

  constructor(key: string, operations: readonly Operation[], windows: Windows) {
    this.#key = key;
    this.#operations = operations;
    this.#windows = windows;
    for (const operation of operations) {
      const { kind, value, fades, outcome } = operation;
      if (kind === "set" && fades === true) this.#fading.add(value!);
      if (outcome.type !== "unknown") continue;
      if (kind === "set") this.#unknown.set(value!, operation);
      if (kind === "remove" || fades === true) this.#lost.push(operation);
    }
    this.#open = new Map(this.#unknown);
    const floor = (operation: Operation) => windows.floorOf(operation);
    this.#removals = this.#lost.toSorted((a, b) =>
      Number(b.expected !== undefined) - Number(a.expected !== undefined) || floor(a) - floor(b)
    );
  }

  run(events: readonly WatchedEvent[]): Violation[] {
    for (const fact of this.#facts(events)) this.#meet(fact);
    for (const operation of this.#operations) {
      const { kind, outcome } = operation;
      if (outcome.type === "rejected" && kind !== "stale") this.#fit(operation, outcome.found);
    }
    return this.#violations;
  }

  #facts(events: readonly WatchedEvent[]): Fact[] {
    const changes = new Map<number, Fact>();
    const looks: Fact[] = [];
    for (const operation of this.#operations) {
      const { outcome } = operation;
      const change = eventOf(operation);
      if (change !== undefined) {
        changes.set(change.index, factOf(change, describe(operation)));
      } else if (outcome.type === "ok" && outcome.index !== undefined) {
        looks.push({ index: outcome.index, need: outcome.found, from: describe(operation) });
      }
    }
    for (const event of events) {
      if (changes.has(event.index)) continue;
      this.#settle(event);
      changes.set(event.index, factOf(event, "a watcher"));
    }
    // At one index the change comes first: a look tells what it left.
    return [...changes.values(), ...looks].sort((a, b) =>
      a.index - b.index || Number(a.next === undefined) - Number(b.next === undefined)
    );
  }

  /** What a watcher alone tells of is a write of unknown fate, or a key that went by itself. */
  #settle({ index, value, prevValue }: WatchedEvent): void {
    if (value === undefined) {
      if (prevValue !== undefined && this.#mayBeGone(prevValue, index)) return;
      return this.#note(`a watcher saw ${quote(prevValue)} go at ${index}, removed by nobody`);
    }
    const write = this.#open.get(value);
    if (write === undefined) {
      const isKnown = this.#operations.some((operation) => operation.value === value);
      this.#note(`a watcher saw ${quote(value)} at ${index}: ${isKnown ? "twice" : "by nobody"}`);
    } else if (this.#windows.floorOf(write) >= index) {
      this.#note(`a watcher saw at ${index} what was asked later: ${describe(write)}`);
    }
    this.#open.delete(value);
  }

  #meet({ index, need, next, from }: Fact): void {
    const { value, index: since } = this.#past.at(-1)!;
    // A change comes after whatever it found, a look may be at the very change.
    const latest = next === undefined ? index : index - 1;
    if (need !== value && !this.#explain(value, need, since + 1, latest)) {
      this.#note(`expected ${quote(value)} since ${since}, found ${quote(need)} by ${from}`);
    }
    if (next !== undefined) this.#past.push({ index, value: next.value });
    else if (need !== value) this.#past.push({ index, value: need });
  }

  /** Whether writes of unknown fate can have made `need` of `value` at `earliest` to `latest`. */
  #explain(
    value: string | undefined,
    need: string | undefined,
    earliest: number,
    latest: number,
  ): boolean {
    if (earliest > latest) return false;
    if (need === undefined) return this.#mayBeGone(value!, latest);
    const write = this.#open.get(need);
    if (write === undefined || this.#windows.floorOf(write) >= latest) return false;
    this.#open.delete(need);
    const { expected } = write;
    if (expected === undefined || expected === value) return true;
    return this.#explain(value, expected, earliest, latest - 1);
  }

  #mayBeGone(value: string, latest: number): boolean {
    if (this.#fading.has(value)) return true;
    const place = this.#removals.findIndex((removal) =>
      (removal.expected === undefined || removal.expected === value) &&
      this.#windows.floorOf(removal) < latest
    );
    if (place < 0) return false;
    this.#removals.splice(place, 1);
    return true;
  }

  /** An answer without an index: `found` must have been there at some place in its window. */
  #fit(operation: Operation, found: string | undefined): void {
    const floor = this.#windows.floorOf(operation);
    const ceiling = this.#windows.ceilingOf(operation);
    const write = found === undefined ? undefined : this.#unknown.get(found);
    if (write !== undefined && this.#windows.floorOf(write) < ceiling) return;
    let place = lastAtOrBefore(this.#past, floor);
    for (; place < this.#past.length && this.#past[place]!.index <= ceiling; place++) {
      const { value } = this.#past[place]!;
      if (value === found || (found === undefined && this.#mayHaveGone(value!, ceiling))) return;
    }
    this.#note(`${quote(found)} was not there from ${floor} to ${ceiling}: ${describe(operation)}`);
  }

  #mayHaveGone(value: string, ceiling: number): boolean {
    return this.#fading.has(value) ||
      this.#lost.some((removal) => this.#windows.floorOf(removal) < ceiling);
  }

  #note(what: string): void {
    this.#violations.push({ key: this.#key, what });
  }
}

function factOf({ index, value, prevValue }: WatchedEvent, from: string): Fact {
  return { index, need: prevValue, next: { value }, from };
}

/** The place of the newest of `past`, which begins with 0, that is not after `index`. */
function lastAtOrBefore(past: readonly Known[], index: number): number {
  let low = 0;
  let high = past.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (past[middle]!.index <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}
