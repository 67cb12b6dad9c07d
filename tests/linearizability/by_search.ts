/**
 * Linearizability without indexes: looks for an order of all operations in which
 * each is told what an atomic store would tell, and which agrees with real time.
 *
 * Wing & Gong's search with Lowe's memory of configurations ("Testing for
 * linearizability", 2017), key by key, as linearizability is local (Herlihy &
 * Wing 1990, §3.2; Horn & Kroening 2015). Has no limit of time or of
 * steps, so it never says "unknown": values are unique, so a state that somebody
 * still has to see can't be left, and that leaves hardly a wrong turn to take.
 */
import { byKey, describe, type Operation, type Violation } from "./history.ts";
import { ANY, type Demand, KEEP, MISSING, type Register, registerOf } from "./register.ts";
import { overlap } from "./zones.ts";

/** The keys whose operations no atomic store can have answered so; empty when all is well. */
export function checkBySearch(operations: readonly Operation[]): Violation[] {
  const violations: Violation[] = [];
  for (const [key, group] of byKey(operations)) {
    const register = registerOf(key, group);
    if ("what" in register) {
      violations.push(register);
      continue;
    }
    const stuck = overlap(register.demands) ?? new Search(register).run();
    if (stuck !== undefined) violations.push({ key, what: stuck });
  }
  return violations;
}

/** A step that can be taken back. */
interface Taken {
  readonly demand: number;
  readonly state: number;
  readonly removals: number;
  /** Right if anything is: whoever only looks and sees what is there may as well do so now. */
  readonly isForced: boolean;
}

class Search {
  readonly #demands: readonly Demand[];
  readonly #register: Register;
  /** Calls (2 i) and returns (2 i + 1) of what is not yet linearized, in real-time order; the last one is the head. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #head: number;
  /** Bits of what is linearized. */
  readonly #done: Int32Array;
  /** The first demand that is not linearized, and the last that is. */
  #low = 0;
  #high = -1;
  /** For each state, demands that still need it … */
  readonly #needed: Int32Array;
  /** … and the last call of any that does. */
  readonly #lastCall: Float64Array;
  readonly #known = new Set<string>();
  readonly #taken: Taken[] = [];
  #state = MISSING;
  /** Unconditional removals of unknown fate that are used up. */
  #removals = 0;
  /** Where the search came farthest. */
  #deepest = { count: -1, blocked: 0, state: MISSING, waiting: -1 };

  constructor(register: Register) {
    const { demands, fadesFrom } = register;
    this.#register = register;
    this.#demands = demands;
    this.#head = 2 * demands.length;
    this.#next = new Int32Array(this.#head + 1);
    this.#previous = new Int32Array(this.#head + 1);
    this.#done = new Int32Array((demands.length >> 5) + 1);
    this.#needed = new Int32Array(fadesFrom.length);
    this.#lastCall = new Float64Array(fadesFrom.length);
    for (const { need, call } of demands) {
      if (need <= MISSING || need === Infinity) continue;
      this.#needed[need]!++;
      this.#lastCall[need] = Math.max(this.#lastCall[need]!, call);
    }
    this.#link();
  }

  /** Undefined when there is an order; else where every order ends, in words. */
  run(): string | undefined {
    let entry = this.#next[this.#head]!;
    while (entry !== this.#head) {
      if ((entry & 1) === 0) {
        const next = this.#try(entry >> 1);
        entry = next ? this.#next[this.#head]! : this.#next[entry]!;
        continue;
      }
      // What returns here has to be linearized by now: the last choice was wrong.
      this.#note(entry >> 1);
      const undone = this.#undo();
      if (undone === undefined) return this.#explain();
      entry = this.#next[2 * undone]!;
    }
    return undefined;
  }

