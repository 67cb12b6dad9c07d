/** Chooses faults by seed, one after the other, and light ones beside them. */
import { pause } from "../cluster/wait.ts";
import { SeededRandom } from "../sim/random.ts";
import { type Fault, FAULTS, type Stage } from "./faults.ts";

/** Between two faults of one row. */
const REST_S = 1.5;
/** A light fault comes beside another one so often. */
const LIGHT_REST_S = 6;

export class Nemesis {
  readonly counts = new Map<string, number>();
  readonly #stage: Omit<Stage, "random">;
  readonly #seed: number;
  #round = 0;
  #pack: Fault[] = [];
  /** A leader's death is measured with nothing else going on. */
  #isLightAllowed = true;
  #lightUnderWay = 0;

  constructor(seed: number, stage: Omit<Stage, "random">) {
    this.#seed = seed;
    this.#stage = stage;
    for (const { name } of FAULTS) this.counts.set(name, 0);
  }

  /** Lets things go wrong until `endMs` of `performance.now`; rejects when the cluster does not recover. */
  async rage(endMs: number): Promise<void> {
    this.#round++;
    const heavy = new SeededRandom(this.#seed, 10_000 + this.#round);
    const light = new SeededRandom(this.#seed, 20_000 + this.#round);
    const rows = [this.#row(heavy, endMs), this.#lightRow(light, endMs)];
    // Both have to be over: what follows is a truce.
    await Promise.allSettled(rows);
    await Promise.all(rows);
  }

  async #row(random: SeededRandom, endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      const fault = this.#draw(random);
      const isAlone = fault.name === "kill -9 of the leader";
      this.#isLightAllowed = !isAlone;
      while (isAlone && this.#lightUnderWay > 0) await pause(100);
      await this.#run(fault, random);
      this.#isLightAllowed = true;
      await pause(random.exponential(REST_S * 1000));
    }
  }

  async #lightRow(random: SeededRandom, endMs: number): Promise<void> {
    const faults = this.#possible().filter(({ isLight }) => isLight);
    while (performance.now() < endMs) {
      await pause(Math.min(endMs - performance.now(), random.exponential(LIGHT_REST_S * 1000)));
      if (!this.#isLightAllowed || performance.now() >= endMs) continue;
      this.#lightUnderWay++;
      await this.#run(random.pick(faults), random);
      this.#lightUnderWay--;
    }
  }

  /** From a pack in which each has its share, so that none is left out for long. */
  #draw(random: SeededRandom): Fault {
    if (this.#pack.length === 0) {
      this.#pack = this.#possible().flatMap((fault) =>
        Array.from({ length: fault.share }, () => fault)
      );
    }
    return this.#pack.splice(random.integer(0, this.#pack.length - 1), 1)[0]!;
  }

  #possible(): Fault[] {
    const { arena } = this.#stage;
    return FAULTS.filter(({ isPossible = () => true }) => isPossible(arena));
  }

  async #run(fault: Fault, random: SeededRandom): Promise<void> {
    const startMs = performance.now();
    this.counts.set(fault.name, this.counts.get(fault.name)! + 1);
    try {
      await fault.run({ ...this.#stage, random });
    } catch (error) {
      throw new Error(`After "${fault.name}" the cluster did not recover`, { cause: error });
    }
    this.#stage.print(`${fault.name}, ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  }
}
