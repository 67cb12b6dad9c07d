/**
 * `deno task bench`: this system beside Debian's etcd, on the same machine, in
 * the same minutes, with the same promise. Runs are paired A B A B; what is
 * printed are medians and the ratio of the two.
 *
 *     deno task bench                       all parts but the ceilings, about half an hour
 *     deno task bench -- --only put,get     parts
 *     deno task bench -- --pairs 5 --seconds 10 --json
 */
import { parseArgs } from "@std/cli/parse-args";
import { CEILING_PARTS } from "./ceiling.ts";
import type { Part } from "./part.ts";
import { machineLine, missingTools, writeResults } from "./report.ts";
import type { Row } from "./report.ts";
import { TLS_PARTS } from "./tls.ts";
import { V2_PARTS } from "./v2.ts";
import { V3_PARTS } from "./v3.ts";

const LOADS: readonly (readonly [name: string, part: Part])[] = [
  ...V2_PARTS,
  ...TLS_PARTS,
  ...V3_PARTS,
];
const PARTS: ReadonlyMap<string, Part> = new Map([...LOADS, ...CEILING_PARTS]);

await main();

async function main(): Promise<void> {
  const flags = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
    string: ["only", "pairs", "seconds"],
    boolean: ["json"],
  });
  const missing = await missingTools();
  if (missing !== undefined) {
    console.error(missing);
    Deno.exit(1);
  }
  const { only = LOADS.map(([name]) => name).join(","), pairs = "3", seconds = "8" } = flags;
  const settings = { pairs: Number(pairs), seconds: Number(seconds) };
  const rows: Row[] = [];
  console.log(machineLine());
  for (const name of only.split(",")) {
    const part = PARTS.get(name);
    if (part === undefined) {
      console.error(`Expected parts out of ${[...PARTS.keys()].join(", ")}, found "${name}"`);
      Deno.exit(2);
    }
    await part(settings, (row) => {
      rows.push(row);
      if (!flags.json) console.log(format(row));
    });
  }
  if (flags.json) console.log(JSON.stringify(rows, null, 1));
  await writeResults(rows, Deno.args);
}

function format({ what, ours, theirs, unit, bar }: Row): string {
  const ratio = theirs === undefined ? "" : ` ${(ours / theirs).toFixed(2)} x`;
  const peer = theirs === undefined ? "" : ` against ${round(theirs)}`;
  return `${what}: ${round(ours)}${peer} ${unit}${ratio}${
    bar === undefined ? "" : ` (bar ${bar})`
  }`;
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}
