/**
 * Ports for nodes that come and go: the port of one that is down must still be free
 * when it comes back, whatever the tests beside this one do meanwhile.
 */

/** Below the range from which kernels take the ports of outgoing connections. */
const LOWEST = 12_000;
const BLOCK_PORTS = 256;
const BLOCKS = 78;
const ATTEMPTS_MAX = 10_000;

/** A block of ports is claimed by listening at its first one for as long as the process, or the test's worker, lives. */
let claim = claimBlock();
let given = 0;

/** A port that nothing listens on, and that nobody is given again meanwhile. */
export function freePort(): number {
  return freePorts(1);
}

/** The first of `count` such ports in a row. */
export function freePorts(count: number): number {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (given + count >= BLOCK_PORTS) {
      claim = claimBlock();
      given = 0;
    }
    const first = claim.addr.port + 1 + given;
    given += count;
    if (Array.from({ length: count }, (_, i) => first + i).every(isFree)) return first;
  }
  throw new Error(`Expected ${count} free ports in a row after ${claim.addr.port}, found none`);
}

function claimBlock(): Deno.TcpListener {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const block = Math.floor(Math.random() * BLOCKS);
    const listener = listenAt(LOWEST + block * BLOCK_PORTS);
    if (listener !== undefined) return listener;
  }
  throw new Error(`Expected a free port among ${BLOCKS} from ${LOWEST} on, found none`);
}

function isFree(port: number): boolean {
  const listener = listenAt(port);
  listener?.close();
  return listener !== undefined;
}

function listenAt(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: "0.0.0.0", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}
