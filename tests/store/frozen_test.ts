/** The keys of one moment, in the order of their revisions. */
import { assert, assertEquals } from "@std/assert";
import { SeededRandom } from "../sim/random.ts";
import { put, range } from "./commands.ts";
import { Log } from "./log.ts";

/** Keys that are looked at between two turns, see `STEP_KEYS`. */
const STEP_KEYS = 8192;

const KEYS = 5 * STEP_KEYS + 17;

/** A store whose keys were written in another order than theirs, up to three by a revision. */
function filled(): Log {
  const log = new Log();
  const random = new SeededRandom(1);
  const numbers = Array.from({ length: KEYS }, (_, i) => i);
  for (let i = numbers.length - 1; i > 0; i--) {
    const other = random.integer(0, i);
    [numbers[i], numbers[other]] = [numbers[other]!, numbers[i]!];
  }
  while (numbers.length > 0) {
    const success = numbers.splice(0, random.integer(1, 3))
      .map((number) => put({ key: `key${number}` }));
    log.apply({ type: "txn", compares: [], success, failure: [] });
  }
  return log;
}

Deno.test("arrange() puts any number of keys in the order of their revisions, in short steps", () => {
  const log = filled();
  const frozen = log.store.frozen();
  const all = log.store.range(range());
  assert(typeof all !== "string");
  const expected = all.kvs
    .toSorted((a, b) => a.version.modRevision - b.version.modRevision)
    .map(({ key }) => key);
  // The store goes on meanwhile.
  log.apply(put({ key: "key0" }));
  const steps = [...frozen.arrange()].length;
  assert(steps >= 4 * Math.floor(KEYS / STEP_KEYS), `${steps} steps`);
  const found = [...frozen.byRevision()].map(({ key }) => key);
  assertEquals(found.length, expected.length);
  // Only the first difference: that of all would take minutes.
  assertEquals(found.findIndex((key, at) => key !== expected[at]), -1);
});
