/**
 * A million operations of simulated clients through both checkers, and the same
 * with each fault planted, which both have to find.
 *
 *     deno run -A tests/linearizability/prove.ts [--operations 1000000] [--seed 1]
 */
import { parseArgs } from "@std/cli/parse-args";
import { checkByIndex } from "./by_index.ts";
import { checkBySearch } from "./by_search.ts";
import type { Violation } from "./history.ts";
import { FAULTS, simulateClients } from "./simulated_clients.ts";

/** Keys have as many operations as those of a busy cluster. */
const OPERATIONS_A_KEY = 2_000;
const CLIENTS = 64;
const LOST = 0.02;

const flags = parseArgs(Deno.args, { string: ["operations", "seed"] });
const operations = Number(flags.operations ?? 1_000_000);
const seed = Number(flags.seed ?? 1);

let failed = false;
let seconds = 0;

/** Whether both checkers have the right word; `fault` undefined: nothing is planted. */
function judge(fault: typeof FAULTS[number] | undefined): void {
  const keys = Math.max(1, Math.round(operations / OPERATIONS_A_KEY));
  const options = { seed, operations, keys, clients: CLIENTS, lost: LOST };
  const simulated = simulateClients(fault === undefined ? options : { ...options, fault });
  const verdicts = [
    time("by index", () => checkByIndex(simulated.operations)),
    time("by search", () => checkBySearch(simulated.operations)),
  ];
  const isRight = verdicts.every(([first]) => (first !== undefined) === (fault !== undefined));
  if (!isRight || (fault !== undefined && !simulated.planted)) failed = true;
  console.log(`${fault ?? "an atomic store"}: ${isRight ? "as it should be" : "WRONG VERDICT"}`);
  for (const [first] of verdicts) console.log(`  ${first?.what ?? "nothing found"}`);
}

function time(name: string, check: () => Violation[]): Violation[] {
  const startMs = performance.now();
  const violations = check();
  const tookMs = performance.now() - startMs;
  console.log(`${operations} operations ${name} in ${tookMs.toFixed(0)} ms`);
  seconds = Math.max(seconds, tookMs / 1000);
  return violations;
}

for (const fault of [undefined, ...FAULTS]) judge(fault);
const much = `${operations} operations, ${FAULTS.length} planted faults, ${seconds.toFixed(1)} s`;
const result = failed ? "a wrong verdict" : "each fault found by both, no false alarm";
console.log(`PROVE Linearizability checkers | ${much} at most | ${result}`);
Deno.exit(failed ? 1 : 0);
