/** Waiting for what must come true: by looking, with a deadline far beyond what a busy machine needs. */

/** How long anything may take before a test gives up. */
export const PATIENCE_MS = 60_000;

const LOOK_AGAIN_MS = 20;

/** No look counts for more, so that a machine which stood still meanwhile is given its time. */
const LOOK_MS_MAX = 10_000;

/**
 * Looks until `look` returns something other than undefined and false, which is
 * what it resolves with. Rejects after `patienceMs` with `what` was expected and
 * the last error of `look`, which is otherwise taken for "not yet".
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  let spentMs = 0;
  let problem: unknown;
  for (;;) {
    const startMs = performance.now();
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      problem = undefined;
    } catch (error) {
      problem = error;
    }
    if (spentMs > patienceMs) {
      throw new Error(`Expected ${what} within ${patienceMs} ms`, { cause: problem });
    }
    await pause(LOOK_AGAIN_MS);
    spentMs += Math.min(LOOK_MS_MAX, performance.now() - startMs);
  }
}

/** Resolves after `ms`; for pacing a load, never for waiting until something has happened. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

/** Rejects when `promise` takes longer than `patienceMs`. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const problem = new Error(`Expected ${what} within ${patienceMs} ms`);
    timer = setTimeout(() => reject(problem), patienceMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `promise`, which may fail before anybody awaits it. */
export function later<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
