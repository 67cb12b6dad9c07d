/** A member on a real disk, real sockets and the machine's clock. */
import { inLaterTurn } from "../base/turns.ts";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { type Config, LIMITS } from "../config.ts";
import type { Loaded, Scheduler } from "../node/ports.ts";
import { DEFAULT_COST, Passwords } from "../service/auth/passwords.ts";
import type { DataStorage, Identity } from "../storage/storage.ts";
import { refusalStatus, refuse } from "../transport/handshake.ts";
import type { PeerTls } from "../transport/peer_http.ts";
import { PeerTransport } from "../transport/peer_transport.ts";
import { VERSION } from "../version.ts";
import { openAudit } from "./audit_file.ts";
import { makeMember } from "./member.ts";
import type { MemberEnd, RunningMember } from "./member.ts";
import { logCoreEvent } from "./core_log.ts";
import { makeTokenScheme } from "./token_scheme.ts";
import { Rivalry } from "./rivalry.ts";
import { memberLimits, transportLimits } from "./limits.ts";

/** Puts what has to be done into a later turn of the event loop. */
const SCHEDULER: Scheduler = { defer: (task) => void setImmediate(task) };

/** The same for bulk work, slice after slice, that must not hold up anybody. */
export const BULK_SCHEDULER: Scheduler = { defer: inLaterTurn };

/** How many times as long as a peer may be silent a rival is put up with. */
const SILENCES_PATIENT = 5;

/** What `startMember` makes. */
export type RealMember = RunningMember<PeerTransport>;

export interface RealMemberOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly storage: DataStorage;
  readonly identity: Identity;
  /** Of this process. */
  readonly session: number;
  readonly loaded: Loaded;
  /** Asked for at every dial; undefined on a plain peer port. */
  readonly tls: (() => PeerTls) | undefined;
  readonly onRemoved: (reason: string) => void;
  readonly onFatal: (error: unknown) => void;
}

/** Restores the state and starts to talk to peers. Opens no port of its own. */
export function startMember(options: RealMemberOptions): Promise<RealMember> {
  // No callback may hold on to what the disk held.
  const { loaded, ...lasting } = options;
  const { config, logger, storage, identity, onRemoved, onFatal } = lasting;
  return makeMember({
    ports: {
      storage,
      transport: (end) => makeTransport(lasting, end),
      scheduler: SCHEDULER,
      clock: systemClock,
      random: Math.random,
      logger,
    },
    limits: memberLimits(config),
    identity,
    tokens: makeTokenScheme(config.auth.token, identity.clusterId),
    passwords: new Passwords({ ...DEFAULT_COST, bcrypt: config.auth.bcryptCost }),
    audit: config.auth.audit === undefined ? undefined : openAudit(config.auth.audit),
    loaded,
    peerUrls: config.peer.urls,
    clientUrls: config.client.urls,
    grpcUrls: config.grpc?.urls,
    arePeerUrlsInitial: config.arePeerUrlsInitial,
    onCoreEvent: (event, core) => logCoreEvent(event, core, logger),
    onRemoved,
    onFatal,
  });
}

function makeTransport(
  { config, identity, session, tls, logger, onFatal }: Omit<RealMemberOptions, "loaded">,
  end: MemberEnd,
): PeerTransport {
  const limits = transportLimits(config);
  const rivalry = new Rivalry({
    session,
    clock: systemClock,
    logger,
    // Others may take a stream that has broken off for alive for so long.
    patienceMs: Math.max(
      LIMITS.member.rivalPatienceMs,
      SILENCES_PATIENT * limits.silenceMsMax,
    ),
    onRival: () => end.displaced(),
    onLost: onFatal,
  });
  return new PeerTransport({
    self: identity.memberId,
    clusterId: identity.clusterId,
    session,
    name: identity.name,
    version: VERSION,
    selfUrl: () => config.peer.url,
    ...(tls === undefined ? {} : { tls }),
    limits,
    clock: systemClock,
    random: Math.random,
    logger,
    receive: (from, frame) => end.receive(from, frame),
    admit: (hello, isExpected) => {
      const reason = end.refusalOf(hello.from);
      if (reason !== undefined) return refuse(refusalStatus.removed, reason);
      if (isExpected) end.called(hello);
      return { ok: true };
    },
    onRefused: (_, { status, reason, rival }) => {
      if (status === refusalStatus.removed) end.removed(reason);
      if (rival !== undefined) rivalry.refused(reason, rival);
    },
  });
}
