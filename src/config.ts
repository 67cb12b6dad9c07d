/**
 * What a user may set, as one frozen `Config`, from flags and `ETCD_*`
 * variables. Checks everything that can be checked before a port or a data
 * directory is opened; opens neither, and reads no file but that of `-CF`.
 * The table of flags is `config/flags.ts`, the fixed limits `config/limits.ts`.
 */
import { resolve } from "node:path";
import {
  type Address,
  formatAddress,
  isUnspecified,
  parseAddress,
  parseListenHost,
} from "./config/address.ts";
import { readSettings, type Settings } from "./config/command_line.ts";
import type { FlagName } from "./config/flags.ts";
import { helpText } from "./config/help.ts";
import { makeName } from "./config/name.ts";
import { parseOrigins } from "./config/origins.ts";
import { printable, UsageError } from "./config/usage_error.ts";
import { VERSION } from "./version.ts";

export type { Address } from "./config/address.ts";
export { formatAddress, isLoopback } from "./config/address.ts";
export { LIMITS } from "./config/limits.ts";

/** Paths of one port's TLS files; with `caFile` it demands certificates signed by it. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | undefined;
}

/** One of the two ports. */
export interface PortConfig {
  /** What others dial. */
  readonly advertised: Address;
  /** What this node listens on: the same port, perhaps another host. */
  readonly listen: Address;
  /** `advertised` as a URL without a path, e.g. `https://127.0.0.1:4001`. */
  readonly url: string;
  /** Undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
}

/** The port of `-grpc`. */
export interface GrpcConfig {
  readonly address: Address;
  /** By the user; else the node can do without it. */
  readonly isGiven: boolean;
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
  readonly client: PortConfig;
  readonly peer: PortConfig;
  /** Where gRPC is served, and what the client port serves; nowhere if undefined. */
  readonly grpc: GrpcConfig | undefined;
  /** Where metrics and health are served without certificates, or nowhere. */
  readonly metrics: Address | undefined;
  /** Peer addresses of members to join, this node's own left out; empty starts a cluster. */
  readonly join: readonly Address[];
  readonly joinAttempts: number;
  readonly membersMax: number;
  readonly redirect: boolean;
  /** Entries from one snapshot to the next; undefined with `-snapshot=false`. */
  readonly snapshotEntries: number | undefined;
  /** Events kept for watches that look back. */
  readonly historyMax: number;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** The web page: `readonly` changes nothing, `off` serves none. */
  readonly dashboard: "on" | "readonly" | "off";
  /** Origins of pages that may use the client port, as browsers send them, or `*`; mostly none. */
  readonly cors: readonly string[];
  /** Flags of 2013 that were given and do nothing here, with a dash. */
  readonly idleFlags: readonly string[];
  readonly logLevel: "info" | "debug" | "trace";
  readonly logFormat: "text" | "json";
}

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "run"; readonly config: Config }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version"; readonly text: string }
  /** One line without a line end; the exit status is 2. */
  | { readonly kind: "error"; readonly line: string };

/** An election takes a few heartbeats to notice; fewer would elect on every hiccup. */
const HEARTBEATS_PER_ELECTION = 5;

/** Start scripts of 2013 have them. */
const IDLE_FLAGS = ["w", "cpuprofile"] as const;

/** Reads flags and variables; never throws for what a user typed. */
export function parseFlags(
  args: readonly string[],
  environment: (name: string) => string | undefined,
): Invocation {
  try {
    const settings = readSettings(args, environment);
    if (settings.boolean("h")) return { kind: "help", text: helpText(VERSION) };
    if (settings.boolean("version")) return { kind: "version", text: `etcd ${VERSION}\n` };
    return { kind: "run", config: makeConfig(settings) };
  } catch (error) {
    if (error instanceof UsageError) return { kind: "error", line: error.message };
    throw error;
  }
}

