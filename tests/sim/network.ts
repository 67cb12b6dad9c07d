/**
 * What lies between the processes, below the frames: loses, repeats, delays and
 * reorders them, and cuts directions between machines. A frame reaches only the
 * process that ran when it left: a connection does not outlive its ends.
 */
import type { NetworkProfile } from "./profile.ts";
import type { SeededRandom } from "./random.ts";
import type { Owner, Schedule } from "./schedule.ts";

/** Machines by number; a direction is a pair of them. */
const MACHINES_MAX = 64;

/** A frame takes this much longer on a slow link. */
const SLOW_FACTOR = 50;

export class Network {
  readonly #schedule: Schedule;
  readonly #random: SeededRandom;
  #profile: NetworkProfile;
  /** Directions that let nothing through, counted, because cuts overlap. */
  readonly #cuts = new Map<number, number>();
  readonly #slow = new Set<number>();
  /** When the last frame of a direction arrives. */
  readonly #lastArrivalMs = new Map<number, number>();
  /** Frames of a direction that left before this are lost … */
  readonly #brokenMs = new Map<number, number>();
  /** … and so are all that left before everything was healed. */
  #healedMs = -1;

  constructor(schedule: Schedule, random: SeededRandom, profile: NetworkProfile) {
    this.#schedule = schedule;
    this.#random = random;
    this.#profile = profile;
  }

  /** Moves something from machine to machine; `arrive` may run never, once or twice. */
  carry(from: number, to: number, label: string, owner: Owner, arrive: () => void): void {
    const direction = directionOf(from, to);
    const { dropChance, repeatChance } = this.#profile;
    if (this.#cuts.has(direction)) return;
    if (dropChance > 0 && this.#random.chance(dropChance)) return;
    this.#carry(direction, label, owner, arrive);
    if (repeatChance > 0 && this.#random.chance(repeatChance)) {
      this.#carry(direction, label, owner, arrive);
    }
  }

  isCut(from: number, to: number): boolean {
    return this.#cuts.has(directionOf(from, to));
  }

  /** Nothing passes from `from` to `to` until the returned function is called. */
  cut(from: number, to: number): () => void {
    const direction = directionOf(from, to);
    this.#cuts.set(direction, (this.#cuts.get(direction) ?? 0) + 1);
    return () => {
      const left = (this.#cuts.get(direction) ?? 0) - 1;
      if (left > 0) this.#cuts.set(direction, left);
      else this.#cuts.delete(direction);
    };
  }

  /** Both directions are slow until the returned function is called. */
  slow(a: number, b: number): () => void {
    const directions = [directionOf(a, b), directionOf(b, a)];
    for (const direction of directions) this.#slow.add(direction);
    return () => {
      for (const direction of directions) this.#slow.delete(direction);
    };
  }

  /** All that is under way between the two is lost. */
  breakLink(a: number, b: number): void {
    for (const direction of [directionOf(a, b), directionOf(b, a)]) {
      this.#brokenMs.set(direction, this.#schedule.nowMs);
      this.#lastArrivalMs.delete(direction);
    }
  }

  /** From now on nothing is lost and nothing is late. */
  heal(): void {
    this.#profile = { delayMs: 0.5, dropChance: 0, repeatChance: 0, reorders: false };
    this.#cuts.clear();
    this.#slow.clear();
    this.#brokenMs.clear();
    this.#lastArrivalMs.clear();
    this.#healedMs = this.#schedule.nowMs;
  }

  #carry(direction: number, label: string, owner: Owner, arrive: () => void): void {
    const { nowMs } = this.#schedule;
    const slowness = this.#slow.has(direction) ? SLOW_FACTOR : 1;
    let delayMs = 0.05 + this.#random.exponential(this.#profile.delayMs) * slowness;
    if (!this.#profile.reorders) {
      const last = this.#lastArrivalMs.get(direction) ?? 0;
      delayMs = Math.max(delayMs, last - nowMs);
      this.#lastArrivalMs.set(direction, nowMs + delayMs);
    }
    this.#schedule.after(delayMs, label, owner, () => {
      const brokenMs = this.#brokenMs.get(direction) ?? this.#healedMs;
      if (this.#cuts.has(direction) || nowMs <= brokenMs) return;
      arrive();
    });
  }
}

function directionOf(from: number, to: number): number {
  return from * MACHINES_MAX + to;
}
