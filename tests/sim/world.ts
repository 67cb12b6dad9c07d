/**
 * One run of one seed: builds the machines, lets things go wrong for a number of
 * steps with every check on after each, then heals everything and demands that
 * the cluster makes progress and agrees within a bounded time.
 */
import { setImmediate } from "node:timers";
import { isReserved } from "../../src/raft/configuration.ts";
import type { Entry, Member } from "../../src/raft/types.ts";
import { Administrator } from "./administrator.ts";
import { AuthCheck } from "./auth_check.ts";
import { Client } from "./client.ts";
import { CommittedLog } from "./committed_log.ts";
import { ConsensusCheck } from "./consensus_check.ts";
import { DurabilityCheck } from "./durability_check.ts";
import { Faults } from "./faults.ts";
import { HistoryCheck } from "./history_check.ts";
import { waitUntil } from "./liveness_check.ts";
import { Machine } from "./machine.ts";
import { ModelStore } from "./model_store.ts";
import { Network } from "./network.ts";
import { Operator } from "./operator.ts";
import { Process } from "./process.ts";
import { type Profile, profileOf } from "./profile.ts";
import { SeededRandom } from "./random.ts";
import { Schedule } from "./schedule.ts";
import type { Site } from "./site.ts";
import { StateCheck } from "./state_check.ts";
import type { Trace } from "./trace.ts";
import { Violations } from "./violation.ts";
import { WatchCheck } from "./watch_check.ts";
import { StreamWatcher } from "./stream_watcher.ts";
import { Watcher } from "./watcher.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Steps before everything is healed, when the seed shall not decide. */
  readonly steps: number | undefined;
  readonly trace: Trace;
}

/** After everything was healed commits resume within so many election time-outs. */
const PROGRESS_ELECTIONS = 10;
/** How much longer than on average a save or a message may well take. */
const SLACK = 3;
/** A new write is answered within as many again, and all members agree within so many (a join that knows dead addresses only takes 90 to give up), … */
const AGREEMENT_ELECTIONS = 200;
/** With the disks of a minority in trouble so many writes in a row are answered, each within … */
const WRITES_WITHOUT = 10;
/** … so many: one that waits for the old leader gives up only after a request's patience. */
const AVAILABLE_ELECTIONS = 40;
/** … beside the time for so many syncs and round trips in a row. */
const ROUNDS = 50;
/** No token is older than its life before that; clocks may go at different speeds. */
const TOKENS_ARE_YOUNG_MS = 200_000;
const SMALL_SKEW_MS = 1000;
/**
 * Entries may travel and be saved one at a time, if a seed wants small messages
 * and one of them under way: nothing of a new term is committed before those that
 * wait for a majority (seed 442775139213), and no member votes or agrees before it
 * has the whole log (seed 319611316557: 550 entries at 18 ms each).
 */
const ROUNDS_FOR_ENTRY = 4;

export class World {
  readonly #options: WorldOptions;
  readonly #profile: Profile;
  readonly #schedule = new Schedule();
  readonly #violations = new Violations();
  readonly #model = new ModelStore();
  readonly #machines: Machine[] = [];
  readonly #site: Site;
  readonly #operator: Operator;
  readonly #faults: Faults;
  readonly #clients: Client[] = [];
  readonly #watchers: (Watcher | StreamWatcher)[] = [];
  readonly #administrator: Administrator;
  #steps = 0;

