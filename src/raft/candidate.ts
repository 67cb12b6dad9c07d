/**
 * Campaigns and votes (paper §5.2, §5.4.1) with a PreVote phase (thesis §9.6):
 * a server first asks whether it could win, and leaves its term alone until it
 * could, so that one that was cut off does not depose a healthy leader.
 */
import { becomeFollower } from "./follower.ts";
import { becomeLeader } from "./leader.ts";
import { tally } from "./quorum.ts";
import type { State } from "./state.ts";
import { NONE } from "./types.ts";
import type { MemberId, VoteReply, VoteRequest } from "./types.ts";

/** Starts an election, as when the time-out passes; nothing on a server that must not. */
export function campaign(state: State): void {
  if (!canCampaign(state)) return;
  // Alone, there is nobody to ask.
  if (state.voters.length === 1 && state.isVoter) return standForElection(state, false);
  beginCampaign(state, "preCandidate");
  state.votes.set(state.id, true);
  requestVotes(state, "preVote", state.term + 1, false);
}

/** The leader hands over: no PreVote, the others must not wait for its silence (thesis §3.10). */
export function campaignForTransfer(state: State): void {
  if (canCampaign(state)) standForElection(state, true);
}

/** Its own vote counts only when it is on disk. */
export function countOwnVote(state: State): void {
  if (state.role === "candidate" && state.saves.isVoteSaved(state.term, state.id)) {
    countVote(state, state.id, true);
  }
}

/** Whether `from` could have this server's vote: a promise of nothing, and no change here. */
export function onPreVote(state: State, message: VoteRequest): void {
  const { from, term, lastIndex, lastTerm } = message;
  const granted = term > state.term && !state.isLed && state.log.isUpToDate(lastIndex, lastTerm);
  state.send({
    type: "preVoteReply",
    from: state.id,
    to: from,
    term: granted ? term : state.term,
    granted,
  });
}

/** RequestVote (paper, figure 2), for the current term. */
export function onVote(state: State, { from, lastIndex, lastTerm }: VoteRequest): void {
  const isFree = state.vote === NONE || state.vote === from;
  const granted = isFree && state.log.isUpToDate(lastIndex, lastTerm);
  if (granted) {
    state.voteFor(from);
    if (state.role === "preCandidate") becomeFollower(state, state.term, NONE);
    state.restartElectionTimer();
  }
  const { id, term } = state;
  state.send({ type: "voteReply", from: id, to: from, term, granted });
}

/** An answer of `from` to this server's question whether it could win. */
export function onPreVoteReply(state: State, { from, granted, term }: VoteReply): void {
  if (state.role !== "preCandidate") return;
  // A grant for another campaign says nothing about this one.
  if (!granted || term === state.term + 1) countVote(state, from, granted);
}

/** A vote of `from` in the current term. */
export function onVoteReply(state: State, { from, granted }: VoteReply): void {
  // Votes are asked for when its own one is on disk: an earlier answer answers nothing.
  const hasAsked = state.role === "candidate" && state.votes.has(state.id);
  if (hasAsked) countVote(state, from, granted);
}

/**
 * Only a voter may, by the latest configuration or by the committed one: a
 * leader that removed itself and was deposed before that was committed may be
 * the only one that can still win, because its log is the longest (thesis
 * §4.2.2, figure 4.6). It does not count its own vote.
 *
 * Nor may a server whose received snapshot is not on disk yet: its log is
 * neither the old one nor the new one.
 */
function canCampaign(state: State): boolean {
  const { id, role, isVoter, commitIndex, configurations, saves } = state;
  return role !== "leader" && saves.pendingSnapshot === undefined &&
    (isVoter || configurations.at(commitIndex).voters.includes(id));
}

function standForElection(state: State, transfer: boolean): void {
  state.enterTerm(state.term + 1);
  state.voteFor(state.id);
  beginCampaign(state, "candidate");
  requestVotes(state, "vote", state.term, transfer);
}

function beginCampaign(state: State, role: "preCandidate" | "candidate"): void {
  state.votes.clear();
  state.restartElectionTimer();
  state.changeRole(role, NONE);
}

function requestVotes(
  state: State,
  type: VoteRequest["type"],
  term: number,
  transfer: boolean,
): void {
  const { id, log, voters } = state;
  const { lastIndex, lastTerm } = log;
  for (const to of voters) {
    if (to !== id) state.send({ type, from: id, to, term, lastIndex, lastTerm, transfer });
  }
}

function countVote(state: State, from: MemberId, granted: boolean): void {
  if (!state.votes.has(from)) state.votes.set(from, granted);
  switch (tally(state.voters, state.votes)) {
    case "won":
      if (state.role === "preCandidate") standForElection(state, false);
      else becomeLeader(state);
      return;
    case "lost":
      return becomeFollower(state, state.term, NONE);
    case "open":
      return;
  }
}
