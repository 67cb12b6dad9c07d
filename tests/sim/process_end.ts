/** Whether a process may end as it did: only what was done to its machine is a reason. */
import { InvariantError } from "../../src/base/assert.ts";
import { DiskFullError } from "../../src/base/errors.ts";
import { JoinError } from "../../src/member/bootstrap.ts";
import { DiskError } from "../../src/storage/disk.ts";
import { CorruptionError } from "../../src/storage/errors.ts";

/** Why a process ended by itself. */
export type ExitReason = "stopped" | "removed" | "diskError" | "diskFull" | "damaged" | "notJoined";

export type ProcessEnd =
  | { readonly type: "exit"; readonly reason: ExitReason }
  | { readonly type: "violation"; readonly property: string };

/** What its machine has done to it. */
export interface Suffered {
  readonly sawDiskError: boolean;
  readonly mayBeDamaged: boolean;
}

/** What it means that a process ended with `error`. */
export function judgeEnd(error: unknown, { sawDiskError, mayBeDamaged }: Suffered): ProcessEnd {
  if (error instanceof JoinError) {
    // It had joined and was removed before it heard of either: its operator starts it afresh.
    return { type: "exit", reason: /was removed/.test(error.message) ? "removed" : "notJoined" };
  }
  if (error instanceof DiskFullError) return { type: "exit", reason: "diskFull" };
  if (error instanceof DiskError && sawDiskError) return { type: "exit", reason: "diskError" };
  if (error instanceof CorruptionError && mayBeDamaged) return { type: "exit", reason: "damaged" };
  const property = error instanceof InvariantError ? "invariant" : "no unexpected end";
  return { type: "violation", property };
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
