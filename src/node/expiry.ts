/**
 * Turns deadlines into entries of the log. Only the leader does so, one batch
 * at a time: the next begins when the last of this one has been applied, so no
 * key is proposed twice by one leader. A key proposed again by the next leader
 * is harmless: an expiry is guarded by the index at which its key was set.
 */
import type { Outcome, StateMachine } from "./ports.ts";

export class Expiry<R> {
  readonly #machine: StateMachine<R>;
  readonly #propose: (data: Uint8Array, done: (outcome: Outcome<R>) => void) => void;
  readonly #batchMax: number;
  #inFlight = 0;

  constructor(
    machine: StateMachine<R>,
    propose: (data: Uint8Array, done: (outcome: Outcome<R>) => void) => void,
    batchMax: number,
  ) {
    this.#machine = machine;
    this.#propose = propose;
    this.#batchMax = batchMax;
  }

  /** True while something due at `nowMs` is still there; proposes its expiry unless a batch is on its way. */
  run(nowMs: number): boolean {
    if (this.#machine.nextDeadlineMs() > nowMs) return false;
    if (this.#inFlight > 0) return true;
    const commands = this.#machine.due(nowMs, this.#batchMax);
    this.#inFlight = commands.length;
    for (const command of commands) {
      this.#propose(command, () => this.#inFlight--);
    }
    return commands.length > 0;
  }
}
