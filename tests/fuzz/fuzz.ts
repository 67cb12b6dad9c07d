/**
 * `deno task fuzz`: a million inputs for everything that reads what others wrote.
 *
 *     deno task fuzz                          all, a million each, from a fresh seed
 *     deno task fuzz --only forms,paths       some of them
 *     deno task fuzz --except forms           the others
 *     deno task fuzz --count 20000 --seed 7   so many inputs of this seed
 *     deno task fuzz --only forms --seed 7 --at 4711   this input once more
 *     deno task fuzz --only forms --input 2561         these bytes (hex)
 */
import { parseArgs } from "@std/cli";
import { type Failure, runInputs, runSubject } from "./run.ts";
import type { Subject } from "./subject.ts";
import { SUBJECTS } from "./subjects.ts";

const COUNT = 1_000_000;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function usage(message: string): never {
  console.error(message);
  Deno.exit(EXIT_USAGE);
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  return usage(`--${name} expects a whole number, found "${text}"`);
}

/** `log-files` and `log files` are the same. */
function named(flag: "only" | "except", names: string): readonly Subject[] {
  return names.replaceAll("-", " ").split(",").map((wanted) =>
    SUBJECTS.find(({ name }) => name === wanted) ??
      usage(`--${flag} expects some of ${SUBJECTS.map(({ name }) => `"${name}"`).join(", ")}`)
  );
}

function chosen(): readonly Subject[] {
  const { only, except } = options;
  const subjects = only === undefined ? SUBJECTS : named("only", only);
  const others = except === undefined ? [] : named("except", except);
  return subjects.filter((subject) => !others.includes(subject));
}

function tell({ subject, seed, at, input, message }: Failure): void {
  const name = subject.replaceAll(" ", "-");
  console.log(`\n${subject}: ${message}`);
  console.log(`Seed ${seed}, input ${at}: ${input.toHex()}`);
  console.log(`Replay: deno task fuzz --only ${name} --seed ${seed} --at ${at}`);
  console.log(`    or: deno task fuzz --only ${name} --input ${input.toHex()}\n`);
}

const options = parseArgs(Deno.args.filter((argument) => argument !== "--"), {
  string: ["only", "except", "count", "seed", "at", "input"],
  unknown: (argument) =>
    usage(`Unknown argument "${argument}": see the head of tests/fuzz/fuzz.ts`),
});
const subjects = chosen();
if (options.input !== undefined) {
  for (const subject of subjects) await runInputs(subject, [Uint8Array.fromHex(options.input)]);
  console.log("The input keeps every promise");
  Deno.exit(0);
}
const seed = number("seed", options.seed) ?? Math.floor(Math.random() * 2 ** 32);
const at = number("at", options.at);
const count = at === undefined ? number("count", options.count) ?? COUNT : 1;
console.log(`Seed ${seed}`);
const failures: Failure[] = [];
let bytesMax = 0;
let inputs = 0;
for (const subject of subjects) {
  const result = await runSubject(subject, seed, at ?? 0, count);
  bytesMax = Math.max(bytesMax, result.bytesMax);
  inputs += result.inputs;
  const seconds = (result.milliseconds / 1000).toFixed(1);
  const megabytes = Math.round(result.bytesMax / 2 ** 20);
  console.log(
    `${subject.name.padEnd(16)}${result.inputs.toLocaleString("en").padStart(10)} inputs ` +
      `${seconds.padStart(7)} s ${`${megabytes}`.padStart(5)} MiB  ${subject.promise}`,
  );
  if (result.failure === undefined) continue;
  failures.push(result.failure);
  tell(result.failure);
}
const verdict = failures.length === 0
  ? `0 failures, ${Math.round(bytesMax / 2 ** 20)} MiB at most`
  : `${failures.length} failed, first "${failures[0]!.subject}" input ${failures[0]!.at}`;
console.log(
  `PROVE fuzz | ${
    inputs.toLocaleString("en")
  } inputs of ${subjects.length} kinds, seed ${seed} | ${verdict}`,
);
Deno.exit(failures.length === 0 ? 0 : EXIT_FAILED);
