/** What a node counts of itself, for metrics; plain numbers, because some count on the hot path. */
import type { Message } from "../raft/types.ts";

export class NodeCounters {
  /** Appends and heartbeats, which the original did not tell apart. */
  appendsSent = 0;
  appendsReceived = 0;
  /** Proposals without a result, whatever became of their entries. */
  proposalsFailed = 0;
}

/** Whether the original would have counted `message` as an append. */
export function isAppend({ type }: Message): boolean {
  return type === "append" || type === "heartbeat";
}
