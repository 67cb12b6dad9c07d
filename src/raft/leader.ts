/**
 * A leader appends, counts acknowledgements and commits (paper §5.3, §5.4.2),
 * steps down when it no longer hears a majority (thesis §6.2), confirms reads
 * (thesis §6.4) and hands over (thesis §3.10).
 */
import { assert } from "../base/assert.ts";
import { isReserved } from "./configuration.ts";
import { becomeFollower } from "./follower.ts";
import { Inflight } from "./inflight.ts";
import { LeaderState } from "./leadership.ts";
import { entryBytes } from "./log.ts";
import { Progress } from "./progress.ts";
import { isQuorum, quorumIndex } from "./quorum.ts";
import { sendAppends, sendHeartbeats, sendReadRound, sendTimeoutNow } from "./replication.ts";
import type { State } from "./state.ts";
import { NONE } from "./types.ts";
import type { AppendReply, EntryKind, HeartbeatReply, MemberId } from "./types.ts";

const NO_DATA = new Uint8Array(0);

/** Opens a term: the no-op lets everything before it be committed (paper §8). */
export function becomeLeader(state: State): void {
  const { log, commitIndex, id } = state;
  assert(state.role === "candidate", "Only a candidate becomes leader");
  assert(state.saves.isVoteSaved(state.term, id), "A leader's vote must be on disk");
  const leadership = new LeaderState();
  leadership.uncommittedBytes = log.bytes(commitIndex + 1, log.lastIndex);
  state.leadership = leadership;
  state.votes.clear();
  state.changeRole("leader", id);
  followConfiguration(state, leadership);
  appendOwn(state, leadership, "noop", NO_DATA);
}

/** Appends an entry of this term and returns its index; O(1), sends nothing. */
export function appendOwn(
  state: State,
  leadership: LeaderState,
  kind: EntryKind,
  data: Uint8Array,
): number {
  const entry = { index: state.log.lastIndex + 1, term: state.term, kind, data };
  state.append(entry);
  leadership.uncommittedBytes += entryBytes(entry);
  return entry.index;
}

/** Whether an entry of its own term is committed: only then does a leader know what is. */
export function isEstablished({ log, commitIndex, term }: State): boolean {
  return log.matches(commitIndex, term);
}

/** Starts to replicate to new members, and stops for those removed; at a reserved place there is nobody. */
export function followConfiguration(state: State, leadership: LeaderState): void {
  const { id, log, options } = state;
  const { peers } = leadership;
  const { members } = state.configurations.latest.configuration;
  const ids = members.filter((member) => !isReserved(member)).map((member) => member.id);
  for (const peer of ids) {
    if (peer === id || peers.has(peer)) continue;
    const inflight = new Inflight(options.inflightMax, options.inflightBytesMax);
    peers.set(peer, new Progress(peer, log.lastIndex + 1, inflight));
  }
  for (const peer of peers.keys()) if (!ids.includes(peer)) peers.delete(peer);
}

/** One tick of a leader: heartbeats, and the ends of its patience. */
export function tickLeader(state: State, leadership: LeaderState): void {
  for (const peer of leadership.peers.values()) peer.tick();
  if (!hearsQuorum(state, leadership)) {
    state.emit({ type: "quorumLost", term: state.term });
    return becomeFollower(state, state.term, NONE);
  }
  const { electionTicks, heartbeatTicks } = state.options;
  if (leadership.transferee !== NONE && ++leadership.transferElapsed >= electionTicks) {
    abortTransfer(state, leadership);
  }
  if (++leadership.heartbeatElapsed >= heartbeatTicks) sendHeartbeats(state, leadership);
}

/** A peer has more on its disk, or its log differs (paper, figure 2, "Leaders"). */
export function onAppendReply(state: State, leadership: LeaderState, message: AppendReply): void {
  const { from, rejected, index, hintIndex, hintTerm } = message;
  const peer = leadership.peers.get(from);
  // An index beyond its own log was never sent.
  if (peer === undefined || index > state.log.lastIndex) return;
  peer.heard();
  if (rejected) {
    if (peer.refused(index, state.log.lastIndexWithin(hintIndex, hintTerm))) {
      state.emit({ type: "appendRefused", peer: from, index, next: peer.next });
    }
  } else if (peer.accepted(index)) {
    advanceCommit(state, leadership);
    continueTransfer(state, peer);
  }
}

