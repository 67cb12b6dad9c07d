/**
 * A campaign on several cores: each worker takes every so many-th seed, and all
 * end with the first that fails. A seed goes the same way wherever it runs.
 */
import { type CampaignOptions, type CampaignReport, sum } from "./campaign.ts";

/** What a worker is sent: a campaign to begin, or that the one under way is over. */
export type Order =
  | { readonly type: "run"; readonly options: CampaignOptions }
  | { readonly type: "end" };

/** As many as there are processors. */
export const CREW = navigator.hardwareConcurrency;

/**
 * Runs the seeds that follow `from`; `milliseconds` are those of the clock on the
 * wall. Ends early, with what was done until then, when `signal` is aborted.
 */
export async function runWithCrew(
  options: Omit<CampaignOptions, "stride">,
  size = CREW,
  signal?: AbortSignal,
): Promise<CampaignReport> {
  const workers = Array.from(
    { length: Math.min(size, options.seeds) },
    () => new Worker(new URL("./crew_worker.ts", import.meta.url), { type: "module" }),
  );
  const order = (worker: Worker, order: Order) => worker.postMessage(order);
  const endAll = () => {
    for (const worker of workers) order(worker, { type: "end" });
  };
  signal?.addEventListener("abort", endAll);
  try {
    const reports = workers.map(async (worker, i) => {
      order(worker, {
        type: "run",
        options: {
          ...options,
          from: options.from + i,
          stride: workers.length,
          seeds: Math.ceil((options.seeds - i) / workers.length),
        },
      });
      const report = await reportOf(worker);
      if (report.failure !== undefined) endAll();
      return report;
    });
    return sum(await Promise.all(reports));
  } finally {
    signal?.removeEventListener("abort", endAll);
    for (const worker of workers) worker.terminate();
  }
}

function reportOf(worker: Worker): Promise<CampaignReport> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<CampaignReport>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`A worker of the simulation ended: ${event.message}`));
    };
  });
}