function makeConfig(settings: Settings): Config {
  const dataDirectory = resolve(settings.text("d"));
  const client = makePort(settings, "c", "cl", "client");
  const peer = makePort(settings, "s", "sl", "server");
  if (client.listen.port === peer.listen.port && overlap(client.listen.host, peer.listen.host)) {
    throw new UsageError(
      `${settings.label("c")} and ${settings.label("s")} both name ` +
        `"${formatAddress(client.listen)}": give them different ports`,
    );
  }
  return Object.freeze({
    name: makeName(settings),
    nameGiven: settings.isGiven("n"),
    dataDirectory,
    fresh: settings.boolean("f"),
    client,
    peer,
    grpc: grpcConfig(settings, client, peer),
    metrics: metricsAddress(settings, client, peer),
    join: Object.freeze(joinAddresses(settings, peer)),
    joinAttempts: settings.integer("r"),
    membersMax: settings.integer("maxsize"),
    redirect: settings.boolean("redirect"),
    snapshotEntries: settings.boolean("snapshot") ? settings.integer("snapCount") : undefined,
    historyMax: settings.integer("m"),
    ...timing(settings),
    dashboard: dashboardMode(settings),
    cors: Object.freeze(
      settings.isGiven("cors") ? parseOrigins(settings.text("cors"), settings.label("cors")) : [],
    ),
    idleFlags: Object.freeze(
      IDLE_FLAGS.filter((name) => settings.isGiven(name)).map((name) => settings.label(name)),
    ),
    logLevel: settings.boolean("vv") ? "trace" : settings.boolean("v") ? "debug" : "info",
    logFormat: logFormat(settings),
  });
}

function makePort(
  settings: Settings,
  addressFlag: "c" | "s",
  listenFlag: "cl" | "sl",
  tlsPrefix: "client" | "server",
): PortConfig {
  const tls = tlsFiles(settings, tlsPrefix);
  const label = settings.label(addressFlag);
  const advertised = parseAddress(settings.text(addressFlag), label, tls !== undefined);
  if (isUnspecified(advertised.host)) {
    throw new UsageError(
      `${label} expects an address that others can dial, found "${advertised.host}": ` +
        `give that address, and "-${listenFlag} ${advertised.host}" to listen everywhere`,
    );
  }
  const listenHost = settings.isGiven(listenFlag)
    ? parseListenHost(settings.text(listenFlag), settings.label(listenFlag))
    : advertised.host;
  return Object.freeze({
    advertised: Object.freeze(advertised),
    listen: Object.freeze({ host: listenHost, port: advertised.port }),
    url: `${tls === undefined ? "http" : "https"}://${formatAddress(advertised)}`,
    tls,
  });
}

/** One on a machine has etcd's own port; who chooses the client port chooses this one, too. */
function grpcConfig(
  settings: Settings,
  client: PortConfig,
  peer: PortConfig,
): GrpcConfig | undefined {
  const isGiven = settings.isGiven("grpc");
  if (!isGiven && settings.isGiven("c")) return undefined;
  const address = ownAddress(settings, "grpc", client.tls !== undefined, [client, peer]);
  return Object.freeze({ address, isGiven });
}

function metricsAddress(
  settings: Settings,
  client: PortConfig,
  peer: PortConfig,
): Address | undefined {
  if (!settings.isGiven("metrics")) return undefined;
  return ownAddress(settings, "metrics", false, [client, peer]);
}

/** The address that a flag gives, which none of `others` may have. */
function ownAddress(
  settings: Settings,
  flag: "grpc" | "metrics",
  tls: boolean,
  others: readonly PortConfig[],
): Address {
  const label = settings.label(flag);
  const address = parseAddress(settings.text(flag), label, tls);
  for (const { listen } of others) {
    if (listen.port !== address.port || !overlap(listen.host, address.host)) continue;
    throw new UsageError(
      `${label} names "${formatAddress(listen)}", which another port of this node has: ` +
        "give it one of its own",
    );
  }
  return Object.freeze(address);
}

/** Whether two listen hosts would fight for one port. */
function overlap(a: string, b: string): boolean {
  return a === b || isUnspecified(a) || isUnspecified(b);
}

