/**
 * What a client wants changed, before the leader stamps its time into it. An
 * operation travels as a command with time 0: one codec, one set of checks.
 */
import { CommandError, decodeCommand, encodeCommand } from "./command.ts";
import type { DeleteCommand, SetCommand } from "./command.ts";

export type Operation = Omit<SetCommand, "timeMs"> | Omit<DeleteCommand, "timeMs">;

/** The command of `operation` at the cluster's time `timeMs`. */
export function stamp(operation: Operation, timeMs: number): SetCommand | DeleteCommand {
  if (operation.type === "delete") return { type: "delete", key: operation.key, timeMs };
  const { type, key, value, prevValue, ttlSeconds } = operation;
  return { type, key, value, prevValue, ttlSeconds, timeMs };
}

/** The bytes that a follower sends to the leader. Throws `CommandError` on what no member could apply. */
export function encodeOperation(operation: Operation): Uint8Array {
  return encodeCommand(stamp(operation, 0));
}

/** Throws `CommandError` when a client's operation can't have made `bytes`. */
export function decodeOperation(bytes: Uint8Array): Operation {
  const command = decodeCommand(bytes);
  if (command.type !== "expire") return command;
  throw new CommandError("Expected a set or a delete from a member, found an expiry");
}
