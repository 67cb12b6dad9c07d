/**
 * A hundred thousand disk states that a crash may leave, each opened: random
 * lives of a data directory (saves, segments, snapshots made and received,
 * restarts), stopped before every operation on the disk by a kill and by power
 * cuts. The same check as in `crash_test.ts`, for longer.
 *
 *     deno run -A tests/storage/prove_crashes.ts [--states 100000] [--seed 1]
 */
import { parseArgs } from "@std/cli/parse-args";
import { check, Driver, randomStep } from "./crash_driver.ts";
import { seeded } from "./harness.ts";

const STATES = 100_000;
const STEPS = 12;
/** Power cuts tried before each operation, beside the kill. */
const CUTS = 3;

const flags = parseArgs(Deno.args, { string: ["states", "seed"] });
const wanted = Number(flags.states ?? STATES);
const from = Number(flags.seed ?? 1 + Math.floor(Math.random() * 2 ** 40));

/** How many states one life leaves; all of them open as they should. */
async function live(seed: number): Promise<number> {
  const random = seeded(seed);
  const segmentBytes = 768 + Math.floor(random() * 600);
  const driver = new Driver(seed, CUTS, { segmentBytes });
  await driver.start();
  for (let step = 0; step < STEPS; step++) await randomStep(driver, random);
  for (const state of driver.states) await check(state, random);
  return driver.states.length;
}

let states = 0;
let seed = from;
let failure: unknown;
while (states < wanted && failure === undefined) {
  try {
    states += await live(seed);
    seed++;
  } catch (error) {
    failure = error;
    console.error(error);
  }
}
const result = failure === undefined
  ? "no acknowledged entry lost, no false refusal"
  : `seed ${seed} failed: ${failure instanceof Error ? failure.message : String(failure)}`;
console.log(
  `PROVE Crash states | ${states} states, ${seed - from} lives from seed ${from} | ${result}`,
);
Deno.exit(failure === undefined ? 0 : 1);
