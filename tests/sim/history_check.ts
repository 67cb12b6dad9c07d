/**
 * What clients are told against what was committed, by index: every answer to a
 * write is that of one committed entry, real-time order is kept, what was
 * refused never happened, nothing happened twice, and a linearizable read sees
 * a state at least as new as anything answered before it was asked.
 */
import { isDeepStrictEqual } from "node:util";
import type { Answer } from "../../src/service/answer.ts";
import type { Command, RangeOperation } from "../../src/store/command/command.ts";
import type { Result } from "../../src/store/result.ts";
import { rangeOf } from "../store/model_kv.ts";
import {
  type PlainRange,
  type PlainRejected,
  type PlainResult,
  plainResult,
} from "../store/plain.ts";
import { AuthCheck, TURNED_AWAY } from "./auth_check.ts";
import type { Claim } from "./claims.ts";
import { ClientHistory } from "./client_history.ts";
import { type ModelStore, signatureOf, type Step } from "./model_store.ts";
import { sameResult } from "./state_check.ts";
import { describe } from "./text.ts";
import type { Violations } from "./violation.ts";

/** What a reader found. */
export type ReadResult =
  | { readonly kind: "file"; readonly value: string }
  | { readonly kind: "directory" }
  | { readonly kind: "missing" };

/** A write on its way. */
export interface PendingWrite {
  readonly client: string;
  readonly command: Command;
  readonly signature: string;
  /** Who asks; undefined where there are no users. */
  readonly claim: Claim | undefined;
  /** No other write says the same: it has a value of its own. */
  readonly isUnique: boolean;
  /** The newest index that anybody had been told of when this was asked. */
  readonly floor: number;
  /** Counts the writes. */
  readonly order: number;
  /** Of the committed entry; known early only for what is unique. */
  index: number;
  state: "pending" | "answered" | "refused" | "unknown";
}

/** A linearizable read on its way. */
export interface PendingRead {
  readonly client: string;
  readonly key: string;
  /** The newest index that anybody had been told of when this was asked. */
  readonly floor: number;
  /** Counts the questions and answers of all readers. */
  readonly askedAt: number;
}

/** What a member answered a read from. */
export interface Served {
  readonly member: string;
  readonly appliedIndex: number;
  readonly nowMs: number;
  readonly found: ReadResult;
}

export class HistoryCheck {
  /** The same once more, as the clients saw it. */
  readonly clients = new ClientHistory();
  readonly #violations: Violations;
  readonly #model: ModelStore;
  readonly #auth: AuthCheck;
  readonly #writes = new Map<string, PendingWrite>();
  /** Indexes of writes that are not unique and were answered: each belongs to one. */
  readonly #taken = new Set<number>();
  #newestIndex = 0;
  #lastIndex = 0;
  #readOrder = 0;
  #writeOrder = 0;
  /** The newest write, by its order, that was answered. */
  #newestAnswered = 0;
  #acknowledged = 0;

  constructor(
    violations: Violations,
    model: ModelStore,
    auth: AuthCheck = new AuthCheck(violations, model),
  ) {
    this.#violations = violations;
    this.#model = model;
    this.#auth = auth;
  }

  /** Marks this moment: the result says whether a write that was asked since has been answered. */
  expectAnswer(): () => boolean {
    const asked = this.#writeOrder;
    return () => this.#newestAnswered > asked;
  }

  /** That anybody has been told of. */
  get newestIndex(): number {
    return this.#newestIndex;
  }

  /** Writes that were answered from the log. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Reads that were answered. */
  get reads(): number {
    return this.#readOrder;
  }

  write(
    client: string,
    command: Command,
    isUnique = command.type === "set",
    claim?: Claim,
  ): PendingWrite {
    const signature = signatureOf(command);
    const write: PendingWrite = {
      ...{ client, command, signature, claim, isUnique, floor: this.#newestIndex },
      ...{ order: ++this.#writeOrder, index: 0, state: "pending" },
    };
    if (isUnique) this.#writes.set(signature, write);
    this.clients.wrote(write);
    return write;
  }

  /** The entry at `index` was committed, and is a command. */
  committed(index: number, step: Step): void {
    const { command, signature } = step;
    this.#lastIndex = index;
    // It has done nothing, and is asked for again.
    if (isOutdated(step.result)) return;
    const write = this.#writes.get(signature);
    if (write === undefined) return;
    this.#violations.check(
      write.index === 0,
      "at most once",
      () => `${write.client}'s ${describe(command)} is committed at ${write.index} and ${index}`,
    );
    this.#violations.check(
      write.state !== "refused",
      "refused is refused",
      () =>
        `${write.client} was not told that ${describe(command)} may take effect, ` +
        `it is committed at ${index}`,
    );
    write.index = index;
  }

