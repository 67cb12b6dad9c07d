/**
 * Calls that may have to be ended from outside: by their deadlines, because the cluster
 * has had no leader for too long, or because the server stops. Looked at now and then,
 * so that a call costs no timer.
 */
import type { Status } from "./statuses.ts";

/** A call that waits or streams, at either door. */
export interface OpenCall {
  /** By the monotonic clock; Infinity for none. */
  readonly deadlineMs: number;
  /** It is to end when there is no leader. */
  readonly requiresLeader: boolean;
  fail(status: Status): void;
}

/** Deadlines are noticed late by so much at most. */
const LOOK_MS = 100;

export interface OpenCallsOptions {
  readonly nowMs: () => number;
  readonly hasLeader: () => boolean;
  /** How long a stream that requires a leader goes on without one. */
  readonly leaderlessMsMax: number;
  readonly late: Status;
  readonly leaderless: Status;
}

export class OpenCalls {
  readonly #options: OpenCallsOptions;
  readonly #calls = new Set<OpenCall>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #leaderMs = 0;

  constructor(options: OpenCallsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#calls.size;
  }

  add(call: OpenCall): void {
    if (this.#timer === undefined) {
      this.#leaderMs = this.#options.nowMs();
      this.#timer = setInterval(() => this.#look(), LOOK_MS);
    }
    this.#calls.add(call);
  }

  delete(call: OpenCall): void {
    this.#calls.delete(call);
  }

  /** Ends all of them with `status`; the timer, too. */
  close(status: Status): void {
    for (const call of [...this.#calls]) call.fail(status);
    this.#calls.clear();
    this.#stopTimer();
  }

  /** Ends `call` if its deadline has passed, and tells whether it has. */
  endLate(call: OpenCall, nowMs = this.#options.nowMs()): boolean {
    if (call.deadlineMs > nowMs) return false;
    call.fail(this.#options.late);
    return true;
  }

  #look(): void {
    if (this.#calls.size === 0) return this.#stopTimer();
    const { nowMs, hasLeader, leaderlessMsMax, leaderless } = this.#options;
    const now = nowMs();
    if (hasLeader()) this.#leaderMs = now;
    const isLeaderless = now - this.#leaderMs > leaderlessMsMax;
    for (const call of [...this.#calls]) {
      if (this.endLate(call, now)) continue;
      if (isLeaderless && call.requiresLeader) call.fail(leaderless);
    }
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
