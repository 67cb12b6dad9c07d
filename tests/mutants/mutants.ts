/**
 * `deno task mutants`: plants every bug of `planted.ts`, one at a time, in a copy
 * of the sources and lets the checks look for it, from cheap to dear, until one
 * finds it. Ends with a table, and with status 1 when a bug was found by nobody:
 * then a test is missing.
 *
 *     deno task mutants                      all, three at a time
 *     deno task mutants --only "two voters"  those whose name has the text
 *     deno task mutants --check sim          by one check alone: what it is worth by itself
 *     deno task mutants --every 20           each twentieth: to try the runner
 *     deno task mutants --from 60            the sixtieth and what follows: to go on
 *     --workers 1 --out FILE                 at a time; where the table goes, too
 */
import { cpSync, mkdirSync } from "node:fs";
import { parseArgs } from "@std/cli/parse-args";
import { ROOT } from "../tidy/source.ts";
import { tableOf } from "../prove/table.ts";
import { checksFor, loadFault, runCheck, type Verdict } from "./checks.ts";
import { type Mutant, plant } from "./mutant.ts";
import { MUTANTS } from "./planted.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** More than cores: checks wait for processes and clocks. */
const WORKERS = 3;
/** All that the checks need. */
const COPIED = ["src", "tests", "fixtures", "vendor", "tools"];
const COPIED_FILES = ["main.ts", "deno.json", "deno.lock", "README.md"];

interface Found {
  readonly mutant: Mutant;
  /** Undefined for one that nobody found. */
  readonly check: string | undefined;
  readonly evidence: string;
  /** Of all checks that looked for it. */
  readonly seconds: number;
}

/** A check that fails without any bug proves nothing, nor does a bug that does not load. */
class UnsoundError extends Error {
  override readonly name = "UnsoundError";
}

const flags = parseArgs(Deno.args.filter((argument) => argument !== "--"), {
  string: ["only", "check", "every", "from", "workers", "out"],
  unknown: (argument) => {
    console.error(`Unknown argument "${argument}": see the head of tests/mutants/mutants.ts`);
    Deno.exit(EXIT_USAGE);
  },
});

function count(name: "every" | "from" | "workers", otherwise: number): number {
  const value = Number(flags[name] ?? otherwise);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`--${name} expects a whole number from 1 on, found "${flags[name]}"`);
  Deno.exit(EXIT_USAGE);
}

const every = count("every", 1);
const from = count("from", 1);
const { only, check: onlyCheck } = flags;
const chosen = MUTANTS.filter(({ name }) => only === undefined || name.includes(only))
  .slice(from - 1)
  .filter((_, at) => at % every === 0);
if (chosen.length === 0) {
  console.error(`--only expects a part of a mutant's name, found "${only}"`);
  Deno.exit(EXIT_USAGE);
}

/** Checks that were run without a bug, by name. */
const sound = new Map<string, Promise<Verdict>>();

async function assertSound(directory: string, check: string): Promise<void> {
  let running = sound.get(check);
  if (running === undefined) {
    running = runCheck(directory, check);
    sound.set(check, running);
  }
  const { failed, evidence } = await running;
  if (failed) throw new UnsoundError(`"${check}" fails without any bug: ${evidence}`);
}

/** What comes of looking for `mutant`; one that says nothing about its check counts as one that survives. */
async function huntOrTell(directory: string, mutant: Mutant): Promise<Found> {
  try {
    return await hunt(directory, mutant);
  } catch (error) {
    if (!(error instanceof UnsoundError)) throw error;
    return { mutant, check: undefined, evidence: error.message, seconds: 0 };
  }
}

/** Looks for `mutant` in `directory`, which is as the sources are before and after. Throws `UnsoundError`. */
async function hunt(directory: string, mutant: Mutant): Promise<Found> {
  const path = `${directory}/${mutant.file}`;
  const text = await Deno.readTextFile(path);
  const planted = plant(mutant, text);
  let seconds = 0;
  for (const check of onlyCheck === undefined ? checksFor(mutant) : [onlyCheck]) {
    await assertSound(directory, check);
    await Deno.writeTextFile(path, planted);
    try {
      const fault = await loadFault(directory, mutant.file);
      if (fault !== undefined) {
        throw new UnsoundError(`it does not load: ${fault}`);
      }
      const verdict = await runCheck(directory, check);
      seconds += verdict.seconds;
      if (verdict.failed) return { mutant, check, evidence: verdict.evidence, seconds };
    } finally {
      await Deno.writeTextFile(path, text);
    }
  }
  return { mutant, check: undefined, evidence: "", seconds };
}

async function work(directory: string, queue: Mutant[], found: Found[]): Promise<void> {
  mkdirSync(directory);
  for (const name of COPIED) cpSync(`${ROOT}${name}`, `${directory}/${name}`, { recursive: true });
  for (const name of COPIED_FILES) cpSync(`${ROOT}${name}`, `${directory}/${name}`);
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const row = await huntOrTell(directory, mutant);
    found.push(row);
    const by = `${row.check ?? "SURVIVES"}: ${row.evidence}`;
    console.log(`${found.length}/${chosen.length} ${mutant.name} | ${by}`);
  }
}

function report(found: readonly Found[], seconds: number): number {
  const order = chosen.flatMap((mutant) => found.filter((row) => row.mutant === mutant));
  const rows = order.map(({ mutant, check, evidence, seconds }) => [
    mutant.file.replace(/^src\//, ""),
    mutant.name,
    mutant.promise,
    check ?? "SURVIVES",
    evidence,
    seconds.toFixed(1),
  ]);
  const table = tableOf(["where", "planted bug", "promise", "found by", "evidence", "s"], rows);
  console.log(`\n${table}\n`);
  if (flags.out !== undefined) Deno.writeTextFileSync(flags.out, `${table}\n`);
  const survivors = order.filter(({ check }) => check === undefined).length;
  const result = survivors === 0 ? "each found" : `${survivors} found by nobody`;
  const much = `${order.length} planted bugs, ${seconds.toFixed(0)} s`;
  console.log(`PROVE Mutants | ${much} | ${result}`);
  return survivors;
}

const startMs = performance.now();
const directory = await Deno.makeTempDir({ prefix: "etcd-mutants-" });
// The checks of a run that is ended by hand end by themselves.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    Deno.removeSync(directory, { recursive: true });
    Deno.exit(EXIT_FAILED);
  });
}
const found: Found[] = [];
try {
  const queue = [...chosen];
  const workers = Array.from({ length: Math.min(count("workers", WORKERS), queue.length) });
  await Promise.all(workers.map((_, at) => work(`${directory}/${at}`, queue, found)));
} finally {
  await Deno.remove(directory, { recursive: true });
}
const survivors = report(found, (performance.now() - startMs) / 1000);
Deno.exit(survivors === 0 ? 0 : EXIT_FAILED);
