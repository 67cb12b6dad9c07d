/**
 * Whether a message can be meant at all. What arrives from a peer is checked
 * here once, so that the roles may rely on its shape; a fault is dropped with
 * the message, it never stops the server.
 */
import { decodeConfiguration, DecodeError } from "./codec.ts";
import { configurationFault, findMember } from "./configuration.ts";
import type { State } from "./state.ts";
import { NONE } from "./types.ts";
import type { Append, Entry, Message, SnapshotMeta } from "./types.ts";

/** Far more than a cluster reaches, and far enough below 2^53 for sums to stay exact. */
const NUMBER_MAX = 2 ** 52;

/** Why `message` cannot be meant for this server as things stand, undefined when it can. */
export function messageFault(message: Message, state: State): string | undefined {
  const { from, to, term } = message;
  if (to !== state.id) return "It is for another server";
  if (from === to || !isMemberId(from)) return "It has no proper sender";
  if (!isNumber(term)) return "Its term is out of range";
  return bodyFault(message) ?? senderFault(message, state);
}

/** Whether only the leader of its term sends a message like this. */
export function isFromLeader({ type }: Message): boolean {
  return type === "append" || type === "heartbeat" || type === "snapshot" ||
    type === "timeoutNow";
}

/**
 * A leader or a candidate that is no member may well be right, when this
 * server's configuration is behind (thesis §4.1). But only members are asked:
 * the answer of another, one that was removed perhaps, must not change the term.
 */
function senderFault(message: Message, state: State): string | undefined {
  const { from, term, type } = message;
  if (isFromLeader(message)) {
    const isRival = term === state.term && state.leader !== NONE && state.leader !== from;
    return isRival ? "Another server leads its term" : undefined;
  }
  const isRequest = type === "preVote" || type === "vote";
  const isMember = findMember(state.configurations.latest.configuration, from) !== undefined;
  return isRequest || isMember ? undefined : "It answers, but is no member";
}

function bodyFault(message: Message): string | undefined {
  switch (message.type) {
    case "append":
      return appendFault(message);
    case "appendReply":
      return areNumbers(message.index, message.hintIndex, message.hintTerm);
    case "heartbeat":
      return areNumbers(message.commitIndex, message.readRound);
    case "heartbeatReply":
      return areNumbers(message.readRound);
    case "preVote":
    case "vote":
      return areNumbers(message.lastIndex, message.lastTerm) ??
        (message.lastTerm < message.term ? undefined : "Its log is ahead of its term");
    case "preVoteReply":
    case "voteReply":
    case "timeoutNow":
      return undefined;
    case "snapshot":
      return snapshotFault(message.snapshot, message.term);
    default:
      return "Its type is unknown";
  }
}

function appendFault(message: Append): string | undefined {
  const { prevIndex, prevTerm, commitIndex, entries, term } = message;
  const fault = areNumbers(prevIndex, prevTerm, commitIndex);
  if (fault !== undefined) return fault;
  if (prevIndex === 0 && prevTerm !== 0) return "Its log has a term before the first entry";
  let lastIndex = prevIndex;
  let lastTerm = prevTerm;
  for (const entry of entries) {
    if (entry.index !== lastIndex + 1) return "Its entries have a gap";
    if (!isNumber(entry.term) || entry.term < lastTerm) return "Its terms go down";
    if (entry.kind === "config") {
      const fault = configurationEntryFault(entry);
      if (fault !== undefined) return fault;
    }
    lastIndex = entry.index;
    lastTerm = entry.term;
  }
  return lastTerm <= term ? undefined : "Its log is ahead of its term";
}

function configurationEntryFault({ data }: Entry): string | undefined {
  try {
    return configurationFault(decodeConfiguration(data));
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}

function snapshotFault(snapshot: SnapshotMeta, term: number): string | undefined {
  const { index, configuration } = snapshot;
  const fault = areNumbers(index, snapshot.term);
  if (fault !== undefined) return fault;
  if (snapshot.term > term) return "Its log is ahead of its term";
  // A server that joined learns of the members by the log: before that entry it knows nobody.
  return configuration.members.length === 0 ? undefined : configurationFault(configuration);
}

function areNumbers(...values: number[]): string | undefined {
  return values.every(isNumber) ? undefined : "A number is out of range";
}

function isNumber(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= NUMBER_MAX;
}

function isMemberId(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
