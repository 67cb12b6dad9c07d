/**
 * The composition root: the one place where the parts of a node are joined, in
 * the order in which they must come up, and taken apart in the reverse.
 */
import { faultRenderer } from "./api/faults.ts";
import { InvariantError } from "./base/assert.ts";
import { systemClock } from "./base/clock.ts";
import type { Logger } from "./base/logger.ts";
import { isUnspecified, LIMITS, UsageError } from "./config.ts";
import type { Config } from "./config.ts";
import { openDataDirectory, type OpenedDirectory } from "./server/data_directory.ts";
import { CertificateWatch } from "./operations/certificate_watch.ts";
import { discover } from "./member/discovery.ts";
import { Entrance } from "./member/entrance.ts";
import { whenFormed } from "./member/formed.ts";
import { ticks } from "./member/limits.ts";
import { type Names, systemNames } from "./member/names.ts";
import { BULK_SCHEDULER, startMember } from "./member/real_member.ts";
import type { RealMember } from "./member/real_member.ts";
import { newSession } from "./member/rivalry.ts";
import { startSearch } from "./member/search.ts";
import type { MemberId } from "./raft/types.ts";
import { openClientPorts } from "./server/client_port.ts";
import { httpLimits } from "./server/http_limits.ts";
import { openMetricsPort } from "./server/metrics_port.ts";
import { type Overview, startOverview } from "./operations/overview.ts";
import { openPeerPort } from "./server/peer_port.ts";
import type { PeerPort } from "./server/peer_port.ts";
import { Readiness } from "./server/readiness.ts";
import { makeOwnCertificate } from "./operations/auto_tls.ts";
import { PortTls } from "./operations/port_tls.ts";
import { settleGrpcPort } from "./server/v3.ts";
import { ServiceManager } from "./server/service_manager.ts";
import { onReloadSignal, onStopSignal, refuseLargeFiles } from "./server/signals.ts";
import { Telemetry } from "./operations/telemetry.ts";
import { startTicker } from "./server/ticker.ts";
import type { Identity } from "./storage/storage.ts";
import type { PeerTls } from "./transport/peer_http.ts";
import { bareHost } from "./transport/peer_url.ts";
import { VERSION } from "./version.ts";

/** Exit statuses of a node. */
const STOPPED = 0;
const FAILED = 1;
/** As that of a command line that can't be followed whatever the directory holds. */
const MISUSED = 2;

/**
 * Runs a node until it is told to stop; resolves with the exit status. `exit` ends the
 * process before that, for somebody who can't wait.
 */
export async function runServer(
  config: Config,
  logger: Logger,
  exit: (status: number) => void,
): Promise<number> {
  refuseLargeFiles();
  const stop = new AbortController();
  // From the first moment: a process 1, as of a container, must not be left to the signal.
  onStopSignal(logger, () => stop.abort(new StoppedError()), exit);
  let server: Server;
  try {
    server = await Server.start(config, logger, stop.signal);
  } catch (error) {
    if (error instanceof StoppedError) {
      logger.info("Stopped before it served");
      return STOPPED;
    }
    logger.error(explain(error));
    if (error instanceof UsageError) return MISUSED;
    // As at etcd: a service manager would start again what has failed.
    return error instanceof RemovedError ? STOPPED : FAILED;
  }
  const manager = ServiceManager.connect((name) => Deno.env.get(name), logger);
  manager?.ready(`Serving clients on ${server.clientUrl}`);
  const stopServer = () => {
    manager?.stopping();
    server.stop(STOPPED);
  };
  if (stop.signal.aborted) stopServer();
  else stop.signal.addEventListener("abort", stopServer);
  const status = await server.ended;
  await manager?.close();
  return status;
}

/** Somebody ended the node while it started. */
class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/** The cluster has removed this member. */
class RemovedError extends Error {
  override readonly name = "RemovedError";
}

/** A node that serves; tests start it in their own process. */
export class Server {
  #config: Config;
  readonly #logger: Logger;
  readonly #names: Names;
  /** Ends the start. */
  readonly #signal: AbortSignal | undefined;
  readonly #session = newSession(systemClock.wallMs(), Math.random);
  readonly #ended = Promise.withResolvers<number>();
  /** Rejected by what ends the node before it serves. */
  readonly #broken = Promise.withResolvers<never>();
  /** Each part's end, registered where it starts; run in the reverse order. */
  readonly #ends = new AsyncDisposableStack();
  #member: RealMember | undefined;
  #serving = false;
  #stopping: Promise<void> | undefined;

  private constructor(
    config: Config,
    logger: Logger,
    signal: AbortSignal | undefined,
    names: Names,
  ) {
    this.#config = config;
    this.#logger = logger;
    this.#names = names;
    this.#signal = signal;
  }

