/**
 * What any API may ask of a member: write, read, watch. Work that belongs to the
 * leader is done here when this member leads; else it is passed on to the leader
 * as bytes, or the client is told where the leader is. What a command comes to is known
 * wherever it is applied, so only its place in the log comes back. Knows no API: what goes in
 * and comes out are the store's commands and results.
 *
 * Everything is a callback, because it is called within the node's turn, and a
 * promise a request is all that the hot path may cost.
 */
import type { Barrier, ClusterNode, Done, Failure, Outcome } from "../node/ports.ts";
import { decodeCommand, encodeCommand, stampCommand } from "../store/command/codec.ts";
import { CommandError, NOBODY } from "../store/command/command.ts";
import type { Command, CompactCommand, Requester } from "../store/command/command.ts";
import type { ActiveAlarm } from "../store/alarms.ts";
import type { Rejected, RejectionReason, Result } from "../store/result.ts";
import type { StoreCounters } from "../store/counters.ts";
import type { Store, StoreStats } from "../store/store.ts";
import { type First, type FirstCallbacks, watchFirst } from "../store/watch/first.ts";
import type { Watch, WatchCallbacks } from "../store/watch/hub.ts";
import type { PathView, View } from "../store/watch/view.ts";
import type { Numbers } from "../store/keyspace/versions.ts";
import type { Audit } from "./auth/audit.ts";
import { Authenticator } from "./auth/authenticator.ts";
import { AuthGate, type Guarded, type Serve } from "./auth/gate.ts";
import { Logins } from "./auth/logins.ts";
import { type PasswordHashes, Passwords } from "./auth/passwords.ts";
import { SimpleTokens } from "./auth/simple_tokens.ts";
import type { TokenScheme } from "./auth/tokens.ts";
import {
  AnswerError,
  decodeEntryId,
  decodeOutcome,
  encodeEntryId,
  encodeFailure,
  encodeValue,
  type OnAnswer,
  withHead,
} from "./answer.ts";
import { RequestCounters } from "./request_counters.ts";

export interface ServiceOptions {
  readonly node: ClusterNode<Result>;
  readonly store: Store;
  /** What stands for a login; tokens signed by the cluster's secret unless something else is said. */
  readonly tokens?: TokenScheme;
  readonly passwords?: PasswordHashes;
  /** Is told who does what, while authentication is on. */
  readonly audit?: Audit | undefined;
}

/** etcd's `--auth-token-ttl`, when nothing else is said. */
const TOKEN_TTL_MS = 300_000;

/** What members pass on to the leader: the first byte of a forwarded request. */
export const FORWARDED = { write: 1, leaseRenew: 2, leaseTime: 3 } as const;

/**
 * Answers a forwarded request of one kind. `done` is called once: with the
 * answer's bytes, or with undefined when this member leads no longer and did nothing.
 */
export type LeaderHandler = (
  payload: Uint8Array,
  done: (reply: Uint8Array | undefined) => void,
) => void;

export class Service implements Guarded {
  readonly node: ClusterNode<Result>;
  readonly requests = new RequestCounters();
  /** Who asks. */
  readonly authenticator: Authenticator;
  /** Whether they may. */
  readonly auth: AuthGate;
  /** By the kind of the request. */
  readonly #handlers = new Map<number, LeaderHandler>();
  /** Whether this member has room for what a command takes. */
  #hasRoomFor: (command: Command) => boolean = () => true;
  /** Given out to readers only, so that nobody reads from a member that serves nobody. */
  readonly #store: Store;

