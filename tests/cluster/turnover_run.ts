/**
 * Counts: clusters by etcd's flags in all six orders of start, whose members are killed,
 * wiped and replaced under load.
 *
 *     deno run -A tests/cluster/turnover_run.ts [--rounds 6]
 */
import { parseArgs } from "@std/cli/parse-args";
import { NAMES, ORDERS, type Outcome, Turnover } from "./turnover.ts";

const { rounds = "6" } = parseArgs(Deno.args, { string: ["rounds"] });

const outcomes: Outcome[] = [];
for (const order of ORDERS) {
  await using turnover = new Turnover();
  await turnover.form(order);
  for (let round = 0; round < Number(rounds); round++) {
    const name = NAMES[round % NAMES.length]!;
    if (round % 2 === 0) await turnover.kill(name);
    else await turnover.replace(name);
  }
  const outcome = await turnover.finish();
  outcomes.push(outcome);
  console.log(`${order.join(", ")}: ${told([outcome])}`);
  for (const key of outcome.lost) console.log(`  lost: ${key}`);
}
console.log(`all: ${told(outcomes)}`);
if (outcomes.some(({ lost }) => lost.length > 0)) Deno.exit(1);

function told(all: readonly Outcome[]): string {
  const sum = (of: (outcome: Outcome) => number) => all.reduce((sum, one) => sum + of(one), 0);
  return `${sum(({ kills }) => kills)} kills, ${
    sum((one) => one.replacements)
  } of them replaced, ` +
    `${sum((one) => one.acknowledged)} writes acknowledged, ` +
    `${sum((one) => one.lost.length)} lost, ${sum((one) => one.unknown)} without a success`;
}
