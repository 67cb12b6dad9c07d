/**
 * Every limit of the program, grouped by the part that takes it, each with its unit in its
 * name. A part takes its group whole through its constructor's options, so that a test or
 * the simulator can choose smaller ones.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** The limits of a real node; what a user may change is a flag instead. */
export const LIMITS = freeze({
  /** A port, as `HttpLimits` has them. */
  http: {
    /** Of a body for v1, and for v2 but for its forms; above it 413. */
    bodyBytesMax: 1 * MiB,
    /** Of all large bodies that arrive at once, so that they can't fill the memory; above it 503 with Retry-After. */
    arrivingBytesMax: 256 * MiB,
    /** Request line and headers together. */
    headerBytesMax: 16 * KiB,
    /** A body that has not arrived by then is answered 408. */
    bodyTimeoutMs: 15_000,
    headerTimeoutMs: 15_000,
    /** A TLS handshake that has not finished by then is ended. */
    handshakeTimeoutMs: 5_000,
    /** A connection that carries no request for so long is closed. */
    idleTimeoutMs: 120_000,
    /** Connections to a port under TLS, and to the peer port; above it the idlest is closed. */
    connectionsMax: 16_384,
    /**
     * How long nothing of the next part of an answer may go out before its client is cut
     * off. A network takes what is buffered, some MiB, at once or not for long: clients
     * slower than 30 kB a second may not get a longer listing.
     */
    stallTimeoutMs: 120_000,
    /** How long a stopping port waits for answers under way before it cuts the connections. */
    shutdownGraceMs: 3_000,
  },
  /** File descriptors (`ulimit -n`) that connections leave to others. */
  descriptors: {
    /** Those of clients leave so many to files and to peers … */
    clientSpare: 32,
    /** … and those of peers to files. */
    peerSpare: 16,
  },
  /** v1 and v2, beside the body of a port. */
  api: {
    /** Of a key after decoding, in UTF-8; above it 414. */
    keyBytesMax: 4 * KiB,
    /** Waiting watches on one node; above it 503 with Retry-After. */
    watchesMax: 10_000,
    /** Characters of a v2 stream that its client may be behind; then it is cut off. */
    streamBacklogMax: 16 * MiB,
    /** How long `/health` waits for a linearizable read. */
    healthTimeoutMs: 2_000,
  },
  /** v3, which counts its watches by themselves. */
  v3: {
    /** Of a body on a client port: v2's largest form and then some, and more than the largest message as JSON. */
    portBodyBytesMax: 5 * MiB,
    /** Watches of all streams together: some 300 bytes each. */
    watchesMax: 1_000_000,
  },
  /** How much is kept, and how often that is looked at. */
  store: {
    /** Above it writes are refused until there is room again; `--quota-backend-bytes`. */
    quotaBytes: 2 * 1024 * MiB,
    /** From one look at how much there is to the next. */
    quotaLookMs: 100,
    /** Older versions go, of which `-m` events always stay. */
    historyAgeMs: 3_600_000,
    /** Of the versions list; the oldest go before it is larger. */
    historyBytesMax: 64 * MiB,
    /** From one look at what can go to the next. */
    compactionLookMs: 1_000,
    /** The same where `--auto-compaction-mode=revision` says what stays; as etcd's. */
    revisionLookMs: 300_000,
  },
  /** The cluster and its clock. */
  cluster: {
    /** Resolution of elections and heartbeats. */
    tickMs: 10,
    membersMax: 9,
    /** Learners that wait to be promoted, as etcd has it. */
    learnersMax: 1,
  },
  /** What the leader sends, as `CoreLimits` has it. */
  core: {
    /** Of all entries that the leader has appended and not committed. */
    uncommittedBytesMax: 64 * MiB,
    /** Of the entries in one append message. */
    appendBytesMax: 1 * MiB,
    /** Append messages under way to one peer. */
    inflightMax: 64,
    inflightBytesMax: 16 * MiB,
    /** Several batches. */
    unpackedEntries: 256,
  },
  /** Counts and bytes, as `NodeLimits` has them. */
  node: {
    /** Requests that wait for a leader, a commit or a read round on one node. */
    waitingMax: 20_000,
    /** Keys that one turn of the leader expires. */
    expiryBatchMax: 1_000,
    /** Of the entries that one turn of the event loop applies. */
    applyBytesMax: 512 * KiB,
    /** Of the entries since the last snapshot, after which the next is due however few they are. */
    snapshotLogBytesMax: 64 * MiB,
    /** Of the same on a quiet node. */
    quietLogBytesMin: 8 * MiB,
    /** Kept behind a snapshot for followers that lag a little, in number and in bytes. */
    trailingEntries: 5_000,
    trailingBytesMax: 16 * MiB,
    /** Of one chunk of a snapshot: small, so that heartbeats do not queue behind it. */
    snapshotChunkBytes: 256 * KiB,
    /** Chunks under way to one peer. */
    snapshotWindowChunks: 4,
    /** How often in a row that may happen before the transfer is given up. */
    snapshotStallsMax: 5,
    /** Of a whole snapshot that a peer may send. */
    snapshotBytesMax: 64 * 1024 * MiB,
  },
  /** The times of `NodeLimits`, which counts them in ticks. */
  nodeTimes: {
    /**
     * How long a request waits for a leader, and then for its commit before its
     * fate is "unknown": longer than an election, shorter than a client's patience.
     */
    requestMs: 5_000,
    /** How long a full disk is left alone before it is tried again. */
    diskRetryMs: 1_000,
    /** How long nothing is applied on a node that is quiet. */
    quietMs: 10_000,
    /** How long a transfer may stand still before its window is sent again. */
    snapshotStallMs: 2_000,
    /** From one comparison of the members' states to the next. */
    comparisonMs: 60_000,
    /** From an election to the first one. */
    firstComparisonMs: 5_000,
    /** How long the states of others are waited for. */
    comparisonWaitMs: 10_000,
  },
  /** Streams to peers, as `TransportLimits` has them. */
  transport: {
    /** Of one frame on a peer stream: a request, with room to spare. */
    frameBytesMax: 16 * MiB,
    /** Of what waits for one peer; above it messages are dropped. */
    queueBytesMax: 32 * MiB,
    handshakeTimeoutMs: 3_000,
    /** From the first attempt to reach a lost peer to the next; it doubles up to the second. */
    reconnectMinMs: 50,
    reconnectMaxMs: 1_000,
    /** How long a closing stream may take to deliver what is queued. */
    drainMsMax: 500,
    /** Streams taken from peers at once: one a member, and as many that have not been missed yet. */
    acceptedMax: 32,
  },
  /** Joining a cluster, finding its members, and copies of this one. */
  member: {
    /** Pause between two rounds over the addresses of `-C`. */
    joinRetryMs: 1_000,
    joinTimeoutMs: 7_000,
    /** From one look at the directory of `--discovery` to the next, and the time that one may take. */
    registrationLookMs: 1_000,
    registrationTimeoutMs: 5_000,
    /** From one look at the members of `--initial-cluster` to the next, while they form a cluster. */
    formationLookMs: 250,
    /** How long the address of this member's own is asked whether it runs there already. */
    copyTimeoutMs: 1_000,
    /** From one look for members to the next, while no leader is known. */
    searchMs: 1_000,
    /** How long nobody may call before that is worth a word, and from one word to the next. */
    unheardMs: 5_000,
    unheardReportMs: 60_000,
    /** How long another process under this node's id is heard before the later one of both ends. */
    rivalPatienceMs: 10_000,
  },
  /** The data directory, as `StorageOptions` has it. */
  storage: {
    segmentBytes: 16 * MiB,
    /** Emptied segments kept to be written again: cheaper than new ones, and safe from a full disk. */
    spareSegmentsMax: 4,
    /** Read or written between two turns of the event loop, in bulk work. */
    sliceBytes: 256 * KiB,
    /** Of a bulk file, written between two syncs. */
    bulkSyncBytes: 2 * MiB,
  },
  /** What looks after the process. */
  operations: {
    /** From one look at rates and at the disk to the next. */
    lookMs: 1_000,
    /** A disk is called slow, once a `slowDiskReportMs`, when the 99th percentile of its syncs is longer … */
    slowSyncMs: 64,
    slowDiskReportMs: 60_000,
    /** … and stuck when one sync takes longer than this. */
    stuckSyncMs: 2_000,
    /** From a look that finds a file missing to the one that makes sure. */
    recheckMs: 200,
    /** From one look at the files of certificates to the next. */
    certificateLookMs: 1_000,
    /** How long a client may take nothing of a backup, which nobody else can take meanwhile. */
    backupStallMs: 20_000,
    /** From the first signal to the end of the process at the latest. */
    gracefulStopMs: 10_000,
  },
  /** The plots of the dashboard, and the questions to all members. */
  samples: {
    /** From one sample of the plots to the next, and how many are kept: 15 minutes. */
    intervalMs: 2_000,
    samplesMax: 450,
    /** How long one round of questions to all members is good for, and how long a member may take. */
    reportFreshMs: 1_000,
    reportTimeoutMs: 1_000,
  },
  /** The dashboard's events. */
  polls: {
    /** Long polls for events that may wait at once, and the events in one answer. */
    pollsMax: 100,
    pollEventsMax: 200,
    pollWaitMs: 25_000,
  },
});

/** `groups`, of which nothing can be changed. */
function freeze<T extends Readonly<Record<string, Readonly<Record<string, number>>>>>(
  groups: T,
): Readonly<T> {
  for (const group of Object.values(groups)) Object.freeze(group);
  return Object.freeze(groups);
}
