/** How a node comes to the identity that it runs under: asks at the peer ports of others. */
import { joinBody, parseJoinReply } from "../api/peer/join.ts";
import type { Logger } from "../base/logger.ts";
import { formatAddress, isLoopback, LIMITS } from "../config.ts";
import type { Config } from "../config.ts";
import { type Identity, knowsMembers, type OpenedStorage } from "../storage/storage.ts";
import { PROTOCOL } from "../transport/handshake.ts";
import { decodeConfiguration } from "../raft/codec.ts";
import type { Loaded } from "../node/ports.ts";
import type { PeerTls } from "../transport/peer_http.ts";
import { askToJoin, whoIsAt } from "./ask.ts";
import { bootstrap } from "./bootstrap.ts";
import { checkKinship } from "./kinship.ts";

export interface EntranceOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Of this process. */
  readonly session: number;
  readonly opened: OpenedStorage;
  readonly tls: () => PeerTls | undefined;
}

/** The steps of one start. */
export class Entrance {
  readonly #options: EntranceOptions;

  constructor(options: EntranceOptions) {
    this.#options = options;
  }

  /** Before anything is open: nobody has heard of a node that is refused. */
  async check(): Promise<void> {
    const { config, opened: { identity, loaded }, tls } = this.#options;
    if (identity === undefined || identity.clusterId === 0) return;
    const ownAddresses = [config.peer.url, ...recordedUrls(identity, loaded)]
      .map((url) => new URL(url).host);
    const addresses = config.join.map(formatAddress);
    await checkKinship({
      clusterId: identity.clusterId,
      memberId: identity.memberId,
      dataDirectory: config.dataDirectory,
      addresses,
      ownAddresses,
      whoIsAt: (address) => {
        const isNamed = addresses.includes(address);
        const timeoutMs = isNamed ? LIMITS.peerConnectTimeoutMs : LIMITS.copyTimeoutMs;
        return whoIsAt(address, tls(), timeoutMs);
      },
    });
  }

  /** Goes on, founds or joins. Rejects with `JoinError`. */
  enter(): Promise<Identity> {
    const { config, logger, session, opened, tls } = this.#options;
    const { identity, loaded, storage } = opened;
    this.#warnOfLoopback();
    if (identity !== undefined && config.nameGiven && identity.name !== config.name) {
      logger.warn("The data directory knows this node by another name, which stays", {
        directory: identity.name,
        given: config.name,
      });
    }
    return bootstrap({
      identity,
      knowsMembers: knowsMembers(identity, loaded),
      name: config.name,
      peerUrls: config.peer.urls,
      clientUrls: config.client.urls,
      session,
      addresses: config.join.map(formatAddress),
      attempts: config.joinAttempts,
      retryMs: LIMITS.joinRetryMs,
      random: randomFraction,
      logger,
      writeIdentity: (made) => storage.writeIdentity(made),
      requestJoin: async (address, newcomer) => {
        return parseJoinReply(await askToJoin(address, tls(), joinBody(newcomer, PROTOCOL)));
      },
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    });
  }

  /** A node on another machine that forgot `-s` joins, and then nobody can call it. */
  #warnOfLoopback(): void {
    const { config: { join, peer }, logger } = this.#options;
    const remote = join.find(({ host }) => !isLoopback(host));
    if (remote === undefined || !isLoopback(peer.advertised.host)) return;
    logger.warn("Other machines can't call this node, give it an address of its own with -s", {
      address: peer.url,
      member: formatAddress(remote),
    });
  }
}

/** Where the directory's member was reached when it was written last. */
function recordedUrls({ memberId }: Identity, { snapshot, entries }: Loaded): string[] {
  const newest = entries.findLast(({ kind }) => kind === "config");
  const { members } = newest === undefined
    ? snapshot.configuration
    : decodeConfiguration(newest.data);
  return members.filter(({ id }) => id === memberId).flatMap(({ peerUrls }) => peerUrls);
}

/** In [0, 1), unguessable: for ids that must not meet. */
function randomFraction(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}
