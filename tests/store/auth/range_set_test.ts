/** Sets of ranges of keys. */
import { assertEquals } from "@std/assert";
import { RangeSet } from "../../../src/store/auth/range_set.ts";
import { isWithin, type Range, rangeOf } from "../../../src/store/kv/range.ts";

const KEYS = [..."abcdefgh"];

const SET = new RangeSet([
  rangeOf("b", ""),
  { start: "d", end: "f" },
  { start: "e", end: "f\0" },
  { start: "h", end: undefined },
]);

Deno.test("within() gives the keys of a range that are in the set, in order and each once", () => {
  const ends = [...KEYS.slice(1), undefined];
  const ranges = KEYS.flatMap((start): Range[] =>
    ends.filter((end) => end === undefined || end > start).map((end) => ({ start, end }))
  );
  for (const range of ranges) {
    const found = SET.within(range).flatMap((part) => KEYS.filter((key) => isWithin(part, key)));
    const expected = KEYS.filter((key) => isWithin(range, key) && SET.has(key));
    assertEquals(found, expected, JSON.stringify(range));
  }
});
