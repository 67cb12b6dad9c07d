/** What a node is joined from. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { RaftCore } from "../raft/core.ts";
import type { Member } from "../raft/types.ts";
import type { ComparisonLimits } from "./divergence/comparison.ts";
import type { Moved } from "./membership/administration.ts";
import type { Announced } from "./membership/plans.ts";
import type {
  Random,
  RequestHandler,
  Scheduler,
  StateMachine,
  Storage,
  Transport,
} from "./ports.ts";
import type { ReplicaLimits } from "./replica.ts";
import type { TransferLimits } from "./snapshots/transfers.ts";

export interface NodeLimits extends ReplicaLimits, TransferLimits, ComparisonLimits {
  /** How long a proposal, a read or a call may stay without result. */
  readonly requestTicks: number;
  readonly heartbeatTicks: number;
  readonly electionTicks: number;
  /** Proposals, reads and calls that may wait at once, each. */
  readonly waitingMax: number;
  /** Keys whose expiry one batch proposes. */
  readonly expiryBatchMax: number;
  /** `-maxsize` */
  readonly membersMax: number;
  /** See `MemberRules`. */
  readonly learnersMax: number;
  readonly isMembershipStrict: boolean;
}

export interface NodeOptions<R> {
  readonly core: RaftCore;
  readonly storage: Storage;
  readonly machine: StateMachine<R>;
  readonly transport: Transport;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly clusterId: number;
  /** What this process is reachable under; announced through the log when it differs from the record. */
  readonly announced: Announced;
  readonly limits: NodeLimits;
  /** Answers a request that another member forwarded; called only while this node leads. */
  readonly handleRequest: RequestHandler;
  /** Members that have a stream open to this one and gave another address than the log says. */
  readonly moved: () => readonly Moved[];
  /** The members changed: dial the new ones, drop the others. */
  readonly onMembers: (members: readonly Member[]) => void;
  /** This node is no longer a member. */
  readonly onRemoved: () => void;
  /** The process must end: the disk failed or an invariant broke. */
  readonly onFatal: (error: unknown) => void;
}