  /** Linearizes the demand next, if it may be and that leads to somewhere new. */
  #try(demand: number): boolean {
    const { need, next } = this.#demands[demand]!;
    const state = this.#state;
    const before = this.#removals;
    if (need !== ANY && need !== state && !(need === MISSING && this.#mayBeGone())) return false;
    this.#mark(demand);
    const left = need !== ANY && need !== state ? MISSING : state;
    const after = next === KEEP ? left : next;
    const isForced = next === KEEP && left === state;
    const isDeadEnd = after !== state &&
      (state !== MISSING && this.#needed[state]! > 0 || !this.#mayHold(demand, after));
    this.#state = after;
    if (isDeadEnd || (!isForced && !this.#remember())) {
      this.#unmark(demand);
      this.#state = state;
      this.#removals = before;
      return false;
    }
    this.#taken.push({ demand, state, removals: before, isForced });
    this.#unlink(demand);
    return true;
  }

  /** Whether what is there may have gone unseen; uses up a removal if it takes one. */
  #mayBeGone(): boolean {
    const barrier = this.#barrier();
    if (this.#register.fadesFrom[this.#state]! < barrier) return true;
    const removal = this.#register.removals[this.#removals];
    if (removal === undefined || removal > barrier) return false;
    this.#removals++;
    return true;
  }

  /**
   * Whether the key may hold `state` from `writer` on until all have seen it who
   * will: what has to be linearized next is one of them, or may wait for them.
   */
  #mayHold(writer: number, state: number): boolean {
    if (state === MISSING || this.#needed[state] === 0) return true;
    let entry = this.#next[this.#head]!;
    while (entry !== this.#head && ((entry & 1) === 0 || entry >> 1 === writer)) {
      entry = this.#next[entry]!;
    }
    if (entry === this.#head) return true;
    const { need, end } = this.#demands[entry >> 1]!;
    return need === state || this.#lastCall[state]! < end;
  }

  /** By then something that is not linearized has returned. */
  #barrier(): number {
    let entry = this.#next[this.#head]!;
    while ((entry & 1) === 0) entry = this.#next[entry]!;
    return this.#demands[entry >> 1]!.end;
  }

  /** False when this configuration was met before: it led to nothing. */
  #remember(): boolean {
    let text = `${this.#state},${this.#removals},${this.#low}`;
    for (let word = this.#low >> 5; word <= this.#high >> 5; word++) text += `,${this.#done[word]}`;
    const size = this.#known.size;
    return this.#known.add(text).size > size;
  }

  /** Takes back the last choice and all that followed from it; undefined when there is none. */
  #undo(): number | undefined {
    for (let taken = this.#taken.pop(); taken !== undefined; taken = this.#taken.pop()) {
      this.#relink(taken.demand);
      this.#unmark(taken.demand);
      this.#state = taken.state;
      this.#removals = taken.removals;
      if (!taken.isForced) return taken.demand;
    }
    return undefined;
  }

  #mark(demand: number): void {
    this.#done[demand >> 5]! |= 1 << (demand & 31);
    this.#count(demand, -1);
    while (this.#isDone(this.#low)) this.#low++;
    this.#high = Math.max(this.#high, demand);
  }

  #unmark(demand: number): void {
    this.#done[demand >> 5]! &= ~(1 << (demand & 31));
    this.#count(demand, 1);
    this.#low = Math.min(this.#low, demand);
    while (this.#high >= 0 && !this.#isDone(this.#high)) this.#high--;
  }

  #isDone(demand: number): boolean {
    return (this.#done[demand >> 5]! >>> (demand & 31) & 1) === 1;
  }

  #count(demand: number, change: number): void {
    const { need } = this.#demands[demand]!;
    if (need > MISSING && need < Infinity) this.#needed[need]! += change;
  }

  #link(): void {
    const order: { entry: number; at: number }[] = [];
    this.#demands.forEach(({ call, end }, i) => {
      order.push({ entry: 2 * i, at: call }, { entry: 2 * i + 1, at: end });
    });
    // What is seen at a place was called before it.
    order.sort((a, b) => a.at - b.at || (a.entry & 1) - (b.entry & 1));
    let last = this.#head;
    for (const { entry } of order) {
      this.#next[last] = entry;
      this.#previous[entry] = last;
      last = entry;
    }
    this.#next[last] = this.#head;
    this.#previous[this.#head] = last;
  }

  #unlink(demand: number): void {
    for (const entry of [2 * demand, 2 * demand + 1]) {
      this.#next[this.#previous[entry]!] = this.#next[entry]!;
      this.#previous[this.#next[entry]!] = this.#previous[entry]!;
    }
  }

  /** In the reverse order, so that neighbours find each other again. */
  #relink(demand: number): void {
    for (const entry of [2 * demand + 1, 2 * demand]) {
      this.#next[this.#previous[entry]!] = entry;
      this.#previous[this.#next[entry]!] = entry;
    }
  }

  #note(blocked: number): void {
    if (this.#taken.length <= this.#deepest.count) return;
    const state = this.#state;
    const waiting = this.#demands.findIndex(({ need }, i) =>
      need === state && i !== blocked && !this.#isDone(i)
    );
    this.#deepest = { count: this.#taken.length, blocked, state, waiting };
  }

  #explain(): string {
    const { count, blocked, state, waiting } = this.#deepest;
    const show = (demand: number) => describe(this.#demands[demand]!.operation);
    const holder = this.#demands.findIndex(({ next }) => next === state);
    const held = holder < 0 || state === MISSING ? "nothing is there" : `after ${show(holder)}`;
    const all = `${count} of ${this.#demands.length} operations`;
    const parts = [
      `no order fits: with ${all} in a row, ${held}, there is no place for ${show(blocked)}`,
    ];
    if (state > MISSING && waiting >= 0) {
      parts.push(`before ${show(waiting)}`);
    }
    return parts.join(" ");
  }
}
