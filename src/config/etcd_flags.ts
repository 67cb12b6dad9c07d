/**
 * The flags of etcd 3.4 to 3.6 that are no other name of one of ours: what a command
 * line, a unit file or a manifest of etcd may hold. Each is followed, does nothing here
 * and says why, or is refused with the reason. What is not in a table is unknown.
 */
import type {
  BooleanFlag,
  DurationFlag,
  EtcdFlag,
  Flag,
  IntegerFlag,
  Stance,
  TextFlag,
} from "./flag.ts";
import { LIMITS } from "./limits.ts";

/** A row that is followed, known by its name. */
type Followed<Row extends Flag, Name extends string> = Row & {
  readonly name: Name;
  readonly stance: "follow";
  readonly experimental?: true;
};

function text<const Name extends string>(
  name: Name,
  value: string,
  initial: string,
  help: string,
): Followed<TextFlag, Name> {
  return { name, kind: "text", value, initial, help, stance: "follow" };
}

function choice<const Name extends string>(
  name: Name,
  choices: readonly string[],
  initial: string,
  help: string,
): Followed<TextFlag, Name> {
  return { ...text(name, "WORD", initial, help), choices };
}

function boolean<const Name extends string>(
  name: Name,
  initial: boolean,
  help: string,
): Followed<BooleanFlag, Name> {
  return { name, kind: "boolean", initial, help, stance: "follow" };
}

function integer<const Name extends string>(
  name: Name,
  initial: number,
  [min, max]: readonly [number, number],
  help: string,
): Followed<IntegerFlag, Name> {
  return { name, kind: "integer", value: "N", initial, min, max, help, stance: "follow" };
}

function duration<const Name extends string>(
  name: Name,
  initial: number,
  shown: string,
  help: string,
): Followed<DurationFlag, Name> {
  return { name, kind: "duration", value: "TIME", initial, shown, help, stance: "follow" };
}

/** Settings that etcd has with a value of any kind, and nothing here goes by. */
function ignored(why: string, ...names: readonly string[]): EtcdFlag[] {
  return texts("ignore", why, "", names);
}

function ignoredSwitches(why: string, ...names: readonly string[]): EtcdFlag[] {
  return switches("ignore", why, names);
}

function refused(why: string, initial: string, ...names: readonly string[]): EtcdFlag[] {
  return texts("refuse", why, initial, names);
}

function refusedSwitches(why: string, ...names: readonly string[]): EtcdFlag[] {
  return switches("refuse", why, names);
}

function texts(stance: Stance, help: string, initial: string, names: readonly string[]) {
  return names.map((name): EtcdFlag => ({
    name,
    kind: "text",
    value: "VALUE",
    initial,
    help,
    stance,
    experimental: true,
  }));
}

function switches(stance: Stance, help: string, names: readonly string[]) {
  return names.map((name): EtcdFlag => ({
    name,
    kind: "boolean",
    initial: false,
    help,
    stance,
    experimental: true,
  }));
}

const COUNT_MAX = Number.MAX_SAFE_INTEGER;
const UINT32_MAX = 2 ** 32 - 1;
const MINUTES_MS = 60_000;
const EXPERIMENTAL = { experimental: true } as const;
/** Of what a request becomes there must be room in one frame to a peer, beside a MiB of the rest. */
const REQUEST_BYTES_MAX = LIMITS.transport.frameBytesMax - 2 ** 20;

