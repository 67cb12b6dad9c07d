/**
 * Seeds that broke a promise once, each with what was wrong then. Random numbers
 * mean another story after each change of the simulator: a seed here says that
 * this way of failing was looked for, the transcripts and unit tests beside the
 * code that was mended say that it is gone.
 */

export interface Regression {
  readonly seed: number;
  readonly why: string;
}

export const REGRESSIONS: readonly Regression[] = [];

/** `deno task test` runs these, and they are the same for everybody. */
export const FIXED_SEEDS = { from: 1, count: 500 };
