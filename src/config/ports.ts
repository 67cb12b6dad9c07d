/** Where a node listens, and what others dial, by either family of flags. */
import {
  type Address,
  formatAddress,
  isUnspecified,
  LOOPBACK,
  parseAddress,
  parseListenHost,
} from "./address.ts";
import type { Settings } from "./command_line.ts";
import type { FlagName } from "./flags.ts";
import type { ClientPortConfig, GrpcConfig, ListenAddress, PortConfig } from "./model.ts";
import { tlsFiles } from "./tls.ts";
import { ownPeerUrls } from "./cluster.ts";
import { type ParsedUrl, parseUrls } from "./urls.ts";
import { UsageError } from "./usage_error.ts";

/** All ports of a node. */
export interface Ports {
  readonly client: ClientPortConfig;
  readonly peer: PortConfig;
  readonly arePeerUrlsInitial: boolean;
  readonly grpc: GrpcConfig | undefined;
  readonly metrics: readonly ListenAddress[];
}

/** `asEtcd`: what nobody chose is as etcd has it; `name` is the node's. Throws `UsageError`. */
export function makePorts(
  settings: Settings,
  { asEtcd, name, dataDirectory }: {
    readonly asEtcd: boolean;
    readonly name: string;
    readonly dataDirectory: string;
  },
): Ports {
  const hasUrls = (...names: FlagName[]) => names.some((name) => settings.isGiven(name));
  const client = asEtcd ||
      hasUrls("listen-client-urls", "advertise-client-urls", "listen-client-http-urls")
    ? { ...portOfUrls(settings, CLIENT, { name, dataDirectory }), servesGrpc: true }
    : { ...portOfAddress(settings, "c", "cl", "client", dataDirectory), servesGrpc: false };
  const arePeerUrlsInitial = asEtcd || hasUrls("listen-peer-urls", "initial-advertise-peer-urls");
  const peer = arePeerUrlsInitial
    ? portOfUrls(settings, PEER, { name, dataDirectory })
    : portOfAddress(settings, "s", "sl", "server", dataDirectory);
  refuseOverlaps(settings, client, peer);
  return {
    client: Object.freeze(client),
    peer: Object.freeze(peer),
    arePeerUrlsInitial,
    grpc: client.servesGrpc ? undefined : grpcConfig(settings, client, peer),
    metrics: Object.freeze(metricsAddresses(settings, client, peer)),
  };
}

function refuseOverlaps(settings: Settings, client: PortConfig, peer: PortConfig): void {
  const shared = client.listeners.find((one) => peer.listeners.some((two) => collide(one, two)));
  if (shared === undefined) return;
  const labels = [
    settings.isGiven("listen-client-urls") ? "listen-client-urls" : "c",
    settings.isGiven("listen-peer-urls") ? "listen-peer-urls" : "s",
  ] as const;
  throw new UsageError(
    `${labels.map((name) => settings.label(name)).join(" and ")} both name ` +
      `"${formatAddress(shared)}": give them different ports`,
  );
}

function portOfAddress(
  settings: Settings,
  addressFlag: "c" | "s",
  listenFlag: "cl" | "sl",
  tlsSide: "client" | "server",
  dataDirectory: string,
): PortConfig {
  const tls = tlsFiles(settings, tlsSide, dataDirectory);
  const label = settings.label(addressFlag);
  const secure = tls !== undefined;
  const advertised = Object.freeze(parseAddress(settings.text(addressFlag), label, secure));
  if (isUnspecified(advertised.host)) {
    throw new UsageError(
      `${label} expects an address that others can dial, found "${advertised.host}": ` +
        `give that address, and "-${listenFlag} ${advertised.host}" to listen everywhere`,
    );
  }
  const host = settings.isGiven(listenFlag)
    ? parseListenHost(settings.text(listenFlag), settings.label(listenFlag))
    : advertised.host;
  const { port } = advertised;
  const url = `${secure ? "https" : "http"}://${formatAddress(advertised)}`;
  return {
    ...{ advertised, url, tls },
    listen: Object.freeze({ host, port }),
    urls: Object.freeze([url]),
    listeners: Object.freeze([Object.freeze({ host, port, secure })]),
  };
}

/** How etcd's flags call one kind of port. */
interface UrlFlags {
  readonly listen: "listen-client-urls" | "listen-peer-urls";
  /** More of the same. */
  readonly more?: "listen-client-http-urls";
  readonly advertise: "advertise-client-urls" | "initial-advertise-peer-urls";
  readonly tlsSide: "client" | "server";
  readonly port: number;
}

const CLIENT: UrlFlags = {
  listen: "listen-client-urls",
  more: "listen-client-http-urls",
  advertise: "advertise-client-urls",
  tlsSide: "client",
  port: 2379,
};

const PEER: UrlFlags = {
  listen: "listen-peer-urls",
  advertise: "initial-advertise-peer-urls",
  tlsSide: "server",
  port: 2380,
};

