/**
 * The simulator as part of `deno task ok`: seeds that never change, so that a
 * change of the code is judged by the same stories as the one before, and fresh
 * ones, so that every run looks where none has looked yet.
 */
import { assertEquals } from "@std/assert";
import { runCampaign, summary } from "./campaign.ts";
import type { CampaignReport } from "./campaign.ts";

const FIXED_SEEDS = 500;
const FRESH_SECONDS = Number(Deno.env.get("SIM_SECONDS") ?? 60);
/** Fresh seeds start below this, far from the fixed ones. */
const FRESH_MAX = 2 ** 40;

/** The failure names its seed; `deno task sim --seed N` tells the story. */
function assertKept(report: CampaignReport): void {
  console.log(summary(report));
  assertEquals(report.failure, undefined);
}

Deno.test("runCampaign() finds no broken promise in the fixed seeds", async () => {
  const options = { from: 1, seeds: FIXED_SEEDS, milliseconds: Infinity, steps: undefined };
  const report = await runCampaign(options);
  assertKept(report);
  assertEquals(report.seeds, FIXED_SEEDS);
});

Deno.test("runCampaign() finds no broken promise in fresh seeds", async () => {
  const from = FIXED_SEEDS + 1 + Math.floor(Math.random() * FRESH_MAX);
  const milliseconds = FRESH_SECONDS * 1000;
  assertKept(await runCampaign({ from, seeds: Infinity, milliseconds, steps: undefined }));
});
