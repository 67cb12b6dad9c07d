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

/** The longest stall of a disk: far beyond every patience here. */
const STALL_MS = 10_000;
const HOUR_MS = 3_600_000;

export class Faults {
  readonly #site: Site;
  readonly #operator: Operator;
  readonly #random: SeededRandom;
  /** Cuts of the network that have not been mended. */
  #cutOff = 0;
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
        return this.#takeOut((machine) => {
          machine.powerCut();
          this.#restart(machine);
        });
      case "powerCutInTurn":
        return this.#takeOut((machine) => this.#cutInTurn(machine));
      case "kill":
        return this.#takeOut((machine) => {
          machine.kill();
          this.#restart(machine);
        });
      case "powerCutOfAll":
        return this.#cutAll();
      case "pause":
        return this.#takeOut(({ process }) => this.#pause(process!));
      case "stop":
        return this.#takeOut(({ process }) => process!.stop());
      case "partition":
      case "isolate":
      case "bridge":
        return this.#partition(kind);
      case "slowLink":
      case "breakLink":
        return this.#disturbLink(kind);
      case "clockJump":
        return this.#withMachine((machine) => {
          machine.jumpClock(this.#random.between(-1, 1) * this.#random.pick([10_000, HOUR_MS]));
        });
      case "remove":
        return this.#operator.remove();
      case "add":
        return this.#operator.add();
      case "changeById":
        return this.#operator.changeById();
      case "wipe":
        return this.#canSpareOne && this.#operator.wipe();
      case "move":
        return this.#canSpareOne && this.#operator.move();
      case "bitFlip":
        return this.#canSpareOne && this.#operator.flipBit();
      case "diskStall":
        return this.#takeOut((machine) => {
          const { nowMs } = this.#site.schedule;
          machine.stallDisk(
            nowMs + this.#random.pick([1, 3].map((n) => n * this.#electionMs).concat(STALL_MS)),
          );
        });
      case "diskError":
        return this.#takeOut((machine) => machine.failDiskAfter(this.#random.integer(1, 50)));
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

  /** Harms one machine, the leader's with preference. */
  #withMachine(run: (machine: Machine) => void): boolean {
    const up = this.#site.machines.filter(({ isUp }) => isUp);
    if (up.length === 0) return false;
    const leaders = up.filter(({ process }) => process?.running?.core.role === "leader");
    const isLeader = leaders.length > 0 && this.#random.chance(this.#site.profile.leaderChance);
    run(this.#random.pick(isLeader ? leaders : up));
    return true;
  }

  /** As above, if enough machines are left to go on. */
  #takeOut(run: (machine: Machine) => void): boolean {
    return this.#canSpareOne && this.#withMachine(run);
  }

  get #canSpareOne(): boolean {
    if (!this.#site.profile.sparesMajority) return true;
    const members = this.#site.machines.filter((machine) => this.#operator.isMember(machine));
    const working = members.filter(({ process }) =>
      process?.running !== undefined && !process.isPaused && !process.isStopping
    );
    return 2 * (working.length - 1 - this.#cutOff) > members.length;
  }

  #restart(machine: Machine): void {
    this.#operator.restartLater(machine, this.#electionMs * this.#random.pick([0.2, 1, 3]));
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
      this.#electionMs * this.#random.pick([0.5, 1.5, 4]),
      "resume",
      () => process.resume(),
    );
  }

  #partition(kind: "partition" | "isolate" | "bridge"): boolean {
    if (kind === "isolate") {
      return this.#takeOut((machine) => {
        const others = this.#site.machines.filter((other) => other !== machine);
        this.#cut([machine], others, this.#random.pick(["both", "there", "back"]));
      });
    }
    const machines = this.#random.shuffled(this.#site.machines);
    if (machines.length < 2) return false;
    const size = this.#random.integer(1, machines.length - 1);
    const others = machines.slice(kind === "bridge" ? size + 1 : size);
    this.#cut(machines.slice(0, size), others, "both");
    return true;
  }

  /** Nothing passes between the groups for a while, in the directions named. */
  #cut(
    one: readonly Machine[],
    other: readonly Machine[],
    ways: "both" | "there" | "back",
  ): void {
    const mends: (() => void)[] = [];
    for (const { number: a } of one) {
      for (const { number: b } of other) {
        if (ways !== "back") mends.push(this.#site.network.cut(a, b));
        if (ways !== "there") mends.push(this.#site.network.cut(b, a));
      }
    }
    this.#cutOff++;
    this.#later(this.#electionMs * this.#random.pick([1, 2, 5]), "mend", () => {
      this.#cutOff--;
      for (const mend of mends) mend();
    });
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
