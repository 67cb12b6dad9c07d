/**
 * Linearizable reads on a follower: one barrier call to the leader for all that
 * wait, then its own state machine's turn to catch up. Each read has a deadline
 * of its own, however many calls it has to wait for.
 */
import { NOT_CONFIRMED, OVERLOADED } from "../failures.ts";
import { decodeConfirmation, FrameError } from "../calls/peer_message.ts";
import type { Barrier, Done, Failure, Outcome } from "../ports.ts";

export interface FollowerReadsOptions {
  /** Reads that may wait, for whatever. */
  readonly waitingMax: number;
  /** One barrier call to the leader; the answer is an index and a time. */
  readonly call: (deadlineTick: number, done: Done<Uint8Array>) => void;
  readonly appliedIndex: () => number;
  /** Asks for a turn, in which `run` is called. */
  readonly schedule: () => void;
}

interface Waiter {
  readonly done: Done<Barrier>;
  readonly deadlineTick: number;
}

/** Reads that the leader has confirmed, and that wait for this member to apply `index`. */
interface Confirmed {
  readonly index: number;
  readonly nowMs: number;
  readonly waiters: Waiter[];
}

export class FollowerReads {
  readonly #options: FollowerReadsOptions;
  #size = 0;
  /** For the next call: one that is under way may have been confirmed before they came. */
  #next: Waiter[] = [];
  #called: Waiter[] = [];
  #isCalling = false;
  #confirmed: Confirmed[] = [];

  constructor(options: FollowerReadsOptions) {
    this.#options = options;
  }

  add(done: Done<Barrier>, deadlineTick: number): void {
    if (!this.#hasRoom()) return done(OVERLOADED);
    this.#next.push({ done, deadlineTick });
    if (!this.#isCalling) this.#call();
  }

  /** Waits for this member to apply `index`, which is committed. */
  addCommitted(index: number, done: Done<Barrier>, deadlineTick: number): void {
    if (!this.#hasRoom()) return done(OVERLOADED);
    this.#confirmed.push({ index, nowMs: 0, waiters: [{ done, deadlineTick }] });
    this.#options.schedule();
  }

  /** Once a turn: releases what has been applied. */
  run(): void {
    if (this.#confirmed.length === 0) return;
    const applied = this.#options.appliedIndex();
    const ready = this.#confirmed.filter(({ index }) => index <= applied);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter(({ index }) => index > applied);
    for (const { waiters, nowMs } of ready) this.#end(waiters, { ok: true, value: { nowMs } });
  }

  /** Ends what is late. */
  expire(tick: number): void {
    const late = [this.#next, this.#called, ...this.#confirmed.map(({ waiters }) => waiters)]
      .flatMap((waiters) => takeLate(waiters, tick));
    this.#confirmed = this.#confirmed.filter(({ waiters }) => waiters.length > 0);
    this.#end(late, NOT_CONFIRMED);
  }

  failAll(failure: Failure): void {
    const all = [this.#next, this.#called, ...this.#confirmed.map(({ waiters }) => waiters)].flat();
    this.#next = [];
    this.#called = [];
    this.#confirmed = [];
    this.#end(all, failure);
  }

  /** Whether one more may wait, which then counts. */
  #hasRoom(): boolean {
    if (this.#size >= this.#options.waitingMax) return false;
    this.#size++;
    return true;
  }

  #call(): void {
    this.#isCalling = true;
    this.#called = this.#next;
    this.#next = [];
    // The newest waiter's is the latest.
    const { deadlineTick } = this.#called.at(-1)!;
    this.#options.call(deadlineTick, (outcome) => {
      const waiters = this.#called;
      this.#called = [];
      this.#isCalling = false;
      if (this.#next.length > 0) this.#call();
      this.#answer(waiters, outcome);
    });
  }

  #answer(waiters: Waiter[], outcome: Outcome<Uint8Array>): void {
    if (!outcome.ok) {
      return this.#end(waiters, outcome.reason === "unknown" ? NOT_CONFIRMED : outcome);
    }
    const confirmed = read(outcome.value);
    if (confirmed === undefined) return this.#end(waiters, NOT_CONFIRMED);
    this.#confirmed.push({ ...confirmed, waiters });
    this.#options.schedule();
  }

  #end(waiters: readonly Waiter[], outcome: Outcome<Barrier>): void {
    this.#size -= waiters.length;
    for (const { done } of waiters) done(outcome);
  }
}

/** What the leader confirms; undefined when it says something else, for which nobody may wait forever. */
function read(answer: Uint8Array): Omit<Confirmed, "waiters"> | undefined {
  try {
    const { index, timeMs: nowMs } = decodeConfirmation(answer);
    return { index, nowMs };
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return undefined;
  }
}

/** Takes those out whose time is up; they stand in the order of their deadlines. */
function takeLate(waiters: Waiter[], tick: number): Waiter[] {
  const first = waiters.findIndex(({ deadlineTick }) => deadlineTick > tick);
  return waiters.splice(0, first < 0 ? waiters.length : first);
}
