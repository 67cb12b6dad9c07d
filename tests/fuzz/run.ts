/** Runs one subject for so many inputs of a seed, and says by which input it fails. */
import { FuzzError, inputOf, type Subject } from "./subject.ts";

export interface Failure {
  readonly subject: string;
  readonly seed: number;
  /** The number of the input. */
  readonly at: number;
  readonly input: Uint8Array;
  readonly message: string;
}

export interface Result {
  readonly inputs: number;
  readonly milliseconds: number;
  /** The most that the heap and what hangs on it took after a part of the inputs. */
  readonly bytesMax: number;
  readonly failure: Failure | undefined;
}

/** All that any subject may hold at once. */
const BYTES_MAX = 512 * 1024 * 1024;
/** Inputs from one look at the memory to the next. */
const LOOK_EVERY = 10_000;

/** Stops at the first failure. A rejection that nobody handles counts as one. */
export async function runSubject(
  subject: Subject,
  seed: number,
  from: number,
  count: number,
): Promise<Result> {
  const begun = performance.now();
  const { batch = 1 } = subject;
  let bytesMax = 0;
  let stray: unknown;
  const onStray = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    stray = event.reason ?? "nothing";
  };
  addEventListener("unhandledrejection", onStray);
  const end = from + count;
  let failure: Failure | undefined;
  let at = from;
  let lookAt = from + LOOK_EVERY;
  try {
    while (at < end && failure === undefined) {
      const inputs: Uint8Array[] = [];
      while (inputs.length < batch && at + inputs.length < end) {
        inputs.push(inputOf(subject, seed, at + inputs.length));
      }
      try {
        const checked = subject.check(inputs);
        if (checked !== undefined) await checked;
        if (stray !== undefined) throw stray;
      } catch (error) {
        const place = error instanceof FuzzError ? error.at : 0;
        failure = failed(subject, seed, at + place, inputs[place]!, error);
      }
      at += inputs.length;
      if (at < lookAt && at < end) continue;
      lookAt += LOOK_EVERY;
      // Strays show only when the event loop has run.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const { heapUsed, external } = Deno.memoryUsage();
      bytesMax = Math.max(bytesMax, heapUsed + external);
      const problem = stray ?? (bytesMax > BYTES_MAX ? `${bytesMax} bytes are in use` : undefined);
      if (problem !== undefined) failure ??= failed(subject, seed, at - 1, inputs.at(-1)!, problem);
    }
  } finally {
    removeEventListener("unhandledrejection", onStray);
    await subject.close?.();
  }
  return { inputs: at - from, milliseconds: performance.now() - begun, bytesMax, failure };
}

/** Checks inputs that are there already; throws what is wrong. */
export async function runInputs(subject: Subject, inputs: readonly Uint8Array[]): Promise<void> {
  try {
    for (const input of inputs) await subject.check([input]);
  } finally {
    await subject.close?.();
  }
}

function failed(
  subject: Subject,
  seed: number,
  at: number,
  input: Uint8Array,
  error: unknown,
): Failure {
  const message = error instanceof FuzzError
    ? error.message
    : error instanceof Error
    ? error.stack ?? error.message
    : String(error);
  return { subject: subject.name, seed, at, input, message };
}
