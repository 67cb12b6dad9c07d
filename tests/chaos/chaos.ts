/**
 * `deno task chaos`: five real nodes under mutual TLS, users and watchers on all
 * of them, and faults chosen by a seed. Ends with one table, and with status 1
 * when a promise was broken; then the logs, the history and the seed stay in a
 * directory that is named.
 *
 *     deno task chaos                   five minutes
 *     deno task chaos --minutes 30      for a release
 *     deno task chaos --seed 4711       the same faults; their moments still vary
 *     --nodes 3 --users 16 --pace 40    size, users, and their rest in ms between two requests
 *     --stale                           takes stale reads for linearizable ones: has to fail
 *     --out DIRECTORY                   where a failed run is kept
 */
import { parseArgs } from "@std/cli/parse-args";
import { describe } from "../linearizability/history.ts";
import type { Arena } from "./arena.ts";
import type { ChaosLoad } from "./load.ts";
import { runChaos, type RunReport } from "./run.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const PROBLEMS_SHOWN = 5;
const PROBLEM_LENGTH = 2_000;

const flags = parseArgs(Deno.args.filter((argument) => argument !== "--"), {
  string: ["minutes", "seed", "nodes", "users", "pace", "out"],
  boolean: ["stale"],
  unknown: (argument) => {
    console.error(`Unknown argument "${argument}": see the head of tests/chaos/chaos.ts`);
    Deno.exit(EXIT_USAGE);
  },
});

function number(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`--${name} expects a number above 0, found "${text}"`);
  Deno.exit(EXIT_USAGE);
}

/** What is left of a run that broke a promise. */
async function keep(report: RunReport, arena: Arena, load: ChaosLoad): Promise<void> {
  const directory = flags.out ?? await Deno.makeTempDir({ prefix: "etcd-chaos-failed-" });
  await Deno.mkdir(directory, { recursive: true });
  await arena.keepLogs(directory);
  const problems = report.checks.flatMap(({ what, problems }) =>
    problems.map((problem) => `${what}: ${problem}`)
  );
  await Deno.writeTextFile(`${directory}/problems.txt`, problems.join("\n"));
  const history = load.history.operations.map((operation) => JSON.stringify(operation));
  await Deno.writeTextFile(`${directory}/history.jsonl`, history.join("\n"));
  const told = load.history.operations.map((operation) => describe(operation));
  await Deno.writeTextFile(`${directory}/history.txt`, told.join("\n"));
  await Deno.writeTextFile(`${directory}/seed.txt`, `${seed}\n`);
  console.log(`Logs, history and seed are in ${directory}`);
}

function tableOf(report: RunReport): string {
  const rows: (readonly [string, string, string])[] = [["what", "how much", "result"]];
  for (const [fault, count] of report.faults) rows.push([fault, `${count}`, ""]);
  for (const [what, count] of report.seen) rows.push([`  ${what}`, `${count}`, ""]);
  for (const { what, howMuch, problems } of report.checks) {
    const result = problems.length === 0 ? "ok" : `${problems.length} BROKEN`;
    rows.push([what, howMuch, result]);
  }
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const [head, ...body] = rows.map(line);
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [head, rule, ...body].join("\n");
}

const minutes = number("minutes", flags.minutes, 5);
const seed = number("seed", flags.seed, 1 + Math.floor(Math.random() * 2 ** 40));
const startMs = performance.now();
console.log(`Seed ${seed}, ${minutes} minutes`);

/** Nodes and mounts must not outlive the run. */
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => reject(new Error(`Ended by ${signal}`)));
  }
});

const report = await runChaos({
  interrupted,
  seed,
  size: number("nodes", flags.nodes, 5),
  milliseconds: minutes * 60_000,
  users: number("users", flags.users, 16),
  paceMs: number("pace", flags.pace, 40),
  takesStale: flags.stale,
  print: (line) => {
    console.log(`${((performance.now() - startMs) / 1000).toFixed(1).padStart(7)} s  ${line}`);
  },
}, keep);

const broken = report.checks.filter(({ problems }) => problems.length > 0);
for (const { what, problems } of broken) {
  console.log(`\n${what}: ${problems.length} broken`);
  for (const problem of problems.slice(0, PROBLEMS_SHOWN)) {
    console.log(`  ${problem.slice(-PROBLEM_LENGTH)}`);
  }
}
const requests = [...report.requests].toSorted().map(([what, count]) => `${what} ${count}`);
console.log(`\nRequests: ${requests.join(", ")}\n`);
console.log(tableOf(report));
for (const what of report.missing) console.log(`Left out: ${what}`);
const faults = [...report.faults.values()].reduce((sum, count) => sum + count, 0);
const result = broken.length === 0 ? "every promise kept" : `${broken.length} promises broken`;
const left = report.missing.length === 0 ? "" : `, ${report.missing.length} kinds left out`;
console.log(
  `\nPROVE Chaos | ${minutes} minutes, ${faults} faults${left}, seed ${seed} | ${result}`,
);
Deno.exit(broken.length === 0 ? 0 : EXIT_FAILED);
