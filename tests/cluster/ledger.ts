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
  /** Of blind writes without an answer: each may stand there now, or still come at any time. */
  readonly blind: Set<string>;
  /** Of test-and-sets without an answer, from the newest acknowledged value. */
  readonly exchanged: Set<string>;
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
    if (fate === "unknown") register.blind.add(value);
    if (fate === "acknowledged") register.value = value;
  }

  /** A test-and-set of a register; acknowledged, it leaves nothing for those that got lost to find. */
  exchanged(key: string, value: string, fate: Fate): void {
    this.#count(fate);
    const register = this.#register(key);
    if (fate === "unknown") register.exchanged.add(value);
    if (fate === "acknowledged") moveTo(register, value);
  }

  /** The newest acknowledged value of a register. */
  valueOf(key: string): string | undefined {
    return this.#registers.get(key)?.value;
  }

  /** A test-and-set found another value than the newest acknowledged one, and a read then found `value`. */
  moved(key: string, value: string): void {
    const register = this.#register(key);
    if (!register.blind.has(value) && !register.exchanged.has(value)) {
      throw new Error(`"${key}" was "${register.value}" and became "${value}" by nobody's write`);
    }
    moveTo(register, value);
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
    for (const [key, register] of this.#registers) {
      const read = found.get(key);
      if (mayHold(register, read)) continue;
      const allowed = [register.value, ...register.blind, ...register.exchanged].join('", "');
      problems.push(`Lost: "${key}": expected one of "${allowed}", found "${read}"`);
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
      register = { value: undefined, blind: new Set(), exchanged: new Set() };
      this.#registers.set(key, register);
    }
    return register;
  }

  #count(fate: Fate): void {
    if (fate === "acknowledged") this.#acknowledged++;
    if (fate === "unknown") this.#unknown++;
  }
}

function mayHold({ value, blind, exchanged }: Register, read: string | undefined): boolean {
  return read === value || (read !== undefined && (blind.has(read) || exchanged.has(read)));
}

/** No value comes twice, so what was to replace the old one finds it no more. */
function moveTo(register: Register, value: string): void {
  register.value = value;
  register.exchanged.clear();
}
