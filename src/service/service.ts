/**
 * What any API may ask of a member: write, read, watch. Work that belongs to the
 * leader is done here when this member leads; else it is passed on to the leader
 * as bytes, or the client is told where the leader is. Knows no API: what goes in
 * and comes out are the store's commands and results.
 *
 * Everything is a callback, because it is called within the node's turn, and a
 * promise a request is all that the hot path may cost.
 */
import type { Barrier, ClusterNode, Done, Failure, Outcome } from "../node/ports.ts";
import { CommandError, encodeCommand } from "../store/command.ts";
import type { StoreCounters } from "../store/counters.ts";
import type { ApplyResult, Event } from "../store/event.ts";
import { decodeOperation, encodeOperation, stamp } from "../store/operation.ts";
import type { Operation } from "../store/operation.ts";
import { decodeResult, encodeResult, ResultError } from "../store/result.ts";
import type { Store, StoreStats } from "../store/store.ts";
import type { Watch } from "../store/watch_hub.ts";
import { AnswerError, decodeOutcome, encodeFailure, encodeValue, withHead } from "./answer.ts";
import type { OnAnswer } from "./answer.ts";
import { RequestCounters } from "./request_counters.ts";

export interface ServiceOptions {
  readonly node: ClusterNode<ApplyResult>;
  readonly store: Store;
}

/** Reads what it was asked for; the store is not to be kept. `nowMs` is the cluster's time. */
export type Serve<T> = (store: Store, nowMs: number) => T;

/** The history no longer reaches back to where a watch was to begin. */
export interface Cleared {
  readonly clearedBefore: number;
}

/** What members pass on to the leader: the first byte of a forwarded request. */
export const FORWARDED = { write: 1 } as const;

/**
 * Answers a forwarded request of one kind. `done` is called once: with the
 * answer's bytes, or with undefined when this member leads no longer and did nothing.
 */
export type LeaderHandler = (
  payload: Uint8Array,
  done: (reply: Uint8Array | undefined) => void,
) => void;

export class Service {
  readonly node: ClusterNode<ApplyResult>;
  readonly requests = new RequestCounters();
  /** By the kind of the request. */
  readonly #handlers = new Map<number, LeaderHandler>();
  /** Given out to readers only, so that nobody reads from a member that serves nobody. */
  readonly #store: Store;

