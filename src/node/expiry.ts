/**
 * Turns deadlines into entries of the log. Only the leader does so, one batch
 * at a time: the next begins when the last of this one has been applied, so no
 * key is proposed twice by one leader. A key proposed again by the next leader
 * is harmless: an expiry is guarded by the index at which its key was set.
 */
import type { Outcome, StateMachine } from "./ports.ts";

/**
 * How long what is due stays when nobody asks. Whoever asks or writes finds it gone at once.
 * etcd takes up to 500 ms; clients that were written for that look at a key's end, and take
 * what they have made right after the key to be as old as a second by then.
 */
const LATENESS_MS = 50;

export interface ExpiryOptions<R> {
  readonly machine: StateMachine<R>;
  readonly propose: (data: Uint8Array, done: (outcome: Outcome<R>) => void) => void;
  readonly batchMax: number;
  /** In which this node leads. */
  readonly term: () => number;
  /** Whether nothing can be added to the log. */
  readonly isFull: () => boolean;
}

export class Expiry<R> {
  readonly #options: ExpiryOptions<R>;
  /** What was proposed last. Of a past term it may be gone from the log, and its end not be told for long. */
  #batch = { term: 0, inFlight: 0 };

  constructor(options: ExpiryOptions<R>) {
    this.#options = options;
  }

  /** True while something due at `nowMs` is still there; proposes its expiry unless a batch is on its way. */
  run(nowMs: number): boolean {
    const { machine, propose, batchMax, isFull } = this.#options;
    if (machine.nextDeadlineMs() > nowMs) return false;
    const term = this.#options.term();
    const isOnItsWay = this.#batch.inFlight > 0 && this.#batch.term === term;
    if (isOnItsWay || isFull()) return true;
    const commands = machine.due(nowMs, batchMax);
    const batch = { term, inFlight: commands.length };
    this.#batch = batch;
    for (const command of commands) propose(command, () => batch.inFlight--);
    return commands.length > 0;
  }

  /** For what nobody has asked for. */
  runLate(nowMs: number): void {
    this.run(nowMs - LATENESS_MS);
  }

  /**
   * The time up to `nowMs` by which a reader may judge what is there; undefined
   * while something that is due by then expires. When it can't, as on a full disk,
   * it stays, rather than that nobody can read: nobody has found it dead yet.
   */
  judge(nowMs: number): number | undefined {
    if (!this.run(nowMs)) return nowMs;
    return this.#options.isFull() ? this.#options.machine.nextDeadlineMs() - 1 : undefined;
  }

  /**
   * As `judge`, by the time of now. Where nothing ends any time will do, and to ask for one
   * costs as much as to find a key.
   */
  judgeNow(nowMs: () => number): number | undefined {
    const { machine } = this.#options;
    return machine.nextDeadlineMs() === Infinity ? machine.timeMs : this.judge(nowMs());
  }
}
