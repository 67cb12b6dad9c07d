/**
 * Many seeds, one after the other, and what they add up to. One seed in a
 * hundred runs twice and must go the same way, else a failure could not be
 * replayed.
 */
import { runSeed, type SeedFailure } from "./run_seed.ts";

export interface CampaignOptions {
  /** The seeds are this one and those that follow it. */
  readonly from: number;
  /** Ends after so many seeds … */
  readonly seeds: number;
  /** … or so many milliseconds, whichever comes first. */
  readonly milliseconds: number;
  readonly steps: number | undefined;
}

export interface CampaignReport {
  readonly seeds: number;
  readonly steps: number;
  readonly answers: number;
  readonly seconds: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly happenings: ReadonlyMap<string, number>;
  /** Of the seed at which the campaign ended, when it failed. */
  readonly failure: (SeedFailure & { readonly seed: number }) | undefined;
}

/** Every seed that this divides runs twice. */
const TWICE_EVERY = 100;

/** Ends at the first seed that fails. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const startMs = performance.now();
  const faults = new Map<string, number>();
  const happenings = new Map<string, number>();
  const total = { seeds: 0, steps: 0, answers: 0 };
  let failure: CampaignReport["failure"];
  for (let seed = options.from; seed < options.from + options.seeds; seed++) {
    if (performance.now() - startMs >= options.milliseconds) break;
    const report = await runSeed({ seed, steps: options.steps });
    total.seeds++;
    total.steps += report.steps;
    total.answers += report.answers;
    add(faults, report.faults);
    add(happenings, report.happenings);
    const failed = report.failure ?? await repeated(seed, options.steps, report.hash);
    if (failed !== undefined) {
      failure = { ...failed, seed };
      break;
    }
  }
  const seconds = (performance.now() - startMs) / 1000;
  return { ...total, seconds, faults, happenings, failure };
}

/** One line: how much was tried, how fast, and what went wrong on purpose. */
export function summary(report: CampaignReport): string {
  const { seeds, steps, seconds, answers, faults, happenings } = report;
  const list = (counts: ReadonlyMap<string, number>) =>
    [...counts].sort(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`).join(", ");
  return `${seeds} seeds, ${steps} steps, ${Math.round(steps / seconds)} steps/s, ` +
    `${answers} answers checked; faults: ${list(faults) || "none"}; ` +
    `seen: ${list(happenings) || "nothing"}`;
}

async function repeated(
  seed: number,
  steps: number | undefined,
  hash: string,
): Promise<SeedFailure | undefined> {
  if (seed % TWICE_EVERY !== 0) return undefined;
  const again = await runSeed({ seed, steps });
  return again.hash === hash ? undefined : {
    property: "determinism",
    message: `determinism: the first run has the hash ${hash}, the second ${again.hash}`,
  };
}

function add(total: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [what, count] of counts) total.set(what, (total.get(what) ?? 0) + count);
}
