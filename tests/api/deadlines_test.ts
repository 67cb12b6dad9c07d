import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Deadlines } from "../../src/http/deadlines.ts";

Deno.test("Deadlines() tells once of each item when it is late, oldest first", async () => {
  const late: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const deadlines = new Deadlines<string>(20, (item) => {
    late.push(item);
    if (late.length === 2) resolve();
  });
  const first = deadlines.add("first");
  deadlines.add("second");
  const done = deadlines.add("done");
  assertEquals(deadlines.delete(done), true);
  assertEquals(deadlines.delete(done), false);
  await promise;
  assertEquals(late, ["first", "second"]);
  assertEquals(deadlines.delete(first), false);
});

Deno.test("Deadlines() returns what is left and stops its timer when it is closed", () => {
  const deadlines = new Deadlines<string>(20, () => {
    throw new Error("expected no item to be late");
  });
  deadlines.add("item");
  assertEquals(deadlines.close(), ["item"]);
  assertEquals(deadlines.close(), []);
});

Deno.test("Deadlines() waits for the whole time-out before an item is late", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const deadlines = new Deadlines<string>(40, () => resolve());
  const begun = performance.now();
  deadlines.add("item");
  await promise;
  assertGreaterOrEqual(performance.now() - begun, 40);
});

Deno.test("Deadlines() lets an item have an eighth more than its time-out, and no longer", () => {
  const { setInterval } = globalThis;
  let step = () => {};
  globalThis.setInterval = ((callback: () => void, ms: number) => {
    assertEquals(ms, 100);
    step = callback;
    return 0;
  }) as unknown as typeof setInterval;
  try {
    const late: string[] = [];
    const deadlines = new Deadlines<string>(800, (item) => late.push(item));
    deadlines.add("first");
    step();
    deadlines.add("second");
    for (let i = 0; i < 7; i++) step();
    assertEquals(late, []);
    step();
    assertEquals(late, ["first"]);
    step();
    assertEquals(late, ["first", "second"]);
  } finally {
    globalThis.setInterval = setInterval;
  }
});
