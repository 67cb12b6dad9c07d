/**
 * How a node comes to be part of a cluster: a directory that knows members goes
 * on (`-C` is then ignored), one without founds a new cluster, or joins the one
 * that `-C` names. The identity is on disk before anybody is told of it, so that
 * a join that was cut short goes on as the same member: until the first entry has
 * arrived it is asked for again, because the address that it gave may be wrong,
 * and then nobody ever calls. A newcomer for whom a place was reserved asks under an
 * id of its own making, too, and is told that of the place: whoever asks again under
 * the same one is told the same, and nobody else is.
 */
import { formatId, randomId } from "../base/ids.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Choice } from "../founding/types.ts";
import { quorumSize } from "../raft/quorum.ts";
import type { Member, MemberId } from "../raft/types.ts";
import type { Identity } from "../storage/storage.ts";

export interface BootstrapOptions {
  /** What the directory holds; undefined for a new one. */
  readonly identity: Identity | undefined;
  /** Whether the directory's log or snapshot names a member that could be called. */
  readonly knowsMembers: boolean;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  /** See `Member`. */
  readonly grpcUrls?: readonly string[] | undefined;
  /** Of this process: what answers with it is this node, whatever its address is called. */
  readonly session: number;
  /** Peer addresses of existing members; empty to found a cluster. */
  readonly addresses: readonly string[];
  /** The flag that names them, for messages. */
  readonly flag: "-C" | "--initial-cluster" | "--discovery-srv" | "--discovery";
  /** What was decided of the cluster that this node founds; undefined when it founds by itself. */
  readonly choice?: Choice | undefined;
  /** See `Identity`; of a newcomer. */
  readonly votersAwaited?: number | undefined;
  /** Peer URLs of those that a founder keeps a place for. */
  readonly places: readonly (readonly string[])[];
  /** Rounds over all addresses, `-r`. */
  readonly attempts: number;
  readonly retryMs: number;
  readonly random: () => number;
  readonly logger: Logger;
  readonly writeIdentity: (identity: Identity) => Promise<void> | void;
  /** One request to one address; rejects with a sentence when it is not accepted, a `RefusalError` when it was answered. */
  readonly requestJoin: (address: string, member: Omit<Member, "voter">) => Promise<Joined>;
  readonly sleep: (ms: number) => Promise<void>;
}

/** What a member has told the newcomer that it let in. */
export interface Joined {
  readonly clusterId: number;
  /** Under which the newcomer runs from here on. */
  readonly memberId: MemberId;
}

/** A member has answered, and lets nobody in. */
export class RefusalError extends Error {
  override readonly name = "RefusalError";
  /** Of the process that answered, if it says. */
  readonly session: number | undefined;
  /** Whether it will say the same whenever it is asked again. */
  readonly isFinal: boolean;

  constructor(message: string, session?: number, isFinal = false) {
    super(message);
    this.session = session;
    this.isFinal = isFinal;
  }
}

/** The cluster can't be joined; the message says what each address answered. */
export class JoinError extends Error {
  override readonly name = "JoinError";
}

