/**
 * What the simulated users asked and were told, as they saw it, for the checker
 * that needs no index and no log: a second opinion beside `history_check.ts`.
 * Key by key: what is a directory, or below a file, holds nothing.
 */
import type { ReadResult } from "../../src/store/store.ts";
import { checkBySearch } from "../linearizability/by_search.ts";
import { History, type Operation } from "../linearizability/history.ts";
import { outcomeOf } from "../linearizability/v1_outcome.ts";
import type { PendingRead, PendingWrite } from "./history_check.ts";
import type { Violations } from "./violation.ts";

type Asked = Omit<Operation, "end" | "outcome">;

export class ClientHistory {
  readonly #history = new History();
  readonly #asked = new Map<PendingWrite | PendingRead, Asked>();

  wrote(write: PendingWrite): void {
    const { client, operation } = write;
    const call = this.#history.tick();
    const { key } = operation;
    if (operation.type === "delete") {
      this.#asked.set(write, { client, key, kind: "remove", call });
      return;
    }
    const { value, prevValue: expected, ttlSeconds } = operation;
    const kind = ttlSeconds !== undefined && ttlSeconds <= 0 ? "remove" : "set";
    this.#asked.set(write, {
      ...{ client, key, kind, call, fades: ttlSeconds !== undefined },
      ...(kind === "set" && { value }),
      ...(expected !== undefined && { expected }),
    });
  }

  answered(write: PendingWrite, body: Parameters<typeof outcomeOf>[2]): void {
    const asked = this.#take(write);
    if (asked === undefined) return;
    const outcome = outcomeOf(asked.kind, asked.expected, body);
    this.#history.add(asked, outcome ?? { type: "unknown" });
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
        ? { type: "ok", found: found.item.value, index: undefined }
        : { type: "rejected", found: undefined },
    );
  }

  /** To be called once, when nobody asks any more. */
  check(violations: Violations): void {
    for (const [pending] of this.#asked) if ("operation" in pending) this.lost(pending);
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
