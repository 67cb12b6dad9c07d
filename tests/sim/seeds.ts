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

export const REGRESSIONS: readonly Regression[] = [
  {
    seed: 500012,
    why: "a write was told of a full disk, and took effect when there was space again",
  },
  {
    seed: 9001099,
    why: "a snapshot was thrown away when its leader was elected again while it was under way",
  },
  {
    seed: 3004006,
    why: "a removed member that knew of no living incarnation was never told",
  },
  {
    seed: 226374069360,
    why: "only the first URL of a member was dialled: two voters never met, one under its second",
  },
  {
    seed: 531600141064,
    why: "two users asked for the same, and the checker took one's answer for the other's",
  },
  {
    seed: 1093589439956,
    why: "a right password was refused: its user was given a role while it was looked at",
  },
  {
    seed: 94158340616,
    why:
      "a write was told that nothing was changed when a rival that was not committed took its place",
  },
  {
    seed: 269403399745,
    why: "the checker demanded an answer of a member that had little of the log",
  },
];

/** `deno task test` runs these, and they are the same for everybody. */
export const FIXED_SEEDS = { from: 1, count: 500 };
