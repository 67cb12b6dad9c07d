/**
 * Linearizable reads on a follower: one barrier call to the leader for all that
 * wait, then its own state machine's turn to catch up. Each read has a deadline
 * of its own, however many calls it has to wait for.
 */
import { NOT_CONFIRMED } from "../failures.ts";
import { decodeConfirmation, FrameError } from "../calls/peer_message.ts";
import type { Barrier, Done, Outcome } from "../ports.ts";
import type { Waiters } from "../waiters.ts";

export interface FollowerReadsOptions {
  /** All reads of this node. */
  readonly waiters: Waiters<Barrier>;
  /** One barrier call to the leader; the answer is an index and a time. */
  readonly call: (deadlineTick: number, done: Done<Uint8Array>) => void;
  readonly appliedIndex: () => number;
  /** Asks for a turn, in which `run` is called. */
  readonly schedule: () => void;
}

/** Reads that the leader has confirmed, and that wait for this member to apply `index`. */
interface Confirmed {
  readonly index: number;
  readonly nowMs: number;
  readonly ids: readonly number[];
}

export class FollowerReads {
  readonly #options: FollowerReadsOptions;
  /** For the next call: one that is under way may have been confirmed before they came. */
  #next: number[] = [];
  #isCalling = false;
  #confirmed: Confirmed[] = [];

  constructor(options: FollowerReadsOptions) {
    this.#options = options;
  }

  /** The read that waits under `id`. */
  add(id: number): void {
    this.#next.push(id);
    if (!this.#isCalling) this.#call();
  }

  /** Waits for this member to apply `index`, which is committed. */
  addCommitted(index: number, id: number): void {
    this.#confirmed.push({ index, nowMs: 0, ids: [id] });
    this.#options.schedule();
  }

  /** Once a turn: releases what has been applied. */
  run(): void {
    if (this.#confirmed.length === 0) return;
    const applied = this.#options.appliedIndex();
    const ready = this.#confirmed.filter(({ index }) => index <= applied);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter(({ index }) => index > applied);
    const { waiters } = this.#options;
    for (const { ids, nowMs } of ready) waiters.endAll(ids, { ok: true, value: { nowMs } });
  }

  /** Forgets what nobody waits for any longer. */
  prune(): void {
    const { waiters } = this.#options;
    this.#confirmed = this.#confirmed.filter(({ ids }) => waiters.deadlineOf(ids) > 0);
  }

  #call(): void {
    const called = this.#next;
    this.#next = [];
    const deadlineTick = this.#options.waiters.deadlineOf(called);
    this.#isCalling = deadlineTick > 0;
    if (!this.#isCalling) return;
    this.#options.call(deadlineTick, (outcome) => {
      this.#call();
      this.#answer(called, outcome);
    });
  }

  #answer(ids: readonly number[], outcome: Outcome<Uint8Array>): void {
    const { waiters } = this.#options;
    if (!outcome.ok) {
      return waiters.endAll(ids, outcome.reason === "unknown" ? NOT_CONFIRMED : outcome);
    }
    const confirmed = read(outcome.value);
    if (confirmed === undefined) return waiters.endAll(ids, NOT_CONFIRMED);
    this.#confirmed.push({ ...confirmed, ids });
    this.#options.schedule();
  }
}

/** What the leader confirms; undefined when it says something else, for which nobody may wait forever. */
function read(answer: Uint8Array): Omit<Confirmed, "ids"> | undefined {
  try {
    const { index, timeMs: nowMs } = decodeConfirmation(answer);
    return { index, nowMs };
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return undefined;
  }
}
