/** The limits of `config.ts`, in milliseconds and bytes, as each part counts them. */
import { LIMITS } from "../config.ts";
import type { Config } from "../config.ts";
import type { NodeLimits } from "../node/options.ts";
import type { TransportLimits } from "../transport/peer_transport.ts";
import type { Retention } from "../service/compactor.ts";
import type { MemberLimits } from "./member.ts";

/** At least one tick. */
export function ticks(ms: number): number {
  return Math.max(1, Math.round(ms / LIMITS.tickMs));
}

/** Of a whole member. */
export function memberLimits(config: Config): MemberLimits {
  const { appendBytesMax, inflightMax, inflightBytesMax, uncommittedBytesMax } = LIMITS;
  return {
    core: {
      electionTicks: ticks(config.electionMs),
      heartbeatTicks: ticks(config.heartbeatMs),
      ...{ appendBytesMax, inflightMax, inflightBytesMax, uncommittedBytesMax },
    },
    node: nodeLimits(config),
    strangersMax: LIMITS.membersMax,
    compaction: {
      eventsMin: config.historyMax,
      retention: retentionOf(config),
      lookTicks: ticks(LIMITS.compactionLookMs),
    },
    ...(config.quotaBytes === undefined ? {} : {
      quota: {
        quotaBytes: config.quotaBytes,
        eventsMin: config.historyMax,
        lookTicks: ticks(LIMITS.quotaLookMs),
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
        ageMaxMs: LIMITS.historyAgeMs,
        bytesMax: LIMITS.historyBytesMax,
      };
    case "never":
      return { kind: "all" };
    case "periodic":
      return { kind: "periodic", ageTicks: ticks(compaction.retentionMs) };
    case "revisions":
      return {
        kind: "revision",
        count: compaction.retention,
        everyTicks: ticks(LIMITS.revisionLookMs),
      };
  }
}

/** Times in ticks. */
function nodeLimits(config: Config): NodeLimits {
  return {
    requestTicks: ticks(LIMITS.requestTimeoutMs),
    heartbeatTicks: ticks(config.heartbeatMs),
    electionTicks: ticks(config.electionMs),
    waitingMax: LIMITS.waitingMax,
    expiryBatchMax: LIMITS.expiryBatchMax,
    membersMax: config.membersMax,
    learnersMax: config.membership.learnersMax,
    isMembershipStrict: config.membership.isStrict,
    applyBytesMax: LIMITS.applyBytesMax,
    snapshotEntries: config.snapshotEntries ?? 0,
    snapshotLogBytesMax: LIMITS.snapshotLogBytesMax,
    // Half of what a snapshot stands for at most, or a small -snapCount would never cut the log.
    trailingEntries: Math.min(
      LIMITS.trailingEntries,
      Math.floor((config.snapshotEntries ?? 0) / 2),
    ),
    trailingBytesMax: LIMITS.trailingBytesMax,
    diskRetryTicks: ticks(LIMITS.diskRetryMs),
    snapshotChunkBytes: LIMITS.snapshotChunkBytes,
    snapshotWindowChunks: LIMITS.snapshotWindowChunks,
    snapshotStallTicks: ticks(LIMITS.snapshotStallMs),
    snapshotStallsMax: LIMITS.snapshotStallsMax,
    snapshotBytesMax: LIMITS.snapshotBytesMax,
    comparisonTicks: ticks(LIMITS.comparisonMs),
    firstComparisonTicks: ticks(LIMITS.firstComparisonMs),
    comparisonWaitTicks: ticks(LIMITS.comparisonWaitMs),
  };
}

/** A dead connection is noticed within two election time-outs. */
export function transportLimits(config: Config): TransportLimits {
  return {
    queueBytesMax: LIMITS.peerQueueBytesMax,
    frameBytesMax: LIMITS.frameBytesMax,
    handshakeTimeoutMs: LIMITS.peerConnectTimeoutMs,
    reconnectMinMs: LIMITS.reconnectMinMs,
    reconnectMaxMs: LIMITS.reconnectMaxMs,
    drainMsMax: LIMITS.peerDrainMs,
    pingIntervalMs: config.electionMs / 2,
    silenceMsMax: config.electionMs * 2,
    acceptedMax: LIMITS.peerStreamsMax,
  };
}
