/** Messages, events and logs as the short lines of a transcript. */
import { decodeConfiguration } from "../../src/raft/codec.ts";
import type { CoreEvent, PeerProgress } from "../../src/raft/core.ts";
import type { Configuration, Entry, Message } from "../../src/raft/types.ts";
import { textOf } from "./server.ts";

/** `1v 2v 3l`: voters and learners. */
export function describeConfiguration({ members, removed }: Configuration): string {
  const list = members.map(({ id, voter }) => `${id}${voter ? "v" : "l"}`);
  if (removed.length > 0) list.push(`without ${removed.join(" ")}`);
  return list.join(" ") || "nobody";
}

/** What an entry holds: its command, its configuration or `noop`. */
export function describeData({ kind, data }: Entry): string {
  switch (kind) {
    case "noop":
      return "noop";
    case "command":
      return textOf(data);
    case "config":
      return `[${describeConfiguration(decodeConfiguration(data))}]`;
  }
}

/** `3@2 a`: index, term, contents. */
export function describeEntry(entry: Entry): string {
  return `${entry.index}@${entry.term} ${describeData(entry)}`;
}

export function describeMessage(message: Message): string {
  return `${message.type} term ${message.term}${describeBody(message)}`;
}

function describeBody(message: Message): string {
  switch (message.type) {
    case "append": {
      const entries = message.entries.map(describeEntry).join(", ") || "nothing";
      const { prevIndex, prevTerm, commitIndex } = message;
      return `, after ${prevIndex}@${prevTerm}: ${entries}; commit ${commitIndex}`;
    }
    case "appendReply":
      // Index 0 is never refused: the append was of a past term.
      if (message.rejected && message.index === 0) return ", refuses";
      return message.rejected
        ? `, refuses ${message.index}, try ${message.hintIndex}@${message.hintTerm}`
        : `, has ${message.index}`;
    case "heartbeat":
      return `, commit ${message.commitIndex}${describeRound(message.readRound)}`;
    case "heartbeatReply":
      return describeRound(message.readRound);
    case "preVote":
    case "vote": {
      const { lastIndex, lastTerm, transfer } = message;
      return `, log ends ${lastIndex}@${lastTerm}${transfer ? ", handed over" : ""}`;
    }
    case "preVoteReply":
    case "voteReply":
      return message.granted ? ", granted" : ", refused";
    case "snapshot": {
      const { index, term, configuration } = message.snapshot;
      return `, at ${index}@${term} with ${describeConfiguration(configuration)}`;
    }
    case "timeoutNow":
      return "";
  }
}

function describeRound(round: number): string {
  return round === 0 ? "" : `, read round ${round}`;
}

/** Undefined for what another line says already. */
export function describeEvent(id: number, event: CoreEvent): string | undefined {
  switch (event.type) {
    case "role":
      return `${id} is ${event.role} in term ${event.term}`;
    case "leader":
      if (event.leader === id) return undefined;
      return event.leader === 0
        ? `${id} knows no leader in term ${event.term}`
        : `${id} follows ${event.leader} in term ${event.term}`;
    case "configuration":
      return `${id} goes by ${describeConfiguration(event.configuration)} of ${event.index}`;
    case "truncated":
      return `${id} truncates ${event.from} to ${event.to}`;
    case "appendRefused":
      return `${id} goes back to ${event.next} for ${event.peer}`;
    case "snapshotNeeded":
      return `${id} needs a snapshot at ${event.index} for ${event.peer}`;
    case "quorumLost":
      return `${id} hears no majority in term ${event.term}`;
    case "transferAborted":
      return `${id} gives up to hand over to ${event.to}`;
    case "ignored":
      return `${id} ignores ${event.message} of ${event.from}: ${event.reason}`;
  }
}

export function describeProgress(progress: PeerProgress): string {
  const { id, match, next, state, recentActive } = progress;
  return `${id}: match ${match}, next ${next}, ${state}${recentActive ? "" : ", silent"}`;
}
