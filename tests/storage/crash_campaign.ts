/**
 * As many crash states as one likes: beginnings, random lives, and crashes of the
 * recovery from a crash, each opened. The same seed gives the same states.
 */
import { openStorage } from "../../src/storage/storage.ts";
import { births, checkBirth } from "./crash_births.ts";
import { check, type CrashState, Driver, randomStep } from "./crash_driver.ts";
import { describe, seeded, smallOptions } from "./harness.ts";
import type { MemoryDisk } from "./memory_disk.ts";

const STEPS = 14;
/** Power cuts at each operation of a life, beside a kill. */
const CUTS = 3;
/** One in so many states has its recovery crashed, at every operation of it. */
const RECOVERY_EVERY = 8;

export interface CampaignResult {
  readonly states: number;
  /** Of them, those that a crash of a recovery left. */
  readonly recoveries: number;
  readonly lives: number;
  readonly failure: { readonly seed: number; readonly message: string } | undefined;
}

/** Crash states of one life after the other, from `seed` on, until there were `statesMin`. */
export async function runCrashCampaign(seed: number, statesMin: number): Promise<CampaignResult> {
  const sum = { states: 0, recoveries: 0, lives: 0 };
  for (let life = seed; sum.states < statesMin; life++) {
    try {
      const { states, recoveries } = await runLife(life);
      sum.states += states;
      sum.recoveries += recoveries;
      sum.lives++;
    } catch (error) {
      const message = error instanceof Error
        ? `${error.stack}\n${error.cause instanceof Error ? error.cause.stack : ""}`
        : String(error);
      return { ...sum, failure: { seed: life, message } };
    }
  }
  return { ...sum, failure: undefined };
}

/** The states of one seed. Rejects when one of them lost something or is refused. */
export async function runLife(seed: number): Promise<{ states: number; recoveries: number }> {
  const random = seeded(seed);
  const beginnings = await births(random, 1);
  for (const birth of beginnings) await checkBirth(birth, random);
  const driver = new Driver(seed, CUTS, {
    segmentBytes: 768 + 8 * Math.floor(random() * 100),
    spareSegmentsMax: Math.floor(random() * 3),
  });
  await driver.start();
  for (let step = 0; step < STEPS; step++) await randomStep(driver, random);
  let recoveries = 0;
  for (const state of driver.states) {
    // The check goes on with the disk: the recovery has one of its own.
    if (random() * RECOVERY_EVERY < 1) {
      for (const again of await recoveryStates(state, random)) {
        await check(again, random);
        recoveries++;
      }
    }
    await check(state, random);
  }
  return { states: beginnings.length + driver.states.length + recoveries, recoveries };
}

/** What a crash at each operation of opening `state` leaves; `state` stays as it is. */
export async function recoveryStates(
  { disk, allowed, place }: CrashState,
  random: () => number,
): Promise<CrashState[]> {
  const states: CrashState[] = [];
  const repairing: MemoryDisk = disk.killed({
    before: ({ kind }) => {
      const state = { allowed, place: `${kind} in the repair after ${place}` };
      states.push({ ...state, disk: repairing.killed({}) });
      states.push({ ...state, disk: repairing.crashed(random, {}) });
    },
  });
  const { storage, loaded } = await openStorage(repairing, smallOptions());
  // From here on somebody may have seen it: it must not change any longer.
  const seen = allowed.filter((model) => describe(model) === describe(loaded));
  const durable = repairing.crashed(random, {});
  states.push({ disk: durable, allowed: seen, place: `the repair after ${place}` });
  await storage.close();
  return states;
}
