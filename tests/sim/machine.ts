/**
 * A simulated machine: a disk, two clocks, an address, and at most one process
 * of the program under test at a time. What happens to it comes from `faults.ts`
 * and `operator.ts`.
 */
import type { Clock } from "../../src/base/clock.ts";
import type { MemberId } from "../../src/raft/types.ts";
import { DiskError } from "../../src/storage/disk.ts";
import type { Identity } from "../../src/storage/storage.ts";
import { type DiskWorld, PowerCutError } from "./disk_session.ts";
import { Process } from "./process.ts";
import type { ExitReason } from "./process_end.ts";
import { SeededRandom } from "./random.ts";
import { SimDisk } from "./sim_disk.ts";
import type { Site } from "./site.ts";

/** Where the wall clocks stand when the simulation starts. */
const EPOCH_MS = 1_700_000_000_000;

/** A sync that is slow is slower by this. */
const SLOW_FACTOR = 50;

export class Machine {
  readonly number: number;
  readonly name: string;
  readonly random: SeededRandom;
  readonly disk: SimDisk;
  readonly #site: Site;
  readonly #drift: number;
  #skewMs: number;
  #port = 0;
  #url: string;
  #process: Process | undefined;
  #processCount = 0;
  /** Counts down to a power cut in the middle of a turn. */
  #operationsToCut = Infinity;
  #operationsToError = Infinity;
  #stalledUntilMs = 0;
  /** What the disk works on: ends each at once. */
  readonly #work = new Set<() => void>();
  #healed = false;
  #capacityBytes = Infinity;
  /** Its disk was tampered with, and it has not started since: it may refuse to. */
  #mayBeDamaged = false;
  /** It makes a new cluster when its disk is empty; all others join. */
  isFounder = false;
  /** What a first process here is told of the cluster that it founds with others. */
  founding: Identity | undefined;
  /** The incarnation that its disk belongs to. */
  memberId: MemberId | undefined;
  /** The last process to run here was told that it is no longer a member. */
  #removed = false;

  constructor(number: number, site: Site) {
    this.number = number;
    this.name = `n${number}`;
    this.#url = urlOf(number, 0);
    this.#site = site;
    this.random = new SeededRandom(site.seed, 100 + number);
    this.disk = new SimDisk(this.random);
    const { skewMs, drift } = site.profile.clock;
    this.#skewMs = this.random.between(-skewMs, skewMs);
    this.#drift = 1 + this.random.between(-drift, drift);
  }

  /** Advertised peer URL. */
  get url(): string {
    return this.#url;
  }

  get clientUrl(): string {
    return `http://10.0.0.${this.number}:${4000 + this.#port}`;
  }

  /** The process that runs here. */
  get process(): Process | undefined {
    return this.#process?.isDead === false ? this.#process : undefined;
  }

  get isUp(): boolean {
    return this.process !== undefined;
  }

  get isRemoved(): boolean {
    return this.#removed;
  }

  get mayBeDamaged(): boolean {
    return this.#mayBeDamaged;
  }

  /** How much faster than the simulation's its monotonic clock goes. */
  get drift(): number {
    return this.#drift;
  }

  /** Starts a process; `addresses` are those of members that let a newcomer join. */
  start(addresses: readonly string[]): void {
    if (this.isUp) return;
    this.#removed = false;
    const name = `${this.name}.${++this.#processCount}`;
    const session = this.number * 1_000_000 + this.#processCount;
    const process = new Process(name, this, this.#site, session);
    this.#process = process;
    process.start(addresses, (reason) => this.#exited(process, reason));
  }

  /** `kill -9`: what was written stays in the page cache. */
  kill(): void {
    this.process?.die();
    this.#work.clear();
    this.#operationsToCut = this.#operationsToError = Infinity;
  }

  powerCut(): void {
    this.kill();
    this.disk.cut();
  }

  /** The power goes at the disk operation after the next `operations`. */
  cutPowerAfter(operations: number): void {
    this.#operationsToCut = operations;
  }

  failDiskAfter(operations: number): void {
    this.#operationsToError = operations;
  }

  stallDisk(untilMs: number): void {
    this.#stalledUntilMs = untilMs;
  }

  /** Room for `bytes` more, or again for all. */
  limitDisk(bytes: number): void {
    this.#capacityBytes = this.disk.size + bytes;
  }

  /** Turns a bit; the machine may refuse to start. */
  damage(chosen: (name: string) => boolean): string | undefined {
    const where = this.disk.flip(chosen);
    if (where !== undefined) this.#mayBeDamaged = true;
    return where;
  }

  /** A process has read the disk and found nothing. */
  provedSound(): void {
    this.#mayBeDamaged = false;
  }

  wipe(): void {
    this.kill();
    this.disk.wipe();
    this.founding = undefined;
    this.isFounder = false;
    this.memberId = undefined;
    this.#mayBeDamaged = false;
  }

  /** The next process is reached under another address. */
  move(): void {
    this.#port++;
    this.#url = urlOf(this.number, this.#port);
  }

  jumpClock(byMs: number): void {
    this.#skewMs += byMs;
  }

  /** No fault is left, but for what the disk has suffered already. */
  heal(): void {
    this.#operationsToCut = this.#operationsToError = Infinity;
    this.#stalledUntilMs = 0;
    this.#capacityBytes = Infinity;
    this.#healed = true;
    for (const end of [...this.#work]) end();
  }

  /** The clocks of a process that starts now. */
  clock(): Clock {
    const { schedule } = this.#site;
    const bootMs = schedule.nowMs;
    return {
      monotonicMs: () => (schedule.nowMs - bootMs) * this.#drift,
      wallMs: () => EPOCH_MS + schedule.nowMs + this.#skewMs,
    };
  }

  /** How the disk behaves for `process`. */
  diskWorld(process: Process): DiskWorld {
    return {
      before: () => this.#beforeOperation(process),
      work: (done) => this.#workFor(process, done),
      capacityBytes: () => this.#capacityBytes,
    };
  }

  #workFor(process: Process, done: () => void): void {
    const { schedule, profile } = this.#site;
    const { syncMs, slowChance } = profile.disk;
    const isSlow = !this.#healed && slowChance > 0 && this.random.chance(slowChance);
    const stallMs = Math.max(0, this.#stalledUntilMs - schedule.nowMs);
    const workMs = 0.05 + this.random.exponential(syncMs) * (isSlow ? SLOW_FACTOR : 1);
    const end = () => schedule.after(0.05, "disk", process, finish);
    const finish = () => {
      if (this.#work.delete(end)) done();
    };
    this.#work.add(end);
    schedule.after(stallMs + workMs, "disk", process, finish);
  }

  #beforeOperation(process: Process): void {
    if (process.isDead) throw new PowerCutError("The machine is off");
    if (--this.#operationsToCut <= 0) {
      this.#site.trace.line(this.#site.schedule.nowMs, process.name, () => "power cut in a turn");
      this.powerCut();
      throw new PowerCutError("The power went");
    }
    if (--this.#operationsToError > 0) return;
    this.#operationsToError = Infinity;
    process.sawDiskError();
    throw new DiskError("Input/output error of the simulated disk");
  }

  #exited(process: Process, reason: ExitReason): void {
    process.die();
    if (reason === "diskError") this.disk.cut();
    this.#removed = reason === "removed";
    this.#site.onExit(this, reason);
  }
}

function urlOf(number: number, port: number): string {
  return `http://10.0.0.${number}:${7000 + port}`;
}