/** What is followed. The defaults are etcd's, where its flags alone place the node. */
const FOLLOWED = [
  text("config-file", "FILE", "", "YAML with names of etcd's flags; replaces flags and variables"),
  {
    ...text("listen-client-urls", "URLS", "", "where clients are served"),
    shown: "http://localhost:2379",
  },
  text("listen-client-http-urls", "URLS", "", "more of them; every one serves gRPC and HTTP"),
  {
    ...text("advertise-client-urls", "URLS", "", "what clients dial"),
    shown: "http://localhost:2379",
  },
  {
    ...text("listen-peer-urls", "URLS", "", "where peers are served"),
    shown: "http://localhost:2380",
  },
  {
    ...text("initial-advertise-peer-urls", "URLS", "", "what peers dial"),
    shown: "http://localhost:2380",
  },
  {
    ...text("initial-cluster", "NAME=URL,...", "", "the members that form a new cluster"),
    shown: "this one alone",
  },
  text("discovery-srv", "DOMAIN", "", "its DNS names the members: _etcd-server._tcp"),
  text("discovery-srv-name", "NAME", "", "then it is _etcd-server-NAME"),
  text("discovery", "URL", "", "they register in this directory of v2, one a cluster"),
  choice("initial-cluster-state", ["new", "existing"], "new", "form a cluster, or enter one"),
  text("initial-cluster-token", "TEXT", "etcd-cluster", "tells clusters apart that are formed"),
  boolean("force-new-cluster", false, 'go on alone from what is here, as "etcd recover" does'),
  boolean("strict-reconfig-check", true, "refuse what would cost the quorum"),
  {
    ...integer(
      "max-learners",
      LIMITS.cluster.learnersMax,
      [1, LIMITS.cluster.membersMax],
      "learners that may be added",
    ),
    ...EXPERIMENTAL,
  },
  integer(
    "quota-backend-bytes",
    0,
    [-COUNT_MAX, COUNT_MAX],
    "data above it raises an alarm; 0 is 2 GiB, below 0 none",
  ),
  integer("max-txn-ops", 128, [1, 1_000_000], "operations of a transaction"),
  integer("max-request-bytes", 1_572_864, [1, REQUEST_BYTES_MAX], "bytes of a request of v3"),
  integer("max-concurrent-streams", UINT32_MAX, [1, UINT32_MAX], "HTTP/2 streams a connection"),
  duration("grpc-keepalive-min-time", 5000, "5s", "clients that ping oftener are closed"),
  duration("grpc-keepalive-interval", 120 * MINUTES_MS, "2h", "silent clients are pinged"),
  duration("grpc-keepalive-timeout", 20_000, "20s", "clients that do not answer are closed"),
  {
    ...duration("watch-progress-notify-interval", 10 * MINUTES_MS, "10m", "news of idle watches"),
    ...EXPERIMENTAL,
  },
  choice(
    "auto-compaction-mode",
    ["periodic", "revision"],
    "periodic",
    "what the next one counts: time or revisions",
  ),
  {
    ...text("auto-compaction-retention", "N", "", "history kept: hours, 5m, revisions"),
    shown: "1h, within 64 MiB",
  },
  boolean("client-cert-auth", false, "demand client certificates"),
  boolean("peer-client-cert-auth", false, "members always prove themselves"),
  boolean("auto-tls", false, "make a certificate of the client port where none is given"),
  boolean("peer-auto-tls", false, "the same of the peer port: members encrypt, and prove nothing"),
  text("peer-client-cert-file", "FILE", "", "must be --peer-cert-file: members dial with that"),
  text("peer-client-key-file", "FILE", "", "must be --peer-key-file"),
  text("client-crl-file", "FILE", "", "certificates of clients that are revoked"),
  text("peer-crl-file", "FILE", "", "certificates of peers that are revoked"),
  text("client-cert-allowed-hostname", "NAME", "", "what a client's certificate must be for"),
  text("peer-cert-allowed-cn", "NAME", "", "what a peer's certificate must be called"),
  text("peer-cert-allowed-hostname", "NAME", "", "what a peer's certificate must be for"),
  text("cipher-suites", "LIST", "", "of TLS 1.2"),
  choice("tls-min-version", ["TLS1.2", "TLS1.3"], "TLS1.2", "oldest TLS that is spoken"),
  choice("tls-max-version", ["TLS1.2", "TLS1.3"], "", "newest TLS that is spoken"),
  text("host-whitelist", "NAMES", "*", "names that plain requests may use"),
  text("auth-token", "TYPE", "simple", 'how tokens are made: "simple" or "jwt,..."'),
  integer("auth-token-ttl", 300, [1, COUNT_MAX], "seconds that a token is good for"),
  integer("bcrypt-cost", 10, [4, 15], "work that a password costs"),
  text("listen-metrics-urls", "URLS", "", "more ports, for /metrics and probes"),
  boolean("enable-grpc-gateway", true, "serve v3 as JSON"),
  {
    ...text("logger", "WORD", "", "zap writes JSON, unless --log-format says otherwise"),
    choices: ["zap", "capnslog"],
  },
  choice(
    "log-level",
    ["debug", "info", "warn", "error", "panic", "fatal"],
    "info",
    "what is worth a line",
  ),
  text("log-outputs", "LIST", "default", "stderr, stdout or files"),
  boolean("debug", false, "the same as --log-level debug"),
] as const satisfies readonly EtcdFlag[];

