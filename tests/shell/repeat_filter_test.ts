import { assertEquals } from "@std/assert";
import { RepeatFilter } from "../../src/base/repeat_filter.ts";

Deno.test("isNews() lets a text through once a minute", () => {
  let nowMs = 0;
  const filter = new RepeatFilter({ monotonicMs: () => nowMs, wallMs: () => 0 });
  assertEquals([filter.isNews("a"), filter.isNews("a"), filter.isNews("b")], [true, false, true]);
  nowMs = 59_999;
  assertEquals(filter.isNews("a"), false);
  nowMs = 60_000;
  assertEquals([filter.isNews("a"), filter.isNews("a")], [true, false]);
});

Deno.test("isNews() holds back ever new texts", () => {
  let nowMs = 0;
  const filter = new RepeatFilter({ monotonicMs: () => nowMs, wallMs: () => 0 });
  const news = () => Array.from({ length: 1000 }, (_, index) => filter.isNews(`${nowMs} ${index}`));
  assertEquals(news().filter(Boolean).length, 32);
  nowMs = 60_000;
  assertEquals(news().filter(Boolean).length, 32);
});
