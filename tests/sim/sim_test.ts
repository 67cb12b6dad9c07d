/**
 * The simulator as a test: seeds that are always the same, those that once
 * failed, and fresh ones for a while. A failure prints the command that replays
 * it with its whole story.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { type CampaignReport, summary } from "./campaign.ts";
import { CREW, runWithCrew } from "./crew.ts";
import { runSeed } from "./run_seed.ts";
import { FIXED_SEEDS, REGRESSIONS } from "./seeds.ts";

/** Of one core: how long fresh seeds are tried, unless the environment says otherwise. */
const FRESH_SECONDS = 20;
const FRESH_VARIABLE = "ETCD_SIM_SECONDS";
/** Fresh seeds begin below this. */
const FRESH_MAX = 2 ** 40;

function assertKept(report: CampaignReport): void {
  const { failure } = report;
  assert(
    failure === undefined,
    `Seed ${failure?.seed} breaks "${failure?.property}": ${failure?.message}\n` +
      `Replay: deno task sim --seed ${failure?.seed} --verbose`,
  );
}

/** Seconds for fresh seeds; a wrong value must not pass for "none". */
function freshSeconds(): number {
  const text = Deno.env.get(FRESH_VARIABLE) ?? String(FRESH_SECONDS);
  const seconds = Number(text);
  assert(
    Number.isFinite(seconds) && seconds > 0,
    `${FRESH_VARIABLE} expects seconds above 0, found "${text}"`,
  );
  return seconds;
}

Deno.test("simulation() keeps every promise when the seeds are the fixed ones", async () => {
  const { from, count } = FIXED_SEEDS;
  const report = await runWithCrew({
    from,
    seeds: count,
    milliseconds: Infinity,
    steps: undefined,
  });
  assertKept(report);
  assertEquals(report.seeds, count);
  // Else it would prove little: what is rare elsewhere must be common here.
  const users = ["auth: userChangePassword", "auth: roleRevokePermission", "auth: authDisable"];
  for (const what of users) assertGreater(report.happenings.get(what) ?? 0, count / 50, what);
  for (const what of ["elections", "truncations", "snapshots sent", "exits: removed"]) {
    assertGreater(report.happenings.get(what) ?? 0, count / 50, what);
  }
});

Deno.test("simulation() keeps every promise when a seed once broke one", async (t) => {
  for (const { seed, why } of REGRESSIONS) {
    await t.step(`seed ${seed}: ${why}`, async () => {
      const { failure } = await runSeed({ seed, steps: undefined });
      assert(failure === undefined, failure?.message);
    });
  }
});

Deno.test("simulation() keeps every promise when the seeds are fresh", async () => {
  const report = await runWithCrew({
    from: 1 + Math.floor(Math.random() * FRESH_MAX),
    seeds: Infinity,
    milliseconds: freshSeconds() * 1000 / CREW,
    steps: undefined,
  });
  console.log(summary(report));
  assertKept(report);
});

Deno.test("simulation() goes the same way when a seed runs twice", async () => {
  for (const seed of [1, 17, 400]) {
    const first = await runSeed({ seed, steps: undefined });
    const second = await runSeed({ seed, steps: undefined });
    assertEquals(second.hash, first.hash);
    assertEquals(second.steps, first.steps);
  }
  const [one, other] = [
    await runSeed({ seed: 1, steps: 500 }),
    await runSeed({ seed: 2, steps: 500 }),
  ];
  assert(one.hash !== other.hash, "Two seeds must not go the same way");
});