/** A peer lives: it confirms reads, and shows whether something was lost on the way. */
export function onHeartbeatReply(
  state: State,
  leadership: LeaderState,
  message: HeartbeatReply,
): void {
  const peer = leadership.peers.get(message.from);
  if (peer === undefined) return;
  peer.heard();
  peer.resume(state.log.lastIndex);
  leadership.reads.confirm(message.readRound, message.from);
  advanceReads(state, leadership);
  continueTransfer(state, peer);
}

/**
 * Commits what a majority has on disk. Only an entry of its own term is
 * counted; those before it follow (paper §5.4.2, figure 8).
 */
export function advanceCommit(state: State, leadership: LeaderState): void {
  const { id, log, saves, term } = state;
  // The leader writes to its disk while the others do: its own copy counts like any (thesis §10.2.1).
  const matches = state.voters.map((voter) =>
    voter === id ? saves.savedIndex : leadership.peers.get(voter)?.match ?? 0
  );
  const index = quorumIndex(matches);
  if (index <= state.commitIndex || !log.matches(index, term)) return;
  leadership.uncommittedBytes -= log.bytes(state.commitIndex + 1, index);
  state.commitTo(index);
  if (!state.isVoter && state.configurations.latest.index <= index) resign(state, leadership);
  else advanceReads(state, leadership);
}

/** Ends the round of reads under way when a majority has confirmed it. */
export function advanceReads(state: State, leadership: LeaderState): void {
  const { id, voters, confirmedReads } = state;
  const { reads } = leadership;
  const confirms = (voter: MemberId) => voter === id || reads.isConfirmedBy(voter);
  if (reads.current > 0 && isQuorum(voters, confirms)) confirmedReads.push(...reads.finish());
  const isAlone = voters.length === 1 && state.isVoter;
  if (isAlone && canStartReads(state, leadership)) {
    reads.start(state.commitIndex);
    confirmedReads.push(...reads.finish());
  }
}

/** A leader that has committed nothing in its term may not know the newest commit (thesis §6.4). */
export function canStartReads(state: State, { reads }: LeaderState): boolean {
  return reads.canStart && isEstablished(state);
}

/** Starts the round for the reads that wait, unless one is under way. */
export function startReads(state: State, leadership: LeaderState): void {
  if (!canStartReads(state, leadership)) return;
  leadership.reads.start(state.commitIndex);
  sendReadRound(state, leadership);
}

/** Begins to hand over to `to`; false when that cannot be (thesis §3.10). */
export function startTransfer(state: State, leadership: LeaderState, to: MemberId): boolean {
  const peer = leadership.peers.get(to);
  if (peer === undefined || !state.voters.includes(to)) return false;
  if (leadership.transferee === to) return true;
  abortTransfer(state, leadership);
  leadership.transferee = to;
  leadership.transferElapsed = 0;
  continueTransfer(state, peer);
  return true;
}

/** Lets `peer` campaign once it has all of the log; repeated, for the command may be lost. */
function continueTransfer(state: State, peer: Progress): void {
  const transferee = state.leadership?.transferee ?? NONE;
  if (peer.id === transferee && peer.match === state.log.lastIndex) {
    sendTimeoutNow(state, peer.id);
  }
}

function abortTransfer(state: State, leadership: LeaderState): void {
  if (leadership.transferee === NONE) return;
  state.emit({ type: "transferAborted", to: leadership.transferee });
  leadership.transferee = NONE;
}

/** CheckQuorum: a leader that is cut off must not go on as if it led (thesis §6.2). */
function hearsQuorum(state: State, { peers }: LeaderState): boolean {
  const { id, options } = state;
  return isQuorum(state.voters, (voter) => {
    if (voter === id) return true;
    const peer = peers.get(voter);
    return peer !== undefined && peer.ticksSinceHeard < options.electionTicks;
  });
}

/**
 * The configuration without this leader is committed: it steps down (thesis
 * §4.2.2). The others hear of the commit, and the most complete of them need
 * not wait for its election time-out.
 */
function resign(state: State, leadership: LeaderState): void {
  sendAppends(state, leadership, true);
  const match = (id: MemberId) => leadership.peers.get(id)?.match ?? 0;
  const heir = state.voters.reduce((best, id) => match(id) > match(best) ? id : best);
  sendTimeoutNow(state, heir);
  becomeFollower(state, state.term, NONE);
}
