/**
 * How often something took how long, in buckets whose bounds double: counting
 * costs a few instructions and allocates nothing.
 */

/** Counts durations; bucket `i` holds those of up to `firstSeconds * 2 ** i`. */
export class Histogram {
  /** Upper bounds in seconds, ascending; what is longer is counted beyond the last. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  constructor(firstSeconds: number, bucketCount: number) {
    // Rounded, so that 0.001 is printed and not 0.0010000000000000002.
    this.bounds = Array.from(
      { length: bucketCount },
      (_, i) => Number((firstSeconds * 2 ** i).toPrecision(12)),
    );
    this.#counts = new Float64Array(bucketCount + 1);
  }

  /** Of everything observed, in seconds. */
  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  observe(seconds: number): void {
    // In units of the first bound, rounded up: the bucket is the logarithm of it, rounded up.
    const units = Math.ceil(seconds / this.bounds[0]!);
    const bucket = units <= 1 ? 0 : units >= 2 ** 31 ? Infinity : 32 - Math.clz32(units - 1);
    const last = this.bounds.length;
    this.#counts[bucket < last ? bucket : last]!++;
    this.#sum += seconds;
    this.#count++;
  }

  /** How many were observed in each bucket, those beyond the last bound at the end. */
  counts(): Float64Array {
    return this.#counts.slice();
  }
}

/** What a histogram observed since the last look. */
export class HistogramWindow {
  readonly #histogram: Histogram;
  #before: Float64Array;

  constructor(histogram: Histogram) {
    this.#histogram = histogram;
    this.#before = histogram.counts();
  }

  /**
   * How many were observed since the last call, and a bound in seconds that the
   * share `quantile` of them did not exceed: the bucket's, Infinity beyond the
   * last one, undefined when there were none.
   */
  take(quantile: number): { readonly count: number; readonly bound: number | undefined } {
    const { count, bound } = this.#take(quantile);
    return { count, bound };
  }

  /**
   * The quantile of those since the last call in seconds, as if they were spread
   * evenly over their bucket; undefined when there were none. Beyond the last
   * bound it is that bound.
   */
  takeEstimate(quantile: number): number | undefined {
    const { bound, from, share } = this.#take(quantile);
    if (bound === undefined) return undefined;
    return bound === Infinity ? from : from + (bound - from) * share;
  }

  #take(quantile: number): Taken {
    const counts = this.#histogram.counts();
    const before = this.#before;
    this.#before = counts;
    const fresh = counts.map((count, bucket) => count - before[bucket]!);
    const count = fresh.reduce((sum, n) => sum + n, 0);
    if (count === 0) return { count, bound: undefined, from: 0, share: 0 };
    const { bounds } = this.#histogram;
    let left = Math.ceil(count * quantile);
    let bucket = 0;
    while (left > fresh[bucket]!) left -= fresh[bucket++]!;
    return {
      count,
      bound: bounds[bucket] ?? Infinity,
      from: bounds[bucket - 1] ?? 0,
      share: left / fresh[bucket]!,
    };
  }
}

interface Taken {
  readonly count: number;
  /** The upper bound of the bucket that the quantile is in. */
  readonly bound: number | undefined;
  /** Its lower bound. */
  readonly from: number;
  /** Which part of the bucket is not above the quantile. */
  readonly share: number;
}
