/**
 * Crashes: before every single operation on the disk, the process is killed and
 * the power is cut in several ways. Whatever is left must open with exactly what
 * was acknowledged, or with that and the one call that was under way, and must
 * then take the next save.
 */
import { assert } from "@std/assert";
import { births, checkBirth } from "./crash_births.ts";
import { recoveryStates } from "./crash_campaign.ts";
import { check, Driver, randomStep } from "./crash_driver.ts";
import { batch, entries, entry, entryOf, meta, seeded } from "./harness.ts";

Deno.test("openStorage() finds what was acknowledged when a crash hits any operation of append, rotate, recycle, snapshot and install", async () => {
  const driver = new Driver(1, 6);
  await driver.start();
  for (let index = 1; index <= 14; index++) {
    await driver.save(batch({
      hardState: { term: 1, vote: 0, commitIndex: index - 1 },
      entries: [entry(index, 1, "x".repeat(index * 5))],
    }));
  }
  await driver.save(batch({ hardState: { term: 2, vote: 3, commitIndex: 13 } }));
  await driver.save(batch({ entries: entries(14, 30, 2) }));
  await driver.createSnapshot(meta(13, 1), 13);
  const large = entryOf("command", 31, 2, new Uint8Array(3000).fill(65));
  await driver.save(batch({ entries: [large, entry(32, 2)] }));
  await driver.save(batch({ hardState: { term: 2, vote: 3, commitIndex: 31 } }));
  await driver.createSnapshot(meta(30, 2), 25);
  await driver.restart("kill");
  await driver.save(batch({ entries: entries(33, 60, 2) }));
  // The same history, further on than this log: what follows the snapshot stays.
  await driver.receive(meta(40, 2));
  await driver.save(batch({
    hardState: { term: 2, vote: 3, commitIndex: 40 },
    snapshot: meta(40, 2),
  }));
  // Another history: nothing of the log counts.
  await driver.receive(meta(50, 4));
  await driver.save(batch({
    hardState: { term: 4, vote: 0, commitIndex: 50 },
    snapshot: meta(50, 4),
    entries: entries(51, 52, 4),
  }));
  // Far ahead of this log.
  await driver.receive(meta(90, 5));
  await driver.save(batch({
    hardState: { term: 6, vote: 0, commitIndex: 90 },
    snapshot: meta(90, 5),
  }));
  await driver.restart("power cut");
  await driver.save(batch({ entries: entries(91, 99, 6) }));
  await driver.restart("close");
  assert(driver.states.length > 1500);
  const random = seeded(4);
  for (const state of driver.states) await check(state, random);
});

Deno.test("openStorage() finds what was acknowledged when a crash hits the repair after a crash", async () => {
  const driver = new Driver(2, 1);
  await driver.start();
  for (let index = 1; index <= 6; index++) {
    await driver.save(batch({
      hardState: { term: 1, vote: 0, commitIndex: index - 1 },
      entries: [entry(index, 1, "x".repeat(index * 110))],
    }));
  }
  await driver.receive(meta(20, 2));
  await driver.save(batch({
    hardState: { term: 2, vote: 0, commitIndex: 20 },
    snapshot: meta(20, 2),
  }));
  const random = seeded(3);
  let repairs = 0;
  for (const state of driver.states) {
    const again = await recoveryStates(state, random);
    for (const each of again) await check(each, random);
    repairs += again.length;
  }
  assert(repairs > 500);
});

Deno.test("openStorage() finds what was acknowledged after a crash anywhere in a random life", async () => {
  let states = 0;
  for (let seed = 100; seed < 110; seed++) {
    const random = seeded(seed);
    const driver = new Driver(seed, 2, { segmentBytes: 768 + Math.floor(random() * 600) });
    await driver.start();
    for (let step = 0; step < 12; step++) {
      await randomStep(driver, random).catch((error) => {
        throw new Error(`Seed ${seed}, step ${step}`, { cause: error });
      });
    }
    for (const state of driver.states) {
      await check({ ...state, place: `${state.place} of seed ${seed}` }, random);
    }
    states += driver.states.length;
  }
  assert(states > 2000, `Only ${states} states`);
});

Deno.test("openStorage() finds the identity that was acknowledged when a crash hits the beginning of a directory", async () => {
  const random = seeded(5);
  const found = await births(random, 20);
  for (const birth of found) await checkBirth(birth, random);
  assert(found.length > 500, `Only ${found.length} states`);
});
