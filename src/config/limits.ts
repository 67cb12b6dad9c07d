/**
 * Every limit of the program in one place, each with its unit in its name. The
 * parts take theirs through constructor options, so that a test or the simulator
 * can choose smaller ones; only `server.ts` reads this table.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** The limits of a real node; what a user may change is a flag instead. */
export const LIMITS = Object.freeze({
  // The client port.
  /** Of a body for v1; above it 413. */
  bodyBytesMax: 1 * MiB,
  /** Of all large bodies that arrive at once, so that they can't fill the memory; above it 503 with Retry-After. */
  arrivingBytesMax: 256 * MiB,
  /** Of a key after decoding, in UTF-8; above it 414. */
  keyBytesMax: 4 * KiB,
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
  /** Descriptors that they leave to files and to peers (`ulimit -n`) … */
  spareDescriptors: 32,
  /** … and those that peers leave to files. */
  peerSpareDescriptors: 16,
  /** Waiting watches on one node; above it 503 with Retry-After. */
  watchesMax: 10_000,
  /** Characters of a v2 stream that its client may be behind; then it is cut off. */
  streamBacklogMax: 8 * MiB,
  /** How long `/health` waits for a linearizable read. */
  healthTimeoutMs: 2_000,
  /**
   * How long nothing of the next part of an answer may go out before its client is cut
   * off. A network takes what is buffered, some MiB, at once or not for long: clients
   * slower than 30 kB a second may not get a longer listing.
   */
  stallTimeoutMs: 120_000,
  /** As long for a backup, which nobody else can take meanwhile. */
  backupStallMs: 20_000,
  /** How long a stopping port waits for answers under way before it cuts the connections. */
  shutdownGraceMs: 3_000,

  // The v3 API.
  /** Of a body on a client port: the largest message, as the base64 of the gateway's JSON. */
  portBodyBytesMax: 3 * MiB,
  /** Watches of all streams together: some 300 bytes each. */
  v3WatchesMax: 1_000_000,

  // Waiting for the cluster.
  /**
   * How long a request waits for a leader, and then for its commit before its
   * fate is "unknown": longer than an election, shorter than a client's patience.
   */
  requestTimeoutMs: 5_000,
  /** Requests that wait for a leader, a commit or a read round on one node. */
  waitingMax: 20_000,
  /** Keys that one turn of the leader expires. */
  expiryBatchMax: 1_000,

  // The data.
  /** Above it writes are refused until there is room again; `--quota-backend-bytes`. */
  quotaBytes: 2 * 1024 * MiB,
  /** From one look at how much there is to the next. */
  quotaLookMs: 100,

  // Versions of the past, of which `-m` events always stay.
  /** Older ones go. */
  historyAgeMs: 3_600_000,
  /** Of the versions list; the oldest go before it is larger. */
  historyBytesMax: 64 * MiB,
  /** From one look at what can go to the next. */
  compactionLookMs: 1_000,
  /** The same where `--auto-compaction-mode=revision` says what stays; as etcd's. */
  revisionLookMs: 300_000,

  // Raft.
  /** Resolution of elections and heartbeats. */
  tickMs: 10,
  membersMax: 9,
  /** Learners that wait to be promoted, as etcd has it. */
  learnersMax: 1,
  /** Of all entries that the leader has appended and not committed. */
  uncommittedBytesMax: 64 * MiB,
  /** Of the entries in one append message. */
  appendBytesMax: 1 * MiB,
  /** Append messages under way to one peer. */
  inflightMax: 64,
  inflightBytesMax: 16 * MiB,
  /** Entries kept behind a snapshot for followers that lag a little, in number and in bytes. */
  trailingEntries: 5_000,
  trailingBytesMax: 16 * MiB,
  /** Of the entries since the last snapshot, after which the next is due however few they are. */
  snapshotLogBytesMax: 64 * MiB,
  /** Of the entries that one turn of the event loop applies. */
  applyBytesMax: 512 * KiB,

  // The divergence alarm.
  /** From one comparison of the members' states to the next. */
  comparisonMs: 60_000,
  /** From an election to the first one. */
  firstComparisonMs: 5_000,
  /** How long the states of others are waited for. */
  comparisonWaitMs: 10_000,

  // Joining.
  /** Pause between two rounds over the addresses of `-C`. */
  joinRetryMs: 1_000,
  joinTimeoutMs: 7_000,
  /** From one look at the members of `--initial-cluster` to the next, while they form a cluster. */
  formationLookMs: 250,
  /** How long the address of this member's own is asked whether it runs there already. */
  copyTimeoutMs: 1_000,
  /** From one look for members to the next, while no leader is known. */
  searchMs: 1_000,
  /** How long nobody may call before that is worth a word, and from one word to the next. */
  unheardMs: 5_000,
  unheardReportMs: 60_000,

  // Peers.
  /** Of one frame on a peer stream: an answer may spell out two values of a MiB at six bytes a character. */
  frameBytesMax: 16 * MiB,
  /** Of what waits for one peer; above it messages are dropped. */
  peerQueueBytesMax: 32 * MiB,
  peerConnectTimeoutMs: 3_000,
  /** From the first attempt to reach a lost peer to the next; it doubles up to the second. */
  reconnectMinMs: 50,
  reconnectMaxMs: 1_000,
  /** How long another process under this node's id is heard before the later one of both ends. */
  rivalPatienceMs: 10_000,
  /** How long a closing stream may take to deliver what is queued. */
  peerDrainMs: 500,
  /** Streams taken from peers at once: one a member, and as many that have not been missed yet. */
  peerStreamsMax: 32,
  /** Of one chunk of a snapshot: small, so that heartbeats do not queue behind it. */
  snapshotChunkBytes: 256 * KiB,
  /** Chunks under way to one peer. */
  snapshotWindowChunks: 4,
  /** How long a transfer may stand still before its window is sent again. */
  snapshotStallMs: 2_000,
  /** How often in a row that may happen before the transfer is given up. */
  snapshotStallsMax: 5,
  /** Of a whole snapshot that a peer may send. */
  snapshotBytesMax: 64 * 1024 * MiB,

  // Metrics.
  /** From one look at rates and at the disk to the next. */
  lookMs: 1_000,
  /** A disk is called slow, once a `slowDiskReportMs`, when the 99th percentile of its syncs is longer … */
  slowSyncMs: 64,
  slowDiskReportMs: 60_000,
  /** … and stuck when one sync takes longer than this. */
  stuckSyncMs: 2_000,

  // The dashboard.
  /** From one sample of the plots to the next, and how many are kept: 15 minutes. */
  sampleIntervalMs: 2_000,
  samplesMax: 450,
  /** How long one round of questions to all members is good for, and how long a member may take. */
  reportFreshMs: 1_000,
  reportTimeoutMs: 1_000,
  /** Long polls for events that may wait at once, and the events in one answer. */
  eventPollsMax: 100,
  eventsPerPollMax: 200,
  eventPollMs: 25_000,

  // Certificates.
  /** From one look at their files to the next. */
  certificateLookMs: 1_000,

  // The data directory.
  segmentBytes: 16 * MiB,
  /** Emptied segments kept to be written again: cheaper than new ones, and safe from a full disk. */
  spareSegmentsMax: 4,
  /** Read or written between two turns of the event loop, in bulk work. */
  sliceBytes: 256 * KiB,
  /** Of a bulk file, written between two syncs. */
  bulkSyncBytes: 2 * MiB,
  /** From a look that finds a file missing to the one that makes sure. */
  recheckMs: 200,
  /** How long a full disk is left alone before it is tried again. */
  diskRetryMs: 1_000,

  // Stopping.
  /** From the first signal to the end of the process at the latest. */
  gracefulStopMs: 10_000,
});
