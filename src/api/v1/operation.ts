/**
 * What a client wants changed, before the leader stamps time into it, and its
 * way over the wire from a follower to the leader and back. An operation travels
 * as a command with time 0: one codec, one set of checks.
 */
import type { Reply } from "../../http/exchange.ts";
import { unavailable } from "../../http/fault.ts";
import { CommandError, decodeCommand, encodeCommand } from "../../store/command.ts";
import type { DeleteCommand, SetCommand } from "../../store/command.ts";

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

const STATUS_BYTES = 2;

/** Takes nothing away, a byte order mark neither. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Instead of a reply: nothing was appended, ask the leader that is known by now. */
export const NOT_LEADER_BYTES = new Uint8Array(STATUS_BYTES);

/** `reply`, whose body is a string: its status, big-endian, and the body. */
export function encodeReply(reply: Reply): Uint8Array {
  const body = new TextEncoder().encode(reply.body as string);
  const bytes = new Uint8Array(STATUS_BYTES + body.length);
  new DataView(bytes.buffer).setUint16(0, reply.status);
  bytes.set(body, STATUS_BYTES);
  return bytes;
}

/** What `encodeReply` made `bytes` of, or undefined for `NOT_LEADER_BYTES`. Throws `CommandError`. */
export function decodeReply(bytes: Uint8Array): Reply | undefined {
  const status = bytes.length < STATUS_BYTES ? -1 : bytes[0]! * 256 + bytes[1]!;
  if (status === 0) return undefined;
  if (status < 200 || status > 599) {
    throw new CommandError(`Expected a status and a body, found ${bytes.length} other bytes`);
  }
  const body = decoder.decode(bytes.subarray(STATUS_BYTES));
  return status === 503 ? { ...unavailable(""), body } : { status, body };
}
