/** The limits of `config.ts`, in milliseconds and bytes, as each part counts them. */
import { LIMITS } from "../config.ts";
import type { Config } from "../config.ts";
import type { NodeLimits } from "../node/options.ts";
import type { TransportLimits } from "../transport/peer_transport.ts";
import type { Retention } from "../service/compactor.ts";
import type { MemberLimits } from "./member.ts";

/** At least one tick. */
export function ticks(ms: number): number {
  return Math.max(1, Math.round(ms / LIMITS.cluster.tickMs));
}

/** Of a whole member. */
export function memberLimits(config: Config): MemberLimits {
  return {
    core: {
      electionTicks: ticks(config.electionMs),
      heartbeatTicks: ticks(config.heartbeatMs),
      ...LIMITS.core,
    },
    node: nodeLimits(config),
    strangersMax: LIMITS.cluster.membersMax,
    compaction: {
      eventsMin: config.historyMax,
      retention: retentionOf(config),
      lookTicks: ticks(LIMITS.store.compactionLookMs),
    },
    ...(config.quotaBytes === undefined ? {} : {
      quota: {
        quotaBytes: config.quotaBytes,
        eventsMin: config.historyMax,
        lookTicks: ticks(LIMITS.store.quotaLookMs),
      },
    }),
  };
}

/** What etcd's flags say of history, else what a node does by itself. */
function retentionOf({ compaction }: Config): Retention {
  switch (compaction.kind) {
    case "limits":
      return {
        kind: "recent",
        ageMaxMs: LIMITS.store.historyAgeMs,
        bytesMax: LIMITS.store.historyBytesMax,
      };
    case "never":
      return { kind: "all" };
    case "periodic":
      return { kind: "periodic", ageTicks: ticks(compaction.retentionMs) };
    case "revisions":
      return {
        kind: "revision",
        count: compaction.retention,
        everyTicks: ticks(LIMITS.store.revisionLookMs),
      };
  }
}

/** Times in ticks. */
function nodeLimits(config: Config): NodeLimits {
  const { node, nodeTimes } = LIMITS;
  const snapshotEntries = config.snapshotEntries ?? 0;
  return {
    ...node,
    requestTicks: ticks(nodeTimes.requestMs),
    heartbeatTicks: ticks(config.heartbeatMs),
    electionTicks: ticks(config.electionMs),
    membersMax: config.membersMax,
    learnersMax: config.membership.learnersMax,
    isMembershipStrict: config.membership.isStrict,
    snapshotEntries,
    quietTicks: ticks(nodeTimes.quietMs),
    // Half of what a snapshot stands for at most, or a small -snapCount would never cut the log.
    trailingEntries: Math.min(node.trailingEntries, Math.floor(snapshotEntries / 2)),
    diskRetryTicks: ticks(nodeTimes.diskRetryMs),
    snapshotStallTicks: ticks(nodeTimes.snapshotStallMs),
    comparisonTicks: ticks(nodeTimes.comparisonMs),
    firstComparisonTicks: ticks(nodeTimes.firstComparisonMs),
    comparisonWaitTicks: ticks(nodeTimes.comparisonWaitMs),
  };
}

/** A dead connection is noticed within two election time-outs. */
export function transportLimits(config: Config): TransportLimits {
  return {
    ...LIMITS.transport,
    pingIntervalMs: config.electionMs / 2,
    silenceMsMax: config.electionMs * 2,
  };
}
