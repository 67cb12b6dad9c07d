/** SIGTERM and SIGINT: the first asks for an orderly stop, the second ends the process at once. */
import type { Logger } from "../base/logger.ts";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Exit status of a process that ended before it could stop in order. */
const IMPATIENT = 130;

/** One press of Ctrl-C may come twice: from the terminal, and once more from a task runner. */
const ONE_PRESS_MS = 500;

/** Calls `stop` at the first signal; the returned function takes the handlers off. */
export function onStopSignal(logger: Logger, stop: () => void): () => void {
  let askedMs: number | undefined;
  const handlers = SIGNALS.map((signal) => {
    const handler = () => {
      const nowMs = performance.now();
      if (askedMs !== undefined && nowMs - askedMs < ONE_PRESS_MS) return;
      if (askedMs !== undefined) {
        logger.warn("Stopping at once", { signal });
        Deno.exit(IMPATIENT);
      }
      askedMs = nowMs;
      logger.info("Stopping, a second signal ends the process at once", { signal });
      stop();
    };
    Deno.addSignalListener(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) Deno.removeSignalListener(signal, handler);
  };
}
