/** Which members a node is to meet, by either family of flags. */
import { type Address, formatAddress, isUnspecified, parseAddress } from "./address.ts";
import type { Settings } from "./command_line.ts";
import { fileProblem } from "./files.ts";
import type {
  Config,
  DnsDiscovery,
  InitialCluster,
  InitialMember,
  PortConfig,
  UrlDiscovery,
} from "./model.ts";
import { isSocketUrl, parseUrls } from "./urls.ts";
import { printable, UsageError } from "./usage_error.ts";

/** `-C` first, then `-CF`; each address once, this node's own left out. Throws `UsageError`. */
export function joinAddresses(settings: Settings, peer: PortConfig): readonly Address[] {
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
  return Object.freeze([...found.values()]);
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

/**
 * How a node comes into its cluster by etcd's flags. A node that has data does not go by them,
 * so what is wrong with them is not thrown here, unless the data are to be removed.
 */
export function entry(
  settings: Settings,
  name: string,
  peer: PortConfig,
): Pick<Config, "initialCluster" | "discovery" | "entryProblem"> {
  const nothing = { initialCluster: undefined, discovery: undefined, entryProblem: undefined };
  try {
    const discovery = discoveryByDns(settings) ?? discoveryByUrl(settings, peer);
    if (discovery !== undefined) return { ...nothing, discovery };
    return { ...nothing, initialCluster: initialCluster(settings, name, peer) };
  } catch (error) {
    if (!(error instanceof UsageError) || settings.boolean("f")) throw error;
    return { ...nothing, entryProblem: error.message };
  }
}

/** What `--discovery-srv` says; undefined without it. Throws `UsageError`. */
function discoveryByDns(settings: Settings): DnsDiscovery | undefined {
  const name = "discovery-srv-name";
  if (!settings.isGiven("discovery-srv")) {
    if (!settings.isGiven(name)) return undefined;
    throw new UsageError(
      `${settings.label(name)} needs --discovery-srv beside it: give the domain`,
    );
  }
  const domain = settings.text("discovery-srv").replace(/\.$/, "");
  const serviceName = settings.text(name) || undefined;
  for (const [flag, text] of [["discovery-srv", domain], [name, serviceName ?? "none"]] as const) {
    if (/^[\w-]+(\.[\w-]+)*$/.test(text)) continue;
    throw new UsageError(
      `${settings.label(flag)} expects a name of DNS, found "${printable(text)}"`,
    );
  }
  return Object.freeze({ kind: "dns", ...terms(settings), domain, serviceName });
}

/** What `--discovery` says; undefined without it. Throws `UsageError`. */
function discoveryByUrl(settings: Settings, peer: PortConfig): UrlDiscovery | undefined {
  if (!settings.isGiven("discovery")) return undefined;
  const label = settings.label("discovery");
  const text = settings.text("discovery");
  const url = /^https?:\/\/[^/?#]+\/[^?#]*[^/?#]\/*$/i.test(text) ? URL.parse(text) : null;
  if (url === null) {
    throw new UsageError(
      `${label} expects a URL such as "http://10.0.0.9:2379/v2/keys/my-cluster", found ` +
        `"${printable(text)}"`,
    );
  }
  if (terms(settings).state === "existing") {
    throw new UsageError(
      `${label} forms a new cluster: to enter one, name its members by --initial-cluster`,
    );
  }
  refuseUndialable(peer.urls, settings.label("initial-advertise-peer-urls"));
  return Object.freeze({ kind: "url", url: url.href.replace(/\/+$/, "") });
}

function terms(settings: Settings): Pick<InitialCluster, "state" | "token"> {
  return {
    state: settings.text("initial-cluster-state") === "existing" ? "existing" : "new",
    token: settings.text("initial-cluster-token"),
  };
}

/** What `--initial-cluster` names, as `clusterOf` has it. Throws `UsageError`. */
function initialCluster(
  settings: Settings,
  name: string,
  peer: PortConfig,
): InitialCluster | undefined {
  const { state, token } = terms(settings);
  if (settings.isGiven("initial-cluster")) {
    const source = {
      label: settings.label("initial-cluster"),
      advertiseLabel: settings.label("initial-advertise-peer-urls"),
    };
    return clusterOf(settings.text("initial-cluster"), { name, peer, state, token, ...source });
  }
  if (state === "new") return undefined;
  throw new UsageError(
    `${settings.label("initial-cluster-state")} "existing" needs --initial-cluster beside it: ` +
      "name the members of that cluster",
  );
}

/**
 * What a list of names and URLs comes to, `peer` and `name` being this node's; undefined when
 * nobody but this node is named, which then founds a cluster by itself. Throws `UsageError`.
 */
export function clusterOf(
  list: string,
  { name, peer, state, token, label, advertiseLabel }: Pick<InitialCluster, "state" | "token"> & {
    readonly name: string;
    readonly peer: PortConfig;
    /** Of the list, and of this node's URLs, in messages. */
    readonly label: string;
    readonly advertiseLabel: string;
  },
): InitialCluster | undefined {
  const members = parseInitialCluster(list, label, peer);
  const own = members.find((member) => member.name === name);
  if (own === undefined) {
    throw new UsageError(
      `${label} does not name this node, "${name}": add "${name}=${peer.url}", or give the ` +
        "name that stands there with --name",
    );
  }
  const isSame = own.peerUrls.length === peer.urls.length &&
    own.peerUrls.every((url) => peer.urls.includes(url));
  if (!isSame) {
    throw new UsageError(
      `${label} has "${name}" at ${own.peerUrls.join()}, and ${advertiseLabel} is ` +
        `${peer.urls.join()}: let both say the same`,
    );
  }
  if (members.length === 1) {
    if (state === "new") return undefined;
    throw new UsageError(`${label} names only this node: name the members of the cluster, too`);
  }
  refuseUndialable(members.flatMap(({ peerUrls }) => peerUrls), label);
  return Object.freeze({ state, token, own: name, members: Object.freeze(members) });
}

function refuseUndialable(urls: readonly string[], label: string): void {
  for (const url of urls) {
    if (isSocketUrl(url)) {
      throw new UsageError(`${label} has ${url}: members dial each other by TCP`);
    }
    if (!isUnspecified(new URL(url).hostname.replace(/^\[|\]$/g, ""))) continue;
    throw new UsageError(`${label} expects URLs that the other members can dial, found ${url}`);
  }
}

/** Where `--initial-cluster` has this node, as a list that is not checked yet; empty when it does not. */
export function ownPeerUrls(settings: Settings, name: string): string {
  const own = `${name}=`;
  return itemsOf(settings.text("initial-cluster"))
    .filter((item) => item.startsWith(own)).map((item) => item.slice(own.length)).join();
}

function itemsOf(list: string): string[] {
  return list.split(",").map((item) => item.trim()).filter((item) => item !== "");
}

function parseInitialCluster(
  list: string,
  label: string,
  peer: PortConfig,
): readonly InitialMember[] {
  const urlsByName = new Map<string, string[]>();
  const owners = new Map<string, string>();
  for (const item of itemsOf(list)) {
    const [, name = "", text = ""] = /^([^=]+)=(.+)$/.exec(item) ?? [];
    if (name === "") {
      throw new UsageError(
        `${label} expects a list such as "node1=http://10.0.0.1:2380,node2=http://10.0.0.2:2380", ` +
          `found "${printable(item)}"`,
      );
    }
    for (const { url, secure } of parseUrls(text, label, "sockets")) {
      const owner = owners.get(url);
      if (owner !== undefined) {
        throw new UsageError(
          `${label} has ${url} twice, for "${printable(owner)}" and "${printable(name)}"`,
        );
      }
      if (secure !== (peer.tls !== undefined)) {
        throw new UsageError(
          `${label} has ${url}, and this node speaks ${
            peer.tls === undefined ? '"http"' : '"https"'
          } with its peers: all members speak the same`,
        );
      }
      owners.set(url, name);
      urlsByName.set(name, [...urlsByName.get(name) ?? [], url]);
    }
  }
  return [...urlsByName].map(([name, peerUrls]) =>
    Object.freeze({ name, peerUrls: Object.freeze(peerUrls) })
  );
}
