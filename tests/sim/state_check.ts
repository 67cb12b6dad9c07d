/**
 * Every member's state machine against the model and against each other: the
 * result of each command, and a digest of the whole state after each.
 */
import type { StateMachine } from "../../src/node/ports.ts";
import { byteStringOf } from "../../src/store/byte_string.ts";
import type { Result } from "../../src/store/result.ts";
import type { Store } from "../../src/store/store.ts";
import { v1ResultOf } from "../store/v1_words.ts";
import type { ModelResult, ModelStore } from "./model_store.ts";
import type { Violations } from "./violation.ts";

/** What is looked at of a member's store. */
export type Observed = Pick<Store, "digest" | "read">;

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
      sameResult(modelResultOf(result), step.result),
      "apply",
      () =>
        `${name} gets ${JSON.stringify(result)} from index ${index}, expected ` +
        `${JSON.stringify(step.result)} of ${JSON.stringify(step.command)}`,
    );
    const { command } = step;
    // An expiry that came too late for its key has changed nothing; else the key is gone.
    if (command.type === "expire" && "action" in step.result) {
      this.#violations.check(
        store.read(byteStringOf(command.key), 0) === undefined,
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

/** A result in the words of the model. */
export function modelResultOf(result: Result): ModelResult {
  return result.kind === "done" ? { kind: "done" } : v1ResultOf(result);
}

/** Whether both say that the same has become of a command. */
export function sameResult(a: ModelResult, b: ModelResult): boolean {
  if ("action" in a) {
    return "action" in b && a.action === b.action && a.key === b.key && a.value === b.value &&
      a.prevValue === b.prevValue && a.newKey === b.newKey && a.index === b.index &&
      a.expirationMs === b.expirationMs && a.ttlSeconds === b.ttlSeconds;
  }
  if (a.kind !== "rejected") return "kind" in b && a.kind === b.kind;
  return "reason" in b && a.reason === b.reason && a.key === b.key &&
    a.expected === b.expected && a.found === b.found;
}
