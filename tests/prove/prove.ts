/**
 * `deno task prove`: runs all proofs and prints one table: what, how much, result.
 * A release needs it; it takes an hour and a half on two idle cores.
 *
 *     deno task prove                  all of it
 *     deno task prove --only fuzz,sim  the parts whose names have these texts
 *     deno task prove --quick          each part for seconds: to try the runner
 *     deno task prove --out FILE       writes the table there, too
 *
 * A part is a command. The last line of its output that begins with "PROVE " says
 * `PROVE what | how much | result`, and its exit status whether that is as it
 * should be: both must be there.
 */
import { parseArgs } from "@std/cli/parse-args";
import { ROOT } from "../tidy/source.ts";
import { type Part, PARTS } from "./parts.ts";
import { type Outcome, outcomeOf, runInTurn } from "./run.ts";
import { tableOf } from "./table.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** A part that takes so many times longer than it should has lost its way. */
const PATIENCE = 3;
const QUICK_SECONDS_MAX = 300;

const flags = parseArgs(Deno.args.filter((argument) => argument !== "--"), {
  string: ["only", "out"],
  boolean: ["quick"],
  unknown: (argument) => {
    console.error(`Unknown argument "${argument}": see the head of tests/prove/prove.ts`);
    Deno.exit(EXIT_USAGE);
  },
});
const wanted = flags.only?.split(",") ?? [""];
const chosen = PARTS.filter(({ name }) => wanted.some((text) => name.includes(text)));
if (chosen.length === 0) {
  const names = PARTS.map(({ name }) => name).join(", ");
  console.error(`--only expects a part of one of these names: ${names}; found "${flags.only}"`);
  Deno.exit(EXIT_USAGE);
}

const ending = new AbortController();
Deno.addSignalListener("SIGINT", () => ending.abort());

async function prove(part: Part): Promise<Outcome> {
  const seconds = flags.quick ? QUICK_SECONDS_MAX : part.minutes * 60 * PATIENCE;
  const limit = AbortSignal.timeout(seconds * 1000);
  const startMs = performance.now();
  console.log(`${part.name}: begins`);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", part.file, ...(flags.quick ? part.quick : part.full)],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.any([limit, ending.signal]),
  }).output();
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  const late = limit.aborted ? `no end within ${seconds} s` : undefined;
  const tookSeconds = (performance.now() - startMs) / 1000;
  const outcome = outcomeOf(part.name, text, success, late, tookSeconds);
  console.log(
    `${part.name}: ${outcome.kept ? "kept" : "BROKEN"} after ${tookSeconds.toFixed(0)} s`,
  );
  if (!outcome.kept) console.log(text);
  return outcome;
}

const startMs = performance.now();
const outcomes = await runInTurn(chosen, prove);
const table = tableOf(
  ["what", "how much", "result", "s"],
  outcomes.map(({ what, much, result, seconds }) => [what, much, result, seconds.toFixed(0)]),
);
console.log(`\n${table}`);
const broken = outcomes.filter(({ kept }) => !kept).length;
const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
console.log(
  `\n${outcomes.length} parts in ${minutes} minutes: ${
    broken === 0 ? "every promise kept" : `${broken} BROKEN`
  }`,
);
if (flags.out !== undefined) await Deno.writeTextFile(flags.out, `${table}\n`);
Deno.exit(broken === 0 ? 0 : EXIT_FAILED);