  /** The client has its answer, of a member that has applied `appliedIndex`. */
  answered(write: PendingWrite, answer: Answer<Result>, appliedIndex = 0): void {
    this.clients.answered(write, answer);
    if (answer.ok) {
      const result = plainResult(answer.value);
      switch (result.kind) {
        case "event":
        case "applied":
        case "done":
          return this.#succeeded(write, result.logIndex, result);
        case "rejected":
          return this.#rejected(write, result, appliedIndex);
        case "nothing":
          return this.#violations.note("answers", `${write.client} is told that nothing changed`);
      }
    }
    const cause = answer.reason === "redirect" ? "" : answer.cause;
    // Whoever is not told that it may have happened will take it that it has not.
    const isRefused = !/may still take effect/.test(cause);
    write.state = isRefused ? "refused" : "unknown";
    this.#violations.check(
      !isRefused || write.index === 0,
      "refused is refused",
      () => `${write.client} is told "${cause}", its write is committed at ${write.index}`,
    );
  }

  /** The client will never know: its connection broke. */
  lost(write: PendingWrite): void {
    this.clients.lost(write);
    if (write.state === "pending") write.state = "unknown";
  }

  read(client: string, key: string): PendingRead {
    const read = this.readRange(client, key);
    this.clients.read(read);
    return read;
  }

  /** A read that `servedRange` judges. */
  readRange(client: string, key: string): PendingRead {
    return { client, key, floor: this.#newestIndex, askedAt: ++this.#readOrder };
  }

  /** A linearizable read is answered. */
  served(read: PendingRead, served: Served): void {
    this.clients.served(read, served.found);
    this.#checkFresh(read, served.member, served.appliedIndex);
    this.servedStale(read.client, read.key, served);
    this.#checkDead(read, served);
  }

  #checkFresh(read: PendingRead, member: string, appliedIndex: number): void {
    this.#violations.check(
      appliedIndex >= read.floor,
      "linearizable read",
      () =>
        `${member} answers ${read.client} from index ${appliedIndex}, ${read.floor} was known before`,
    );
    // Whoever asks next must not see less.
    this.#newestIndex = Math.max(this.#newestIndex, appliedIndex);
  }

  /** A read of whatever the member knows: some state that was, and no other. */
  servedStale(client: string, key: string, { member, appliedIndex, nowMs, found }: Served): void {
    const version = this.#model.at(key, appliedIndex);
    const isHidden = version === undefined || version.kind === "missing" ||
      (version.kind === "file" && version.deadlineMs !== 0 && version.deadlineMs <= nowMs);
    const expected = isHidden ? "missing" : version.kind;
    const isRight = found.kind === expected &&
      (found.kind !== "file" || found.value === version?.value);
    this.#violations.check(
      isRight,
      "reads see the committed state",
      () =>
        `${member} shows ${client} ${
          JSON.stringify(found)
        } at "${key}" and index ${appliedIndex}, ` +
        `expected ${isHidden ? "nothing" : JSON.stringify(version)}`,
    );
  }

  /** A key that a reader found past its deadline stays dead until it is set again. */
  #checkDead({ client, key, askedAt }: PendingRead, { member, appliedIndex, found }: Served): void {
    const version = this.#model.at(key, appliedIndex);
    if (version?.kind !== "file" || version.deadlineMs === 0) return;
    if (found.kind === "missing") {
      version.deadSince = Math.min(version.deadSince, ++this.#readOrder);
    } else {
      this.#violations.check(
        askedAt < version.deadSince,
        "dead stays dead",
        () => `${member} shows ${client} "${key}", which another had found expired`,
      );
    }
  }

  /** A range of v3 that was read by `member`, which had applied all up to `appliedIndex`. */
  servedRange(
    read: PendingRead,
    member: string,
    appliedIndex: number,
    operation: RangeOperation,
    found: PlainRange | string,
  ): void {
    this.#checkFresh(read, member, appliedIndex);
    const expected = this.#rangeAt(appliedIndex, operation);
    this.#violations.check(
      isDeepStrictEqual(found, expected),
      "reads see the committed state",
      () =>
        `${member} shows ${read.client} ${describe(found)} at index ${appliedIndex}, expected ` +
        `${describe(expected)} of ${describe(operation)}`,
    );
  }

  #rangeAt(index: number, operation: RangeOperation): PlainRange | string {
    const { revision, compactedRevision } = this.#model.numbersAt(index);
    if (operation.revision > revision) return "futureRevision";
    if (operation.revision > 0 && operation.revision < compactedRevision) return "compacted";
    return rangeOf(this.#model.keysAt(operation.revision || revision), operation);
  }

  #succeeded(write: PendingWrite, index: number, result: PlainResult): void {
    const step = this.#model.stepAt(index);
    if (step === undefined) {
      return this.#violations.note(
        "durable acknowledgement",
        `${write.client} is told of index ${index}, which is not committed`,
      );
    }
    this.#violations.check(
      step.signature === write.signature && sameResult(result, step.result),
      "answers",
      () =>
        `${write.client} asked ${describe(write.command)} and is told ${describe(result)}, ` +
        `at that index is ${describe(step)}`,
    );
    this.#settle(write, index);
  }

  /** A rejection bears no index: what is not unique is looked for. */
  #rejected(write: PendingWrite, rejection: PlainRejected, appliedIndex: number): void {
    const isAnswer = (index: number) => {
      const step = this.#model.stepAt(index);
      return step?.signature === write.signature && sameResult(rejection, step.result);
    };
    let index = write.index;
    if (!write.isUnique || isOutdated(rejection)) {
      const first = (isIt: (index: number) => boolean) => {
        let at = write.floor + 1;
        while (at <= this.#lastIndex && (this.#taken.has(at) || !isIt(at))) at++;
        return at;
      };
      // Another user may have asked for the same, and not been answered yet.
      index = first((at) => isAnswer(at) && this.#isOf(write.claim, at));
      if (!isAnswer(index)) index = first(isAnswer);
    }
    if (isAnswer(index)) return this.#settle(write, index);
    const { claim, floor, command } = write;
    if (claim !== undefined && TURNED_AWAY.has(rejection.reason) && write.index === 0) {
      write.state = "refused";
      return this.#auth.refusedCommand(claim, appliedIndex, floor, rejection.reason, command);
    }
    this.#violations.note(
      "answers",
      `${write.client} asked ${describe(write.command)} and is told ${describe(rejection)}, ` +
        "no committed entry says so",
    );
  }

  /** Whether the entry at `index` was asked for by whom the claim makes somebody. */
  #isOf(claim: Claim | undefined, index: number): boolean {
    const step = this.#model.stepAt(index);
    return claim === undefined || step !== undefined && this.#auth.isOf(claim, index, step);
  }

  #settle(write: PendingWrite, index: number): void {
    this.#acknowledged++;
    const step = this.#model.stepAt(index);
    if (write.claim !== undefined && step !== undefined) {
      this.#auth.answered(write.claim, index, step);
    }
    this.#violations.check(
      index > write.floor,
      "real-time order",
      () => `${write.client} is told of index ${index}, ${write.floor} was known before it asked`,
    );
    if (!write.isUnique || step !== undefined && isOutdated(step.result)) {
      this.#violations.check(
        !this.#taken.has(index),
        "answers",
        () => `two writes are told of index ${index}`,
      );
      this.#taken.add(index);
    }
    write.state = "answered";
    this.#newestAnswered = Math.max(this.#newestAnswered, write.order);
    this.#newestIndex = Math.max(this.#newestIndex, index);
  }
}

/** Whether a command was judged by users and roles of before. */
function isOutdated(result: PlainResult): boolean {
  return result.kind === "rejected" && result.reason === "authIsOld";
}
