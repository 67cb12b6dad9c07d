/**
 * Draws the faults of a run and undoes those that pass: what happens to
 * machines, disks, clocks and the network. What an operator does by mistake or
 * on purpose is in `operator.ts`.
 */
import type { Machine } from "./machine.ts";
import type { Operator } from "./operator.ts";
import type { Process } from "./process.ts";
import type { FaultKind } from "./profile.ts";
import { SeededRandom } from "./random.ts";
import type { Site } from "./site.ts";

export class Faults {
  readonly #site: Site;
  readonly #operator: Operator;
  readonly #random: SeededRandom;
  #stopped = false;

  constructor(site: Site, operator: Operator) {
    this.#site = site;
    this.#operator = operator;
    this.#random = new SeededRandom(site.seed, 2);
  }

  /** Injects one fault after the other. */
  start(): void {
    const { faults, faultMs } = this.#site.profile;
    if (faults.length === 0) return;
    this.#later(faultMs, "fault", () => {
      const kind = this.#random.weighted(faults);
      if (this.#inject(kind)) {
        this.#site.trace.injected(kind);
        this.#site.trace.line(this.#site.schedule.nowMs, "", () => `fault: ${kind}`);
      }
      this.start();
    });
  }

  /** Ends the faults: machines go on, disks work, the network carries everything. */
  heal(): void {
    this.#stopped = true;
    this.#site.network.heal();
    for (const machine of this.#site.machines) {
      machine.heal();
      machine.process?.resume();
    }
  }

  /** False when there is nothing that it could happen to. */
  #inject(kind: FaultKind): boolean {
    switch (kind) {
      case "powerCut":
        return this.#withMachine((machine) => {
          machine.powerCut();
          this.#restart(machine);
        });
      case "powerCutInTurn":
        return this.#withMachine((machine) => this.#cutInTurn(machine));
      case "kill":
        return this.#withMachine((machine) => {
          machine.kill();
          this.#restart(machine);
        });
      case "powerCutOfAll":
        return this.#cutAll();
      case "pause":
        return this.#withMachine(({ process }) => this.#pause(process!));
      case "stop":
        return this.#withMachine(({ process }) => process!.stop());
      case "partition":
      case "isolate":
      case "bridge":
        return this.#partition(kind);
      case "slowLink":
      case "breakLink":
        return this.#disturbLink(kind);
      case "clockJump":
        return this.#withMachine((machine) => {
          const { skewMs } = this.#site.profile.clock;
          machine.jumpClock(this.#random.between(-1, 1) * Math.max(skewMs, 10_000));
        });
      case "remove":
        return this.#operator.remove();
      case "add":
        return this.#operator.add();
      case "wipe":
        return this.#operator.wipe();
      case "move":
        return this.#operator.move();
      case "bitFlip":
        return this.#operator.flipBit();
      case "diskStall":
        return this.#withMachine((machine) => {
          machine.stallDisk(this.#site.schedule.nowMs + this.#random.exponential(10_000));
        });
      case "diskError":
        return this.#withMachine((machine) => machine.failDiskAfter(this.#random.integer(1, 50)));
      case "diskFull":
        return this.#withMachine((machine) => {
          machine.limitDisk(this.#random.integer(0, 5000));
          this.#later(this.#electionMs * 5, "space", () => machine.limitDisk(Infinity));
        });
    }
  }

  get #electionMs(): number {
    const { limits, tickMs } = this.#site.profile;
    return limits.electionTicks * tickMs;
  }

  #later(meanMs: number, label: string, run: () => void): void {
    this.#site.schedule.after(this.#random.exponential(meanMs), label, undefined, () => {
      if (!this.#stopped) run();
    });
  }

  #withMachine(run: (machine: Machine) => void): boolean {
    const up = this.#site.machines.filter(({ isUp }) => isUp);
    if (up.length === 0) return false;
    run(this.#random.pick(up));
    return true;
  }

  #restart(machine: Machine): void {
    this.#operator.restartLater(machine, this.#electionMs * this.#random.pick([0.2, 2, 2, 10]));
  }

  #cutInTurn(machine: Machine): void {
    const process = machine.process!;
    machine.cutPowerAfter(this.#random.skewed(1, 100));
    process.onDeath(() => this.#restart(machine));
  }

  #cutAll(): boolean {
    const up = this.#site.machines.filter(({ isUp }) => isUp);
    for (const machine of up) {
      machine.powerCut();
      this.#restart(machine);
    }
    return up.length > 0;
  }

  #pause(process: Process): void {
    if (process.isPaused) return;
    process.pause();
    this.#later(
      this.#electionMs * this.#random.pick([0.5, 2, 5]),
      "resume",
      () => process.resume(),
    );
  }

  #partition(kind: "partition" | "isolate" | "bridge"): boolean {
    const numbers = this.#random.shuffled(this.#site.machines.map(({ number }) => number));
    if (numbers.length < 2) return false;
    const size = kind === "isolate" ? 1 : this.#random.integer(1, numbers.length - 1);
    const one = numbers.slice(0, size);
    const other = numbers.slice(kind === "bridge" ? size + 1 : size);
    // Both ways, or one way only.
    const ways = kind === "isolate" ? this.#random.pick([[1, 1], [1, 0], [0, 1]]) : [1, 1];
    const mends: (() => void)[] = [];
    for (const a of one) {
      for (const b of other) {
        if (ways[0] === 1) mends.push(this.#site.network.cut(a, b));
        if (ways[1] === 1) mends.push(this.#site.network.cut(b, a));
      }
    }
    this.#later(this.#electionMs * this.#random.pick([1, 4, 10]), "mend", () => {
      for (const mend of mends) mend();
    });
    return true;
  }

  #disturbLink(kind: "slowLink" | "breakLink"): boolean {
    const { machines, network } = this.#site;
    if (machines.length < 2) return false;
    const [a, b] = this.#random.shuffled(machines);
    if (kind === "breakLink") {
      network.breakLink(a!.number, b!.number);
    } else {
      const mend = network.slow(a!.number, b!.number);
      this.#later(this.#electionMs * 5, "mend", mend);
    }
    return true;
  }
}