  constructor(options: WorldOptions) {
    const { seed, trace } = options;
    const violations = this.#violations;
    this.#options = options;
    this.#profile = profileOf(seed);
    const log = new CommittedLog(violations);
    const durability = new DurabilityCheck(violations, log);
    const auth = new AuthCheck(violations, this.#model, () => this.#tokensMayBeOld());
    const history = new HistoryCheck(violations, this.#model, auth);
    this.#site = {
      seed,
      trace,
      violations,
      history,
      auth,
      profile: this.#profile,
      schedule: this.#schedule,
      model: this.#model,
      network: new Network(this.#schedule, new SeededRandom(seed, 4), this.#profile.network),
      log,
      durability,
      consensus: new ConsensusCheck(
        violations,
        log,
        durability,
        (entry) => this.#committed(entry),
      ),
      state: new StateCheck(violations, this.#model),
      watches: new WatchCheck(violations, this.#model),
      machines: this.#machines,
      onExit: (machine, reason) => this.#operator.exited(machine, reason),
    };
    this.#operator = new Operator(this.#site, () => this.#addMachine());
    this.#faults = new Faults(this.#site, this.#operator);
    this.#administrator = new Administrator(this.#site);
  }

  /** Steps that were made. */
  get steps(): number {
    return this.#steps;
  }

  /** Writes and reads that were answered, and events that were watched. */
  get answers(): number {
    const { history, watches } = this.#site;
    return history.acknowledged + history.reads + watches.delivered;
  }

  /** Rejects with `ViolationError` when a promise is broken. */
  async run(): Promise<void> {
    this.#begin();
    const steps = this.#options.steps ?? this.#profile.steps;
    while (this.#steps < steps) await this.#step();
    await this.#heal();
    this.#site.history.clients.check(this.#violations);
    this.#violations.throwIfAny();
  }

  #begin(): void {
    const { machines, foundedWhole, clients, watchers } = this.#profile;
    for (let i = 0; i < machines; i++) this.#addMachine();
    if (foundedWhole) this.#found();
    else this.#machines[0]!.isFounder = true;
    for (const machine of this.#machines) this.#operator.start(machine);
    for (let i = 1; i <= clients; i++) this.#clients.push(new Client(i, this.#site));
    for (let i = 1; i <= watchers; i++) {
      const Kind = i % 2 === 0 ? StreamWatcher : Watcher;
      this.#watchers.push(new Kind(i, this.#site));
    }
    for (const user of [...this.#clients, ...this.#watchers]) user.start();
    if (this.#profile.hasUsers) this.#administrator.start();
    this.#faults.start();
  }

  #addMachine(): Machine {
    const machine = new Machine(this.#machines.length + 1, this.#site);
    this.#machines.push(machine);
    return machine;
  }

  /** A process that begins by a clock an hour ahead may lead, and then all tokens are old. */
  #tokensMayBeOld(): boolean {
    const { clock, faults } = this.#profile;
    return clock.skewMs > SMALL_SKEW_MS || faults.some(([kind]) => kind === "clockJump") ||
      this.#schedule.nowMs > TOKENS_ARE_YOUNG_MS;
  }

  /** All machines know each other from the start. */
  #found(): void {
    const random = new SeededRandom(this.#options.seed, 5);
    const id = () => random.integer(1, 2 ** 40);
    const members = this.#machines.map(({ name, url, clientUrl }) => ({
      id: id(),
      name,
      peerUrls: [url],
      clientUrls: [clientUrl],
      voter: true,
    }));
    const clusterId = id();
    this.#machines.forEach((machine, i) => {
      const { id: memberId, name } = members[i]!;
      machine.founding = { memberId, clusterId, name, initial: { members, removed: [] } };
    });
  }

  /** The next event, all that follows from it at once, and the checks. */
  async #step(): Promise<void> {
    const event = this.#schedule.next();
    if (event === undefined) throw new RangeError("Nothing happens any longer");
    const { trace, consensus } = this.#site;
    this.#steps++;
    trace.mix(event.atMs * 1000);
    trace.mixText(event.label);
    const { owner } = event;
    try {
      event.run();
    } catch (error) {
      if (!(owner instanceof Process)) throw error;
      owner.fail(error);
    }
    if (owner instanceof Process) {
      await turnOfTheEventLoop();
      const { running } = owner;
      if (running !== undefined) consensus.observe(running.subject);
      for (const watcher of this.#watchers) watcher.check(owner);
    }
    this.#violations.throwIfAny();
  }

  #committed({ index, kind, data }: Entry): void {
    const { trace, history } = this.#site;
    trace.mix(index);
    if (kind === "command") history.committed(index, this.#model.apply(index, data));
  }

  async #heal(): Promise<void> {
    const { trace } = this.#site;
    trace.line(this.#schedule.nowMs, "", () => "everything is healed");
    this.#faults.heal();
    this.#operator.heal();
    if (!this.#operator.hasQuorum) return trace.happened("quorums lost for good");
    await this.#demandProgress();
    await this.#until(
      "agreement",
      this.#electionsMs(AGREEMENT_ELECTIONS) + this.#roundsMs(ROUNDS) +
        this.#entriesMs(this.#lastIndex - this.#leastIndex),
      () => this.#disagreement(),
    );
    await this.#demandAvailability();
  }

  /**
   * The disks of a minority, the leader's among them, hang or fill up: who asks
   * the others has writes answered, because the leader lets one of them lead.
   */
  async #demandAvailability(): Promise<void> {
    const { history, schedule, trace } = this.#site;
    await this.#until(
      "agreement",
      this.#electionsMs(AGREEMENT_ELECTIONS),
      () => this.#operator.isQuiet ? undefined : "a change of the members is under way",
    );
    // Learners that wait to be promoted count for nothing.
    const members = this.#machines.filter((machine) => this.#operator.isVoter(machine));
    const leads = ({ process }: Machine) => process?.running?.node.isLeader() === true;
    const random = new SeededRandom(this.#options.seed, 6);
    const victims = random.shuffled(members)
      .toSorted((a, b) => Number(leads(b)) - Number(leads(a)))
      .slice(0, Math.floor((members.length - 1) / 2));
    if (victims.length === 0) return;
    const hang = random.chance(0.5);
    for (const victim of victims) {
      trace.line(schedule.nowMs, victim.name, () => `its disk ${hang ? "hangs" : "is full"}`);
      if (hang) victim.stallDisk(Infinity);
      else victim.limitDisk(0);
    }
    const client = new Client(this.#clients.length + 2, this.#site);
    client.writeOnly((machine) => members.includes(machine) && !victims.includes(machine));
    client.start();
    for (let write = 1; write <= WRITES_WITHOUT; write++) {
      const isAnswered = history.expectAnswer();
      await this.#until(
        "availability",
        AVAILABLE_ELECTIONS * this.#electionMs() + this.#roundsMs(ROUNDS),
        () => isAnswered() ? undefined : `write ${write} without a minority of disks has no answer`,
      );
    }
    client.stop();
    trace.happened(`goes on while a minority's disks ${hang ? "hang" : "are full"}`);
  }

  /**
   * Commits resume, and a user who asks alone gets an answer. The others ask no
   * more: together they may want more than such disks get done within their
   * patience, and then each gives up although commits go on. Whoever has little of the
   * log is not asked: it answers a write when it has applied all that was before, which
   * may take longer than the user waits (seed 269403399745). That it catches up is
   * demanded after this.
   */
  async #demandProgress(): Promise<void> {
    const { history, log } = this.#site;
    for (const client of this.#clients) client.stop();
    this.#administrator.stop();
    const committed = log.lastIndex;
    const isAnswered = history.expectAnswer();
    const client = new Client(this.#clients.length + 1, this.#site);
    const hasLog = ({ process }: Machine) => process!.running!.core.lastIndex >= committed;
    client.writeOnly((machine) => this.#operator.isMember(machine) && hasLog(machine));
    client.start();
    await this.#until(
      "progress",
      PROGRESS_ELECTIONS * this.#electionMs() + this.#entriesMs(this.#lastIndex - committed),
      () => log.lastIndex > committed ? undefined : `nothing was committed after ${committed}`,
    );
    await this.#until(
      "progress",
      this.#electionsMs(PROGRESS_ELECTIONS) + this.#roundsMs(ROUNDS) +
        this.#entriesMs(this.#lastIndex - log.lastIndex),
      () => isAnswered() ? undefined : "no new write was answered",
    );
    client.stop();
  }

  /**
   * A time-out, and the slack that an election needs on disks and links that are
   * not much faster than it (paper §5.6): a vote is saved twice and travels twice.
   * Seed 7056018 with 200 steps: two members, whose every other vote came too late.
   */
  #electionMs(): number {
    const { disk, network } = this.#profile;
    return this.#electionsMs(1) + SLACK * 2 * (disk.syncMs + network.delayMs);
  }

