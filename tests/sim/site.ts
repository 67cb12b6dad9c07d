/** What all simulated machines share. */
import type { AuthCheck } from "./auth_check.ts";
import type { CommittedLog } from "./committed_log.ts";
import type { ConsensusCheck } from "./consensus_check.ts";
import type { DurabilityCheck } from "./durability_check.ts";
import type { HistoryCheck } from "./history_check.ts";
import type { Machine } from "./machine.ts";
import type { ModelStore } from "./model_store.ts";
import type { Network } from "./network.ts";
import type { ExitReason } from "./process_end.ts";
import type { Profile } from "./profile.ts";
import type { Schedule } from "./schedule.ts";
import type { StateCheck } from "./state_check.ts";
import type { Trace } from "./trace.ts";
import type { Violations } from "./violation.ts";
import type { WatchCheck } from "./watch_check.ts";

export interface Site {
  readonly seed: number;
  readonly profile: Profile;
  readonly schedule: Schedule;
  readonly network: Network;
  readonly trace: Trace;
  readonly violations: Violations;
  readonly log: CommittedLog;
  /** As of the newest committed entry. */
  readonly model: ModelStore;
  readonly consensus: ConsensusCheck;
  readonly durability: DurabilityCheck;
  readonly state: StateCheck;
  readonly history: HistoryCheck;
  readonly watches: WatchCheck;
  readonly auth: AuthCheck;
  /** In the order of their numbers. */
  readonly machines: readonly Machine[];
  /** A process has ended by itself. */
  readonly onExit: (machine: Machine, reason: ExitReason) => void;
}
