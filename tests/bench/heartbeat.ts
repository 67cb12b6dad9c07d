/**
 * How long a server's event loop is ever silent, seen from outside: a client on
 * one connection asks for something that costs nothing, over and over, and notes
 * the longest wait. On a loaded machine it includes the client's own delays, so
 * it can only be too high.
 */

const PAUSE_MS = 2;

/** Runs until stopped; `stop` resolves with the longest wait in ms. */
export function blockedMs(url: string): { stop(): Promise<number> } {
  let running = true;
  let longest = 0;
  const watching = (async () => {
    while (running) {
      const begun = performance.now();
      const response = await fetch(`${url}/version`);
      await response.body?.cancel();
      longest = Math.max(longest, performance.now() - begun);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  })();
  return {
    stop: async () => {
      running = false;
      await watching;
      return longest;
    },
  };
}
