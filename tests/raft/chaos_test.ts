/** Safety and recovery under random schedules. */
import { assertEquals, assertGreater } from "@std/assert";
import { Chaos } from "./chaos.ts";
import { SeededRandom } from "./random.ts";

const SEEDS = 400;
const STEPS = 1500;

/** Replays a failure: the seed is in its message. */
function runSeed(seed: number): Chaos {
  const chaos = new Chaos(new SeededRandom(seed));
  try {
    chaos.run(STEPS);
    chaos.heal();
  } catch (cause) {
    throw new Error(`Seed ${seed} fails`, { cause });
  }
  return chaos;
}

Deno.test("RaftCore keeps every promise and recovers when anything goes wrong", () => {
  const totals = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const [what, count] of runSeed(seed).counts) {
      totals.set(what, (totals.get(what) ?? 0) + count);
    }
  }
  // Schedules in which nothing happens would prove nothing.
  const kinds = [
    "leader",
    "applied",
    "configuration",
    "installed",
    "truncated",
    "quorumLost",
    "read",
  ];
  for (const kind of kinds) assertGreater(totals.get(kind) ?? 0, SEEDS / 10, kind);
});

Deno.test("RaftCore gives the same run for the same seed", () => {
  assertEquals(runSeed(7).counts, runSeed(7).counts);
});
