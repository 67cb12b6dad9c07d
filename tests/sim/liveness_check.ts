/** What must come about within a bounded time of the simulation. */
import type { Violations } from "./violation.ts";

export interface Course {
  readonly nowMs: () => number;
  /** The next event and its checks. */
  readonly step: () => Promise<void>;
  readonly violations: Violations;
}

/** Steps until `lack` finds nothing any longer; rejects with `ViolationError` after `patienceMs`. */
export async function waitUntil(
  property: string,
  patienceMs: number,
  lack: () => string | undefined,
  { nowMs, step, violations }: Course,
): Promise<void> {
  const startMs = nowMs();
  for (let missing = lack(); missing !== undefined; missing = lack()) {
    if (nowMs() - startMs > patienceMs) {
      violations.note(property, `${Math.round(patienceMs)} ms after healing ${missing}`);
      violations.throwIfAny();
    }
    await step();
  }
}
