/** Numbers and times as the page shows them. */
import { assertEquals } from "@std/assert";
import * as format from "../../src/dashboard/ui/format.ts";

Deno.test("duration() has two units at most", () => {
  const shown = [0, 59, 60, 3599, 3600, 12_000, 86_400, 1_000_000].map(format.duration);
  assertEquals(shown, ["0 s", "59 s", "1 min", "59 min", "1 h", "3 h 20 min", "1 d", "11 d 13 h"]);
});

Deno.test("countdown() is exact below an hour and never negative", () => {
  const shown = [-5, 1, 59_000, 60_000, 61_000, 3_600_000].map(format.countdown);
  assertEquals(shown, ["0 s", "1 s", "59 s", "1 min 00 s", "1 min 01 s", "1 h"]);
});

Deno.test("numbers have as many digits as mean something", () => {
  assertEquals([0.123, 3.14159, 42.4].map(format.milliseconds), ["0.12", "3.1", "42"]);
  assertEquals([0, 0.55, 9999, 12_345_678].map(format.rate), ["0", "0.6", "9,999", "12.3 M"]);
  assertEquals([5, 1500, 2_500_000, 92_000_000, 1.5e9].map(format.bytes), [
    "5 B",
    "1.5 kB",
    "2.5 MB",
    "92 MB",
    "1.50 GB",
  ]);
});

Deno.test("oneLine() shows what can't be seen", () => {
  assertEquals(format.oneLine("a\nb\x1bc\u202ed"), "a·b·c·d");
});

Deno.test("prettyJson() lays out objects and arrays only", () => {
  assertEquals(format.prettyJson('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}');
  assertEquals(["12", "true", "{", "", "plain"].map(format.prettyJson), Array(5).fill(undefined));
});
