/**
 * SIGTERM and SIGINT: the first asks for an orderly stop, the second ends the
 * process at once. SIGHUP: certificates are read again.
 */
import type { Logger } from "../base/logger.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** Windows knows no SIGTERM; Ctrl-Break is what services get there. */
const SIGNALS: readonly Deno.Signal[] = IS_WINDOWS ? ["SIGINT", "SIGBREAK"] : ["SIGTERM", "SIGINT"];

/** Exit status of a process that ended before it could stop in order. */
const IMPATIENT = 130;

/** One press of Ctrl-C may come twice: from the terminal, and once more from a task runner. */
const ONE_PRESS_MS = 500;

/** Calls `stop` at the first signal and `exit` at the second, until the process ends. */
export function onStopSignal(
  logger: Logger,
  stop: () => void,
  exit: (status: number) => void,
): void {
  let askedMs: number | undefined;
  for (const signal of SIGNALS) {
    Deno.addSignalListener(signal, () => {
      const nowMs = performance.now();
      if (askedMs !== undefined && nowMs - askedMs < ONE_PRESS_MS) return;
      if (askedMs !== undefined) {
        logger.warn("Stopping at once", { signal });
        return exit(IMPATIENT);
      }
      askedMs = nowMs;
      logger.info("Stopping, a second signal ends the process at once", { signal });
      stop();
    });
  }
}

/** A file that grows beyond `ulimit -f` fails as other writes do, instead of ending the process without a word. */
export function refuseLargeFiles(): void {
  if (!IS_WINDOWS) Deno.addSignalListener("SIGXFSZ", () => {});
}

/**
 * Calls `reload` at SIGHUP; the returned function takes the handler off. A node
 * on a terminal with nothing to reload ends with its terminal, as programs do.
 */
export function onReloadSignal(hasMaterial: boolean, reload: () => void): () => void {
  if (IS_WINDOWS || (!hasMaterial && Deno.stdin.isTerminal())) return () => {};
  Deno.addSignalListener("SIGHUP", reload);
  return () => Deno.removeSignalListener("SIGHUP", reload);
}
