/** What the commands about a node's data share: how bulk work is paced, and how errors become a line. */
import { randomFraction, randomId } from "../base/ids.ts";
import { messageOf } from "../base/errors.ts";
import { DiskFullError } from "../base/errors.ts";
import { LIMITS } from "../config/limits.ts";
import type { Identity } from "../storage/identity.ts";
import type { RebuildOptions } from "../storage/rebuild.ts";
import { faultOfImage } from "../store/image/proof.ts";
import { CommandError } from "./command.ts";

/** As a node has them. */
export const DATA_OPTIONS: RebuildOptions = {
  faultOfImage,
  scheduler: { defer: (task) => void setImmediate(task) },
  ...LIMITS.storage,
  spareSegmentsMax: 0,
  random: Math.random,
};

/** What storage, store and bbolt files say in words for the operator. */
const SPOKEN: ReadonlySet<string> = new Set([
  "BoltError",
  "CorruptionError",
  "DamagedBackupError",
  "DirectoryInUseError",
  "DiskError",
  "FormatVersionError",
  "ImageError",
  "LockedError",
  "NoMemberError",
  "RecoveryError",
  "UnfinishedError",
]);

/** Runs `work`; errors that say all that an operator needs become the command's one line. */
export async function spoken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DiskFullError) throw new CommandError(error.message);
    if (error instanceof Error && SPOKEN.has(error.name)) throw new CommandError(error.message);
    throw error;
  }
}

/** A member of a new cluster, on disk before anybody hears of it. */
export function newIdentity(name: string, memberId = newId()): Identity {
  return { memberId, clusterId: newId(), name, initial: undefined };
}

/** Whether there is something at `path`. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new CommandError(
      `Cannot look at "${path}": ${messageOf(error)}`,
    );
  }
}

function newId(): number {
  return randomId(randomFraction);
}
