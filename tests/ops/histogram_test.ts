import { assertEquals, assertLess } from "@std/assert";
import { Histogram, HistogramWindow } from "../../src/base/histogram.ts";

Deno.test("Histogram.observe() counts in the first bucket whose bound is not exceeded", () => {
  const histogram = new Histogram(0.001, 5);
  assertEquals(histogram.bounds, [0.001, 0.002, 0.004, 0.008, 0.016]);
  for (const [index, bound] of histogram.bounds.entries()) {
    const before = histogram.counts()[index]!;
    histogram.observe(bound);
    histogram.observe(bound * 0.9);
    assertEquals(histogram.counts()[index], before + 2);
    histogram.observe(bound * 1.01);
    assertEquals(histogram.counts()[index + 1], 1);
  }
});

Deno.test("Histogram.observe() takes nothing, the very long and the endless", () => {
  const histogram = new Histogram(0.001, 3);
  for (const seconds of [0, 1e-9, 3600, 2 ** 40, Number.MAX_VALUE]) histogram.observe(seconds);
  assertEquals([...histogram.counts()], [2, 0, 0, 3]);
  assertEquals(histogram.count, 5);
});

Deno.test("Histogram counts agree with a search by comparison at random durations", () => {
  const histogram = new Histogram(0.000125, 17);
  const expected = new Array(18).fill(0);
  let sum = 0;
  // A fixed sequence (Weyl) over nine decades.
  for (let i = 0, x = 0; i < 5_000; i++, x = (x + 0.6180339887498949) % 1) {
    const seconds = 10 ** (x * 9 - 6);
    histogram.observe(seconds);
    sum += seconds;
    const bucket = histogram.bounds.findIndex((bound) => seconds <= bound);
    expected[bucket < 0 ? 17 : bucket]++;
  }
  assertEquals([...histogram.counts()], expected);
  assertLess(Math.abs(histogram.sum - sum), 1e-6);
});

Deno.test("HistogramWindow.take() tells the bound of what came since the last look", () => {
  const histogram = new Histogram(0.001, 4);
  histogram.observe(0.008);
  const window = new HistogramWindow(histogram);
  assertEquals(window.take(0.99), { count: 0, bound: undefined });
  for (let i = 0; i < 99; i++) histogram.observe(0.0015);
  histogram.observe(0.007);
  assertEquals(window.take(0.99), { count: 100, bound: 0.002 });
  histogram.observe(5);
  assertEquals(window.take(0.99), { count: 1, bound: Infinity });
  assertEquals(window.take(0.99).count, 0);
});

Deno.test("HistogramWindow.takeEstimate() spreads a bucket evenly", () => {
  const histogram = new Histogram(0.001, 4);
  const window = new HistogramWindow(histogram);
  assertEquals(window.takeEstimate(0.99), undefined);
  for (let i = 0; i < 50; i++) histogram.observe(0.0005);
  for (let i = 0; i < 50; i++) histogram.observe(0.003);
  assertEquals(window.takeEstimate(0.75), 0.003);
  histogram.observe(0.003);
  assertEquals(window.takeEstimate(0.99), 0.004);
  histogram.observe(1);
  assertEquals(window.takeEstimate(0.99), 0.008);
});
