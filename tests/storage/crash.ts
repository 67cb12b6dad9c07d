/**
 * `deno task crash`: what a kill or a power cut leaves at any operation on the
 * disk, opened: nothing acknowledged is lost, and nothing sound is refused.
 *
 *     deno task crash                        200,000 states, from a fresh seed
 *     deno task crash --states 1000000 --seed 7
 */
import { parseArgs } from "@std/cli";
import { runCrashCampaign } from "./crash_campaign.ts";

const STATES = 200_000;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function usage(message: string): never {
  console.error(message);
  Deno.exit(EXIT_USAGE);
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,15}$/.test(text)) return text && Number(text) || undefined;
  return usage(`--${name} expects a whole number, found "${text}"`);
}

const options = parseArgs(Deno.args.filter((argument) => argument !== "--"), {
  string: ["states", "seed"],
  unknown: (argument) =>
    usage(`Unknown argument "${argument}": see the head of tests/storage/crash.ts`),
});
const seed = number("seed", options.seed) ?? 1 + Math.floor(Math.random() * 2 ** 31);
const begun = performance.now();
const { states, recoveries, lives, failure } = await runCrashCampaign(
  seed,
  number("states", options.states) ?? STATES,
);
const count = (value: number) => value.toLocaleString("en");
const seconds = Math.round((performance.now() - begun) / 1000);
console.log(
  `${count(states)} states of ${count(lives)} lives in ${seconds} s, ` +
    `${count(recoveries)} of them of a crash in a recovery`,
);
if (failure !== undefined) {
  console.log(`\nSeed ${failure.seed}: ${failure.message}`);
  console.log(`Replay: deno task crash --states 1 --seed ${failure.seed}\n`);
}
const verdict = failure === undefined
  ? "0 acknowledged entries lost, 0 false refusals"
  : `broken, replay with --states 1 --seed ${failure.seed}`;
console.log(`PROVE Crash states | ${count(states)} states, seed ${seed} | ${verdict}`);
Deno.exit(failure === undefined ? 0 : EXIT_FAILED);
