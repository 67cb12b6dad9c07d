import { assertEquals } from "@std/assert";
import { Farewell } from "../../src/node/membership/farewell.ts";

/** Runs ticks from `from` to `to` and returns at which one the stay ended. */
async function endOf(isReplaced: (tick: number) => boolean, to: number): Promise<number> {
  let tick = 100;
  const farewell = new Farewell({
    isReplaced: () => isReplaced(tick),
    quietTicks: 5,
    ticksMax: 50,
  });
  let ended = 0;
  const end = farewell.start(tick, 1).then(() => ended = tick);
  while (++tick <= to && ended === 0) {
    farewell.tick(tick);
    await Promise.resolve();
  }
  if (ended !== 0) await end;
  return ended;
}

Deno.test("Farewell.start() ends some time after the successor was found", async () => {
  assertEquals(await endOf((tick) => tick > 110, 200), 115);
});

Deno.test("Farewell.start() begins again when the successor is lost", async () => {
  assertEquals(await endOf((tick) => tick > 110 && tick !== 114, 200), 119);
});

Deno.test("Farewell.start() ends at its deadline without a successor", async () => {
  assertEquals(await endOf(() => false, 149), 0);
  assertEquals(await endOf(() => false, 200), 150);
});

Deno.test("Farewell.start() ends once for all who ask", async () => {
  const farewell = new Farewell({ isReplaced: () => true, quietTicks: 5, ticksMax: 50 });
  const ended: string[] = [];
  const ends = [
    farewell.start(100, 1).then(() => ended.push("first")),
    farewell.start(103, 1).then(() => ended.push("second")),
  ];
  farewell.tick(105);
  await Promise.all(ends);
  assertEquals(ended, ["first", "second"]);
});
