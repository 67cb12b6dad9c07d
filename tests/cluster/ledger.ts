/**
 * What clients were told, held against what the nodes have in the end: every
 * acknowledged write is there, nothing is there that was refused, and nothing
 * that nobody wrote. Every key has one writer, so the order of its values is
 * known; what became of a request without an answer is not.
 */
import type { EventBody } from "./client.ts";

/** What its writer knows of a request. */
export type Fate = "acknowledged" | "refused" | "unknown";

/** A key that is written again and again, blindly or by test-and-set. */
interface Register {
  /** The newest acknowledged value. */
  value: string | undefined;
  /** Values of requests without an answer: each may stand there now, or still come. */
  readonly candidates: Set<string>;
}

export class Ledger {
  readonly #fresh = new Map<string, { readonly value: string; readonly fate: Fate }>();
  readonly #registers = new Map<string, Register>();
  #newestIndex = 0;
  #acknowledged = 0;
  #unknown = 0;

  /** The highest index that any client was told. */
  get newestIndex(): number {
    return this.#newestIndex;
  }

  /** Acknowledged writes. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Requests without an answer that says what became of them. */
  get unknown(): number {
    return this.#unknown;
  }

  /** An answer to a request that was sent when `newestIndex` was `before`: the index never goes back. */
  saw(index: number, before: number): void {
    if (index < before) throw new Error(`The index went back from ${before} to ${index}`);
    this.#newestIndex = Math.max(this.#newestIndex, index);
  }

  /** A write of `key`, which is written only once. */
  wroteFresh(key: string, value: string, fate: Fate, event?: EventBody): void {
    this.#count(fate);
    this.#fresh.set(key, { value, fate });
    if (event !== undefined && event.newKey !== true) {
      throw new Error(`"${key}" was written twice: ${JSON.stringify(event)}`);
    }
  }

  /** A blind write of a register. */
  overwrote(key: string, value: string, fate: Fate): void {
    this.#count(fate);
    const register = this.#register(key);
    // A request that got lost before may be proposed any time later.
    if (fate === "unknown") register.candidates.add(value);
    if (fate === "acknowledged") register.value = value;
  }

  /** A test-and-set of a register; acknowledged, it leaves nothing for requests that got lost to find. */
  exchanged(key: string, value: string, fate: Fate): void {
    this.overwrote(key, value, fate);
    if (fate === "acknowledged") this.#register(key).candidates.clear();
  }

  /** The newest acknowledged value of a register. */
  valueOf(key: string): string | undefined {
    return this.#registers.get(key)?.value;
  }

  /** A test-and-set found another value than the newest acknowledged one, and a read then found `value`. */
  moved(key: string, value: string): void {
    const register = this.#register(key);
    if (!register.candidates.has(value)) {
      throw new Error(`"${key}" was "${register.value}" and became "${value}", which nobody wrote`);
    }
    register.value = value;
    register.candidates.clear();
  }

  /** Why a value that was read from a register can't be right; undefined when it can. */
  problemOf(key: string, read: string | undefined): string | undefined {
    const { value, candidates } = this.#register(key);
    if (read === value || (read !== undefined && candidates.has(read))) return undefined;
    const allowed = [value, ...candidates].join('", "');
    return `"${key}": expected one of "${allowed}", found "${read}"`;
  }

  /** What is wrong with `found`, the files of one node by key; empty when all is well. */
  problemsOf(found: ReadonlyMap<string, string>): string[] {
    const problems: string[] = [];
    for (const [key, { value, fate }] of this.#fresh) {
      const read = found.get(key);
      if (fate === "acknowledged" && read !== value) {
        problems.push(`Lost: "${key}" was acknowledged with "${value}", found "${read}"`);
      } else if (fate === "refused" && read !== undefined) {
        problems.push(`"${key}" was refused, found "${read}"`);
      } else if (fate === "unknown" && read !== undefined && read !== value) {
        problems.push(`"${key}": expected "${value}" or nothing, found "${read}"`);
      }
    }
    for (const key of this.#registers.keys()) {
      const problem = this.problemOf(key, found.get(key));
      if (problem !== undefined) problems.push(`Lost: ${problem}`);
    }
    for (const key of found.keys()) {
      if (this.#fresh.has(key) || this.#registers.has(key)) continue;
      problems.push(`"${key}" was never written`);
    }
    return problems;
  }

  #register(key: string): Register {
    let register = this.#registers.get(key);
    if (register === undefined) {
      register = { value: undefined, candidates: new Set() };
      this.#registers.set(key, register);
    }
    return register;
  }

  #count(fate: Fate): void {
    if (fate === "acknowledged") this.#acknowledged++;
    if (fate === "unknown") this.#unknown++;
  }
}
