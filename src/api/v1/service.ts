/**
 * The bridge from the v1 API to the node: what a handler asks for is done here
 * when this member leads, else forwarded to the leader (or the client is sent
 * there). Knows neither forms nor paths.
 *
 * Callbacks, and one promise a request: they run inside the node's turn, so
 * nothing they do may throw into it.
 */
import type { Reply } from "../../http/exchange.ts";
import { fault } from "../../http/fault.ts";
import type { Barrier, ClusterNode, Failure, Outcome } from "../../node/ports.ts";
import { CommandError, encodeCommand } from "../../store/command.ts";
import type { ApplyResult, Event } from "../../store/event.ts";
import type { Store } from "../../store/store.ts";
import { RequestCounters } from "../metrics/request_counters.ts";
import { errorReply, failureReply } from "./error.ts";
import { hasDeadline } from "./number.ts";
import {
  decodeOperation,
  decodeReply,
  encodeOperation,
  encodeReply,
  NOT_LEADER_BYTES,
  stamp,
} from "./operation.ts";
import type { Operation } from "./operation.ts";
import { EventReplies } from "./reply.ts";

export interface ServiceOptions {
  readonly node: ClusterNode<ApplyResult>;
  readonly store: Store;
  /** Send clients to the leader (307) instead of asking it for them. */
  readonly redirect: boolean;
}

/** How often a request follows a leader that has just lost its office. */
const ATTEMPTS_MAX = 4;

/** The end of a request. */
interface Answer {
  resolve(reply: Reply): void;
  reject(error: unknown): void;
}

export class Service {
  readonly node: ClusterNode<ApplyResult>;
  readonly store: Store;
  readonly requests = new RequestCounters();
  readonly #redirects: boolean;
  readonly #replies = new EventReplies();
  readonly #onRefusal: ((failure: Failure) => void)[] = [];
  #refusal: Failure | undefined;

  constructor({ node, store, redirect }: ServiceOptions) {
    this.node = node;
    this.store = store;
    this.#redirects = redirect;
  }

  /** Has `operation` committed by the leader; `target` is where a redirect would lead. */
  write(operation: Operation, target: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#write(operation, target, ATTEMPTS_MAX, { resolve, reject });
    });
  }

  /** Linearizable: calls `serve` with the cluster's time when the local state is fresh enough. */
  read(target: string, serve: (nowMs: number) => Reply): Reply | Promise<Reply> {
    const barrier = this.node.barrierNow();
    if (barrier !== undefined) return serve(barrier.nowMs);
    return new Promise((resolve, reject) => {
      if (this.#redirects && !this.node.isLeader()) {
        return this.#redirect(target, resolve, () => this.#barrier(serve, { resolve, reject }));
      }
      this.#barrier(serve, { resolve, reject });
    });
  }

  /** Why nothing may be read from this member, not even what it knows by now. */
  get refusal(): Failure | undefined {
    return this.#refusal;
  }

  /** From now on nothing is read from this member; what waits for it is told. */
  refuse(failure: Failure): void {
    this.#refusal = failure;
    this.#onRefusal.forEach((callback) => callback(failure));
  }

  /** Calls back when nothing may be read from this member any more. */
  onRefusal(callback: (failure: Failure) => void): void {
    this.#onRefusal.push(callback);
  }

  /** Whatever this member knows by now. */
  readStale(serve: (nowMs: number) => Reply): Reply {
    if (this.#refusal !== undefined) return failureReply(this.#refusal);
    return serve(this.node.nowMs());
  }

  /** The answer with `event`; its text is made once however many ask. */
  eventReply(event: Event): Reply {
    return this.#replies.of(event);
  }

  /** On the leader: an operation that a follower forwarded. `done` is called once. */
  handleForwarded(request: Uint8Array, done: (reply: Uint8Array) => void): void {
    let operation: Operation;
    try {
      operation = decodeOperation(request);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return done(encodeReply(fault(400, error.message)));
    }
    const ttlSeconds = operation.type === "set" ? operation.ttlSeconds ?? 0 : 0;
    if (!hasDeadline(ttlSeconds, this.node.nowMs())) {
      return done(encodeReply(errorReply(202, "Set")));
    }
    this.#propose(operation, (outcome) => {
      const lost = !outcome.ok && outcome.reason === "notLeader";
      done(lost ? NOT_LEADER_BYTES : encodeReply(this.#resultReply(outcome)));
    });
  }

  #write(operation: Operation, target: string, attempts: number, answer: Answer): void {
    const again = (failure: Failure) => {
      if (attempts <= 1) return answer.resolve(failureReply(failure));
      this.#write(operation, target, attempts - 1, answer);
    };
    if (this.node.isLeader()) {
      return this.#propose(operation, (outcome) => {
        if (!outcome.ok && outcome.reason === "notLeader") return again(outcome);
        settle(answer, () => this.#resultReply(outcome));
      });
    }
    if (this.#redirects) {
      return this.#redirect(target, answer.resolve, () => again(LEADS_NO_MORE));
    }
    this.node.forward(encodeOperation(operation), (outcome) => {
      if (!outcome.ok) return answer.resolve(failureReply(outcome));
      settle(answer, () => decodeReply(outcome.value), () => again(LEADS_NO_MORE));
    });
  }

  #propose(operation: Operation, done: (outcome: Outcome<ApplyResult>) => void): void {
    this.node.propose(encodeCommand(stamp(operation, this.node.nowMs())), done);
  }

  #barrier(serve: (nowMs: number) => Reply, answer: Answer): void {
    this.node.barrier((outcome: Outcome<Barrier>) => {
      if (!outcome.ok) {
        this.requests.readsFailed++;
        return answer.resolve(failureReply(outcome));
      }
      settle(answer, () => serve(outcome.value.nowMs));
    });
  }

  /** Answers with the leader's address once there is one, or calls `lead` when it is this member. */
  #redirect(target: string, resolve: (reply: Reply) => void, lead: () => void): void {
    this.node.whenLeader((outcome) => {
      if (!outcome.ok) return resolve(failureReply(outcome));
      const { id } = outcome.value;
      if (id === this.node.self) return lead();
      const committed = this.node.configuration().members.find((member) => member.id === id);
      if (committed === undefined) return resolve(failureReply(LEADS_NO_MORE));
      const location = committed.clientUrl +
        target.replace(NO_HEADER_CHARACTER, encodeURIComponent);
      resolve({ status: 307, headers: { location }, contentType: "text/plain", body: "" });
    });
  }

  #resultReply(outcome: Outcome<ApplyResult>): Reply {
    if (!outcome.ok) return failureReply(outcome);
    const result = outcome.value;
    if ("errorCode" in result) return errorReply(result.errorCode, result.cause);
    if ("nothing" in result) return errorReply(300, "Expected an event, the entry changed nothing");
    return this.#replies.of(result);
  }
}

/** What a target may hold and a header must not. */
const NO_HEADER_CHARACTER = /[^\x21-\x7e]/gu;

/** Resolves with what `make` returns, `otherwise` for nothing, and keeps its errors from the caller. */
function settle(
  answer: Answer,
  make: () => Reply | undefined,
  otherwise?: () => void,
): void {
  let reply: Reply | undefined;
  try {
    reply = make();
  } catch (error) {
    return answer.reject(error);
  }
  if (reply !== undefined) answer.resolve(reply);
  else otherwise?.();
}

const LEADS_NO_MORE: Failure = {
  ok: false,
  reason: "notLeader",
  cause: "The leader changed while the request was on its way, nothing was changed",
};
