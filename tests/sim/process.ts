/**
 * One process of the program under test: joins its real parts as the server
 * does (storage, core, store, node, API service) on a simulated machine, until
 * it is killed or ends by itself. Killed means that no callback of it runs ever
 * again: all of them come through the schedule, which drops them.
 */
import type { Clock } from "../../src/base/clock.ts";
import type { Logger } from "../../src/base/logger.ts";
import { makeMember } from "../../src/member/member.ts";
import type { Node } from "../../src/node/node.ts";
import type { Scheduler } from "../../src/node/ports.ts";
import type { CoreEvent, RaftCore } from "../../src/raft/core.ts";
import type { Member } from "../../src/raft/types.ts";
import { bootstrap, type Joined, RefusalError } from "../../src/member/bootstrap.ts";
import { type DataStorage, knowsMembers, openStorage } from "../../src/storage/storage.ts";
import type { Identity, OpenedStorage } from "../../src/storage/storage.ts";
import type { Service } from "../../src/service/service.ts";
import { faultOfImage } from "../../src/store/image/proof.ts";
import type { Result } from "../../src/store/result.ts";
import type { Store } from "../../src/store/store.ts";
import { keeping } from "../store/log.ts";
import { PLAIN_PASSWORDS } from "./claims.ts";
import { CheckedStorage } from "./checked_storage.ts";
import type { Subject } from "./consensus_check.ts";
import { DiskSession, PowerCutError } from "./disk_session.ts";
import type { Machine } from "./machine.ts";
import { Peers } from "./peers.ts";
import { type ExitReason, judgeEnd, textOf } from "./process_end.ts";
import type { Owner, SimEvent } from "./schedule.ts";
import type { Site } from "./site.ts";
import { describe, describeMembers } from "./text.ts";
import { CheckedMachine } from "./state_check.ts";

/** It judges more at once than a simulated history has: `#compact` does it here. */
const NO_COMPACTION = { retention: { kind: "all" }, lookTicks: Infinity } as const;

/** Rounds of a newcomer over the addresses it was given. */
const JOIN_ATTEMPTS = 3;

/** A process that serves. */
export interface Running {
  readonly node: Node<Result>;
  readonly service: Service;
  readonly store: Store;
  readonly core: RaftCore;
  readonly subject: Subject;
  readonly peers: Peers;
}

export class Process implements Owner {
  readonly name: string;
  readonly machine: Machine;
  /** Advertised peer URL. */
  readonly url: string;
  /** Unlike that of any other process. */
  readonly session: number;
  readonly #site: Site;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  #running: Running | undefined;
  #storage: DataStorage | undefined;
  #exit: (reason: ExitReason) => void = () => {};
  #dead = false;
  #paused = false;
  #stopping = false;
  #isCompacting = false;
  #sawDiskError = false;
  #held: SimEvent[] = [];
  /** Called when it dies: clients see their connections break. */
  #onDeath: (() => void)[] = [];