/** Resolves with the identity this node runs under, durable on disk. Throws `JoinError`. */
export async function bootstrap(options: BootstrapOptions): Promise<Identity> {
  const { identity, knowsMembers, addresses } = options;
  const hasJoined = identity !== undefined && identity.clusterId !== 0;
  if (hasJoined && (knowsMembers || addresses.length === 0)) {
    if (addresses.length > 0) {
      const { flag } = options;
      options.logger.info(
        `This directory belongs to a cluster already, ${flag} only helps to find it`,
      );
    }
    return identity;
  }
  if (addresses.length === 0 && (identity === undefined || options.choice !== undefined)) {
    return await found(options);
  }
  if (addresses.length === 0) {
    throw new JoinError(
      identity?.founding === undefined
        ? `This directory was about to join a cluster, name its members with ${options.flag} again or start afresh with -f`
        : "This directory was about to form a cluster with others, name them with --initial-cluster again or start afresh with -f",
    );
  }
  const memberId = identity?.memberId ?? randomId(options.random);
  const name = hasJoined ? identity.name : options.name;
  const joining = { memberId, clusterId: 0, name, initial: undefined };
  // Until it has joined it is bound by what it has promised to those who form a cluster with it.
  const founding = identity?.founding;
  if (!hasJoined) await options.writeIdentity(founding ? { ...joining, founding } : joining);
  const reply = await join(options, memberId, name, !hasJoined);
  if (reply === undefined) return identity!;
  if (hasJoined && reply.memberId !== memberId) {
    throw new JoinError(
      `The cluster knows the member of this directory no longer (${
        formatId(memberId)
      }), start it afresh with -f`,
    );
  }
  const votersAwaited = hasJoined ? identity.votersAwaited : options.votersAwaited;
  const joined = { ...joining, ...reply, ...(votersAwaited && { votersAwaited }) };
  await options.writeIdentity(joined);
  return joined;
}

async function found(options: BootstrapOptions): Promise<Identity> {
  const { name, peerUrls, clientUrls, grpcUrls, random, choice, places } = options;
  const memberId = choice?.founder ?? randomId(random);
  const urls = { peerUrls, clientUrls, ...(grpcUrls && { grpcUrls }) };
  const founder = { id: memberId, name, ...urls, voter: true };
  const identity = {
    memberId,
    clusterId: choice?.clusterId ?? randomId(random),
    name,
    initial: {
      members: [founder, ...places.map((urls) => place(urls, random))],
      removed: [],
    },
    ...(places.length > 0 && { votersAwaited: quorumSize(places.length + 1) }),
  };
  await options.writeIdentity(identity);
  options.logger.info("Founded a new cluster", { cluster: formatId(identity.clusterId) });
  return identity;
}

function place(peerUrls: readonly string[], random: () => number): Member {
  return { id: randomId(random), name: "", peerUrls, clientUrls: [], voter: false };
}

/** Undefined when nobody answers, and nobody must: a member that has joined may yet be called. */
async function join(
  options: BootstrapOptions,
  id: number,
  name: string,
  mustAnswer: boolean,
): Promise<Joined | undefined> {
  const { peerUrls, clientUrls, grpcUrls, session, attempts, logger } = options;
  const addresses = new Set(options.addresses);
  let refusals: string[] = [];
  let isAnswered = false;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    refusals = [];
    for (const address of addresses) {
      try {
        const { clusterId, memberId } = await options.requestJoin(address, {
          ...{ id, name, peerUrls, clientUrls },
          ...(grpcUrls && { grpcUrls }),
        });
        logger.info("Joined the cluster", {
          cluster: formatId(clusterId),
          member: formatId(memberId),
          through: address,
        });
        return { clusterId, memberId };
      } catch (error) {
        if (error instanceof RefusalError && error.session === session) {
          addresses.delete(address);
          continue;
        }
        isAnswered ||= error instanceof RefusalError;
        refusals.push(`${address}: ${messageOf(error)}`);
      }
    }
    if (addresses.size === 0) throw onlySelf(options);
    logger.warn("Could not join yet", { attempt, of: attempts, cause: refusals.join("; ") });
    if (attempt < attempts) await options.sleep(options.retryMs);
  }
  if (!mustAnswer && !isAnswered) return undefined;
  throw new JoinError(
    `Expected a member at ${options.flag} to let this node join, found after ${attempts} attempts: ${
      refusals.join("; ")
    }`,
  );
}

function onlySelf({ addresses, flag }: BootstrapOptions): JoinError {
  return new JoinError(
    `Expected another member at ${flag}, found only this node itself at ${addresses.join(", ")}: ` +
      `leave ${flag} out to start a new cluster`,
  );
}
