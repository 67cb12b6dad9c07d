/**
 * What the flags come to where somebody has to be asked who the members are: a directory of
 * a v2 API (`--discovery`, see `registration.ts`), or the DNS (`--discovery-srv`). By the DNS
 * each is a target of the service `_etcd-server-ssl._tcp` if there is one, else of
 * `_etcd-server._tcp`. A node finds itself by its addresses. From there on the target's
 * URL is its peer URL, as the others know it, and the target is what all of them call its
 * place: its own name only it knows.
 */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { type Config, formatAddress } from "../config.ts";
import type { DnsDiscovery } from "../config/model.ts";
import { parseUrls } from "../config/urls.ts";
import { knowsMembers, type OpenedStorage } from "../storage/storage.ts";
import { bareHost } from "../transport/peer_url.ts";
import { recordedUrls } from "./entrance.ts";
import type { Names } from "./names.ts";
import { DiscoveryError, register } from "./registration.ts";

/**
 * `config` with the members that somebody else names, if they are to be asked for. A directory
 * that knows its members does not go by that; those of the DNS have their URLs there, too.
 * Rejects with `DiscoveryError`, and with the reason of `signal`.
 */
export async function discover(
  config: Config,
  { identity, loaded }: Pick<OpenedStorage, "identity" | "loaded">,
  names: Names,
  logger: Logger,
  signal?: AbortSignal,
): Promise<Config> {
  const { discovery } = config;
  if (discovery === undefined) return config;
  const isKnown = identity !== undefined && knowsMembers(identity, loaded);
  if (discovery.kind === "dns") {
    if (isKnown) return placedAt(config, recordedUrls(identity, loaded));
    return await askDns(config, discovery, names, logger);
  }
  if (isKnown) return config;
  return { ...config, initialCluster: await register(config, discovery.url, logger, signal) };
}

async function askDns(
  config: Config,
  discovery: DnsDiscovery,
  names: Names,
  logger: Logger,
): Promise<Config> {
  const { state, token } = discovery;
  const found = await findService(discovery, config, names);
  const { service, urls } = found;
  const url = await findSelf(config, found, names);
  logger.info("The DNS names the members", { service, members: urls.join(), own: url });
  const placed = placedAt(config, [url]);
  if (urls.length === 1 && state === "new") return placed;
  if (urls.length === 1) {
    throw new DiscoveryError(`Expected members to join in "${service}", found only this node`);
  }
  const members = urls.map((url) => ({ name: new URL(url).host, peerUrls: [url] }));
  return { ...placed, initialCluster: { state, token, own: new URL(url).host, members } };
}

function placedAt(config: Config, urls: readonly string[]): Config {
  const [first] = urls.length === 0 ? [] : parseUrls(urls.join(), "--discovery-srv", "sockets");
  if (first === undefined) return config;
  const { host, port, url } = first;
  return { ...config, peer: { ...config.peer, advertised: { host, port }, url, urls } };
}

interface Service {
  readonly service: string;
  /** Of its targets, each once, in one order on all members. */
  readonly urls: readonly string[];
}

/** As etcd 3.4 with both services: what TLS has wins. All members speak one of the two. */
async function findService(
  { domain, serviceName }: DnsDiscovery,
  { peer }: Config,
  names: Names,
): Promise<Service> {
  const suffix = serviceName === undefined ? "" : `-${serviceName}`;
  const asked: string[] = [];
  for (const [scheme, kind] of [["https", "-ssl"], ["http", ""]] as const) {
    const service = `_etcd-server${kind}${suffix}._tcp.${domain}`;
    const targets = await targetsOf(service, names);
    asked.push(`"${service}"`);
    if (targets.length === 0) continue;
    if ((scheme === "https") === (peer.tls !== undefined)) {
      return { service, urls: targets.map((target) => `${scheme}://${target}`) };
    }
    throw new DiscoveryError(
      `"${service}" is there, so members speak "${scheme}" with each other, and this node does not: ` +
        `let --listen-peer-urls say "${scheme}"`,
    );
  }
  throw new DiscoveryError(
    `Expected members in the DNS, found no record of ${asked.join(" and ")}`,
  );
}

async function targetsOf(service: string, names: Names): Promise<string[]> {
  try {
    const targets = await names.targetsOf(service);
    return [...new Set(targets.map(formatAddress))].sort();
  } catch (error) {
    throw new DiscoveryError(`Could not ask for the members, "${service}": ${messageOf(error)}`);
  }
}

/** The one URL that is this node's one peer URL: the others could not tell that two are one node. */
async function findSelf(
  { peer }: Config,
  { service, urls }: Service,
  names: Names,
): Promise<string> {
  const problems: string[] = [];
  const socketsOf = async (url: string): Promise<string[]> => {
    const parsed = new URL(url);
    const { host, port } = parsed;
    try {
      const addresses = await names.addressesOf(bareHost(parsed));
      return [host, ...addresses.map((address) => `${address} ${port}`)];
    } catch (error) {
      problems.push(`; ${host}: ${messageOf(error)}`);
      return [host];
    }
  };
  const own = new Set((await Promise.all(peer.urls.map(socketsOf))).flat());
  const sockets = await Promise.all(urls.map(socketsOf));
  const found = urls.filter((_, i) => sockets[i]!.some((socket) => own.has(socket)));
  if (found.length === 1 && peer.urls.length === 1) return found[0]!;
  throw new DiscoveryError(
    `Expected one target of "${service}" at the one URL that --initial-advertise-peer-urls gives ` +
      `this node (${peer.urls.join()}), found ${found.join(" and ") || "none"} of ${urls.join()}` +
      problems.join(""),
  );
}
