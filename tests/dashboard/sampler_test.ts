/** The ring of samples behind the plots. */
import { assertEquals } from "@std/assert";
import { type Gauges, Sampler } from "../../src/dashboard/sampler.ts";

function samplerOf(samplesMax: number) {
  let nowMs = 1000;
  let gauges: Gauges = { applied: 0, reads: 0, syncP99Ms: undefined, rssBytes: 1 };
  const sampler = new Sampler({
    intervalMs: 2000,
    samplesMax,
    clock: { monotonicMs: () => nowMs, wallMs: () => nowMs + 1e6 },
    look: () => gauges,
  });
  const sample = (elapsedMs: number, next: Partial<Gauges>) => {
    nowMs += elapsedMs;
    gauges = { ...gauges, syncP99Ms: undefined, ...next };
    sampler.sample();
  };
  return { sampler, sample };
}

Deno.test("Sampler makes rates of counters by the time that really passed", () => {
  const { sampler, sample } = samplerOf(10);
  sample(2000, { applied: 100, reads: 10, syncP99Ms: 1.234 });
  sample(4000, { applied: 500, reads: 10 });
  assertEquals(sampler.view(0), {
    intervalMs: 2000,
    endMs: 1_007_000,
    last: 2,
    writes: [50, 100],
    reads: [5, 0],
    syncP99Ms: [1.23, null],
    rssBytes: [1, 1],
  });
});

Deno.test("Sampler keeps the newest and gives what is new", () => {
  const { sampler, sample } = samplerOf(3);
  for (let n = 1; n <= 5; n++) sample(1000, { rssBytes: n });
  assertEquals(sampler.view(0).rssBytes, [3, 4, 5]);
  assertEquals(sampler.view(4).rssBytes, [5]);
  assertEquals(sampler.view(5).rssBytes, []);
  // The page has seen another run of this node.
  assertEquals(sampler.view(900).rssBytes, [3, 4, 5]);
});
