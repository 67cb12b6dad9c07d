/**
 * The divergence alarm, for the table of `deno task prove`: runs its tests, in which
 * the state of a member is corrupted behind the back of the log.
 *
 *     deno run -A tests/prove/divergence.ts
 */
import { ROOT } from "../tidy/source.ts";

const FILES = [
  "tests/node/alarm_test.ts",
  "tests/node/comparison_test.ts",
  "tests/api/divergence_test.ts",
  "tests/cluster/broken_ground_test.ts",
];

const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", ...FILES],
  cwd: ROOT,
  env: { NO_COLOR: "1" },
  stdin: "null",
}).output();
const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
console.log(text);
const [, passed, failed] = /\| (\d+) passed(?: \([^)]*\))? \| (\d+) failed/.exec(text) ?? [];
const kept = success && Number(passed) > 0;
const result = kept
  ? "an outlier serves nobody and says why, the others go on"
  : `${failed ?? "all"} of the tests failed`;
console.log(`PROVE Divergence alarm | ${passed ?? 0} tests passed | ${result}`);
Deno.exit(kept ? 0 : 1);