  constructor({ node, store, tokens, passwords, audit }: ServiceOptions) {
    this.node = node;
    this.#store = store;
    this.authenticator = new Authenticator({
      service: this,
      store,
      tokens: tokens ?? new SimpleTokens(TOKEN_TTL_MS, node.clusterId),
      logins: new Logins(passwords ?? new Passwords()),
      audit,
    });
    this.auth = new AuthGate(this, store, this.authenticator, audit);
    this.handle(FORWARDED.write, (payload, done) => this.#writeForwarded(payload, done));
  }

  /**
   * Has `command` committed by the leader, for `requester`. With `redirects` a client of
   * another member is told where the leader is, instead of being served from here.
   */
  write(
    command: Command,
    redirects: boolean,
    done: OnAnswer<Result>,
    requester: Requester = NOBODY,
  ): void {
    if (!this.#hasRoomFor(command)) {
      // Who may not do it at all hears that, and nothing of the quota.
      const reason = this.#store.refusalOf(command, requester) ?? "noSpace";
      return done({ ok: true, value: this.#rejected(reason) });
    }
    const bytes = encodeCommand(command, requester);
    if (!this.node.isLeader()) return this.#passOn(bytes, redirects, done);
    this.#propose(bytes, (outcome) => {
      // The leadership ended just now, and nothing was appended.
      if (!outcome.ok && outcome.reason === "notLeader") this.#passOn(bytes, redirects, done);
      else done(outcome);
    });
  }

  /**
   * Linearizable: calls `serve` as soon as the local state is fresh enough, at once
   * where no other member need be asked; else `fail`.
   */
  read<T>(serve: Serve<T | Promise<T>>, fail: (failure: Failure) => T): T | Promise<T> {
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

  /** As `read`, for whoever can spare no promise: one of both is called, once, and must not throw. */
  whenFresh(serve: Serve<void>, fail: (failure: Failure) => void): void {
    const barrier = this.node.barrierNow();
    if (barrier !== undefined) return serve(this.#store, barrier.nowMs);
    this.barrier((outcome) => {
      if (outcome.ok) serve(this.#store, outcome.value.nowMs);
      else fail(outcome);
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
   * Watches what `view` sees, see `WatchHub.watch`; a failure when this member serves
   * nobody any longer. Whoever waits has to be told of `onRefusal`.
   */
  watch(view: View, since: number | undefined, callbacks: WatchCallbacks): Watch | Failure {
    return this.node.refusal ?? this.#store.watches.watch(view, since, callbacks);
  }

  /** Waits for a single event, see `watchFirst`; a failure as with `watch`. */
  watchFirst(
    view: PathView,
    since: number | undefined,
    callbacks: FirstCallbacks,
  ): First | Failure {
    return this.node.refusal ?? watchFirst(this.#store.watches, view, since, callbacks);
  }

  /** The numbers of the newest event that watches of a kind can't look back to. */
  clearedOf(kind: View["kind"]): Numbers {
    return this.#store.watches.clearedOf(kind);
  }

  /** The command by which old versions can go, if any; see `Store.compactionDue`. */
  compactionDue(
    olderThanMs: number,
    bytesMax: number,
    keepEvents: number,
  ): CompactCommand | undefined {
    return this.#store.compactionDue(olderThanMs, bytesMax, keepEvents);
  }

  /** Watches that wait. */
  get waitingWatches(): number {
    return this.#store.watches.size;
  }

  /** Of the last command that reached a key. */
  get index(): number {
    return this.#store.index;
  }

  /** Of the last entry that was applied. */
  get appliedIndex(): number {
    return this.#store.appliedIndex;
  }

  /** v2's index. */
  get changeIndex(): number {
    return this.#store.changeIndex;
  }

  /** v3's revision. */
  get revision(): number {
    return this.#store.revision;
  }

  /** The lowest revision that can be read; 0 when all can. */
  get compactedRevision(): number {
    return this.#store.compactedRevision;
  }

  /** A hash of all that this member has applied up to `index`. */
  digest(): string {
    return this.#store.digest();
  }

  /** From now on a command is refused here when `hasRoomFor` says no. */
  limitSpace(hasRoomFor: (command: Command) => boolean): void {
    this.#hasRoomFor = hasRoomFor;
  }

  /** Bytes of all that is in the store, without versions of the past. */
  get liveBytes(): number {
    return this.#store.liveBytes;
  }

  /** How much there is in the store. */
  stats(): StoreStats {
    return this.#store.stats();
  }

  /** What the cluster has to know of a member's trouble. */
  get alarms(): readonly ActiveAlarm[] {
    return this.#store.alarms.values();
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
      const answer = outcome.ok ? decoded(decodeOutcome, outcome.value) : outcome;
      done(answer.ok ? answer.value : answer);
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

  #rejected(reason: RejectionReason): Rejected {
    return { kind: "rejected", reason, key: "", changeIndex: this.changeIndex };
  }

  #propose(command: Uint8Array, done: Done<Result>): void {
    stampCommand(command, this.node.nowMs());
    this.node.propose(command, done);
  }

  #passOn(command: Uint8Array, redirects: boolean, done: OnAnswer<Result>): void {
    if (redirects) return this.#redirect(command, done);
    const refusal = this.node.awaitRefusal();
    if (refusal !== undefined) return done(refusal);
    this.forward(FORWARDED.write, command, (outcome) => {
      const id = outcome.ok ? decoded(decodeEntryId, outcome.value) : outcome;
      // Its result is what this member makes of it, so the client finds here what it wrote.
      if (id.ok) this.node.awaitEntry(id.value, done);
      else done(id);
    });
  }

  /** Answers with the leader's address once there is one; writes when it is this member. */
  #redirect(command: Uint8Array, done: OnAnswer<Result>): void {
    this.node.whenLeader((outcome) => {
      if (!outcome.ok) return done(outcome);
      const { id } = outcome.value;
      if (id === this.node.self) return this.#propose(command, done);
      const committed = this.node.configuration().members.find((member) => member.id === id);
      const [clientUrl] = committed?.clientUrls ?? [];
      if (clientUrl === undefined) return done(LEADS_NO_MORE);
      done({ ok: false, reason: "redirect", clientUrl });
    });
  }

  #writeForwarded(payload: Uint8Array, done: (reply: Uint8Array | undefined) => void): void {
    // The log keeps it, and the frame that it came in is not the log's.
    const command = payload.slice();
    const problem = problemOf(command);
    if (problem !== undefined) return done(encodeFailure(refused(problem)));
    stampCommand(command, this.node.nowMs());
    const outcome = this.node.proposeForPeer(command);
    if (outcome.ok) return done(encodeValue(encodeEntryId(outcome.value)));
    done(outcome.reason === "notLeader" ? undefined : encodeFailure(outcome));
  }
}

/** What is wrong with a command that another member passed on. */
function problemOf(bytes: Uint8Array): string | undefined {
  try {
    const { command, format } = decodeCommand(bytes);
    if (format !== 2) return "Expected a command of version 2";
    return command.type === "expire" ? "Expected a client's command, found an expiry" : undefined;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return error.message;
  }
}

/** What the leader's answer says. It has answered, so it may have carried the request out. */
function decoded<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array): Outcome<T> {
  try {
    return { ok: true, value: decode(bytes) };
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    const cause =
      `The leader's answer could not be read, the request may still take effect: ${error.message}`;
    return { ok: false, reason: "unknown", cause };
  }
}

function refused(cause: string): Failure {
  return { ok: false, reason: "refused", cause };
}

const LEADS_NO_MORE: Failure = {
  ok: false,
  reason: "notLeader",
  cause: "The leader changed while the request was on its way, nothing was changed",
};
