/**
 * The last minutes of a node in a ring of a fixed size: one sample every few
 * seconds, rates from counters that only go up.
 */
import type { SamplesView } from "./view.ts";

/** What a node counts, read once a sample. */
export interface Gauges {
  /** Entries applied since the start. */
  readonly applied: number;
  /** Reads of clients served since the start. */
  readonly reads: number;
  /** The 99th percentile of the syncs since the last look; undefined when there were none. */
  readonly syncP99Ms: number | undefined;
  readonly rssBytes: number;
}

export interface SamplerOptions {
  readonly intervalMs: number;
  /** Samples kept. */
  readonly samplesMax: number;
  readonly look: () => Gauges;
  readonly clock: { monotonicMs(): number; wallMs(): number };
}

interface Sample {
  readonly writes: number;
  readonly reads: number;
  readonly syncP99Ms: number | null;
  readonly rssBytes: number;
}

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #ring: Sample[] = [];
  /** Samples ever taken: the number of the newest. */
  #taken = 0;
  #endMs: number;
  #lookedMs: number;
  #seen: Gauges;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#seen = options.look();
    this.#lookedMs = options.clock.monotonicMs();
    this.#endMs = options.clock.wallMs();
  }

  start(): void {
    this.#timer = setInterval(() => this.sample(), this.#options.intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Takes one sample now. */
  sample(): void {
    const { look, clock, samplesMax } = this.#options;
    const seen = look();
    const nowMs = clock.monotonicMs();
    const seconds = Math.max(nowMs - this.#lookedMs, 1) / 1000;
    // A received snapshot sets the applied index forward by entries that nobody wrote just now.
    const rate = (now: number, before: number) => Math.max(0, now - before) / seconds;
    const sample: Sample = {
      writes: rate(seen.applied, this.#seen.applied),
      reads: rate(seen.reads, this.#seen.reads),
      syncP99Ms: seen.syncP99Ms ?? null,
      rssBytes: seen.rssBytes,
    };
    this.#ring[this.#taken % samplesMax] = sample;
    this.#taken++;
    this.#seen = seen;
    this.#lookedMs = nowMs;
    this.#endMs = clock.wallMs();
  }

  /** The samples after number `after`, as far as they are kept, the oldest first. */
  view(after: number): SamplesView {
    const { intervalMs, samplesMax } = this.#options;
    // A number from before a restart is from another count.
    const known = after > this.#taken ? 0 : after;
    const samples: Sample[] = [];
    for (let n = Math.max(known, this.#taken - samplesMax); n < this.#taken; n++) {
      samples.push(this.#ring[n % samplesMax]!);
    }
    return {
      intervalMs,
      endMs: this.#endMs,
      last: this.#taken,
      writes: samples.map(({ writes }) => round(writes)),
      reads: samples.map(({ reads }) => round(reads)),
      syncP99Ms: samples.map(({ syncP99Ms }) => syncP99Ms === null ? null : round(syncP99Ms)),
      rssBytes: samples.map(({ rssBytes }) => rssBytes),
    };
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