  #electionsMs(elections: number): number {
    const { limits, tickMs } = this.#profile;
    return elections * limits.electionTicks * tickMs;
  }

  /** What disks and links take for so many syncs and round trips in a row. */
  #roundsMs(rounds: number): number {
    const { disk, network } = this.#profile;
    return rounds * (disk.syncMs + 2 * network.delayMs);
  }

  #entriesMs(entries: number): number {
    return this.#roundsMs(ROUNDS_FOR_ENTRY * Math.max(0, entries));
  }

  /** Of the longest log that runs. */
  get #lastIndex(): number {
    return Math.max(
      ...this.#machines.map(({ process }) => process?.running?.core.lastIndex ?? 0),
    );
  }

  /** Of the shortest log that is to become as long; a machine that does not run may have to begin. */
  get #leastIndex(): number {
    return Math.min(
      ...this.#machines.filter(({ isRemoved }) => !isRemoved)
        .map(({ process }) => process?.running?.core.lastIndex ?? 0),
    );
  }

  /** Steps until `lack` finds nothing any longer, for `patienceMs` at most. */
  #until(property: string, patienceMs: number, lack: () => string | undefined): Promise<void> {
    return waitUntil(property, patienceMs, lack, {
      nowMs: () => this.#schedule.nowMs,
      step: () => this.#step(),
      violations: this.#violations,
    });
  }

  /** What keeps the members from being one, in words. */
  #disagreement(): string | undefined {
    const { best } = this.#operator;
    if (best === undefined) return "nobody runs";
    const { members } = best.node.configuration();
    const { appliedIndex } = best.core;
    const digest = best.store.digest();
    for (const { id, name, voter, learner } of members.filter((one) => !isReserved(one))) {
      const running = this.#machines.find(({ process }) => process?.running?.core.id === id)
        ?.process?.running;
      if (running === undefined) return `member ${name} does not run`;
      if (!voter && !learner) return `member ${name} has no vote`;
      const { core, store } = running;
      if (core.appliedIndex !== appliedIndex) {
        return `${name} has applied ${core.appliedIndex} of ${appliedIndex} entries`;
      }
      if (store.digest() !== digest) return `${name} has another digest`;
    }
    return this.#stranger(members);
  }

  /** A process that should have joined by now, or been told that it was removed. */
  #stranger(members: readonly Member[]): string | undefined {
    const isMember = ({ process }: Machine) =>
      members.some(({ id }) => id === process?.running?.core.id);
    const inside = this.#machines.filter(isMember);
    const stranger = this.#machines.find((machine) => {
      if (machine.process === undefined || isMember(machine)) return false;
      const { running } = machine.process;
      if (running === undefined) return members.length < this.#profile.limits.membersMax;
      // Who knows no member's address any longer can't be told.
      return inside.some((member) => running.peers.knows(member));
    });
    return stranger && `${stranger.name} runs and is no member`;
  }
}

/** Everything that was promised has been done when this resolves. */
function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