  constructor({ node, store }: ServiceOptions) {
    this.node = node;
    this.#store = store;
    this.handle(FORWARDED.write, (payload, done) => this.#writeForwarded(payload, done));
  }

  /**
   * Has `operation` committed by the leader. With `redirects` a client of another
   * member is told where the leader is, instead of being served from here. Throws
   * `CommandError` on what no member could apply.
   */
  write(operation: Operation, redirects: boolean, done: OnAnswer<ApplyResult>): void {
    if (!this.node.isLeader()) return this.#passOn(operation, redirects, done);
    this.#propose(operation, (outcome) => {
      // The leadership ended just now, and nothing was appended.
      if (!outcome.ok && outcome.reason === "notLeader") this.#passOn(operation, redirects, done);
      else done(outcome);
    });
  }

  /**
   * Linearizable: calls `serve` as soon as the local state is fresh enough, at once
   * where no other member need be asked; else `fail`.
   */
  read<T>(serve: Serve<T>, fail: (failure: Failure) => T): T | Promise<T> {
    const barrier = this.node.barrierNow();
    if (barrier !== undefined) return serve(this.#store, barrier.nowMs);
    return new Promise((resolve, reject) => {
      this.barrier((outcome) => {
        try {
          resolve(outcome.ok ? serve(this.#store, outcome.value.nowMs) : fail(outcome));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** What `read` waits for; `done` is called within the node's turn and must not throw. */
  barrier(done: Done<Barrier>): void {
    this.node.barrier((outcome) => {
      if (!outcome.ok) this.requests.readsFailed++;
      done(outcome);
    });
  }

  /** Serves whatever this member knows by now; `fail` when it serves nobody any longer. */
  readStale<T>(serve: Serve<T>, fail: (failure: Failure) => T): T {
    const { refusal } = this.node;
    return refusal === undefined ? serve(this.#store, this.node.nowMs()) : fail(refusal);
  }

  /**
   * Waits for the first event at or under `path`, see `WatchHub.watch`; a failure when
   * this member serves nobody any longer. Whoever waits has to be told of `onRefusal`.
   */
  watch(
    path: string,
    since: number | undefined,
    told: (event: Event) => void,
    cleared?: (clearedBefore: number) => void,
  ): Watch | Cleared | Failure {
    return this.node.refusal ?? this.#store.watches.watch(path, since, told, cleared);
  }

  /** Watches that wait. */
  get waitingWatches(): number {
    return this.#store.watches.size;
  }

  /** Of the last command that reached a key. */
  get index(): number {
    return this.#store.index;
  }

  /** A hash of all that this member has applied up to `index`. */
  digest(): string {
    return this.#store.digest();
  }

  /** How much there is in the store. */
  stats(): StoreStats {
    return this.#store.stats();
  }

  /** What became of the operations on the store. */
  get operations(): StoreCounters {
    return this.#store.counters;
  }

  /** On every member: from now on `handler` answers requests of `kind` while this member leads. */
  handle(kind: number, handler: LeaderHandler): void {
    this.#handlers.set(kind, handler);
  }

  /** Has the leader's handler of `kind` answer `payload`; what that says is a failure comes as one. */
  forward(kind: number, payload: Uint8Array, done: Done<Uint8Array>): void {
    this.node.forward(withHead(kind, payload), (outcome) => {
      done(outcome.ok ? readOutcome(outcome.value) : outcome);
    });
  }

  /** On the leader: a request that another member forwarded. See `LeaderHandler`. */
  handleForwarded(request: Uint8Array, done: (reply: Uint8Array | undefined) => void): void {
    const kind = request[0] ?? 0;
    const handler = this.#handlers.get(kind);
    if (handler !== undefined) return handler(request.subarray(1), done);
    done(
      encodeFailure(refused(`Expected a kind of request that this member knows, found ${kind}`)),
    );
  }

  #propose(operation: Operation, done: Done<ApplyResult>): void {
    this.node.propose(encodeCommand(stamp(operation, this.node.nowMs())), done);
  }

  #passOn(operation: Operation, redirects: boolean, done: OnAnswer<ApplyResult>): void {
    if (redirects) return this.#redirect(operation, done);
    this.forward(FORWARDED.write, encodeOperation(operation), (outcome) => {
      done(outcome.ok ? readResult(outcome.value) : outcome);
    });
  }

  /** Answers with the leader's address once there is one; writes when it is this member. */
  #redirect(operation: Operation, done: OnAnswer<ApplyResult>): void {
    this.node.whenLeader((outcome) => {
      if (!outcome.ok) return done(outcome);
      const { id } = outcome.value;
      if (id === this.node.self) return this.#propose(operation, done);
      const committed = this.node.configuration().members.find((member) => member.id === id);
      if (committed === undefined) return done(LEADS_NO_MORE);
      done({ ok: false, reason: "redirect", clientUrl: committed.clientUrl });
    });
  }

  #writeForwarded(payload: Uint8Array, done: (reply: Uint8Array | undefined) => void): void {
    let operation: Operation;
    try {
      operation = decodeOperation(payload);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return done(encodeFailure(refused(error.message)));
    }
    this.#propose(operation, (outcome) => {
      if (outcome.ok) return done(encodeValue(encodeResult(outcome.value)));
      done(outcome.reason === "notLeader" ? undefined : encodeFailure(outcome));
    });
  }
}

function readOutcome(bytes: Uint8Array): Outcome<Uint8Array> {
  try {
    return decodeOutcome(bytes);
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    return unreadable(error);
  }
}

function readResult(bytes: Uint8Array): Outcome<ApplyResult> {
  try {
    return { ok: true, value: decodeResult(bytes) };
  } catch (error) {
    if (!(error instanceof ResultError)) throw error;
    return unreadable(error);
  }
}

/** The leader has answered, so it may have carried the request out. */
function unreadable({ message }: Error): Failure {
  const cause =
    `The leader's answer could not be read, the request may still take effect: ${message}`;
  return { ok: false, reason: "unknown", cause };
}

function refused(cause: string): Failure {
  return { ok: false, reason: "refused", cause };
}

const LEADS_NO_MORE: Failure = {
  ok: false,
  reason: "notLeader",
  cause: "The leader changed while the request was on its way, nothing was changed",
};
