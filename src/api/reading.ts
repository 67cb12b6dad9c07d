/** What there is to read off a node at one moment; counters run since the process started. */
import type { Histogram } from "../base/histogram.ts";
import type { NodeStatus } from "../node/ports.ts";
import type { RequestCounters } from "../service/request_counters.ts";
import type { LoginCounters } from "../service/auth/logins.ts";
import type { StoreCounters } from "../store/counters.ts";
import type { StoreStats } from "../store/store.ts";

export interface PeerReading {
  readonly name: string;
  /** As the logs print it. */
  readonly id: string;
  readonly connected: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Frames given to its stream, and frames for which there was no stream or no room. */
  readonly sent: number;
  readonly dropped: number;
  readonly queueBytes: number;
  readonly roundTrips: RoundTripReading;
}

/** Of pings; milliseconds. */
export interface RoundTripReading {
  readonly histogram: Histogram;
  readonly latestMs: number;
  readonly averageMs: number;
  readonly standardDeviationMs: number;
  /** Infinite until one was answered. */
  readonly minimumMs: number;
  readonly maximumMs: number;
}

export interface DiskReading {
  /** Of the log: from a batch's last write on. */
  readonly commits: Histogram;
  readonly logSyncs: Histogram;
  readonly otherSyncs: Histogram;
  readonly logBytesWritten: number;
  /** Of the data directory. */
  sizeBytes(): number;
}

export interface ProcessReading {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapBytes: number;
  /** Unix time. */
  readonly startSeconds: number;
}

export interface Rate {
  readonly perSecond: number;
  readonly bytesPerSecond: number;
}

/** What was called of one method of v3. */
export interface MethodReading {
  readonly service: string;
  readonly name: string;
  /** In gRPC's words: `unary`, `server_stream` or `bidi_stream`. */
  readonly type: string;
  readonly started: number;
  readonly messagesReceived: number;
  readonly messagesSent: number;
  /** Of the messages alone; those of the gateway as JSON. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Ended calls, by the name of their code. */
  readonly ended: ReadonlyMap<string, number>;
}

export interface Reading {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly status: NodeStatus;
  readonly leadership: {
    /** Leaders seen, the same one after an election without success included. */
    readonly changes: number;
    /** Unix ms; since when the leader of now is known, or none is. */
    readonly sinceMs: number;
  };
  readonly counters: {
    readonly proposalsFailed: number;
    readonly appendsSent: number;
    readonly appendsReceived: number;
  };
  /** Of appends and heartbeats, over the last second. */
  readonly sending: Rate;
  readonly receiving: Rate;
  readonly store: StoreStats;
  readonly operations: StoreCounters;
  readonly requests: RequestCounters;
  /** Passwords that were looked at, or not. */
  readonly logins: LoginCounters;
  /** Calls of v3, by method. */
  readonly calls: readonly MethodReading[];
  readonly numbers: {
    readonly revision: number;
    readonly compactedRevision: number;
  };
  /** What may be stored; undefined when there is no bound. */
  readonly quotaBytes: number | undefined;
  readonly disk: DiskReading;
  readonly peers: readonly PeerReading[];
  readonly process: ProcessReading;
}
