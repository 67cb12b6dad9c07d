/** What a load has found, and what is made of many runs. */

/** What one run of a load generator found. */
export interface Measured {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Sockets that failed and answers that are no success. */
  readonly errors: number;
}

/** `measured`, if all of it went well. */
export function withoutErrors(measured: Measured, name: string): Measured {
  if (measured.errors === 0 && measured.requests > 0) return measured;
  const { errors, requests } = measured;
  throw new Error(`Expected no errors under load of ${name}, found ${errors} of ${requests}`);
}

/** Of one run, a second. */
export function rate({ requests, seconds }: Measured): number {
  return requests / seconds;
}

/** The rates of two systems, for a row. */
export function rates(one: readonly Measured[], other: readonly Measured[]) {
  return { ours: median(one.map(rate)), theirs: median(other.map(rate)), unit: "/s" };
}

/** How long one request of a hundred takes at least, for a row. */
export function p99s(one: readonly Measured[], other: readonly Measured[]) {
  const of = (runs: readonly Measured[]) => median(runs.map(({ p99Ms }) => p99Ms));
  return { ours: of(one), theirs: of(other), unit: "ms" };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