const IGNORED: readonly EtcdFlag[] = [
  ...ignored("there is no proxy of v2: who comes too late ends", "discovery-fallback"),
  ...ignored("no member dials its own client port", "client-cert-file", "client-key-file"),
  ...ignored(
    "certificates made for TLS last a year",
    "self-signed-cert-validity",
  ),
  ...ignored(
    "what is superseded is removed by itself",
    "max-snapshots",
    "max-wals",
    "snapshot-catchup-entries",
    "compaction-batch-limit",
    "compaction-sleep-interval",
    "bootstrap-defrag-threshold-megabytes",
  ),
  ...ignored(
    "the data is in memory and in a log, not in bbolt",
    "backend-bbolt-freelist-type",
    "backend-batch-interval",
    "backend-batch-limit",
  ),
  ...ignored(
    "members always compare their data",
    "corrupt-check-time",
    "compact-hash-check-time",
  ),
  ...ignoredSwitches(
    "members always compare their data",
    "initial-corrupt-check",
    "compact-hash-check-enabled",
  ),
  ...ignored(
    "connections between members have bounds of their own",
    "raft-read-timeout",
    "raft-write-timeout",
    "wait-cluster-ready-timeout",
  ),
  ...ignored(
    "slow disks are told by themselves",
    "warning-apply-duration",
    "warning-unary-request-duration",
  ),
  ...ignored(
    "there is no tracing",
    "distributed-tracing-address",
    "distributed-tracing-service-name",
    "distributed-tracing-instance-id",
    "distributed-tracing-sampling-rate",
  ),
  ...ignoredSwitches("there is no tracing", "enable-distributed-tracing", "distributed-tracing"),
  ...ignored("one level is for all", "log-package-levels"),
  ...ignored("rotate files by logrotate", "log-rotation-config-json"),
  ...ignoredSwitches("rotate files by logrotate", "enable-log-rotation"),
  ...ignored("versions of members are compared when they meet", "downgrade-check-time"),
  ...ignored("v2 is an API of the one key space", "v2-deprecation"),
  ...ignoredSwitches("v2 is served always", "enable-v2"),
  ...ignoredSwitches("PreVote is always on", "pre-vote"),
  ...ignoredSwitches("the first election waits its time", "initial-election-tick-advance"),
  ...ignoredSwitches(
    "a new leader gives every lease its full time",
    "enable-lease-checkpoint",
    "enable-lease-checkpoint-persist",
  ),
  ...ignoredSwitches("the memory is the runtime's", "memory-mlock"),
  ...ignoredSwitches(
    "ports are opened as the runtime does",
    "socket-reuse-port",
    "socket-reuse-address",
    "set-member-localaddr",
  ),
  ...ignoredSwitches("/metrics tells where the time goes", "enable-pprof"),
  ...ignoredSwitches("nothing stops while space is given back", "stop-grpc-service-on-defrag"),
  ...ignoredSwitches("every transaction is judged alike", "txn-mode-write-with-shared-buffer"),
  // Test suites of Kubernetes give it wherever the help names it; to do more than is asked harms nobody.
  ...ignoredSwitches("a write that was acknowledged is on disk, always", "unsafe-no-fsync"),
];

const REFUSED: readonly EtcdFlag[] = [
  ...refused(
    "the log is in the data directory: let --data-dir be on the disk that is for the log",
    "",
    "wal-dir",
  ),
  ...refused(
    "--discovery is asked by the proxy that http_proxy or https_proxy names",
    "",
    "discovery-proxy",
  ),
  ...refused(
    "members register by v2: give --discovery",
    "",
    "discovery-endpoints",
    "discovery-token",
    "discovery-cert",
    "discovery-key",
    "discovery-cacert",
    "discovery-user",
    "discovery-password",
  ),
  ...refused(
    "members register by v2",
    "",
    "discovery-dial-timeout",
    "discovery-request-timeout",
    "discovery-keepalive-time",
    "discovery-keepalive-timeout",
  ),
  ...refusedSwitches(
    "members register by v2",
    "discovery-insecure-transport",
    "discovery-insecure-skip-tls-verify",
  ),
  ...refused("there is no proxy of v2, dial the members themselves", "off", "proxy"),
  ...refused("there is no proxy of v2", "5000", "proxy-failure-wait", "proxy-write-timeout"),
  ...refused("there is no proxy of v2", "30000", "proxy-refresh-interval"),
  ...refused("there is no proxy of v2", "1000", "proxy-dial-timeout"),
  ...refused("there is no proxy of v2", "0", "proxy-read-timeout"),
  ...refusedSwitches("v2 is no view of another API's keys, all share one key space", "enable-v2v3"),
  ...refused("all APIs share one key space", "", "enable-v2v3-prefix"),
  ...refusedSwitches(
    "members prove who they are, always",
    "peer-skip-client-san-verification",
  ),
];

/** The names of 3.6's switches; all are of things that are settled here. */
export const FEATURE_GATES: readonly string[] = [
  "AllAlpha",
  "AllBeta",
  "CompactHashCheck",
  "InitialCorruptCheck",
  "LeaseCheckpoint",
  "LeaseCheckpointPersist",
  "PriorityRequest",
  "SetMemberLocalAddr",
  "StopGRPCServiceOnDefrag",
  "TxnModeWriteWithSharedBuffer",
];

/** Every row, in the order of the help text. */
export const ETCD_FLAGS = [
  ...FOLLOWED,
  text("feature-gates", "NAME=BOOL", "", "switches of 3.6; the known ones do nothing here"),
  ...IGNORED as readonly (EtcdFlag & { readonly name: "ignored" })[],
  ...REFUSED as readonly (EtcdFlag & { readonly name: "refused" })[],
] as const;