  /**
   * Resolves when the node takes requests of clients. Rejects, with nothing left open that can
   * be closed in time, when it can't, and with the reason of `signal` when that ends the start.
   */
  static async start(
    config: Config,
    logger: Logger,
    signal?: AbortSignal,
    names = systemNames(),
  ): Promise<Server> {
    const server = new Server(settleGrpcPort(config, logger), logger, signal, names);
    signal?.addEventListener("abort", () => server.#broken.reject(signal.reason));
    try {
      await Promise.race([server.#start(), server.#broken.promise]);
      server.#serving = true;
      return server;
    } catch (error) {
      server.#stopping = inTime(server.#ends.disposeAsync())
        .catch((late) => logger.error(explain(late)));
      await server.#stopping;
      throw error;
    }
  }

  /** Resolves with the exit status when the node has ended. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Where clients are served. */
  get clientUrl(): string {
    return this.#config.client.url;
  }

  /** Watches of clients that wait for an event. */
  get waitingWatches(): number {
    return this.#member?.service.waitingWatches ?? 0;
  }

  /**
   * Ends the node in order: hands leadership over, answers what waits, syncs. Resolves
   * when it has ended, with the status of who asked first.
   */
  stop(status: number): Promise<void> {
    return this.#stopping ??= this.#stop(status);
  }

  async #stop(status: number): Promise<void> {
    try {
      await inTime(this.#end());
      this.#logger.info("Stopped");
      this.#ended.resolve(status);
    } catch (error) {
      this.#logger.error(explain(error));
      this.#ended.resolve(FAILED);
    }
  }

  async #end(): Promise<void> {
    await this.#member?.node.handOver();
    await this.#ends.disposeAsync();
  }

  /** Ends `part` with the node; at once, and what starts it, when the node has ended meanwhile. */
  async #owned<T>(part: T, end: (part: T) => void | Promise<void>): Promise<T> {
    if (this.#ends.disposed) {
      await end(part);
      throw new StoppedError();
    }
    this.#ends.defer(() => end(part));
    return part;
  }

  async #start(): Promise<void> {
    const { client, peer, idle } = this.#config;
    for (const { flag, why } of idle) {
      this.#logger.warn("A setting does nothing here", { flag, why });
    }
    for (const url of [...client.urls, ...peer.urls]) {
      if (!isUnspecified(bareHost(new URL(url)))) continue;
      this.#logger.warn("Nobody else can dial what this node announces", { url });
    }
    await this.#makeOwnCertificates();
    const clientTls = PortTls.load("client", client, this.#logger);
    const peerTls = PortTls.load("peer", peer, this.#logger);
    await this.#watchCertificates([clientTls, peerTls].filter((tls) => tls !== undefined));
    const peerMaterial = () => peerTls?.peer;
    const metricsPort = await this.#owned(
      await openMetricsPort(this.#config.metrics, clientTls, this.#logger),
      (port) => port.shutdown(),
    );
    const opened = await openDataDirectory(this.#config, BULK_SCHEDULER, this.#logger);
    await this.#owned(opened.storage, (storage) => storage.close());
    this.#config = await discover(this.#config, opened, this.#names, this.#logger, this.#signal);
    const entrance = new Entrance({
      config: this.#config,
      logger: this.#logger,
      session: this.#session,
      opened,
      tls: peerMaterial,
      signal: this.#signal,
    });
    await entrance.check();
    const port = await this.#openPeerPort(peerTls, opened.identity?.memberId, entrance);
    const identity = await entrance.enter();
    const member = await this.#startMember(opened, identity, peerTls);
    const telemetry = await this.#owned(
      new Telemetry({
        config: this.#config,
        logger: this.#logger,
        member,
        disk: opened.times,
        presence: opened.presence,
      }),
      async (telemetry) => {
        metricsPort.detach();
        await telemetry.stop();
      },
    );
    metricsPort.attach(member, telemetry);
    const overview = await this.#owned(
      startOverview({
        config: this.#config,
        member,
        disk: opened.times,
        clientTls: () => clientTls?.material,
        peerTls: peerMaterial,
      }),
      (overview) => overview.stop(),
    );
    port.attach(member, overview.peerRoutes);
    await this.#startTicking(member, peerMaterial);
    await registered(member);
    await this.#whenFormed(member, opened, identity);
    if (this.#stopping !== undefined) return;
    await this.#serve(member, telemetry, overview, clientTls, port);
  }

  #whenFormed(
    member: RealMember,
    { storage, identity: found }: OpenedDirectory,
    identity: Identity,
  ): Promise<void> {
    return whenFormed({
      member,
      storage,
      identity,
      isNamed: this.#config.initialCluster !== undefined,
      isNew: (found?.clusterId ?? 0) === 0,
      isOver: () => this.#stopping !== undefined,
      logger: this.#logger,
    });
  }

  async #serve(
    member: RealMember,
    telemetry: Telemetry,
    overview: Overview,
    tls: PortTls | undefined,
    port: PeerPort,
  ): Promise<void> {
    const { client, peer } = this.#config;
    await this.#owned(
      await openClientPorts({
        ...{ config: this.#config, logger: this.#logger, member, telemetry, overview, tls },
        onShortage: () => port.reopen(),
      }),
      (ports) => ports.shutdown(),
    );
    this.#logger.info("Serving", {
      version: VERSION,
      client: client.url,
      peer: peer.url,
      directory: this.#config.dataDirectory,
    });
    if (!client.servesGrpc) return;
    await this.#owned(
      new Readiness(member, this.#config, this.#logger),
      (readiness) => readiness.stop(),
    );
  }

  /** Before anything is read: `--auto-tls`, `--peer-auto-tls`. */
  async #makeOwnCertificates(): Promise<void> {
    for (const name of ["client", "peer"] as const) {
      const { tls, urls, listeners } = this.#config[name];
      if (tls === undefined || !tls.isOwn) continue;
      const hosts = [
        ...urls.map((url) => new URL(url).hostname),
        ...listeners.map(({ host }) => host),
        ...["localhost", "127.0.0.1"],
      ];
      await makeOwnCertificate(name, tls, hosts, systemClock.wallMs(), this.#logger);
    }
  }

  async #startMember(
    { storage, loaded }: OpenedDirectory,
    identity: Identity,
    tls: PortTls | undefined,
  ): Promise<RealMember> {
    const member = await startMember({
      config: this.#config,
      logger: this.#logger,
      storage,
      identity,
      session: this.#session,
      loaded,
      tls: tls === undefined ? undefined : () => tls.peer,
      onRemoved: (reason) => this.#removed(reason),
      onFatal: (error) => this.#fatal(error),
    });
    await this.#owned(member, async ({ node, transport }) => {
      await node.stop();
      await transport.close();
    });
    this.#member = member;
    return member;
  }

  async #startTicking(member: RealMember, tls: () => PeerTls | undefined): Promise<void> {
    const catchUpMax = ticks(this.#config.electionMs / 2);
    await this.#owned(
      startTicker(systemClock, LIMITS.cluster.tickMs, catchUpMax, () => member.tick()),
      (ticker) => ticker.stop(),
    );
    await this.#owned(
      startSearch({
        config: this.#config,
        logger: this.#logger,
        session: this.#session,
        member,
        tls,
      }),
      (search) => search.stop(),
    );
    member.node.campaignIfAlone();
  }

  /** Opens the peer port before there is a member: a join is answered by the leader's call. */
  async #openPeerPort(
    tls: PortTls | undefined,
    memberId: MemberId | undefined,
    { forming, founder }: Entrance,
  ): Promise<PeerPort> {
    const port = await this.#owned(
      await openPeerPort({
        addresses: this.#config.peer.listeners,
        ...(tls === undefined ? {} : { tls: { ...tls.material, ...tls.peer } }),
        limits: httpLimits(LIMITS.descriptors.peerSpare),
        logger: this.#logger,
        renderFault: faultRenderer(),
        waitingMax: LIMITS.transport.acceptedMax,
        resident: { memberId: memberId ?? founder?.self, session: this.#session, forming },
        founder,
      }),
      (port) => port.shutdown(),
    );
    for (const listener of port.listeners) tls?.attach(listener);
    await tls?.prove();
    return port;
  }

  /** At SIGHUP and when the files change. Without TLS there is nothing to do, but the signal kills nobody. */
  async #watchCertificates(ports: readonly PortTls[]): Promise<void> {
    const offReload = onReloadSignal(ports.length > 0, () => {
      if (ports.length === 0) this.#logger.info("There are no certificates to read again");
      for (const port of ports) port.reload();
    });
    await this.#owned(
      new CertificateWatch(ports, LIMITS.operations.certificateLookMs),
      async (watch) => {
        offReload();
        await watch.stop();
      },
    );
  }

  #removed(reason: string): void {
    if (this.#stopping !== undefined) return;
    const { initialCluster, discovery, dataDirectory } = this.#config;
    const again = initialCluster === undefined && discovery === undefined
      ? "start it with -f and -C"
      : `run "etcdctl member add", remove "${dataDirectory}" and start it again`;
    const advice = `${reason}; to let this machine join again, ${again}`;
    if (!this.#serving) return this.#broken.reject(new RemovedError(advice));
    this.#logger.error(advice);
    this.stop(STOPPED);
  }

  #fatal(error: unknown): void {
    if (!this.#serving) return this.#broken.reject(error);
    this.#logger.error(explain(error));
    this.#ended.resolve(FAILED);
  }
}

/** Rejects when `ending` takes too long: a disk may hang for ever, and the process must end. */
async function inTime(ending: Promise<void>): Promise<void> {
  const ms = LIMITS.operations.gracefulStopMs;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`Could not stop in order within ${ms} ms`)),
    ms,
  );
  await Promise.race([ending, late.promise]).finally(() => clearTimeout(timer));
}

/** A founder's first entries precede every client's: its own record is part of the log first. */
function registered({ node }: RealMember): Promise<void> {
  return new Promise((resolve) => node.onceRegistered(resolve));
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof InvariantError ? error.stack ?? error.message : error.message;
}
