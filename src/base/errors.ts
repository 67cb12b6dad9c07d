/** Operating errors that more than one layer has to tell apart. */

/**
 * No space left on the device, or a quota reached: the one failure of a disk
 * that a node outlives. What was being written does not count as written.
 */
export class DiskFullError extends Error {
  override readonly name = "DiskFullError";
}

/** A snapshot was damaged on its way here: it has to be sent again, this directory is sound. */
export class DamagedTransferError extends Error {
  override readonly name = "DamagedTransferError";
}

/** What an error says, of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
