/**
 * What the store refuses while an alarm is active: without space, whatever takes more of
 * it. And how much that is, for who keeps a quota.
 */
import type { Alarms } from "./alarms.ts";
import type { Command, Operation } from "./command/command.ts";
import type { RejectionReason } from "./result.ts";

/** Why `command` is refused; undefined when no alarm is in its way. */
export function alarmAgainst(
  alarms: Pick<Alarms, "has" | "isEmpty">,
  command: Command,
): RejectionReason | undefined {
  if (alarms.isEmpty) return undefined;
  if (alarms.has("corrupt") && changesKeys(command)) return "corrupt";
  return alarms.has("noSpace") && takesSpace(command) ? "noSpace" : undefined;
}

function changesKeys(command: Command): boolean {
  switch (command.type) {
    case "set":
    case "delete":
    case "treePut":
    case "treeDelete":
    case "put":
    case "deleteRange":
    case "leaseGrant":
    case "leaseRevoke":
    case "compact":
      return true;
    case "txn":
      return [...command.success, ...command.failure].some(changesKeys);
    default:
      return false;
  }
}

function takesSpace(command: Command | Operation): boolean {
  switch (command.type) {
    case "set":
    case "treePut":
    case "put":
    case "leaseGrant":
      return true;
    case "txn":
      return [...command.success, ...command.failure].some(takesSpace);
    default:
      return false;
  }
}

/** Bytes of keys and values that `command` may add; 0 when it adds none. */
export function spaceTaken(command: Command | Operation): number {
  switch (command.type) {
    case "set":
    case "treePut":
    case "put":
      return command.key.length + command.value.length;
    case "txn":
      return Math.max(sumOfSpace(command.success), sumOfSpace(command.failure));
    default:
      return 0;
  }
}

function sumOfSpace(operations: readonly Operation[]): number {
  return operations.reduce((sum, operation) => sum + spaceTaken(operation), 0);
}
