/**
 * The one table of a node's settings: it drives the command line, the
 * environment, the help text, completion and the man page. To add a setting, add
 * a row here and its field in `Config`. Commands have tables of the same rows.
 */
import { LIMITS } from "./limits.ts";

/** The headings of the help text, in its order. */
export const GROUPS = ["Node", "Cluster", "TLS", "Storage", "Raft", "Logging", "Other"] as const;

interface Row {
  /** As it stands after one or two dashes. */
  readonly name: string;
  /** The variable that gives the same setting; absent where only a flag may. */
  readonly env?: string;
  /** One sentence without a full stop; `shown` is the default in words where a number is not enough. */
  readonly help: string;
  readonly shown?: string;
}

/** A flag that is on when it stands bare; `-flag=false` turns it off. */
export interface BooleanFlag extends Row {
  readonly kind: "boolean";
  readonly initial: boolean;
}

export interface IntegerFlag extends Row {
  readonly kind: "integer";
  /** What stands for the value in the help text. */
  readonly value: string;
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

export interface TextFlag extends Row {
  readonly kind: "text";
  readonly value: string;
  /** Empty means "not given". */
  readonly initial: string;
  /** The only values there are; absent for free text. */
  readonly choices?: readonly string[];
}

/** A row of any table of flags. */
export type Flag = BooleanFlag | IntegerFlag | TextFlag;

/** A row of the node's table. */
export type NodeFlag = Flag & { readonly group: typeof GROUPS[number] };

/** Environment names are those of etcd 0.3, where it had one. */
export const FLAGS = [
  {
    name: "n",
    env: "ETCD_NAME",
    group: "Node",
    kind: "text",
    value: "NAME",
    initial: "",
    shown: "base name of the data directory",
    help: "node name, unique in the cluster",
  },
  {
    name: "c",
    env: "ETCD_ADDR",
    group: "Node",
    kind: "text",
    value: "ADDRESS",
    initial: "127.0.0.1:4001",
    help: "client address: port, :port or host:port; a bare port means 127.0.0.1",
  },
  {
    name: "s",
    env: "ETCD_PEER_ADDR",
    group: "Node",
    kind: "text",
    value: "ADDRESS",
    initial: "127.0.0.1:7001",
    help: "peer address, likewise",
  },
  {
    name: "cl",
    env: "ETCD_BIND_ADDR",
    group: "Node",
    kind: "text",
    value: "HOST",
    initial: "",
    shown: "the host of -c",
    help: "host to listen on for clients, when it is not the advertised one",
  },
  {
    name: "sl",
    env: "ETCD_PEER_BIND_ADDR",
    group: "Node",
    kind: "text",
    value: "HOST",
    initial: "",
    shown: "the host of -s",
    help: "host to listen on for peers, when it is not the advertised one",
  },
  {
    name: "grpc",
    env: "ETCD_GRPC_ADDR",
    group: "Node",
    kind: "text",
    value: "ADDRESS",
    initial: "127.0.0.1:2379",
    shown: "127.0.0.1:2379, and none with -c",
    help: "one more client port, for gRPC and all else; under TLS -c serves gRPC, too",
  },
  {
    name: "metrics",
    env: "ETCD_METRICS",
    group: "Node",
    kind: "text",
    value: "ADDRESS",
    initial: "",
    help: "one more port, without TLS, for /metrics, /health, /livez and /readyz only",
  },
  {
    name: "d",
    env: "ETCD_DATA_DIR",
    group: "Node",
    kind: "text",
    value: "DIR",
    initial: ".",
    shown: "the current directory",
    help: "data directory, made with mode 0700",
  },
  {
    // No variable: one left set would erase the data at every start.
    name: "f",
    group: "Node",
    kind: "boolean",
    initial: false,
    help: "start afresh: removes what a node wrote in -d, and nothing else",
  },
  {
    name: "C",
    env: "ETCD_PEERS",
    group: "Cluster",
    kind: "text",
    value: "LIST",
    initial: "",
    help: "peer addresses of live members to join, separated by commas; one is enough",
  },
  {
    name: "CF",
    env: "ETCD_PEERS_FILE",
    group: "Cluster",
    kind: "text",
    value: "FILE",
    initial: "",
    help: 'file of such addresses; "#" starts a comment',
  },
  {
    name: "r",
    env: "ETCD_MAX_RETRY_ATTEMPTS",
    group: "Cluster",
    kind: "integer",
    value: "N",
    initial: 3,
    min: 1,
    max: 1_000_000,
    help: "attempts to join before giving up",
  },
  {
    name: "maxsize",
    env: "ETCD_MAX_CLUSTER_SIZE",
    group: "Cluster",
    kind: "integer",
    value: "N",
    initial: LIMITS.membersMax,
    min: 1,
    max: LIMITS.membersMax,
    help: "most members this node admits",
  },
  {
    name: "redirect",
    env: "ETCD_REDIRECT",
    group: "Cluster",
    kind: "boolean",
    initial: false,
    help: "answer 307 with the leader's URL instead of passing writes on",
  },
  {
    name: "cors",
    env: "ETCD_CORS",
    group: "Node",
    kind: "text",
    value: "LIST",
    initial: "",
    help: 'origins whose pages browsers may let use the client port, or "*" for any',
  },
  {
    name: "clientCert",
    env: "ETCD_CERT_FILE",
    group: "TLS",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "certificate of the client port; with it the port speaks TLS only",
  },
  {
    name: "clientKey",
    env: "ETCD_KEY_FILE",
    group: "TLS",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "its private key",
  },
  {
    name: "clientCAFile",
    env: "ETCD_CA_FILE",
    group: "TLS",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "demand client certificates signed by this authority",
  },
  {
    name: "serverCert",
    env: "ETCD_PEER_CERT_FILE",
    group: "TLS",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "certificate of the peer port, for server and client use",
  },
  {
    name: "serverKey",
    env: "ETCD_PEER_KEY_FILE",
    group: "TLS",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "its private key",
  },
  {
    name: "serverCAFile",
    env: "ETCD_PEER_CA_FILE",
    group: "TLS",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "authority that signs the certificates of all peers",
  },
  {
    name: "snapshot",
    env: "ETCD_SNAPSHOT",
    group: "Storage",
    kind: "boolean",
    initial: true,
    help: "take snapshots and cut the log after them",
  },
  {
    name: "snapCount",
    env: "ETCD_SNAPSHOT_COUNT",
    group: "Storage",
    kind: "integer",
    value: "N",
    initial: 100_000,
    min: 1,
    max: 100_000_000,
    help: "log entries from one snapshot to the next",
  },
  {
    name: "m",
    env: "ETCD_MAX_RESULT_BUFFER",
    group: "Storage",
    kind: "integer",
    value: "N",
    initial: 1024,
    min: 1,
    max: 1_000_000,
    help: "events kept for watches that look back",
  },
  {
    name: "heartbeat",
    env: "ETCD_PEER_HEARTBEAT_TIMEOUT",
    group: "Raft",
    kind: "integer",
    value: "MS",
    initial: 100,
    min: 10,
    max: 10_000,
    help: "milliseconds between the leader's heartbeats",
  },
  {
    name: "election",
    env: "ETCD_PEER_ELECTION_TIMEOUT",
    group: "Raft",
    kind: "integer",
    value: "MS",
    initial: 1000,
    min: 50,
    max: 60_000,
    help: "milliseconds without a leader before an election, at least five heartbeats",
  },
  {
    name: "dashboard",
    env: "ETCD_DASHBOARD",
    group: "Node",
    kind: "text",
    value: "MODE",
    initial: "on",
    help: 'web page at /dashboard/: "on", "readonly" or "off"',
  },
  {
    name: "v",
    env: "ETCD_VERBOSE",
    group: "Logging",
    kind: "boolean",
    initial: false,
    help: "log more",
  },
  {
    name: "vv",
    env: "ETCD_VERY_VERBOSE",
    group: "Logging",
    kind: "boolean",
    initial: false,
    help: "log everything",
  },
  {
    name: "logFormat",
    env: "ETCD_LOG_FORMAT",
    group: "Logging",
    kind: "text",
    value: "FORMAT",
    initial: "text",
    help: 'how to log: "text" or "json"',
  },
  {
    name: "w",
    group: "Other",
    kind: "text",
    value: "ADDRESS",
    initial: "",
    help: "does nothing: the dashboard is at /dashboard/ of the client port",
  },
  {
    name: "cpuprofile",
    env: "ETCD_CPU_PROFILE_FILE",
    group: "Other",
    kind: "text",
    value: "FILE",
    initial: "",
    help: "does nothing: /metrics tells where the time goes",
  },
  {
    name: "h",
    group: "Other",
    kind: "boolean",
    initial: false,
    help: "print this help",
  },
  {
    name: "version",
    group: "Other",
    kind: "boolean",
    initial: false,
    help: "print the version",
  },
] as const satisfies readonly NodeFlag[];

type Rows = typeof FLAGS[number];

/** The names of the flags of one kind. */
export type FlagName<K extends Flag["kind"] = Flag["kind"]> = Extract<Rows, { kind: K }>["name"];