function portOfUrls(
  settings: Settings,
  flags: UrlFlags,
  { name, dataDirectory }: { readonly name: string; readonly dataDirectory: string },
): PortConfig {
  const tls = tlsFiles(settings, flags.tlsSide, dataDirectory);
  const usual = `http://localhost:${flags.port}`;
  const urlsOf = (name: UrlFlags["listen"] | UrlFlags["advertise"] | "listen-client-http-urls") => {
    if (!settings.isGiven(name)) return [];
    // Peers dial, and find nobody at a port that the system has chosen.
    const portMin = name === PEER.advertise ? 1 : 0;
    return parseUrls(settings.text(name), settings.label(name), "sockets", portMin);
  };
  const given = [...urlsOf(flags.listen), ...flags.more === undefined ? [] : urlsOf(flags.more)];
  const listened = given.length > 0 ? given : parseUrls(usual, `--${flags.listen}`, "noSockets");
  if (listened.some(({ secure }) => secure) && tls === undefined) {
    throw new UsageError(
      `${settings.label(flags.listen)} asks for TLS, but no certificate is given for that port: ` +
        'give one or write "http://"',
    );
  }
  const told = urlsOf(flags.advertise);
  const advertised = told.length > 0 ? told : untoldUrls(settings, flags, listened, given, name);
  if (flags === PEER) refuseMixed(settings, flags, [...listened, ...advertised]);
  const [first] = advertised;
  const [own] = listened;
  return {
    advertised: Object.freeze({ host: first!.host, port: first!.port }),
    listen: Object.freeze({ host: listenHost(own!), port: own!.port }),
    url: first!.url,
    urls: Object.freeze(advertised.map(({ url }) => url)),
    listeners: Object.freeze(
      listened.map(({ port, secure, path, ...url }) =>
        Object.freeze({ host: listenHost(url), port, secure, ...(path && { path }) })
      ),
    ),
    tls: listened.some(({ secure }) => secure) ? tls : undefined,
  };
}

/** `localhost` means two addresses; etcd takes that of IPv4. */
function listenHost({ host }: { readonly host: string }): string {
  return host === "localhost" ? LOOPBACK : host;
}

/** What is advertised when no flag says so. */
function untoldUrls(
  settings: Settings,
  flags: UrlFlags,
  listened: readonly ParsedUrl[],
  given: readonly ParsedUrl[],
  name: string,
): readonly ParsedUrl[] {
  const { listen, advertise, port } = flags;
  if (given.length === 0) {
    return parseUrls(`http://localhost:${port}`, `--${advertise}`, "noSockets");
  }
  if (!listened.some(({ host }) => isUnspecified(host))) return listened;
  // Nobody can dial "0.0.0.0" from elsewhere; who is alone need not be dialled, and the node warns.
  if (flags === PEER) {
    const own = ownPeerUrls(settings, name);
    return own === "" ? listened : parseUrls(own, settings.label("initial-cluster"), "sockets");
  }
  throw new UsageError(
    `--${advertise} is required when ${settings.label(listen)} names every interface: ` +
      "give URLs that others can dial",
  );
}

/** Members dial each other with certificates or without. */
function refuseMixed(settings: Settings, flags: UrlFlags, urls: readonly ParsedUrl[]): void {
  if (new Set(urls.map(({ secure }) => secure)).size < 2) return;
  throw new UsageError(
    `${settings.label(flags.listen)} and ${settings.label(flags.advertise)} mix "http" and ` +
      '"https": members speak one of them',
  );
}

/** One on a machine has etcd's own port; who chooses the client port chooses this one, too. */
function grpcConfig(
  settings: Settings,
  client: PortConfig,
  peer: PortConfig,
): GrpcConfig | undefined {
  const isGiven = settings.isGiven("grpc");
  if (!isGiven && settings.isGiven("c")) return undefined;
  const isSecure = client.tls !== undefined;
  const address = ownAddress(settings, "grpc", isSecure, [client, peer]);
  const host = isUnspecified(address.host) ? client.advertised.host : address.host;
  const url = `http://${formatAddress({ host, port: address.port })}`;
  return Object.freeze({ address, isGiven, urls: isSecure ? undefined : Object.freeze([url]) });
}

function metricsAddresses(
  settings: Settings,
  client: PortConfig,
  peer: PortConfig,
): readonly ListenAddress[] {
  const label = settings.label("listen-metrics-urls");
  const urls = settings.isGiven("listen-metrics-urls")
    ? parseUrls(settings.text("listen-metrics-urls"), label, "noSockets")
    : [];
  const addresses = urls.map(({ port, secure, ...url }) =>
    Object.freeze({ host: listenHost(url), port, secure })
  );
  if (client.tls === undefined && addresses.some(({ secure }) => secure)) {
    throw new UsageError(
      `${label} asks for TLS, but the client port has no certificate: write "http://"`,
    );
  }
  for (const address of addresses) refuseTaken(label, address, [client, peer]);
  // Of etcd's own two words one gives more numbers; here there is one set of them.
  if (!settings.isGiven("metrics") || isMetricsWord(settings)) return addresses;
  const own = ownAddress(settings, "metrics", false, [client, peer]);
  return [Object.freeze({ ...own, secure: false }), ...addresses];
}

/** Whether `--metrics` is meant as etcd's flag: which numbers there are. */
export function isMetricsWord(settings: Settings): boolean {
  return ["basic", "extensive"].includes(settings.text("metrics"));
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
  refuseTaken(label, address, others);
  return Object.freeze(address);
}

function refuseTaken(label: string, address: Address, others: readonly PortConfig[]): void {
  const taken = others.flatMap(({ listeners }) => listeners).find((one) => collide(one, address));
  if (taken === undefined) return;
  throw new UsageError(
    `${label} names "${formatAddress(taken)}", which another port of this node has: ` +
      "give it one of its own",
  );
}

/** Whether two addresses to listen on would fight for one port. */
function collide(a: Address, b: Address): boolean {
  return a.port !== 0 && a.port === b.port &&
    (a.host === b.host || isUnspecified(a.host) || isUnspecified(b.host));
}
