/**
 * Makes one member from its ports: the core, the store, the node and the service, on
 * whatever disk, transport, clock and randomness it is given. The server calls this,
 * and so does the simulator: what is simulated is what runs.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Announced } from "../node/membership/plans.ts";
import { Node } from "../node/node.ts";
import type { NodeLimits } from "../node/options.ts";
import type { Loaded, Random, Scheduler, StateMachine, Storage, Transport } from "../node/ports.ts";
import { RaftCore } from "../raft/core.ts";
import type { CoreEvent, CoreOptions } from "../raft/core.ts";
import { NONE } from "../raft/types.ts";
import type { MemberId } from "../raft/types.ts";
import { type CompactionPolicy, Compactor } from "../service/compactor.ts";
import type { Audit } from "../service/auth/audit.ts";
import type { PasswordHashes } from "../service/auth/passwords.ts";
import type { TokenScheme } from "../service/auth/tokens.ts";
import { LeaseKeeper } from "../service/lease_keeper.ts";
import { QuotaKeeper, type QuotaPolicy } from "../service/quota.ts";
import { Service } from "../service/service.ts";
import { firstSnapshot } from "../storage/storage.ts";
import type { Identity } from "../storage/storage.ts";
import type { Result } from "../store/result.ts";
import { Store } from "../store/store.ts";
import { Contacts } from "./contacts.ts";
import type { Caller, Peer } from "./contacts.ts";

/** What moves frames, and is told whom to dial. */
export interface MemberTransport extends Transport {
  setPeers(peers: readonly Peer[]): void;
  /** Whether `id` has a stream open to this member. */
  hears(id: MemberId): boolean;
}

/** What a transport asks of the member that it serves, and tells it. */
export interface MemberEnd {
  /** Takes a frame; throws when it is none that a member would send. */
  receive(from: MemberId, frame: Uint8Array): void;
  /** Why a caller must not be let in; undefined when it may. */
  refusalOf(id: MemberId): string | undefined;
  /** `caller`, which was not refused, has opened a stream. */
  called(caller: Caller): void;
  /** A peer hears another process under this member's id. */
  displaced(): void;
  /** A peer says that this member is none any longer. */
  removed(reason: string): void;
}

