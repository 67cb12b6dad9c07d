/**
 * A follower answers its leader (paper §5.3, §7): appends, heartbeats,
 * snapshots. It changes its log only at a real conflict, and acknowledges only
 * what is on disk: `State.send` holds the rest back.
 */
import { assert } from "../base/assert.ts";
import type { Log } from "./log.ts";
import type { State } from "./state.ts";
import { NONE } from "./types.ts";
import type { Append, Heartbeat, InstallSnapshot, MemberId } from "./types.ts";

/** Falls back to following `leader`, in `term` when that is a newer one (paper §5.1). */
export function becomeFollower(state: State, term: number, leader: MemberId): void {
  const isNews = state.role !== "follower" || (leader !== NONE && leader !== state.leader);
  if (term > state.term) state.enterTerm(term);
  if (state.leadership !== undefined) {
    state.droppedReads.push(...state.leadership.reads.tokens());
    state.leadership = undefined;
  }
  state.votes.clear();
  // A mere candidate does not hold back a follower's own campaign (paper §5.2).
  if (isNews) state.restartElectionTimer();
  state.changeRole("follower", leader);
}

/**
 * AppendEntries (paper, figure 2). Steps 2 to 5, with two refinements: what is
 * committed here is not compared again, and a refusal tells where the logs may
 * still agree.
 */
export function onAppend(state: State, message: Append): void {
  const { log } = state;
  const { from, prevIndex, prevTerm, entries } = message;
  hear(state, from);
  if (prevIndex <= state.commitIndex) {
    assertCommitted(log, prevIndex, prevTerm);
  } else if (!log.matches(prevIndex, prevTerm)) {
    return refuse(state, message);
  }
  const lastNewIndex = prevIndex + entries.length;
  takeEntries(state, message);
  state.commitTo(Math.min(message.commitIndex, lastNewIndex));
  // All that is committed is in this leader's log too (paper §5.4, Leader Completeness).
  acknowledge(state, from, Math.max(lastNewIndex, state.commitIndex));
}

/** The leader lives: what it confirms may be committed, and its reads are answered. */
export function onHeartbeat(state: State, message: Heartbeat): void {
  hear(state, message.from);
  // The leader caps it at what this server acknowledged: more than its log holds is a lie.
  if (message.commitIndex <= state.log.lastIndex) state.commitTo(message.commitIndex);
  const { id, term } = state;
  const { from, readRound } = message;
  state.send({ type: "heartbeatReply", from: id, to: from, term, readRound });
}

/** InstallSnapshot (paper §7), once the node has all of its bytes. */
export function onSnapshot(state: State, message: InstallSnapshot): void {
  const { snapshot, from } = message;
  hear(state, from);
  if (snapshot.index > state.commitIndex) {
    // A log that holds the snapshot's last entry keeps what follows it.
    if (state.log.matches(snapshot.index, snapshot.term)) state.commitTo(snapshot.index);
    else state.install(snapshot);
  }
  acknowledge(state, from, state.commitIndex);
}

/** `from` leads this term. */
function hear(state: State, from: MemberId): void {
  if (state.role === "follower" && state.leader === from) state.electionElapsed = 0;
  else becomeFollower(state, state.term, from);
}

/** Invariant 9: a suffix goes only when an entry of the leader's contradicts it (paper §5.3). */
function takeEntries(state: State, { prevIndex, entries }: Append): void {
  const { log } = state;
  const committed = Math.min(Math.max(0, state.commitIndex - prevIndex), entries.length);
  const lastCommitted = entries[committed - 1];
  if (lastCommitted !== undefined) assertCommitted(log, lastCommitted.index, lastCommitted.term);
  let at = committed;
  while (at < entries.length && log.matches(entries[at]!.index, entries[at]!.term)) at++;
  const first = entries[at];
  if (first === undefined) return;
  if (first.index <= log.lastIndex) state.truncateFrom(first.index);
  for (; at < entries.length; at++) state.append(entries[at]!);
}

/** Invariant 10: a leader's log agrees with all that is committed, or data has been lost somewhere. */
function assertCommitted(log: Log, index: number, term: number): void {
  const known = log.termAt(index);
  assert(known === undefined || known === term, "A leader's log must hold all that is committed");
}

function acknowledge(state: State, to: MemberId, index: number): void {
  state.send({
    type: "appendReply",
    from: state.id,
    to,
    term: state.term,
    rejected: false,
    index,
    hintIndex: 0,
    hintTerm: 0,
  });
}

/** The hint skips every term that the leader cannot have at `prevIndex` (paper §5.3). */
function refuse(state: State, { from, prevIndex, prevTerm }: Append): void {
  const { id, term, log, commitIndex } = state;
  const hintIndex = Math.max(commitIndex, log.lastIndexWithin(prevIndex, prevTerm));
  const hintTerm = log.termAt(hintIndex);
  assert(hintTerm !== undefined, "The log must reach back to what is committed");
  state.send({
    type: "appendReply",
    from: id,
    to: from,
    term,
    rejected: true,
    index: prevIndex,
    hintIndex,
    hintTerm,
  });
}
