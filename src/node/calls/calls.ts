/**
 * Calls to the leader: what a follower can't do itself it hands over on the peer
 * stream, and relays the answer.
 *
 * A call is sent again only when the receiver says that it does not lead, hence
 * did nothing. One whose answer stays out may have been executed: it ends as
 * "unknown" and is never repeated (reads are: they change nothing).
 */
import { NONE } from "../../raft/types.ts";
import type { MemberId } from "../../raft/types.ts";
import { NO_LEADER, UNANSWERED } from "../failures.ts";
import type { Call, CallKind, CallReply } from "./peer_message.ts";
import type { Done, Failure } from "../ports.ts";
import { type Waiter, Waiters } from "../waiters.ts";

interface Pending extends Waiter<Uint8Array> {
  readonly kind: CallKind;
  readonly payload: Uint8Array;
  deadlineTick: number;
  /** Whom it was sent to; NONE while it waits for a leader. */
  sentTo: MemberId;
  sentTick: number;
}

export interface CallsOptions {
  readonly session: number;
  readonly pendingMax: number;
  /** How long an answer may take after the leader it was sent to has been replaced. */
  readonly graceTicks: number;
  /** A read without an answer is sent again after so long: the stream may have broken under it. */
  readonly repeatTicks: number;
  /** False when the call certainly never leaves. */
  readonly send: (to: MemberId, call: Call) => boolean;
}

/** The caller's side. */
export class Calls {
  readonly #options: CallsOptions;
  /** By the id under which each was sent last. */
  readonly #pending: Waiters<Uint8Array, Pending>;
  #session: number;
  #tick = 0;

  constructor(options: CallsOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#pending = new Waiters({
      max: options.pendingMax,
      late: NO_LEADER,
      failureOf: ({ sentTo }, failure) => sentTo === NONE ? failure : UNANSWERED,
    });
  }

  /**
   * Another process called under this member's id: the receivers take nothing more of the
   * session before, and what was sent in it ends as unanswered.
   */
  renew(session: number): void {
    this.#session = session;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Sends to `leader`, or waits for one when it is NONE. */
  start(
    kind: CallKind,
    payload: Uint8Array,
    leader: MemberId,
    deadlineTick: number,
    done: Done<Uint8Array>,
  ): void {
    const pending = { kind, payload, done, deadlineTick, sentTo: NONE, sentTick: 0 };
    const id = this.#pending.add(pending);
    if (id > 0 && leader !== NONE) this.#send(id, pending, leader);
  }

  /** `tick` is now; a call sent to the old leader gets a short grace for its answer. */
  leaderChanged(leader: MemberId, tick: number): void {
    for (const [id, pending] of [...this.#pending]) {
      if (pending.sentTo !== NONE && pending.sentTo !== leader && !isRead(pending)) {
        const grace = tick + this.#options.graceTicks;
        pending.deadlineTick = Math.min(pending.deadlineTick, grace);
      } else if (leader !== NONE && pending.sentTo !== leader) {
        this.#resend(id, pending, leader);
      }
    }
  }

  /** `leader` is the one known now, NONE if none is. */
  replied(from: MemberId, reply: CallReply, leader: MemberId): void {
    if (reply.session !== this.#session) return;
    const pending = this.#pending.get(reply.id);
    if (pending === undefined || pending.sentTo !== from) return;
    if (reply.led) {
      this.#pending.end(reply.id, { ok: true, value: reply.payload });
    } else if (leader !== NONE && leader !== from) {
      this.#resend(reply.id, pending, leader);
    } else {
      pending.sentTo = NONE;
    }
  }

  /** Once a tick: ends what is late and sends what was turned away to the leader known now. */
  tick(tick: number, leader: MemberId): void {
    this.#tick = tick;
    this.#pending.expire(tick);
    if (leader === NONE) return;
    for (const [id, pending] of [...this.#pending]) {
      if (this.#isDue(pending)) this.#resend(id, pending, leader);
    }
  }

  close(failure: Failure): void {
    this.#pending.close(failure);
  }

  #isDue(pending: Pending): boolean {
    if (pending.sentTo === NONE) return true;
    return isRead(pending) && this.#tick - pending.sentTick >= this.#options.repeatTicks;
  }

  /** Under a new id: the receiver ignores ids that do not ascend. */
  #resend(id: number, pending: Pending, leader: MemberId): void {
    this.#pending.take(id);
    this.#send(this.#pending.add(pending), pending, leader);
  }

  #send(id: number, pending: Pending, leader: MemberId): void {
    // Before it is sent: a call to this very node may be answered within the call.
    pending.sentTo = leader;
    pending.sentTick = this.#tick;
    const isOnItsWay = this.#options.send(leader, {
      type: "call",
      session: this.#session,
      id,
      kind: pending.kind,
      payload: pending.payload,
    });
    if (!isOnItsWay) pending.sentTo = NONE;
  }
}

/** It changes nothing, so it may be repeated. */
function isRead({ kind }: Pending): boolean {
  return kind === "barrier";
}

interface Sessions {
  current: number;
  newestId: number;
  readonly past: Set<number>;
}

const PAST_SESSIONS_MAX = 64;

/** The receiver's side: lets every call through at most once, whatever the network repeats. */
export class CallFilter {
  readonly #sessions = new Map<MemberId, Sessions>();

  /** False for a call that came before, or out of order: it must not be executed. */
  admit(from: MemberId, call: Call): boolean {
    let sessions = this.#sessions.get(from);
    if (sessions === undefined) {
      sessions = { current: call.session, newestId: 0, past: new Set() };
      this.#sessions.set(from, sessions);
    }
    if (call.session !== sessions.current) {
      if (sessions.past.has(call.session)) return false;
      sessions.past.add(sessions.current);
      if (sessions.past.size > PAST_SESSIONS_MAX) {
        const [oldest] = sessions.past;
        sessions.past.delete(oldest!);
      }
      sessions.current = call.session;
      sessions.newestId = 0;
    }
    if (call.id <= sessions.newestId) return false;
    sessions.newestId = call.id;
    return true;
  }

  /** Keeps only what belongs to `members`. */
  retain(members: ReadonlySet<MemberId>): void {
    for (const id of this.#sessions.keys()) {
      if (!members.has(id)) this.#sessions.delete(id);
    }
  }
}
