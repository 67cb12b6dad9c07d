/**
 * Many seeds, one after the other, and what they add up to. One seed in a
 * hundred runs twice and must go the same way, else a failure could not be
 * replayed. `crew.ts` shares a campaign out among workers.
 */
import { runSeed, type SeedFailure } from "./run_seed.ts";

export interface CampaignOptions {
  /** The first seed … */
  readonly from: number;
  /** … and how much further on the next one is. */
  readonly stride: number;
  /** Ends after so many seeds … */
  readonly seeds: number;
  /** … or so many milliseconds, whichever comes first. */
  readonly milliseconds: number;
  /** Before healing; undefined: what each seed says. */
  readonly steps: number | undefined;
}

export interface CampaignReport {
  readonly seeds: number;
  readonly steps: number;
  readonly answers: number;
  /** Of one core, or the sum of several. */
  readonly coreSeconds: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly happenings: ReadonlyMap<string, number>;
  /** Of the seed at which the campaign ended, when it failed. */
  readonly failure: (SeedFailure & { readonly seed: number }) | undefined;
}

/** Every seed that this divides runs twice. */
const TWICE_EVERY = 100;

/** Ends at the first seed that fails, or when it `isOver` elsewhere. */
export async function runCampaign(
  { from, stride, seeds, milliseconds, steps }: CampaignOptions,
  isOver: () => boolean = () => false,
): Promise<CampaignReport> {
  const startMs = performance.now();
  const faults = new Map<string, number>();
  const happenings = new Map<string, number>();
  const total = { seeds: 0, steps: 0, answers: 0 };
  let failure: CampaignReport["failure"];
  for (; total.seeds < seeds && failure === undefined && !isOver(); total.seeds++) {
    if (performance.now() - startMs >= milliseconds) break;
    const seed = from + total.seeds * stride;
    const report = await runSeed({ seed, steps });
    total.steps += report.steps;
    total.answers += report.answers;
    add(faults, report.faults);
    add(happenings, report.happenings);
    const failed = report.failure ?? await repeated(seed, steps, report.hash);
    if (failed !== undefined) failure = { ...failed, seed };
  }
  const coreSeconds = (performance.now() - startMs) / 1000;
  return { ...total, coreSeconds, faults, happenings, failure };
}

/** What several campaigns were together. */
export function sum(reports: readonly CampaignReport[]): CampaignReport {
  const faults = new Map<string, number>();
  const happenings = new Map<string, number>();
  const total = { seeds: 0, steps: 0, answers: 0, coreSeconds: 0 };
  let failure: CampaignReport["failure"];
  for (const report of reports) {
    total.seeds += report.seeds;
    total.steps += report.steps;
    total.answers += report.answers;
    total.coreSeconds += report.coreSeconds;
    add(faults, report.faults);
    add(happenings, report.happenings);
    failure ??= report.failure;
  }
  return { ...total, faults, happenings, failure };
}

/** One line: how much was tried, how fast, and what went wrong on purpose. */
export function summary(report: CampaignReport): string {
  const { faults, happenings } = report;
  const list = (counts: ReadonlyMap<string, number>) =>
    [...counts].sort(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`).join(", ");
  return `${amount(report)}; faults: ${list(faults) || "none"}; ` +
    `seen: ${list(happenings) || "nothing"}`;
}

/** The numbers of the line. */
export function amount(
  { seeds, steps, coreSeconds, answers, faults }: CampaignReport,
): string {
  const injected = [...faults.values()].reduce((all, count) => all + count, 0);
  return `${seeds} seeds, ${steps} steps, ${Math.round(steps / coreSeconds)} steps/s a core, ` +
    `${injected} faults, ${answers} answers checked`;
}

async function repeated(
  seed: number,
  steps: number | undefined,
  hash: string,
): Promise<SeedFailure | undefined> {
  if (seed % TWICE_EVERY !== 0) return undefined;
  return differs(hash, (await runSeed({ seed, steps })).hash);
}

/** The failure that it is when two runs of one seed leave different traces. */
export function differs(first: string, second: string): SeedFailure | undefined {
  return first === second ? undefined : {
    property: "determinism",
    message: `determinism: the first run has the hash ${first}, the second ${second}`,
  };
}

function add(total: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [what, count] of counts) total.set(what, (total.get(what) ?? 0) + count);
}
