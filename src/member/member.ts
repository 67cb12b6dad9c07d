/**
 * Joins one member from its parts: the core, the store, the storage, the peer
 * transport and the node between them. Opens no port of its own.
 */
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { Config } from "../config.ts";
import { Service } from "../service/service.ts";
import { Node } from "../node/node.ts";
import type { Loaded } from "../node/ports.ts";
import { RaftCore } from "../raft/core.ts";
import type { CoreEvent } from "../raft/core.ts";
import { NONE } from "../raft/types.ts";
import type { Member, MemberId } from "../raft/types.ts";
import type { DataStorage, Identity } from "../storage/storage.ts";
import { Store } from "../store/store.ts";
import type { ApplyResult } from "../store/event.ts";
import { formatId, refusalStatus, refuse } from "../transport/handshake.ts";
import type { Admission, Hello } from "../transport/handshake.ts";
import type { PeerTls } from "../transport/peer_http.ts";
import { PeerTransport } from "../transport/peer_transport.ts";
import { VERSION } from "../version.ts";
import { Contacts } from "./contacts.ts";
import { nodeLimits, ticks, transportLimits } from "../server/limits.ts";

export interface MemberOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly storage: DataStorage;
  readonly identity: Identity;
  readonly loaded: Loaded;
  /** Asked for at every dial; undefined on a plain peer port. */
  readonly tls: (() => PeerTls) | undefined;
  readonly onRemoved: (reason: string) => void;
  readonly onFatal: (error: unknown) => void;
}

export interface RunningMember {
  /** As its data directory knows it. */
  readonly name: string;
  readonly node: Node<ApplyResult>;
  readonly service: Service;
  readonly transport: PeerTransport;
  readonly leadership: LeadershipRecord;
}

/** The leaders that this member has seen. */
export interface LeadershipRecord {
  changes: number;
  /** Unix ms; since when the one of now is known, or none is. */
  sinceMs: number;
}

/** Restores the state machine from `loaded` and starts to talk to peers. */
export async function startMember(options: MemberOptions): Promise<RunningMember> {
  const { config, logger, storage, identity, loaded } = options;
  const store = await restore(new Store({ historyMax: config.historyMax }), storage);
  const leadership: LeadershipRecord = { changes: 0, sinceMs: systemClock.wallMs() };
  const core = new RaftCore({
    id: identity.memberId,
    electionTicks: ticks(config.electionMs),
    heartbeatTicks: ticks(config.heartbeatMs),
    random: Math.random,
    hardState: loaded.hardState,
    snapshot: loaded.snapshot,
    entries: loaded.entries,
    appendBytesMax: LIMITS.appendBytesMax,
    inflightMax: LIMITS.inflightMax,
    inflightBytesMax: LIMITS.inflightBytesMax,
    uncommittedBytesMax: LIMITS.uncommittedBytesMax,
    onEvent: (event) => {
      if (event.type === "leader") recordLeader(leadership, event.leader);
      logEvent(event, core, logger);
    },
  });
  const contacts: Contacts = new Contacts({
    strangersMax: LIMITS.membersMax,
    isRefused: (id) => node.refusalOf(id) !== undefined,
    isHeard: (id) => transport.hears(id),
    setPeers: (peers) => transport.setPeers(peers),
  });
  const transport = new PeerTransport({
    self: identity.memberId,
    clusterId: identity.clusterId,
    name: identity.name,
    version: VERSION,
    selfUrl: () => config.peer.url,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    limits: transportLimits(config),
    clock: systemClock,
    random: Math.random,
    logger,
    receive: (from, frame) => node.receive(from, frame),
    admit: (hello, isExpected) => admit(hello, isExpected, node, contacts),
    onRefused: (_, status, reason) => {
      if (status === refusalStatus.removed) options.onRemoved(reason);
    },
  });
  const node: Node<ApplyResult> = new Node({
    core,
    storage,
    machine: store,
    transport,
    scheduler: { defer: (task) => void setImmediate(task) },
    clock: systemClock,
    random: Math.random,
    logger,
    clusterId: identity.clusterId,
    announced: announcedOf(identity, config),
    limits: nodeLimits(config),
    handleRequest: (request, done) => service.handleForwarded(request, done),
    moved: () => contacts.moved(),
    onMembers: (members) => contacts.membersAre(members),
    onRemoved: () => options.onRemoved("This member was removed from the cluster"),
    onFatal: options.onFatal,
  });
  const service = new Service({ node, store });
  return { name: identity.name, node, service, transport, leadership };
}

/** What this process is reached under. */
function announcedOf(
  { memberId, name }: Identity,
  { peer, client }: Config,
): Omit<Member, "voter"> {
  return { id: memberId, name, peerUrl: peer.url, clientUrl: client.url };
}

function recordLeader(record: LeadershipRecord, leader: MemberId): void {
  if (leader !== NONE) record.changes++;
  record.sinceMs = systemClock.wallMs();
}

async function restore(store: Store, storage: DataStorage): Promise<Store> {
  const reader = storage.openSnapshot();
  if (reader === undefined) return store;
  try {
    await store.restore(reader.data());
    return store;
  } finally {
    reader.close();
  }
}

function admit(
  hello: Hello,
  isExpected: boolean,
  node: Node<ApplyResult>,
  contacts: Contacts,
): Admission {
  const reason = node.refusalOf(hello.from);
  if (reason !== undefined) return refuse(refusalStatus.removed, reason);
  if (isExpected) contacts.called(hello);
  return { ok: true };
}

function logEvent(event: CoreEvent, core: RaftCore, logger: Logger): void {
  switch (event.type) {
    case "role":
      return logger.debug("Role changed", { role: event.role, term: event.term });
    case "leader": {
      const leader = core.configuration.members.find(({ id }) => id === event.leader);
      const name = leader?.name ?? formatId(event.leader);
      if (event.leader === 0) return logger.info("No leader", { term: event.term });
      return logger.info("Leader elected", { leader: name, term: event.term });
    }
    case "configuration": {
      const members = event.configuration.members.map(({ name, voter }) =>
        voter ? name : `${name} (learner)`
      );
      return logger.info("Members", { members: members.join(", "), index: event.index });
    }
    case "quorumLost":
      return logger.warn("Lost the quorum, stepping down", { term: event.term });
    case "truncated":
      return logger.info("Replaced uncommitted entries", { from: event.from, to: event.to });
    case "snapshotNeeded":
      return logger.info("A member needs a snapshot", { member: formatId(event.peer) });
    case "transferAborted":
      return logger.warn("Leadership was not taken over", { by: formatId(event.to) });
    case "appendRefused":
      return logger.trace("Append refused", { by: formatId(event.peer), next: event.next });
    case "ignored":
      return logger.debug("Message ignored", {
        from: formatId(event.from),
        kind: event.message,
        reason: event.reason,
      });
  }
}
