/**
 * `deno task sim`: runs seeds until one breaks a promise, and shows how.
 *
 *     deno task sim                      1000 fresh seeds
 *     deno task sim --seeds 100000       as many from a fresh start
 *     deno task sim --from 1 --minutes 5 from seed 1 on, for five minutes
 *     deno task sim --seed 4711          this one, and the end of its story
 *     deno task sim --seed 4711 --verbose all of its story
 *     --steps 5000                       so many steps before healing, instead of the seed's own
 *     --workers 1                        on so many cores, instead of all
 *     --prove                            ends with one line for the table of `deno task prove`
 */
import { parseArgs } from "@std/cli";
import { amount, summary } from "./campaign.ts";
import { CREW, runWithCrew } from "./crew.ts";
import { runSeed, type SeedFailure } from "./run_seed.ts";

const SEEDS = 1000;
/** Lines of a failed seed's story that are shown. */
const STORY_LINES = 60;
/** Fresh seeds start below this, far from the numbers that people type. */
const FRESH_MAX = 2 ** 40;

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && text.trim() !== "") return value;
  console.error(`--${name} expects a number above 0, found "${text}"`);
  Deno.exit(EXIT_USAGE);
}

/** A failed seed once more, for its story; true when it is to be told in full. */
async function tell(seed: number, steps: number | undefined, isWhole: boolean): Promise<boolean> {
  const lines: string[] = [];
  const { failure, hash, steps: made } = await runSeed({
    seed,
    steps,
    print: (line) => {
      if (isWhole) return console.log(line);
      lines.push(line);
      if (lines.length > 2 * STORY_LINES) lines.splice(0, STORY_LINES);
    },
  });
  if (failure !== undefined && !isWhole) console.log(lines.slice(-STORY_LINES).join("\n"));
  if (failure === undefined) {
    console.log(`Seed ${seed} keeps every promise, ${made} steps, ${hash}`);
  } else report(seed, steps, failure);
  return failure !== undefined;
}

function report(seed: number, steps: number | undefined, { property, message }: SeedFailure): void {
  const replay = `deno task sim --seed ${seed}${steps === undefined ? "" : ` --steps ${steps}`}`;
  console.log(`\nSeed ${seed} breaks "${property}"\n  ${message}\nReplay: ${replay} --verbose\n`);
}

const flags = parseArgs(Deno.args.filter((argument) => argument !== "--"), {
  string: ["seeds", "from", "minutes", "seed", "steps", "workers"],
  boolean: ["verbose", "prove"],
  unknown: (argument) => {
    console.error(`Unknown argument "${argument}": see the head of tests/sim/sim.ts`);
    Deno.exit(EXIT_USAGE);
  },
});
const steps = number("steps", flags.steps);
const seed = number("seed", flags.seed);
if (seed !== undefined) {
  Deno.exit(await tell(seed, steps, flags.verbose) ? EXIT_FAILED : 0);
}
const minutes = number("minutes", flags.minutes);
const from = number("from", flags.from) ?? 1 + Math.floor(Math.random() * FRESH_MAX);
console.log(`Seeds from ${from} on`);
const interrupt = new AbortController();
// Ctrl-C ends the run with what it has.
Deno.addSignalListener("SIGINT", () => interrupt.abort());
const result = await runWithCrew(
  {
    from,
    seeds: number("seeds", flags.seeds) ?? (minutes === undefined ? SEEDS : Infinity),
    milliseconds: (minutes ?? Infinity) * 60_000,
    steps,
  },
  number("workers", flags.workers) ?? CREW,
  interrupt.signal,
);
const { failure } = result;
if (failure !== undefined) {
  const isReplayed = await tell(failure.seed, steps, false);
  if (!isReplayed) report(failure.seed, steps, failure);
}
console.log(summary(result));
if (flags.prove) {
  const outcome = failure === undefined
    ? "every promise kept"
    : `FAILED: seed ${failure.seed} breaks "${failure.property}"`;
  console.log(`PROVE Simulator | ${amount(result)} | ${outcome}`);
}
Deno.exit(failure === undefined ? 0 : EXIT_FAILED);
