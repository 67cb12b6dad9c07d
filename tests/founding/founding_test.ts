/** Who founds a cluster, in simulated time: thousands of seeds of loss, crashes and wiped directories. */
import { assert, assertEquals } from "@std/assert";
import { FoundingViolation, World } from "./world.ts";

/** More by hand: `FOUNDING_SEEDS=200000 FOUNDING_FROM=5000 deno test -A tests/founding`. */
const SEEDS = Number(Deno.env.get("FOUNDING_SEEDS") ?? 4_000);
const FROM = Number(Deno.env.get("FOUNDING_FROM") ?? 1);

Deno.test("nodes without data agree on one founder, one cluster serves, and one does in the end", () => {
  const counts = { steps: 0, served: 0, wiped: 0, founders: 0 };
  for (let seed = FROM; seed < FROM + SEEDS; seed++) {
    const world = new World(seed);
    try {
      world.run();
    } catch (error) {
      if (!(error instanceof FoundingViolation)) throw error;
      throw new FoundingViolation(`seed ${seed}: ${error.message}`);
    }
    counts.steps += world.steps;
    counts.served += world.served.size;
    counts.wiped += world.wiped;
    counts.founders += world.founded.size > 1 ? 1 : 0;
  }
  if (Deno.env.has("FOUNDING_SEEDS")) console.log(JSON.stringify(counts));
  assert(counts.served > 0.9 * SEEDS, JSON.stringify(counts));
});

Deno.test("a seed goes the same way twice", () => {
  const [one, other] = [new World(7), new World(7)];
  one.run();
  other.run();
  assertEquals([one.steps, one.nowMs], [other.steps, other.nowMs]);
});
