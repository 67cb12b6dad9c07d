/** Majorities of one to nine voters, even numbers included. */
import { assert, assertEquals, assertFalse } from "@std/assert";
import { isQuorum, quorumIndex, quorumSize, tally } from "../../src/raft/quorum.ts";
import { SeededRandom } from "./random.ts";

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 9];

Deno.test("quorumSize() is more than half", () => {
  assertEquals(SIZES.map(quorumSize), [1, 2, 2, 3, 3, 4, 4, 5, 5]);
});

Deno.test("quorumSize() makes any two majorities overlap", () => {
  for (const size of SIZES) {
    assertGreaterThan(2 * quorumSize(size), size);
    // And those of neighbours: what membership changes one at a time stand on.
    assertGreaterThan(quorumSize(size) + quorumSize(size + 1), size + 1);
  }
});

Deno.test("quorumIndex() is what a majority has reached", () => {
  assertEquals(quorumIndex([7]), 7);
  assertEquals(quorumIndex([7, 5]), 5);
  assertEquals(quorumIndex([1, 9, 5]), 5);
  assertEquals(quorumIndex([9, 8, 2, 1]), 2);
  assertEquals(quorumIndex([1, 2, 3, 4, 5]), 3);
  assertEquals(quorumIndex([6, 5, 4, 3, 2, 1]), 3);
  assertEquals(quorumIndex([0, 0, 4, 4, 4, 0, 4]), 4);
  assertEquals(quorumIndex([8, 7, 6, 5, 4, 3, 2, 1]), 4);
  assertEquals(quorumIndex([9, 9, 9, 9, 0, 0, 0, 0, 0]), 0);
});

Deno.test("quorumIndex() is 0 when nobody votes", () => {
  assertEquals(quorumIndex([]), 0);
});

Deno.test("quorumIndex() agrees with counting, for random matches", () => {
  const random = new SeededRandom(1);
  for (let round = 0; round < 2000; round++) {
    const matches = Array.from({ length: 1 + random.below(9) }, () => random.below(6));
    const reached = (index: number) => matches.filter((match) => match >= index).length;
    const index = quorumIndex(matches.slice());
    assert(reached(index) >= quorumSize(matches.length), `${matches}`);
    assert(reached(index + 1) < quorumSize(matches.length), `${matches}`);
  }
});

Deno.test("isQuorum() needs more than half of the voters", () => {
  for (const size of SIZES) {
    const voters = Array.from({ length: size }, (_, at) => at + 1);
    assert(isQuorum(voters, (id) => id <= quorumSize(size)));
    assertFalse(isQuorum(voters, (id) => id < quorumSize(size)));
  }
  assertFalse(isQuorum([], () => true));
});

Deno.test("tally() is lost as soon as a majority cannot be reached", () => {
  const votes = (granted: number, refused: number) =>
    new Map([
      ...Array.from({ length: granted }, (_, at) => [at + 1, true] as const),
      ...Array.from({ length: refused }, (_, at) => [9 - at, false] as const),
    ]);
  const four = [1, 2, 8, 9];
  assertEquals(tally(four, votes(2, 0)), "open");
  assertEquals(tally(four, votes(2, 1)), "open");
  assertEquals(tally(four, votes(2, 2)), "lost");
  assertEquals(tally(four, votes(0, 2)), "lost");
  assertEquals(tally([1, 2, 9], votes(2, 0)), "won");
  assertEquals(tally([1, 2, 9], votes(1, 1)), "open");
  assertEquals(tally([8, 9], votes(5, 0)), "open");
});

function assertGreaterThan(actual: number, expected: number): void {
  assert(actual > expected, `${actual} must be more than ${expected}`);
}
