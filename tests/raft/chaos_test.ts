/** Safety and recovery under random schedules. */
import { assert } from "@std/assert";
import { Chaos } from "./chaos.ts";
import { SeededRandom } from "./random.ts";

const SEEDS = 300;
const STEPS = 500;

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
  let committed = 0;
  for (let seed = 1; seed <= SEEDS; seed++) committed += runSeed(seed).committed;
  // A schedule in which nothing happens would prove nothing.
  assert(committed > SEEDS * 10, `Only ${committed} entries were committed`);
});
