/**
 * ReadIndex in rounds (thesis §6.4): every read that waits when a round starts
 * shares its heartbeats. A read that comes later must not: some answers may
 * have left before it was asked. It waits for the next round, which starts as
 * soon as this one is done.
 *
 * Holds one token a waiting read; their number is bounded by who hands them in.
 */
import { assert } from "../base/assert.ts";
import type { ConfirmedRead, MemberId } from "./types.ts";

interface Round {
  readonly number: number;
  readonly index: number;
  readonly tokens: readonly number[];
  readonly confirmedBy: Set<MemberId>;
}

export class ReadRounds {
  #waiting: number[] = [];
  #round: Round | undefined;
  #lastNumber = 0;

  add(token: number): void {
    this.#waiting.push(token);
  }

  /** Whether reads wait and no round is under way. */
  get canStart(): boolean {
    return this.#round === undefined && this.#waiting.length > 0;
  }

  /** The number of the round under way, 0 when there is none. */
  get current(): number {
    return this.#round?.number ?? 0;
  }

  /** Starts a round for all that wait; they will see `commitIndex`. */
  start(commitIndex: number): void {
    assert(this.canStart, "Only one round of reads may be under way");
    this.#round = {
      number: ++this.#lastNumber,
      index: commitIndex,
      tokens: this.#waiting,
      confirmedBy: new Set(),
    };
    this.#waiting = [];
  }

  /** `from` still followed when it heard of round `number`. */
  confirm(number: number, from: MemberId): void {
    if (number === this.#round?.number) this.#round.confirmedBy.add(from);
  }

  isConfirmedBy(id: MemberId): boolean {
    return this.#round !== undefined && this.#round.confirmedBy.has(id);
  }

  /** Ends the round under way: its reads may be served. */
  finish(): ConfirmedRead[] {
    const round = this.#round;
    assert(round !== undefined, "A round of reads must be under way");
    this.#round = undefined;
    return round.tokens.map((token) => ({ token, index: round.index }));
  }

  /** Every token that has no answer: leadership is lost. */
  tokens(): number[] {
    return [...(this.#round?.tokens ?? []), ...this.#waiting];
  }
}
