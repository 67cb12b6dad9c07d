/**
 * Where every message of a peer enters: checked, brought to this server's term
 * (paper §5.1), handed to the role it concerns.
 */
import { unreachable } from "../base/assert.ts";
import {
  campaignForTransfer,
  onPreVote,
  onPreVoteReply,
  onVote,
  onVoteReply,
} from "./candidate.ts";
import { becomeFollower, onAppend, onHeartbeat, onSnapshot } from "./follower.ts";
import { onAppendReply, onHeartbeatReply } from "./leader.ts";
import type { State } from "./state.ts";
import { NONE } from "./types.ts";
import type { Message } from "./types.ts";
import { isFromLeader, messageFault } from "./validation.ts";

/** Takes `message`; one that is malformed, foreign or impossible changes nothing. */
export function step(state: State, message: Message): void {
  const fault = messageFault(message, state);
  if (fault !== undefined) {
    state.emit({ type: "ignored", from: message.from, message: message.type, reason: fault });
  } else if (isHypothetical(message)) {
    dispatch(state, message);
  } else if (message.term < state.term) {
    answerPastTerm(state, message);
  } else if (enterTermOf(state, message)) {
    dispatch(state, message);
  }
}

/** PreVote speaks of a term that nobody has entered yet. */
function isHypothetical(message: Message): boolean {
  return message.type === "preVote" || (message.type === "preVoteReply" && message.granted);
}

/** Enters a newer term; false when the message must leave no trace (thesis §4.2.3). */
function enterTermOf(state: State, message: Message): boolean {
  if (message.term === state.term) return true;
  if (message.type === "vote" && !message.transfer && state.isLed) return false;
  becomeFollower(state, message.term, isFromLeader(message) ? message.from : NONE);
  return true;
}

/** Tells the sender that its term is past: a leader steps down, a candidate catches up. */
function answerPastTerm(state: State, message: Message): void {
  const { id, term } = state;
  const { from: to, type } = message;
  if (type === "vote") {
    state.send({ type: "voteReply", from: id, to, term, granted: false });
  } else if (isFromLeader(message)) {
    const zeros = { index: 0, hintIndex: 0, hintTerm: 0 };
    state.send({ type: "appendReply", from: id, to, term, rejected: true, ...zeros });
  }
}

function dispatch(state: State, message: Message): void {
  const { leadership } = state;
  switch (message.type) {
    case "append":
      return onAppend(state, message);
    case "heartbeat":
      return onHeartbeat(state, message);
    case "snapshot":
      return onSnapshot(state, message);
    case "appendReply":
      return leadership && onAppendReply(state, leadership, message);
    case "heartbeatReply":
      return leadership && onHeartbeatReply(state, leadership, message);
    case "preVote":
      return onPreVote(state, message);
    case "preVoteReply":
      return onPreVoteReply(state, message);
    case "vote":
      return onVote(state, message);
    case "voteReply":
      return onVoteReply(state, message);
    case "timeoutNow":
      return campaignForTransfer(state);
    default:
      unreachable(message);
  }
}
