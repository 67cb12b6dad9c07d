/** Where a member stands, put together for metrics, statistics and the dashboard. */
import type { RaftCore } from "../raft/core.ts";
import type { MemberId } from "../raft/types.ts";
import type { NodeStatus } from "./ports.ts";

/** As of this call. */
export function statusOf(
  core: RaftCore,
  replica: { readonly snapshotIndex: number; readonly diskIsFull: boolean },
  proposalsPending: number,
  snapshotFrom: MemberId | undefined,
  alarm: string | undefined,
): NodeStatus {
  return {
    role: core.isLearner ? "learner" : core.role,
    term: core.term,
    leader: core.leader,
    commitIndex: core.commitIndex,
    appliedIndex: core.appliedIndex,
    lastIndex: core.lastIndex,
    snapshotIndex: replica.snapshotIndex,
    proposalsPending,
    diskIsFull: replica.diskIsFull,
    snapshotFrom,
    alarm,
    followers: core.progress().map(({ id, match, state, ticksSinceHeard, recentActive }) => ({
      id,
      matchIndex: match,
      state,
      silentTicks: ticksSinceHeard,
      alive: recentActive,
    })),
  };
}
