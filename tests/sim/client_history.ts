/**
 * What the simulated users asked and were told, as they saw it, for the checker
 * that needs no index and no log: a second opinion beside `history_check.ts`.
 * Key by key: what is a directory, or below a file, holds nothing.
 */
import type { Answer } from "../../src/service/answer.ts";
import type { Result } from "../../src/store/result.ts";
import { textOf } from "../../src/store/byte_string.ts";
import { checkBySearch } from "../linearizability/by_search.ts";
import { History, type Operation, type Outcome } from "../linearizability/history.ts";
import { bytesIn } from "../store/plain.ts";
import { v1ResultOf } from "../store/v1_words.ts";
import type { PendingRead, PendingWrite, ReadResult } from "./history_check.ts";
import { TURNED_AWAY } from "./auth_check.ts";
import { KEYS } from "./keys.ts";
import type { Violations } from "./violation.ts";

type Asked = Omit<Operation, "end" | "outcome">;

export class ClientHistory {
  readonly #history = new History();
  readonly #asked = new Map<PendingWrite | PendingRead, Asked>();

  wrote(write: PendingWrite): void {
    const { client, command } = write;
    if (command.type !== "set" && command.type !== "delete" || !KEYS.includes(command.key)) return;
    const call = this.#history.tick();
    const { key } = command;
    if (command.type === "delete") {
      this.#asked.set(write, { client, key, kind: "remove", call });
      return;
    }
    const value = textOf(bytesIn(command.value));
    const expected = command.prevValue && textOf(bytesIn(command.prevValue));
    const { ttlSeconds } = command;
    const kind = ttlSeconds !== undefined && ttlSeconds <= 0 ? "remove" : "set";
    this.#asked.set(write, {
      ...{ client, key, kind, call, fades: ttlSeconds !== undefined },
      ...(kind === "set" && { value }),
      ...(expected !== undefined && { expected }),
    });
  }

  answered(write: PendingWrite, answer: Answer<Result>): void {
    const asked = this.#take(write);
    if (asked !== undefined) this.#history.add(asked, outcomeOf(answer));
  }

  /** No answer will come. */
  lost(write: PendingWrite): void {
    const asked = this.#take(write);
    if (asked !== undefined) this.#history.add(asked, { type: "unknown" });
  }

  read(read: PendingRead): void {
    const { client, key } = read;
    this.#asked.set(read, { client, key, kind: "read", call: this.#history.tick() });
  }

  served(read: PendingRead, found: ReadResult): void {
    const asked = this.#take(read);
    if (asked === undefined) return;
    this.#history.add(
      asked,
      found.kind === "file"
        ? { type: "ok", found: found.value, index: undefined }
        : { type: "rejected", found: undefined },
    );
  }

  /** To be called once, when nobody asks any longer. */
  check(violations: Violations): void {
    for (const [pending] of this.#asked) if ("command" in pending) this.lost(pending);
    const [violation] = checkBySearch(this.#history.operations);
    if (violation !== undefined) {
      violations.note("linearizable history", `"${violation.key}": ${violation.what}`);
    }
  }

  #take(pending: PendingWrite | PendingRead): Asked | undefined {
    const asked = this.#asked.get(pending);
    this.#asked.delete(pending);
    return asked;
  }
}

/** What the answer to a write says of it. */
function outcomeOf(answer: Answer<Result>): Outcome {
  if (!answer.ok) {
    const isRefused = answer.reason === "redirect" || answer.cause.includes("nothing was");
    return { type: isRefused ? "refused" : "unknown" };
  }
  const result = v1ResultOf(answer.value);
  if ("action" in result) return { type: "ok", found: result.prevValue, index: result.index };
  if (!("reason" in result)) return { type: "unknown" };
  if (TURNED_AWAY.has(result.reason)) return { type: "refused" };
  return {
    type: "rejected",
    found: result.reason === "testFailed" ? result.found : undefined,
  };
}
