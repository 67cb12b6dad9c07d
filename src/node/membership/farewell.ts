/**
 * How long a leader that has handed over stays: until another one leads, what
 * was proposed here has its answer, and the others have had time to hear of the
 * change, because what they still send here would be lost. A member that was removed
 * stays for the answers to its own calls.
 */

export interface FarewellOptions {
  /** Whether another member leads and nothing waits here that was proposed up to `term`. */
  readonly isReplaced: (term: number) => boolean;
  /** How long that must have been so. */
  readonly quietTicks: number;
  /** How long to stay at most. */
  readonly ticksMax: number;
}

export class Farewell {
  readonly #options: FarewellOptions;
  #ending: PromiseWithResolvers<void> | undefined;
  /** In which this member handed over. */
  #term = 0;
  #deadlineTick = 0;
  /** Since when nobody depends on this member. */
  #quietTick = 0;

  constructor(options: FarewellOptions) {
    this.#options = options;
  }

  /** Resolves when it is time to go. Who asks again meanwhile waits for the same. */
  start(tick: number, term: number): Promise<void> {
    if (this.#ending === undefined) {
      this.#term = term;
      this.#ending = Promise.withResolvers();
      this.#quietTick = tick;
      this.#deadlineTick = tick + this.#options.ticksMax;
    }
    return this.#ending.promise;
  }

  tick(tick: number): void {
    if (this.#ending === undefined) return;
    if (!this.#options.isReplaced(this.#term)) this.#quietTick = tick;
    const isQuiet = tick - this.#quietTick >= this.#options.quietTicks;
    if (isQuiet || tick >= this.#deadlineTick) this.end();
  }

  /** It is time to go. */
  end(): void {
    this.#ending?.resolve();
    this.#ending = undefined;
  }
}
