/** What the settings of a node come to, whichever family of flags gave them. */
import type { Address } from "./address.ts";

/** As the runtime calls them. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** Paths of one port's TLS files; with `caFile` it demands certificates signed by it. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
  /** Of certificates that are refused although the authority has signed them. */
  readonly crlFile: string | undefined;
  /** A client's certificate that has none of these names is not taken. */
  readonly allowedNames:
    | { readonly kind: "commonName" | "hostname"; readonly names: readonly string[] }
    | undefined;
  /** The common name of a certificate says which user its client is. */
  readonly namesUsers: boolean;
  /** The certificate and its key are made where there are none. */
  readonly isOwn: boolean;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
}

/** An address to listen on. */
export interface ListenAddress extends Address {
  /** Whether TLS is spoken there. */
  readonly secure: boolean;
  /** Of a unix socket; then `host` is the same, and there is no port. */
  readonly path?: string;
}

/** How one of the two kinds of port is served and reached. */
export interface PortConfig {
  /** What others dial: the first of `urls`. */
  readonly advertised: Address;
  /** What this node listens on: the first of `listeners`. */
  readonly listen: Address;
  /** `advertised` as a URL without a path, e.g. `https://127.0.0.1:4001`. */
  readonly url: string;
  /** Everything that others may dial, at least one. */
  readonly urls: readonly string[];
  /** Everything that this node listens on, at least one. */
  readonly listeners: readonly ListenAddress[];
  /** Undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
}

/** The client port. */
export interface ClientPortConfig extends PortConfig {
  /** Whether gRPC is spoken there without TLS, too, as on ports of etcd's flags. */
  readonly servesGrpc: boolean;
}

/** The port of `-grpc`. */
export interface GrpcConfig {
  readonly address: Address;
  /** What clients of gRPC dial; undefined where the client port serves them, too. */
  readonly urls: readonly string[] | undefined;
  /** By the user; else the node can do without it. */
  readonly isGiven: boolean;
}

/** One of the members that a cluster is formed of. */
export interface InitialMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** The cluster that etcd's flags name, when it has other members than this one. */
export interface InitialCluster {
  /** `new`: those that are named form a cluster; `existing`: this one enters theirs. */
  readonly state: "new" | "existing";
  readonly token: string;
  /** The name of this node among `members`. */
  readonly own: string;
  /** With this node among them, each once, by name. */
  readonly members: readonly InitialMember[];
}

/** Where a node asks for the members of its cluster. */
export type Discovery = DnsDiscovery | UrlDiscovery;

/** The DNS names them. */
export interface DnsDiscovery extends Pick<InitialCluster, "state" | "token"> {
  readonly kind: "dns";
  readonly domain: string;
  /** Tells the services of several clusters of one domain apart; undefined for none. */
  readonly serviceName: string | undefined;
}

/** Each registers itself in a directory of somebody's v2 API, which says how many there are to be. */
export interface UrlDiscovery {
  readonly kind: "url";
  /** Without a final slash. */
  readonly url: string;
}

/** How the leader lets go of what is superseded. */
export type CompactionConfig =
  /** By the limits of this program: some events, an hour, a size. */
  | { readonly kind: "limits" }
  | { readonly kind: "never" }
  | { readonly kind: "periodic"; readonly retentionMs: number }
  | { readonly kind: "revisions"; readonly retention: number };

/** What v3 takes from a client. */
export interface V3Config {
  readonly requestBytesMax: number;
  readonly txnOperationsMax: number;
  readonly progressNotifyMs: number;
  /** Whether it is served as JSON, too. */
  readonly hasGateway: boolean;
  /** Of an HTTP/2 connection; undefined for the limit of this program. */
  readonly streamsMax: number | undefined;
  readonly pingMinTimeMs: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

/** What stands for a login. */
export type TokenConfig =
  /** Signed by a secret of the cluster. */
  | { readonly kind: "simple"; readonly ttlMs: number }
  /** Signed by keys of the user's own. */
  | {
    readonly kind: "jwt";
    readonly method: string;
    readonly publicKeyFile: string | undefined;
    readonly privateKeyFile: string | undefined;
    readonly ttlMs: number;
  };

/** How users prove who they are. */
export interface AuthConfig {
  readonly token: TokenConfig;
  readonly bcryptCost: number;
  /** Where it is recorded who does what: `stderr` or the path of a file; undefined for nowhere. */
  readonly audit: string | undefined;
}

/** Changes of the membership. */
export interface MembershipConfig {
  /** Whether a change is refused that would cost the quorum. */
  readonly isStrict: boolean;
  readonly learnersMax: number;
}

/** What a process says of itself. */
export interface LogConfig {
  readonly level: "error" | "warn" | "info" | "debug" | "trace";
  /** `zap`: JSON with the keys that etcd gives it. */
  readonly format: "text" | "json" | "zap";
  /** `stderr`, `stdout` or the path of a file; at least one. */
  readonly outputs: readonly string[];
}

/** Everything a user may set, checked and frozen. */
export interface Config {
  readonly name: string;
  /** Whether a user chose the name; else it is the data directory's base name. */
  readonly nameGiven: boolean;
  /** Absolute. */
  readonly dataDirectory: string;
  /** `-f`: remove what a node wrote in the data directory first. */
  readonly fresh: boolean;
  /** Go on alone from what the data directory holds. */
  readonly forceNewCluster: boolean;
  readonly client: ClientPortConfig;
  readonly peer: PortConfig;
  /** By etcd's flags: what an operator says of the member afterwards holds against them. */
  readonly arePeerUrlsInitial: boolean;
  /** Where gRPC is served, and what the client port serves; nowhere if undefined. */
  readonly grpc: GrpcConfig | undefined;
  /** Where metrics and health are served, and nothing of the data. */
  readonly metrics: readonly ListenAddress[];
  /** Peer addresses of members to join, this node's own left out; empty starts a cluster. */
  readonly join: readonly Address[];
  readonly joinAttempts: number;
  readonly initialCluster: InitialCluster | undefined;
  /** Says where a node without data asks for its `initialCluster`. */
  readonly discovery: Discovery | undefined;
  /** Why the flags can't be followed that say how a node without data comes into its cluster. */
  readonly entryProblem: string | undefined;
  readonly membersMax: number;
  readonly membership: MembershipConfig;
  readonly redirect: boolean;
  /** Entries from one snapshot to the next; undefined with `-snapshot=false`. */
  readonly snapshotEntries: number | undefined;
  /** Events kept for watches that look back. */
  readonly historyMax: number;
  readonly compaction: CompactionConfig;
  /** Of the data; undefined for none. */
  readonly quotaBytes: number | undefined;
  readonly v3: V3Config;
  readonly auth: AuthConfig;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** The web page: `readonly` changes nothing, `off` serves none. */
  readonly dashboard: "on" | "readonly" | "off";
  /** Origins of pages that may use the client port, as browsers send them, or `*`; mostly none. */
  readonly cors: readonly string[];
  /** Host names that a plain request may use, lower case; undefined for any. */
  readonly hostWhitelist: readonly string[] | undefined;
  /** Settings that were given and do nothing here: what they are called, and why. */
  readonly idle: readonly { readonly flag: string; readonly why: string }[];
  readonly log: LogConfig;
}
