/**
 * What only a leader has, made again at each election (paper, figure 2,
 * "Volatile state on leaders"). Data; the steps are in `leader.ts`.
 */
import type { Progress } from "./progress.ts";
import { ReadRounds } from "./read_rounds.ts";
import { NONE } from "./types.ts";
import type { MemberId } from "./types.ts";

export class LeaderState {
  /** Every member but the leader itself. */
  readonly peers = new Map<MemberId, Progress>();
  readonly reads = new ReadRounds();
  /** Ticks since the last heartbeat was sent. */
  heartbeatElapsed = 0;
  /** Who is to lead next; while one is, nothing can be proposed. */
  transferee: MemberId = NONE;
  /** Ticks since the transfer began. */
  transferElapsed = 0;
  /** Bytes in the log beyond the commit index. */
  uncommittedBytes = 0;
}
