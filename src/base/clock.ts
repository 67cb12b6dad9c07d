/** The two clocks of a node; the simulator brings its own. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. For elections. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch; may jump either way. For TTL deadlines. */
  wallMs(): number;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
