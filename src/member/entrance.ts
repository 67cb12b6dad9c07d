/** How a node comes to the identity that it runs under: asks at the peer ports of others. */
import { type Forming, joinBody, NO_PLACE, parseJoinReply } from "../api/peer/join.ts";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { randomFraction } from "../base/ids.ts";
import { formatAddress, isLoopback, LIMITS, UsageError } from "../config.ts";
import type { Config } from "../config.ts";
import {
  firstSnapshot,
  type Identity,
  knowsMembers,
  type OpenedStorage,
} from "../storage/storage.ts";
import { Turn } from "../founding/turn.ts";
import type { Choice } from "../founding/types.ts";
import { quorumSize } from "../raft/quorum.ts";
import { PROTOCOL } from "../transport/handshake.ts";
import { decodeConfiguration } from "../raft/codec.ts";
import type { Member } from "../raft/types.ts";
import type { Loaded } from "../node/ports.ts";
import type { PeerTls } from "../transport/peer_http.ts";
import { askToJoin, askWhoFounds, whoIsAt } from "./ask.ts";
import {
  bootstrap,
  type BootstrapOptions,
  type Joined,
  JoinError,
  RefusalError,
} from "./bootstrap.ts";
import { awaitFormation } from "./formation.ts";
import { Founder } from "./founder.ts";
import { checkKinship } from "./kinship.ts";

export interface EntranceOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Of this process. */
  readonly session: number;
  readonly opened: OpenedStorage;
  readonly tls: () => PeerTls | undefined;
  /** Aborted when the node is to end before it has started. */
  readonly signal: AbortSignal | undefined;
}

/** Election time-outs for which the first by name has the first turn to found, before the next one has. */
const FOUNDING_GRACES = 3;

/** The steps of one start. */
export class Entrance {
  readonly #options: EntranceOptions;
  /** What this node tells others that are to form a cluster with it; undefined when it is not to, or has data. */
  readonly forming: Forming | undefined;
  /** Its part in the decision who founds that. */
  readonly founder: Founder | undefined;

  constructor(options: EntranceOptions) {
    this.#options = options;
    const { config: { initialCluster }, opened: { identity, storage } } = options;
    if (initialCluster?.state !== "new" || (identity?.clusterId ?? 0) !== 0) return;
    const { own, token, members } = initialCluster;
    this.forming = { name: own, token, members };
    this.founder = new Founder({
      own: this.forming,
      identity,
      random: randomFraction,
      writeIdentity: (identity) => storage.writeIdentity(identity),
      ask: (name, ask) => {
        const { peerUrls } = members.find((member) => member.name === name)!;
        return askWhoFounds(peerUrls.map((url) => new URL(url).host), options.tls(), ask);
      },
    });
  }

