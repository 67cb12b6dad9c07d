/** Ports for nodes that come and go. */

/**
 * Below the range from which kernels take the ports of outgoing connections:
 * the port of a node that is down must still be free when it comes back.
 */
const LOWEST = 12_000;
const HIGHEST = 31_999;

const given = new Set<number>();

/** A port that nothing listens on, and that this process has not been given before. */
export function freePort(): number {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (given.has(port) || !isFree(port)) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "0.0.0.0", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
