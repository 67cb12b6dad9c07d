/**
 * Turns monotonic time into ticks. The count comes from the clock and not from
 * the number of timer calls, because timers drift and fire late under load.
 */
import type { Clock } from "../base/clock.ts";

export interface Ticker {
  stop(): void;
}

/**
 * Calls `tick` once every `tickMs`. After a pause of the process (SIGSTOP, a
 * suspended machine) at most `catchUpMax` ticks are made up for: the messages
 * that waited must be read before an election is thought due.
 */
export function startTicker(
  clock: Clock,
  tickMs: number,
  catchUpMax: number,
  tick: () => void,
): Ticker {
  let dueMs = clock.monotonicMs() + tickMs;
  const timer = setInterval(() => {
    const now = clock.monotonicMs();
    let made = 0;
    while (dueMs <= now && made < catchUpMax) {
      dueMs += tickMs;
      made++;
      tick();
    }
    if (dueMs <= now) dueMs = now + tickMs;
  }, tickMs);
  return { stop: () => clearInterval(timer) };
}