/** The world that a member lives in. */
export interface MemberPorts<T extends MemberTransport> {
  readonly storage: Storage;
  readonly transport: (end: MemberEnd) => T;
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The core's bounds. */
export type CoreLimits = Pick<
  CoreOptions,
  | "electionTicks"
  | "heartbeatTicks"
  | "appendBytesMax"
  | "inflightMax"
  | "inflightBytesMax"
  | "uncommittedBytesMax"
  | "unpackedEntries"
>;

/** Every bound of a member. */
export interface MemberLimits {
  readonly core: CoreLimits;
  readonly node: NodeLimits;
  /** Callers that are answered although the log does not know them. */
  readonly strangersMax: number;
  /** Which versions of the past are kept. */
  readonly compaction: CompactionPolicy;
  /** How much there may be; undefined for any amount. */
  readonly quota?: QuotaPolicy;
}

export interface MemberOptions<T extends MemberTransport> {
  readonly ports: MemberPorts<T>;
  readonly limits: MemberLimits;
  readonly identity: Identity;
  /** See `ServiceOptions`. */
  readonly tokens?: TokenScheme;
  /** See `ServiceOptions`. */
  readonly passwords?: PasswordHashes;
  /** See `ServiceOptions`. */
  readonly audit?: Audit | undefined;
  readonly loaded: Loaded;
  /** Under which it is reached. */
  readonly peerUrls: readonly string[];
  /** See `Config`. */
  readonly arePeerUrlsInitial?: boolean;
  readonly clientUrls: readonly string[];
  /** See `Member`. */
  readonly grpcUrls?: readonly string[] | undefined;
  /** What the log drives; the store itself, unless somebody looks on. */
  readonly machine?: (store: Store, core: RaftCore) => StateMachine<Result>;
  readonly onCoreEvent: (event: CoreEvent, core: RaftCore) => void;
  readonly onRemoved: (reason: string) => void;
  /** See `NodeOptions`. */
  readonly onFatal: (error: unknown) => void;
}

/** A member that runs when it is ticked. */
export interface RunningMember<T extends MemberTransport = MemberTransport> {
  /** As its data directory knows it. */
  readonly name: string;
  readonly node: Node<Result>;
  readonly service: Service;
  readonly leases: LeaseKeeper;
  readonly transport: T;
  /** Where the others are dialled. */
  readonly contacts: Contacts;
  readonly leadership: LeadershipRecord;
  /** Once every tick of the clock. */
  tick(): void;
}

/** The leaders that this member has seen. */
export interface LeadershipRecord {
  changes: number;
  /** Unix ms; since when the one of now is known, or none is. */
  sinceMs: number;
}

/** Restores the state machine and joins the parts; nobody is dialled before that. */
export async function makeMember<T extends MemberTransport>(
  options: MemberOptions<T>,
): Promise<RunningMember<T>> {
  // No callback may hold on to `options`, or what the disk held would never go.
  const { ports, limits, identity, onCoreEvent, onRemoved } = options;
  const { storage, clock, random, scheduler, logger } = ports;
  const leadership: LeadershipRecord = { changes: 0, sinceMs: clock.wallMs() };
  const core = makeCore(options, (event) => {
    if (event.type === "leader") {
      if (event.leader !== NONE) leadership.changes++;
      leadership.sinceMs = clock.wallMs();
    }
    onCoreEvent(event, core);
  });
  const store = await restore(new Store({ lookBackEvents: limits.compaction.eventsMin }), storage);
  const contacts: Contacts = new Contacts({
    strangersMax: limits.strangersMax,
    isRefused: (id) => node.refusalOf(id) !== undefined,
    isHeard: (id) => transport.hears(id),
    setPeers: (peers) => transport.setPeers(peers),
  });
  const transport = ports.transport({
    receive: (from, frame) => node.receive(from, frame),
    refusalOf: (id) => node.refusalOf(id),
    called: (caller) => {
      node.called(caller.from, caller.session);
      contacts.called(caller);
    },
    displaced: () => node.displaced(),
    removed: onRemoved,
  });
  const node: Node<Result> = new Node({
    ...{ core, storage, transport, scheduler, clock, random, logger },
    machine: options.machine?.(store, core) ?? store,
    clusterId: identity.clusterId,
    announced: announcedOf(options),
    limits: limits.node,
    handleRequest: (request, done) => service.handleForwarded(request, done),
    moved: () => contacts.moved(),
    onMembers: (members) => contacts.membersAre(members),
    onRemoved: () => onRemoved("This member was removed from the cluster"),
    onFatal: options.onFatal,
  });
  const service = new Service({
    node,
    store,
    ...(options.tokens !== undefined && { tokens: options.tokens }),
    ...(options.passwords !== undefined && { passwords: options.passwords }),
    audit: options.audit,
  });
  const compactor = new Compactor(service, limits.compaction);
  const quota = limits.quota && new QuotaKeeper(service, limits.quota);
  const leases = new LeaseKeeper({ service, store, clock });
  const tick = () => {
    node.tick();
    leases.tick();
    compactor.tick();
    quota?.tick();
  };
  return { name: identity.name, node, service, leases, transport, contacts, leadership, tick };
}

/** A log that has not begun stands on the founder's configuration, or on nobody's. */
function makeCore<T extends MemberTransport>(
  { limits, ports, identity, loaded }: MemberOptions<T>,
  onEvent: (event: CoreEvent) => void,
): RaftCore {
  const { hardState, snapshot, entries } = loaded;
  return new RaftCore({
    ...limits.core,
    id: identity.memberId,
    random: ports.random,
    hardState,
    snapshot: snapshot.index === 0 ? firstSnapshot(identity) : snapshot,
    entries,
    onEvent,
  });
}

/** What this process is reached under. */
function announcedOf<T extends MemberTransport>(
  { identity, peerUrls, arePeerUrlsInitial, clientUrls, grpcUrls }: MemberOptions<T>,
): Announced {
  return {
    ...{ id: identity.memberId, name: identity.name, peerUrls, clientUrls },
    ...(grpcUrls && { grpcUrls }),
    ...(arePeerUrlsInitial && { yields: true as const }),
  };
}

async function restore(store: Store, storage: Storage): Promise<Store> {
  const reader = storage.openSnapshot();
  if (reader === undefined) return store;
  try {
    await store.restore(reader.data());
    return store;
  } finally {
    reader.close();
  }
}
