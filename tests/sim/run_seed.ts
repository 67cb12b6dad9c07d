/** Runs one seed and reports; a run says nothing that another run of the seed would not. */
import { Trace } from "./trace.ts";
import { ViolationError } from "./violation.ts";
import { World } from "./world.ts";

export interface SeedOptions {
  readonly seed: number;
  /** Steps before healing; undefined: what the seed says. */
  readonly steps: number | undefined;
  /** Takes the story, line by line. */
  readonly print?: (line: string) => void;
}

export interface SeedReport {
  readonly seed: number;
  readonly steps: number;
  /** Answers to clients that were checked. */
  readonly answers: number;
  /** Of all that happened. */
  readonly hash: string;
  readonly faults: ReadonlyMap<string, number>;
  readonly happenings: ReadonlyMap<string, number>;
  /** Undefined when every promise was kept. */
  readonly failure: SeedFailure | undefined;
}

export interface SeedFailure {
  /** The broken promise, or "crash" when the simulation itself could not go on. */
  readonly property: string;
  readonly message: string;
}

export async function runSeed({ seed, steps, print }: SeedOptions): Promise<SeedReport> {
  const trace = new Trace(print);
  const world = new World({ seed, steps, trace });
  let failure: SeedFailure | undefined;
  try {
    await world.run();
  } catch (error) {
    failure = failureOf(error);
  }
  return {
    seed,
    steps: world.steps,
    answers: world.answers,
    hash: trace.hash,
    faults: trace.faults,
    happenings: trace.happenings,
    failure,
  };
}

function failureOf(error: unknown): SeedFailure {
  if (error instanceof ViolationError) return { property: error.property, message: error.message };
  const message = error instanceof Error ? error.stack ?? error.message : String(error);
  return { property: "crash", message };
}
