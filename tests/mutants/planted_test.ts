/** The planted bugs fit today's sources: whoever changes such a place moves the bug with it. */
import { assert, assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import { ROOT } from "../tidy/source.ts";
import { type Mutant, plant } from "./mutant.ts";
import { MUTANTS } from "./planted.ts";

/** What the project promises at least. */
const MUTANTS_MIN = 40;

const SAMPLE: Mutant = {
  name: "sample",
  promise: "b follows a",
  file: "src/sample.ts",
  find: "b",
  replace: "c",
  expected: "sim",
};

Deno.test("plant() replaces the one place when it is there once", () => {
  assertEquals(plant(SAMPLE, "abd"), "acd");
});

Deno.test("plant() throws when the place is missing or there twice", () => {
  assertThrows(() => plant(SAMPLE, "ad"), Error, "found it 0 times");
  assertThrows(() => plant(SAMPLE, "abab"), Error, "found it 2 times");
});

Deno.test("every planted bug fits today's sources, and there are enough of them", () => {
  assertGreaterOrEqual(MUTANTS.length, MUTANTS_MIN);
  assertEquals(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  for (const mutant of MUTANTS) {
    const text = Deno.readTextFileSync(`${ROOT}${mutant.file}`);
    assert(plant(mutant, text) !== text, `Mutant "${mutant.name}" changes nothing`);
    if (mutant.expected !== "sim") Deno.statSync(`${ROOT}${mutant.expected}`);
  }
});
