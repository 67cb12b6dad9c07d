/**
 * What clients are told against what was committed, by index: every answer to a
 * write is that of one committed entry, real-time order is kept, what was
 * refused never happened, nothing happened twice, and a linearizable read sees
 * a state at least as new as anything answered before it was asked.
 */
import type { Answer } from "../../src/service/answer.ts";
import type { Result } from "../../src/store/result.ts";
import type { V1Event, V1Rejection } from "../store/v1_words.ts";
import { ClientHistory } from "./client_history.ts";
import { modelResultOf, sameResult } from "./state_check.ts";
import type { ModelCommand, ModelStore, Step } from "./model_store.ts";
import type { Violations } from "./violation.ts";

/** What a client asks for. */
export type Operation = Extract<ModelCommand, { readonly type: "set" | "delete" }>;

/** What a reader found. */
export type ReadResult =
  | { readonly kind: "file"; readonly value: string }
  | { readonly kind: "directory" }
  | { readonly kind: "missing" };

/** A write on its way. */
export interface PendingWrite {
  readonly client: string;
  readonly operation: Operation;
  /** The newest index that anybody had been told of when this was asked. */
  readonly floor: number;
  /** Counts the writes. */
  readonly order: number;
  /** Of the committed entry; known early only for values, which are unique. */
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
  readonly #writes = new Map<string, PendingWrite>();
  /** Answered indexes of deletes: each belongs to one. */
  readonly #taken = new Set<number>();
  #newestIndex = 0;
  #lastIndex = 0;
  #readOrder = 0;
  #writeOrder = 0;
  /** The newest write, by its order, that was answered. */
  #newestAnswered = 0;
  #acknowledged = 0;

  constructor(violations: Violations, model: ModelStore) {
    this.#violations = violations;
    this.#model = model;
  }

  /** Marks this moment: the result says whether a write that was asked since has been answered. */
  expectAnswer(): () => boolean {
    const asked = this.#writeOrder;
    return () => this.#newestAnswered > asked;
  }

  /** Writes that were answered from the log. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Reads that were answered. */
  get reads(): number {
    return this.#readOrder;
  }

  write(client: string, operation: Operation): PendingWrite {
    const floor = this.#newestIndex;
    const order = ++this.#writeOrder;
    const write: PendingWrite = { client, operation, floor, order, index: 0, state: "pending" };
    if (operation.type === "set") this.#writes.set(operation.value, write);
    this.clients.wrote(write);
    return write;
  }

  /** The entry at `index` was committed, and is a command. */
  committed(index: number, { command }: Step): void {
    this.#lastIndex = index;
    if (command.type !== "set") return;
    const write = this.#writes.get(command.value);
    if (write === undefined) return;
    this.#violations.check(
      write.index === 0,
      "at most once",
      () =>
        `${write.client}'s write of "${command.value}" is committed at ${write.index} and ${index}`,
    );
    this.#violations.check(
      write.state !== "refused",
      "refused is refused",
      () =>
        `${write.client} was not told that "${command.value}" may take effect, it is committed at ${index}`,
    );
    write.index = index;
  }

  /** The client has its answer. */
  answered(write: PendingWrite, answer: Answer<Result>): void {
    this.clients.answered(write, answer);
    if (answer.ok) {
      const result = modelResultOf(answer.value);
      if ("action" in result) return this.#succeeded(write, result);
      if ("reason" in result) return this.#rejected(write, result);
      return this.#violations.note("answers", `${write.client} is told that nothing changed`);
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
    const read = { client, key, floor: this.#newestIndex, askedAt: ++this.#readOrder };
    this.clients.read(read);
    return read;
  }

  /** A linearizable read is answered. */
  served(read: PendingRead, served: Served): void {
    const { appliedIndex, member } = served;
    this.clients.served(read, served.found);
    this.#violations.check(
      appliedIndex >= read.floor,
      "linearizable read",
      () =>
        `${member} answers ${read.client} from index ${appliedIndex}, ${read.floor} was known before`,
    );
    this.servedStale(read.client, read.key, served);
    this.#checkDead(read, served);
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

  #succeeded(write: PendingWrite, event: V1Event): void {
    const { index } = event;
    const step = this.#model.stepAt(index);
    if (step === undefined) {
      return this.#violations.note(
        "durable acknowledgement",
        `${write.client} is told of index ${index}, which is not committed`,
      );
    }
    const isOwn = isCommandOf(write.operation, step) && sameAnswer(event, step);
    this.#violations.check(
      isOwn,
      "answers",
      () =>
        `${write.client} asked ${JSON.stringify(write.operation)} and is told ` +
        `${JSON.stringify(event)}, at that index is ${JSON.stringify(step)}`,
    );
    this.#settle(write, index);
  }

  /** A rejection bears no index: a set is found by its value, a delete by its key. */
  #rejected(write: PendingWrite, rejection: V1Rejection): void {
    const { operation } = write;
    const isAnswer = (index: number) => {
      const step = this.#model.stepAt(index);
      return step !== undefined && isCommandOf(operation, step) &&
        sameResult(rejection, step.result);
    };
    let index = write.index;
    if (operation.type === "delete") {
      index = write.floor + 1;
      while (index <= this.#lastIndex && (this.#taken.has(index) || !isAnswer(index))) index++;
    }
    if (isAnswer(index)) return this.#settle(write, index);
    this.#violations.note(
      "answers",
      `${write.client} asked ${JSON.stringify(operation)} and is told ` +
        `${JSON.stringify(rejection)}, no committed entry says so`,
    );
  }

  #settle(write: PendingWrite, index: number): void {
    this.#acknowledged++;
    this.#violations.check(
      index > write.floor,
      "real-time order",
      () => `${write.client} is told of index ${index}, ${write.floor} was known before it asked`,
    );
    if (write.operation.type === "delete") {
      this.#violations.check(
        !this.#taken.has(index),
        "answers",
        () => `two deletes are told of index ${index}`,
      );
      this.#taken.add(index);
    }
    write.state = "answered";
    this.#newestAnswered = Math.max(this.#newestAnswered, write.order);
    this.#newestIndex = Math.max(this.#newestIndex, index);
  }
}

function isCommandOf(operation: Operation, { command }: Step): boolean {
  if (operation.type === "delete") {
    return command.type === "delete" && command.key === operation.key;
  }
  return command.type === "set" && command.key === operation.key &&
    command.value === operation.value && command.prevValue === operation.prevValue &&
    command.ttlSeconds === operation.ttlSeconds;
}

/** Whether `event`, as a client reads it, is what the command did. */
function sameAnswer(event: V1Event, { result }: Step): boolean {
  return "action" in result && event.action === result.action && event.key === result.key &&
    event.value === result.value && event.prevValue === result.prevValue;
}
