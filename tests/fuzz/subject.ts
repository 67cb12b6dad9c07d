/**
 * What is fuzzed: how an input is made from a seed, and what must be true of it.
 * An input is bytes, whatever they stand for, so that each can be printed, kept
 * and run again.
 */
import { SeededRandom } from "../sim/random.ts";

export interface Subject {
  readonly name: string;
  /** For the report: what has to hold for every input. */
  readonly promise: string;
  /** Inputs per `check`; 1 unless it pays to run many together. */
  readonly batch?: number;
  make(random: SeededRandom): Uint8Array;
  /** Throws `FuzzError`, or anything else, when a promise is broken. */
  check(inputs: readonly Uint8Array[]): void | Promise<void>;
  /** Ends what `check` has begun. */
  close?(): Promise<void>;
}

/** A promise is broken; `at` says by which input of the batch. */
export class FuzzError extends Error {
  override readonly name = "FuzzError";
  readonly at: number;

  constructor(message: string, at = 0) {
    super(message);
    this.at = at;
  }
}

/** Input `at` of `seed` is the same on every machine, whatever came before. */
export function inputOf(subject: Subject, seed: number, at: number): Uint8Array {
  return subject.make(new SeededRandom(seed, at));
}

/** Throws `FuzzError` unless both are alike. */
export function expectSame(actual: unknown, expected: unknown, what: string, at = 0): void {
  if (actual === expected) return;
  const [found, wanted] = [inWords(actual), inWords(expected)];
  if (found !== wanted) throw new FuzzError(`${what}: expected ${wanted}, found ${found}`, at);
}

/** JSON, with what it knows no word for. */
function inWords(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (part instanceof Uint8Array) return part.toHex();
    return typeof part === "bigint" ? `${part}n` : part;
  });
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** What is no UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
