/**
 * A leader's outgoing appends and heartbeats (paper §5.3, thesis §10.2.1).
 * Appends are made when messages are taken, not when something is proposed, so
 * that all that came in one turn shares a message; each peer goes at its own
 * pace, within its own window.
 */
import { assert } from "../base/assert.ts";
import type { LeaderState } from "./leadership.ts";
import { entryBytes } from "./log.ts";
import type { Progress } from "./progress.ts";
import type { State } from "./state.ts";
import type { Entry, MemberId } from "./types.ts";

/** Whether `sendAppends` has something to send. */
export function wantsAppends(state: State, { peers }: LeaderState): boolean {
  const { commitIndex, log } = state;
  for (const peer of peers.values()) {
    if (peer.wantsAppend(log.lastIndex, commitIndex)) return true;
  }
  return false;
}

/** Sends every append that is due; without `commits` a higher commit index alone is no reason. */
export function sendAppends(state: State, { peers }: LeaderState, commits: boolean): void {
  const { log } = state;
  const commitIndex = commits ? state.commitIndex : 0;
  for (const peer of peers.values()) {
    while (peer.wantsEntries(log.lastIndex)) sendAppend(state, peer, true);
    if (peer.wantsAppend(log.lastIndex, commitIndex)) sendAppend(state, peer, false);
  }
}

/** To everybody: the leader lives, and what each may commit. */
export function sendHeartbeats(state: State, leadership: LeaderState): void {
  leadership.heartbeatElapsed = 0;
  for (const peer of leadership.peers.values()) sendHeartbeat(state, leadership, peer);
}

/** To the voters, whose answers confirm the round of reads that was just started. */
export function sendReadRound(state: State, leadership: LeaderState): void {
  for (const id of state.voters) {
    const peer = leadership.peers.get(id);
    if (peer !== undefined) sendHeartbeat(state, leadership, peer);
  }
}

/** Tells `to` to campaign at once (thesis §3.10). */
export function sendTimeoutNow({ id, term, outbox }: State, to: MemberId): void {
  outbox.push({ type: "timeoutNow", from: id, to, term });
}

/** The commit index is capped: the rest of the peer's log may still differ (paper §5.3). */
function sendHeartbeat(state: State, { reads }: LeaderState, peer: Progress): void {
  state.send({
    type: "heartbeat",
    from: state.id,
    to: peer.id,
    term: state.term,
    commitIndex: Math.min(peer.match, state.commitIndex),
    readRound: reads.current,
  });
}

function sendAppend(state: State, peer: Progress, withEntries: boolean): void {
  const { id, term, log, commitIndex, options } = state;
  const prevIndex = peer.next - 1;
  const prevTerm = log.termAt(prevIndex);
  if (prevTerm === undefined) return sendSnapshot(state, peer);
  const entries = withEntries
    ? log.sliceWithin(peer.next, log.lastIndex, options.appendBytesMax)
    : [];
  peer.sent(prevIndex + entries.length, bytesOf(entries), commitIndex);
  state.send({
    type: "append",
    from: id,
    to: peer.id,
    term,
    prevIndex,
    prevTerm,
    entries,
    commitIndex,
  });
}

/** The entries that the peer needs next are compacted (paper §7). */
function sendSnapshot(state: State, peer: Progress): void {
  const { id, term, snapshot } = state;
  assert(snapshot.index >= state.log.offset, "A snapshot must cover what is compacted");
  peer.becomeSnapshot(snapshot.index);
  state.emit({ type: "snapshotNeeded", peer: peer.id, index: snapshot.index });
  state.send({ type: "snapshot", from: id, to: peer.id, term, snapshot });
}

function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}