  constructor(name: string, machine: Machine, site: Site, session: number) {
    this.name = name;
    this.machine = machine;
    this.url = machine.url;
    this.session = session;
    this.#site = site;
    const { schedule, trace } = site;
    this.#logger = trace.logger(name, () => schedule.nowMs);
    this.#clock = machine.clock();
    this.#scheduler = {
      defer: (task) => schedule.after(machine.random.next() * 0.05, "turn", this, task),
    };
  }

  get isDead(): boolean {
    return this.#dead;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** Undefined while it starts. */
  get running(): Running | undefined {
    return this.#dead ? undefined : this.#running;
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  /** Begins to start; `exit` is called once if it ends by itself. */
  start(addresses: readonly string[], exit: (reason: ExitReason) => void): void {
    this.#exit = exit;
    const { trace, schedule } = this.#site;
    trace.line(schedule.nowMs, this.name, () => `starts as ${this.url}, -C ${addresses.join()}`);
    this.#start(addresses).catch((error) => this.#fail(error));
  }

  die(): void {
    this.#dead = true;
    this.#held = [];
    const callbacks = this.#onDeath;
    this.#onDeath = [];
    for (const callback of callbacks) callback();
  }

  /** Calls back when this process dies, unless the returned function is called first. */
  onDeath(callback: () => void): () => void {
    this.#onDeath.push(callback);
    return () => {
      const at = this.#onDeath.indexOf(callback);
      if (at >= 0) this.#onDeath.splice(at, 1);
    };
  }

  hold(event: SimEvent): void {
    this.#held.push(event);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const event of held) this.#site.schedule.again(event);
  }

  /** Its disk has failed it: it must end. */
  sawDiskError(): void {
    this.#sawDiskError = true;
  }

  /** As on SIGTERM: hands over, answers all that waits, syncs, ends. */
  stop(): void {
    const running = this.running;
    if (running === undefined || this.#stopping) return;
    this.#stopping = true;
    const finish = async () => {
      await running.node.handOver();
      await running.node.stop();
      await this.#storage?.close();
      this.#exit("stopped");
    };
    finish().catch((error) => this.#fail(error));
  }

  /** An error that the code under test let through to the event loop. */
  fail(error: unknown): void {
    this.#fail(error);
  }

  async #start(addresses: readonly string[]): Promise<void> {
    const { machine } = this;
    const disk = new DiskSession(`/${machine.name}`, machine.disk, machine.diskWorld(this));
    const opened = await openStorage(disk, {
      ...this.#site.profile.storage,
      scheduler: this.#scheduler,
      faultOfImage,
      random: machine.random.next,
      logger: this.#logger,
    });
    this.#storage = opened.storage;
    machine.provedSound();
    const identity = await this.#identify(opened, addresses);
    machine.memberId = identity.memberId;
    await this.#run(identity, opened);
  }

  /** As the server does it: the real bootstrap, over the simulated network. */
  async #identify(
    { storage, identity, loaded }: OpenedStorage,
    addresses: readonly string[],
  ): Promise<Identity> {
    const { machine } = this;
    if (identity === undefined && machine.founding !== undefined) {
      await storage.writeIdentity(machine.founding);
      return machine.founding;
    }
    return await bootstrap({
      identity,
      knowsMembers: knowsMembers(identity, loaded),
      name: machine.name,
      peerUrls: [machine.url],
      clientUrls: [machine.clientUrl],
      session: this.session,
      addresses,
      flag: "-C",
      places: [],
      attempts: JOIN_ATTEMPTS,
      retryMs: 5 * this.#site.profile.tickMs,
      random: machine.random.next,
      logger: this.#logger,
      writeIdentity: (identity) => storage.writeIdentity(identity),
      requestJoin: (address, member) => this.#requestJoin(address, member),
      sleep: (ms) =>
        new Promise((resolve) => this.#site.schedule.after(ms, "sleep", this, resolve)),
    });
  }

  /** As the server does it: the same function makes the member, the checkers look on. */
  async #run(identity: Identity, { storage, loaded }: OpenedStorage): Promise<void> {
    const { profile, log, durability, state, consensus, violations } = this.#site;
    const { machine } = this;
    let checked: Pick<Running, "store" | "core" | "subject"> | undefined;
    const member = await makeMember({
      ports: {
        storage: new CheckedStorage(identity.memberId, storage, durability),
        transport: (end) => new Peers(this, identity.memberId, this.#site, end),
        scheduler: this.#scheduler,
        clock: this.#clock,
        random: machine.random.next,
        logger: this.#logger,
      },
      limits: {
        core: { ...profile.core, ...profile.limits },
        node: profile.limits,
        strangersMax: profile.limits.membersMax,
        compaction: { ...NO_COMPACTION, eventsMin: profile.historyMax },
      },
      identity,
      loaded,
      passwords: PLAIN_PASSWORDS,
      peerUrls: [machine.url],
      clientUrls: [machine.clientUrl],
      machine: (store, core) => {
        log.found(core.committedConfiguration);
        durability.started(this.name, core.id, loaded);
        const subject = consensus.started(this.name, core);
        state.stands(this.name, core.appliedIndex, store.digest());
        checked = { store, core, subject };
        return new CheckedMachine(this.name, store, state, () => consensus.observe(subject));
      },
      onCoreEvent: (event) => this.#happened(event),
      onRemoved: () => this.#end("removed"),
      onFatal: (error) => this.#fail(error),
    });
    if (this.#dead) return;
    const { node, service, transport } = member;
    node.onRefusal((failure) => violations.note("no divergence", failure.cause));
    this.#running = { node, service, ...checked!, peers: transport };
    this.#tick(this.#clock.monotonicMs() + profile.tickMs * machine.random.next());
    node.campaignIfAlone();
  }

  #happened(event: CoreEvent): void {
    const { trace, schedule } = this.#site;
    const happening = happeningOf(event);
    if (happening !== undefined) trace.happened(happening);
    trace.line(
      schedule.nowMs,
      this.name,
      () =>
        event.type === "configuration"
          ? `core configuration ${event.index}: ${describeMembers(event.configuration)}`
          : `core ${describe(event)}`,
    );
  }

  /** Ticks by the machine's own clock, with what the server's ticker does after a pause. */
  #tick(dueMs: number): void {
    const { schedule, profile } = this.#site;
    const delayMs = Math.max(0, dueMs - this.#clock.monotonicMs()) / this.machine.drift;
    schedule.after(delayMs, "tick", this, () => {
      const nowMs = this.#clock.monotonicMs();
      let next = dueMs;
      for (let made = 0; made < profile.catchUpTicks && (made === 0 || next <= nowMs); made++) {
        next += profile.tickMs;
        this.#running?.node.tick();
      }
      this.#running?.peers.dial();
      this.#compact();
      this.#tick(next <= nowMs ? nowMs + profile.tickMs : next);
    });
  }

  /** As the server's compactor does it, which would keep more than a simulated history has. */
  #compact(): void {
    const { historyMax } = this.#site.profile;
    const running = this.#running;
    if (running === undefined || this.#isCompacting || !running.node.isLeader()) return;
    const { service, store } = running;
    if (store.stats().historyEvents <= 2 * historyMax) return;
    this.#isCompacting = true;
    this.#site.trace.happened("compactions");
    service.write(keeping(store, historyMax), false, () => this.#isCompacting = false);
  }

  /** A newcomer's request to a member, by way of the network and back. */
  #requestJoin(
    address: string,
    member: Omit<Member, "voter">,
  ): Promise<Joined> {
    const { schedule, network, machines, profile } = this.#site;
    return new Promise((resolve, reject) => {
      const refuse = (why: string) => reject(new Error(why));
      const timeoutMs = 2 * profile.limits.requestTicks * profile.tickMs;
      schedule.after(timeoutMs, "timeout", this, () => refuse("No answer"));
      const host = machines.find(({ url }) => url === address);
      const there = host?.process;
      if (host === undefined || there === undefined) return refuse("Nobody listens");
      network.carry(this.machine.number, host.number, "join", there, () => {
        const node = there.running?.node;
        node?.join(member, (outcome) => {
          network.carry(host.number, this.machine.number, "joined", this, () => {
            if (outcome.ok) resolve({ clusterId: node.clusterId, memberId: outcome.value.id });
            else reject(new RefusalError(outcome.cause));
          });
        });
      });
    });
  }

  #fail(error: unknown): void {
    if (this.#dead || error instanceof PowerCutError) return;
    const { violations, trace, schedule } = this.#site;
    trace.line(schedule.nowMs, this.name, () => `ends: ${error}`);
    const end = judgeEnd(error, {
      sawDiskError: this.#sawDiskError,
      mayBeDamaged: this.machine.mayBeDamaged,
    });
    if (end.type === "exit") return this.#end(end.reason);
    violations.note(end.property, `${this.name} ends: ${textOf(error)}`);
    this.die();
  }

  #end(reason: ExitReason): void {
    if (this.#dead) return;
    this.#exit(reason);
  }
}

/** What is worth counting of what a core tells. */
function happeningOf(event: CoreEvent): string | undefined {
  switch (event.type) {
    case "role":
      return event.role === "leader" ? "elections" : undefined;
    case "truncated":
      return "truncations";
    case "snapshotNeeded":
      return "snapshots sent";
    case "quorumLost":
      return "quorums lost";
    default:
      return undefined;
  }
}