  /**
   * Before anything is open: nobody has heard of a node that is refused. Rejects with `UsageError`
   * when it has no data and can't follow its flags, and with what `checkKinship` rejects with.
   */
  async check(): Promise<void> {
    const { config, opened: { identity, loaded }, tls } = this.#options;
    if (identity === undefined || identity.clusterId === 0) {
      if (config.entryProblem !== undefined) throw new UsageError(config.entryProblem);
      return;
    }
    if (config.entryProblem !== undefined) {
      this.#options.logger.warn("This directory belongs to a cluster already, flags are ignored", {
        cause: config.entryProblem,
      });
    }
    const ownAddresses = [config.peer.url, ...recordedUrls(identity, loaded)]
      .map((url) => new URL(url).host);
    // A node that is to go on alone has left the others behind, whether they live or not.
    const addresses = config.forceNewCluster ? [] : namedAddresses(config);
    await checkKinship({
      clusterId: identity.clusterId,
      memberId: identity.memberId,
      dataDirectory: config.dataDirectory,
      addresses,
      ownAddresses,
      whoIsAt: (address) => {
        const isNamed = addresses.includes(address);
        const timeoutMs = isNamed
          ? LIMITS.transport.handshakeTimeoutMs
          : LIMITS.member.copyTimeoutMs;
        return whoIsAt(address, tls(), timeoutMs);
      },
    });
  }

  /** Goes on, founds, forms or joins. Rejects with `JoinError` or `FormationError`. */
  async enter(): Promise<Identity> {
    const { config, logger, opened: { identity } } = this.#options;
    this.#warnOfLoopback();
    const known = identity?.clusterId === 0 ? undefined : identity?.name;
    if (known !== undefined && config.nameGiven && known !== config.name) {
      logger.warn("The data directory knows this node by another name, which stays", {
        directory: known,
        given: config.name,
      });
    }
    const { forming, founder } = this;
    if (forming !== undefined && founder !== undefined) return await this.#form(forming, founder);
    const addresses = namedAddresses(config);
    if (config.initialCluster === undefined) return await this.#bootstrap({ addresses });
    const entered = await this.#takePlace(addresses);
    if (entered instanceof JoinError) throw entered;
    return entered;
  }

  async #form(forming: Forming, founder: Founder): Promise<Identity> {
    const turn = this.#turnOf(forming);
    for (;;) {
      const formed = await this.#awaitFormation(forming, founder, turn);
      const identity = await founder.close();
      if (formed.kind === "found") return await this.#found(forming, identity, formed.choice);
      const addresses = formed.urls.map((url) => new URL(url).host);
      const votersAwaited = quorumSize(forming.members.length);
      const entered = await this.#takePlace(addresses, { identity, votersAwaited });
      if (!(entered instanceof JoinError)) return entered;
      founder.reopen();
    }
  }

  #turnOf({ name, members }: Forming): Turn {
    return new Turn({
      rank: members.filter((member) => member.name < name).length,
      graceMs: FOUNDING_GRACES * this.#options.config.electionMs,
      random: randomFraction,
    });
  }

  #found({ name, members }: Forming, identity: Identity, choice: Choice): Promise<Identity> {
    const places = members.filter((member) => member.name !== name)
      .map(({ peerUrls }) => peerUrls);
    return this.#bootstrap({ addresses: [], identity, choice, places });
  }

  /**
   * Goes on, or takes the place that the cluster of `--initial-cluster` keeps for this
   * node: a blank directory never enters in another way, whatever its name. Resolves with
   * an error when nobody could say whether there is one; rejects when it is not let in.
   */
  async #takePlace(
    addresses: readonly string[],
    changed: Pick<Partial<BootstrapOptions>, "identity" | "votersAwaited"> = {},
  ): Promise<Identity | JoinError> {
    const { config } = this.#options;
    const refusals: RefusalError[] = [];
    try {
      const requestJoin: BootstrapOptions["requestJoin"] = async (address, newcomer) => {
        try {
          return await this.#requestJoin(address, newcomer, true);
        } catch (error) {
          if (error instanceof RefusalError && error.isFinal) refusals.push(error);
          throw error;
        }
      };
      return await this.#bootstrap({ addresses, requestJoin, ...changed });
    } catch (error) {
      if (!(error instanceof JoinError)) throw error;
      const refusal = refusals.at(-1);
      if (refusal === undefined) return error;
      // The advice would cost a member that lives.
      if (refusal.message !== NO_PLACE) throw error;
      const flag = flagOf(config);
      throw new JoinError(
        `The members that ${flag} names are a cluster already, which keeps no place for this ` +
          `node, and the data directory "${config.dataDirectory}" is empty: run "etcdctl member ` +
          `remove" if a "${config.name}" was there before, then "etcdctl member add ${config.name} ` +
          `--peer-urls=${config.peer.urls.join()}", and start it again`,
      );
    }
  }

  #awaitFormation(own: Forming, founder: Founder, turn: Turn) {
    const { logger, tls, signal } = this.#options;
    return awaitFormation({
      own,
      flag: flagOf(this.#options.config),
      founder,
      turn,
      nowMs: () => systemClock.monotonicMs(),
      whoIsAt: (url) => whoIsAt(new URL(url).host, tls(), LIMITS.transport.handshakeTimeoutMs),
      logger,
      retryMs: LIMITS.member.formationLookMs,
      reportMs: LIMITS.member.unheardReportMs,
      sleep: (ms) => sleepUntil(ms, signal),
    });
  }

  async #requestJoin(
    address: string,
    newcomer: Omit<Member, "voter">,
    onlyPlace: boolean,
  ): Promise<Joined> {
    const body = joinBody(newcomer, PROTOCOL, onlyPlace);
    return parseJoinReply(await askToJoin(address, this.#options.tls(), body));
  }

  #bootstrap(changed: Partial<BootstrapOptions>): Promise<Identity> {
    const { config, logger, session, opened } = this.#options;
    const { identity, loaded, storage } = opened;
    return bootstrap({
      identity,
      knowsMembers: knowsMembers(identity, loaded),
      name: config.name,
      peerUrls: config.peer.urls,
      clientUrls: config.client.urls,
      grpcUrls: config.grpc?.urls,
      session,
      addresses: [],
      flag: flagOf(config),
      places: [],
      attempts: config.joinAttempts,
      retryMs: LIMITS.member.joinRetryMs,
      random: randomFraction,
      logger,
      writeIdentity: (made) => storage.writeIdentity(made),
      requestJoin: (address, newcomer) => this.#requestJoin(address, newcomer, false),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      ...changed,
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

/** What names the members, for messages. */
function flagOf({ initialCluster, discovery }: Config): BootstrapOptions["flag"] {
  if (discovery !== undefined) return discovery.kind === "dns" ? "--discovery-srv" : "--discovery";
  return initialCluster === undefined ? "-C" : "--initial-cluster";
}

/** Peer addresses of the other members that flags name. */
export function namedAddresses({ join, initialCluster }: Config): readonly string[] {
  const others = initialCluster?.members.filter(({ name }) => name !== initialCluster.own) ?? [];
  const urls = others.flatMap(({ peerUrls }) => peerUrls);
  return [...join.map(formatAddress), ...urls.map((url) => new URL(url).host)];
}

/** Resolves after `ms`; rejects with the reason of `signal` when that comes first. */
export function sleepUntil(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Where the directory's member was reached when it was written last. */
export function recordedUrls(identity: Identity, { snapshot, entries }: Loaded): string[] {
  const newest = entries.findLast(({ kind }) => kind === "config");
  const first = snapshot.index === 0 ? firstSnapshot(identity) : snapshot;
  const { members } = newest === undefined ? first.configuration : decodeConfiguration(newest.data);
  return members.filter(({ id }) => id === identity.memberId).flatMap(({ peerUrls }) => peerUrls);
}