function tlsFiles(settings: Settings, prefix: "client" | "server"): TlsFiles | undefined {
  const certFile = existingFile(settings, `${prefix}Cert`);
  const keyFile = existingFile(settings, `${prefix}Key`);
  const caFile = existingFile(settings, `${prefix}CAFile`);
  if (certFile !== undefined && keyFile !== undefined) {
    // Whoever reaches the peer port can write the log, so TLS without proof is no choice there.
    if (prefix === "server" && caFile === undefined) {
      throw new UsageError(
        `${settings.label("serverCert")} needs "-serverCAFile" beside it: peers prove themselves`,
      );
    }
    return Object.freeze({ certFile, keyFile, caFile });
  }
  if (certFile === undefined && keyFile === undefined && caFile === undefined) return undefined;
  const given: FlagName = certFile !== undefined
    ? `${prefix}Cert`
    : keyFile !== undefined
    ? `${prefix}Key`
    : `${prefix}CAFile`;
  const missing = certFile === undefined ? `${prefix}Cert` : `${prefix}Key`;
  throw new UsageError(`${settings.label(given)} needs "-${missing}" beside it`);
}

function existingFile(settings: Settings, name: FlagName<"text">): string | undefined {
  if (!settings.isGiven(name)) return undefined;
  const path = settings.text(name);
  const label = settings.label(name);
  try {
    if (Deno.statSync(path).isFile) return resolve(path);
  } catch (error) {
    throw new UsageError(`${label} "${printable(path)}": ${fileProblem(error)}`);
  }
  throw new UsageError(`${label} "${printable(path)}": expected a file, found something else`);
}

function fileProblem(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "no permission to read it";
  return error instanceof Error ? error.message : String(error);
}

/** `-C` first, then `-CF`; each address once, this node's own left out. */
function joinAddresses(settings: Settings, peer: PortConfig): Address[] {
  const found = new Map<string, Address>();
  let named = 0;
  for (const name of ["C", "CF"] as const) {
    if (!settings.isGiven(name)) continue;
    const label = settings.label(name);
    const items = name === "C" ? settings.text("C") : readAddressFile(settings, label);
    const addresses = items.split(/[\s,]+/).filter((item) => item !== "");
    if (addresses.length === 0) {
      throw new UsageError(`${label} expects addresses of members, found none`);
    }
    named += addresses.length;
    for (const item of addresses) {
      const address = Object.freeze(parseAddress(item, label, peer.tls !== undefined));
      found.set(formatAddress(address), address);
    }
  }
  found.delete(formatAddress(peer.advertised));
  if (named > 0 && found.size === 0) {
    throw new UsageError(
      `${settings.label(settings.isGiven("C") ? "C" : "CF")} names only this node itself ` +
        `("${formatAddress(peer.advertised)}"): leave it out to start a new cluster`,
    );
  }
  return [...found.values()];
}

/** The file without its comments, which run from "#" to the end of a line. */
function readAddressFile(settings: Settings, label: string): string {
  const path = settings.text("CF");
  try {
    return Deno.readTextFileSync(path).replace(/#.*/g, "");
  } catch (error) {
    throw new UsageError(`${label} "${printable(path)}": ${fileProblem(error)}`);
  }
}

function timing(settings: Settings): { heartbeatMs: number; electionMs: number } {
  const heartbeatMs = settings.integer("heartbeat");
  const electionMs = settings.integer("election");
  const least = heartbeatMs * HEARTBEATS_PER_ELECTION;
  if (electionMs < least) {
    throw new UsageError(
      `${settings.label("election")} expects at least ${HEARTBEATS_PER_ELECTION} heartbeats of ` +
        `${heartbeatMs} ms, which is ${least}, found "${electionMs}"`,
    );
  }
  return { heartbeatMs, electionMs };
}

function dashboardMode(settings: Settings): "on" | "readonly" | "off" {
  const mode = settings.text("dashboard");
  if (mode === "on" || mode === "readonly" || mode === "off") return mode;
  throw new UsageError(
    `${settings.label("dashboard")} expects "on", "readonly" or "off", ` +
      `found "${printable(mode)}"`,
  );
}

function logFormat(settings: Settings): "text" | "json" {
  const format = settings.text("logFormat");
  if (format === "text" || format === "json") return format;
  throw new UsageError(
    `${settings.label("logFormat")} expects "text" or "json", found "${printable(format)}"`,
  );
}
