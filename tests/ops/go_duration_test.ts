import { assertEquals } from "@std/assert";
import { goDuration } from "../../src/base/go_duration.ts";

Deno.test("goDuration() prints milliseconds as Go does", () => {
  const shown = {
    0: "0s",
    [-5]: "0s",
    1: "0.001s",
    59_999: "59.999s",
    60_000: "1m0s",
    [61_500]: "1m1.5s",
    3_600_000: "1h0m0s",
    [2 * 3_600_000 + 5 * 60_000 + 7_250]: "2h5m7.25s",
    [100 * 3_600_000]: "100h0m0s",
  };
  for (const [ms, text] of Object.entries(shown)) assertEquals(goDuration(Number(ms)), text, ms);
});
