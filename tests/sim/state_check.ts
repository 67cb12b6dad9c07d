/**
 * Every member's state machine against the model and against each other: the
 * result of each command, and a digest of the whole state after each.
 */
import { isDeepStrictEqual } from "node:util";
import type { StateMachine } from "../../src/node/ports.ts";
import type { Result } from "../../src/store/result.ts";
import type { Store } from "../../src/store/store.ts";
import { type PlainResult, plainResult } from "../store/plain.ts";
import type { ModelStore, Numbers } from "./model_store.ts";
import { describe } from "./text.ts";
import type { Violations } from "./violation.ts";

/** What is looked at of a member's store. */
export type Observed = Pick<Store, "digest" | "hasKey" | keyof Numbers>;

export class StateCheck {
  readonly #violations: Violations;
  readonly #model: ModelStore;
  /** After the command at an index, by whoever applied it first. */
  readonly #digests: (string | undefined)[] = [];

  constructor(violations: Violations, model: ModelStore) {
    this.#violations = violations;
    this.#model = model;
  }

  /** `name` applied the command at `index`; `store` is what it has then. */
  applied(name: string, index: number, result: Result, store: Observed): void {
    const step = this.#model.stepAt(index);
    if (step === undefined) {
      return this.#violations.note("applied is committed", `${name} applies index ${index}`);
    }
    this.#violations.check(
      sameResult(plainResult(result), step.result),
      "apply",
      () =>
        `${name} gets ${describe(plainResult(result))} from index ${index}, expected ` +
        `${describe(step.result)} of ${describe(step.command)}`,
    );
    this.#checkNumbers(name, index, store, step.numbers);
    const { command } = step;
    // An expiry that came too late for its key has changed nothing; else the key is gone.
    if (command.type === "expire" && !command.isDirectory && step.result.kind === "event") {
      this.#violations.check(
        !store.hasKey(command.key),
        "expired is gone",
        () => `${name} still has "${command.key}" after its expiry at index ${index}`,
      );
    }
    const digest = store.digest();
    const first = this.#digests[index];
    if (first === undefined) this.#digests[index] = digest;
    else this.#checkDigest(name, index, digest, first);
  }

  /** `name` stands at `index`, however it came there, with `digest`. */
  stands(name: string, index: number, digest: string): void {
    for (let at = index; at > 0; at--) {
      const expected = this.#digests[at];
      if (expected !== undefined) return this.#checkDigest(name, index, digest, expected);
    }
  }

  #checkNumbers(name: string, index: number, store: Observed, expected: Numbers): void {
    const { revision, changeIndex, compactedRevision } = store;
    const found = { index: store.index, revision, changeIndex, compactedRevision };
    this.#violations.check(
      isDeepStrictEqual(found, expected),
      "numbers",
      () => `${name} has ${describe(found)} at index ${index}, expected ${describe(expected)}`,
    );
  }

  #checkDigest(name: string, index: number, digest: string, expected: string): void {
    this.#violations.check(
      digest === expected,
      "equal digests",
      () => `${name} has ${digest} at index ${index}, another had ${expected}`,
    );
  }
}

/** A member's store, watched by the checker. */
export class CheckedMachine implements StateMachine<Result> {
  readonly #name: string;
  readonly #store: Store;
  readonly #check: StateCheck;
  /** Lets the checkers see what was committed in this very turn. */
  readonly #beforeApply: () => void;

  constructor(name: string, store: Store, check: StateCheck, beforeApply: () => void) {
    this.#name = name;
    this.#store = store;
    this.#check = check;
    this.#beforeApply = beforeApply;
  }

  get timeMs(): number {
    return this.#store.timeMs;
  }

  apply(index: number, data: Uint8Array): Result {
    this.#beforeApply();
    const result = this.#store.apply(index, data);
    this.#check.applied(this.#name, index, result, this.#store);
    return result;
  }

  nextDeadlineMs(): number {
    return this.#store.nextDeadlineMs();
  }

  due(nowMs: number, max: number): Uint8Array[] {
    return this.#store.due(nowMs, max);
  }

  snapshot(): Iterable<Uint8Array> {
    return this.#store.snapshot();
  }

  restore(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<unknown> {
    return this.#store.restore(chunks);
  }

  digest(): string {
    return this.#store.digest();
  }
}

/** Whether both say that the same has become of a command. */
export function sameResult(a: PlainResult, b: PlainResult): boolean {
  return isDeepStrictEqual(a, b);
}
