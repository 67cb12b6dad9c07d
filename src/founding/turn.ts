/**
 * When a node proposes to found: the first by name at once, each other one a grace later than
 * the one before it, so that as a rule one node proposes, and it is the first that is there.
 */
export interface TurnOptions {
  /** Names before this node's own. */
  readonly rank: number;
  readonly graceMs: number;
  /** Gives numbers in [0, 1). */
  readonly random: () => number;
}

export class Turn {
  readonly #options: TurnOptions;
  #sinceMs: number | undefined;
  #notBeforeMs = -Infinity;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  /** A look found no majority without data: what has passed does not count. */
  interrupted(): void {
    this.#sinceMs = undefined;
  }

  /** How long to wait still, at a look that found a majority; `mayBeChosen`: as `FoundingCore` says. */
  remainingMs(nowMs: number, mayBeChosen: boolean): number {
    this.#sinceMs ??= nowMs;
    const { rank, graceMs } = this.#options;
    const graces = mayBeChosen ? 0 : rank;
    return Math.max(0, this.#sinceMs + graces * graceMs - nowMs, this.#notBeforeMs - nowMs);
  }

  /** A proposal came to nothing. Two nodes that propose against each other draw different times. */
  failed(nowMs: number): void {
    this.#notBeforeMs = nowMs + this.#options.random() * this.#options.graceMs;
  }
}
