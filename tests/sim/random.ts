/**
 * Numbers from a seed: the same seed gives the same numbers on every machine.
 * Each part of the simulator draws from a stream of its own, so that a change in
 * one part moves the others as little as can be. The generator is sfc32 (Chris
 * Doty-Humphrey, PractRand), started by the finishing steps of MurmurHash3.
 */
import type { Random } from "../../src/node/ports.ts";

export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `stream` tells apart the generators of one seed. Both are integers below 2^53. */
  constructor(seed: number, stream = 0) {
    this.#a = scramble(seed % 2 ** 32);
    this.#b = scramble(Math.floor(seed / 2 ** 32) + 0x9e3779b9);
    this.#c = scramble(stream + 0x85ebca6b);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** In [0, 1); a function, so that it can be handed to the code under test. */
  readonly next: Random = () => {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };

  /** An integer in [low, high]. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** A real number in [low, high). */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** An integer in [low, high], small ones far more often: each power of two as often as the next. */
  skewed(low: number, high: number): number {
    return Math.min(high, low - 1 + Math.floor(2 ** this.between(0, Math.log2(high - low + 2))));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Times between events that come on average every `mean`. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new RangeError("Nothing to pick from");
    return item;
  }

  /** One of the keys of `weights`, as often as its weight says. */
  weighted<K extends string>(weights: readonly (readonly [K, number])[]): K {
    let at = this.next() * weights.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of weights) {
      at -= weight;
      if (at < 0) return key;
    }
    return weights.at(-1)![0];
  }

  /** The items in another order. */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }
}

function scramble(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
