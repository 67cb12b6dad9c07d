/** Which process of this machine has opened a TCP connection, by what Linux shows under `/proc`. */

/** The pid among `pids` whose connection comes from the local `port`; undefined when none does. */
export async function pidDialling(
  port: number,
  pids: readonly number[],
): Promise<number | undefined> {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (await readText(table)).split("\n").slice(1)) {
      const [, local = "", , , , , , , , inode = "0"] = line.trim().split(/\s+/);
      if (local.endsWith(`:${wanted}`) && inode !== "0") inodes.add(`socket:[${inode}]`);
    }
  }
  for (const pid of pids) if (await holds(pid, inodes)) return pid;
  return undefined;
}

async function holds(pid: number, links: ReadonlySet<string>): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  try {
    for await (const { name } of Deno.readDir(directory)) {
      const link = await Deno.readLink(`${directory}/${name}`).catch(() => "");
      if (links.has(link)) return true;
    }
  } catch (error) {
    // The process has ended, or is somebody else's.
    const isClosed = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
    if (!isClosed) throw error;
  }
  return false;
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
