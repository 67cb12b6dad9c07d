/**
 * Reads a running member for metrics, statistics and health checks, and looks at
 * its rates and its disk once a second.
 */
import process from "node:process";
import type { Check, Checks } from "../api/admin/health.ts";
import type { MethodReading, PeerReading, Rate, Reading } from "../api/reading.ts";
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { LIMITS } from "../config.ts";
import type { Config } from "../config.ts";
import type { Presence } from "../storage/presence.ts";
import type { DiskTimes } from "../storage/timed_disk.ts";
import { formatId } from "../base/ids.ts";
import { VERSION } from "../version.ts";
import type { RealMember } from "../member/real_member.ts";
import { SlowDisk } from "./slow_disk.ts";

export interface TelemetryOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly member: RealMember;
  readonly disk: DiskTimes;
  readonly presence: Presence;
}

/** Looks that may be late before the process counts as stuck. */
const LOOKS_MISSED_MAX = 5;

const STARTING: Check = { name: "started", problem: () => "The node is starting" };

/** Before there is a member: alive, and not ready. */
export const STARTING_CHECKS: Checks = { live: [], ready: [STARTING] };

export class Telemetry {
  readonly checks: Checks;
  readonly #options: TelemetryOptions;
  #calls: () => readonly MethodReading[] = () => [];
  readonly #slowDisk: SlowDisk;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #sending = new RateMeter();
  readonly #receiving = new RateMeter();
  #lookedMs = systemClock.monotonicMs();
  #looking: Promise<void> | undefined;
  /** What the node has stopped for. */
  #missing: string | undefined;

  constructor(options: TelemetryOptions) {
    const { config, disk, logger } = options;
    this.#options = options;
    this.#slowDisk = new SlowDisk({
      times: disk,
      clock: systemClock,
      logger,
      slowSyncMs: LIMITS.operations.slowSyncMs,
      stuckSyncMs: LIMITS.operations.stuckSyncMs,
      reportMs: LIMITS.operations.slowDiskReportMs,
      electionMs: config.electionMs,
    });
    this.checks = this.#makeChecks();
    this.#timer = setInterval(() => this.#look(), LIMITS.operations.lookMs);
  }

  /** Resolves when nothing is looked at any longer. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** From now on tells of `calls` of v3, too. */
  counts(calls: () => readonly MethodReading[]): void {
    this.#calls = calls;
  }

  /** Everything as of now. */
  read(): Reading {
    const { member, disk, config } = this.#options;
    const { node, service, leadership } = member;
    const { rss, heapUsed, heapTotal } = Deno.memoryUsage();
    const { user, system } = process.cpuUsage();
    return {
      name: node.configuration().members.find(({ id }) => id === node.self)?.name ?? config.name,
      id: formatId(node.self),
      version: VERSION,
      status: node.status(),
      leadership,
      counters: node.counters,
      sending: this.#sending.rate,
      receiving: this.#receiving.rate,
      store: service.stats(),
      operations: service.operations,
      requests: service.requests,
      logins: service.authenticator.logins,
      calls: this.#calls(),
      numbers: { revision: service.revision, compactedRevision: service.compactedRevision },
      quotaBytes: config.quotaBytes,
      disk,
      peers: this.#peers(),
      process: {
        cpuSeconds: (user + system) / 1e6,
        residentBytes: rss,
        heapUsedBytes: heapUsed,
        heapBytes: heapTotal,
        startSeconds: performance.timeOrigin / 1000,
      },
    };
  }

  /** The members but this one, whether they were ever reached or not. */
  #peers(): PeerReading[] {
    const { node, transport } = this.#options.member;
    const names = new Map(node.configuration().members.map(({ id, name }) => [id, name]));
    return transport.stats().flatMap((peer) => {
      const name = names.get(peer.id);
      return name === undefined ? [] : [{ ...peer, name, id: formatId(peer.id) }];
    });
  }

  #look(): void {
    const now = systemClock.monotonicMs();
    const { counters } = this.#options.member.node;
    const peers = this.#options.member.transport.stats();
    const total = (bytes: (peer: typeof peers[number]) => number) =>
      peers.reduce((sum, peer) => sum + bytes(peer), 0);
    this.#sending.sample(now, counters.appendsSent, total(({ sentBytes }) => sentBytes));
    this.#receiving.sample(
      now,
      counters.appendsReceived,
      total(({ receivedBytes }) => receivedBytes),
    );
    this.#slowDisk.look();
    this.#looking = this.#options.presence.look().then((problem) => this.#lose(problem));
    this.#lookedMs = now;
  }

  /** What is acknowledged without a directory is lost with the process. */
  #lose(problem: string | undefined): void {
    if (problem === undefined || this.#missing !== undefined) return;
    this.#missing = problem;
    const cause = `${problem}: this node serves nobody, restore the directory or let it join ` +
      "the cluster once more";
    this.#options.logger.error("The data is gone, nothing is acknowledged from here on", { cause });
    this.#options.member.node.retire({ ok: false, reason: "diverged", cause });
  }

  #makeChecks(): Checks {
    const { node } = this.#options.member;
    const timers = () => {
      const lateMs = systemClock.monotonicMs() - this.#lookedMs;
      return lateMs < LOOKS_MISSED_MAX * LIMITS.operations.lookMs
        ? undefined
        : `The process did nothing for ${Math.round(lateMs / 1000)} s`;
    };
    // In etcd's name. The state is in memory: whoever can answer can read it.
    const ownState: Check = { name: "serializable_read", problem: () => undefined };
    return {
      live: [{ name: "timers", problem: timers }, ownState],
      ready: [
        {
          name: "leader",
          problem: () => node.leader() === undefined ? "No leader is known" : undefined,
        },
        { name: "disk", problem: () => this.#diskProblem() },
        { name: "directory", problem: () => this.#missing },
        {
          name: "space",
          problem: () => node.status().diskIsFull ? "The disk is full" : undefined,
        },
        { name: "data_corruption", problem: () => node.refusal?.cause },
        ownState,
        { name: "linearizable_read", problem: () => this.#dataProblem() },
      ],
    };
  }

  #diskProblem(): string | undefined {
    const { stuckForMs } = this.#slowDisk;
    return stuckForMs === undefined
      ? undefined
      : `A sync of the log has been under way for ${Math.round(stuckForMs / 1000)} s`;
  }

  /** Whether everything that was acknowledged before has been applied here. */
  #dataProblem(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => resolve(`A linearizable read took over ${LIMITS.api.healthTimeoutMs} ms`),
        LIMITS.api.healthTimeoutMs,
      );
      this.#options.member.node.barrier((outcome) => {
        clearTimeout(timer);
        resolve(outcome.ok ? undefined : outcome.cause);
      });
    });
  }
}

/** Turns two counters into what they grow by in a second. */
class RateMeter {
  rate: Rate = { perSecond: 0, bytesPerSecond: 0 };
  #atMs = systemClock.monotonicMs();
  #count = 0;
  #bytes = 0;

  sample(nowMs: number, count: number, bytes: number): void {
    const seconds = (nowMs - this.#atMs) / 1000;
    // A peer that is forgotten takes its bytes along.
    const grown = Math.max(0, bytes - this.#bytes);
    this.rate = {
      perSecond: (count - this.#count) / seconds,
      bytesPerSecond: grown / seconds,
    };
    this.#atMs = nowMs;
    this.#count = count;
    this.#bytes = bytes;
  }
}
