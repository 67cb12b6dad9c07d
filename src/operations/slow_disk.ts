/** Says that the disk is slow, how slow, and what that does: one line a minute, and not one a sync. */
import type { Clock } from "../base/clock.ts";
import { HistogramWindow } from "../base/histogram.ts";
import type { Logger } from "../base/logger.ts";
import type { DiskTimes } from "../storage/timed_disk.ts";

export interface SlowDiskOptions {
  readonly times: Pick<DiskTimes, "logSyncs" | "logSyncSinceMs">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A 99th percentile above it is worth a line. */
  readonly slowSyncMs: number;
  /** So is one sync that takes longer than this. */
  readonly stuckSyncMs: number;
  readonly reportMs: number;
  /** The election time-out: a vote is synced before it counts. */
  readonly electionMs: number;
}

export class SlowDisk {
  readonly #options: SlowDiskOptions;
  readonly #window: HistogramWindow;
  #windowSinceMs: number;
  #saidStuckMs = -Infinity;

  constructor(options: SlowDiskOptions) {
    this.#options = options;
    this.#window = new HistogramWindow(options.times.logSyncs);
    this.#windowSinceMs = options.clock.monotonicMs();
  }

  /** Milliseconds that the log's sync has been under way by now, if that is too long. */
  get stuckForMs(): number | undefined {
    const { times, clock, stuckSyncMs } = this.#options;
    if (times.logSyncSinceMs === undefined) return undefined;
    const forMs = clock.monotonicMs() - times.logSyncSinceMs;
    return forMs > stuckSyncMs ? forMs : undefined;
  }

  /** To be called every second or so. */
  look(): void {
    const { clock, reportMs } = this.#options;
    const now = clock.monotonicMs();
    const { stuckForMs } = this;
    if (stuckForMs !== undefined && now - this.#saidStuckMs >= reportMs) {
      this.#saidStuckMs = now;
      this.#options.logger.warn("A sync of the log does not end", {
        since: `${Math.round(stuckForMs / 100) / 10} s`,
        effect: "no write is acknowledged by this disk meanwhile",
      });
    }
    if (now - this.#windowSinceMs < reportMs) return;
    this.#windowSinceMs = now;
    this.#judge();
  }

  #judge(): void {
    const { slowSyncMs, electionMs, logger } = this.#options;
    const { count, bound } = this.#window.take(0.99);
    if (bound === undefined || bound * 1000 <= slowSyncMs) return;
    const bounds = this.#options.times.logSyncs.bounds;
    const p99 = Number.isFinite(bound)
      ? `up to ${Math.round(bound * 1000)} ms`
      : `over ${Math.round(bounds.at(-1)! * 1000)} ms`;
    logger.warn("The disk is slow", {
      p99,
      syncs: count,
      effect: bound * 1000 < electionMs
        ? "every write waits that long"
        : "every write waits that long, and elections may fail",
    });
  }
}
