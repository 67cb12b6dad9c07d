/**
 * Starting afresh (`-f`): removes what a node wrote into a directory, and nothing
 * else. Whoever asks for it must have been told what that means.
 */
import type { Disk } from "./disk.ts";
import { isNodeFile, LOCK_NAME } from "./names.ts";

/**
 * Removes every file of a node but its lock and resolves with their names,
 * sorted, when that is durable. Rejects with `LockedError`, `DiskError`.
 */
export async function removeNodeFiles(disk: Disk): Promise<string[]> {
  const lock = disk.lock(LOCK_NAME);
  try {
    const names = disk.list().map((entry) => entry.name).filter(isNodeFile).sort();
    for (const name of names) await disk.remove(name);
    if (names.length > 0) await disk.syncDirectory();
    return names;
  } finally {
    lock.release();
  }
}
