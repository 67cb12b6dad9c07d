/**
 * Whoever runs the cluster: starts what went down, adds, removes, wipes and
 * moves machines. Careful only where a careless one would lose the quorum for
 * good: at any time a majority of every configuration that may come into effect
 * has its disk.
 */
import type { Node } from "../../src/node/node.ts";
import type { MemberWish } from "../../src/node/ports.ts";
import { isReserved } from "../../src/raft/configuration.ts";
import type { Configuration, Member, MemberId } from "../../src/raft/types.ts";
import type { Result } from "../../src/store/result.ts";
import type { Machine } from "./machine.ts";
import type { Process, Running } from "./process.ts";
import type { ExitReason } from "./process_end.ts";
import { SeededRandom } from "./random.ts";
import type { Site } from "./site.ts";

/** Machines that one run may have. */
const MACHINES_MAX = 12;

/** Where nobody lives. */
const NOWHERE = "http://10.9.9.9:7000";

export class Operator {
  readonly #site: Site;
  readonly #random: SeededRandom;
  readonly #addMachine: () => Machine;
  /** Incarnations whose disk is gone. */
  readonly #lost = new Set<MemberId>();
  /** Until then a change of members that was asked for may still take effect. */
  #changingUntilMs = 0;
  #hasMoved = false;
  #healed = false;

  constructor(site: Site, addMachine: () => Machine) {
    this.#site = site;
    this.#random = new SeededRandom(site.seed, 3);
    this.#addMachine = addMachine;
  }

  /** The most advanced running member. */
  get best(): Running | undefined {
    let best: Running | undefined;
    for (const { process } of this.#site.machines) {
      const running = process?.running;
      if (running === undefined) continue;
      if (best === undefined || running.core.appliedIndex > best.core.appliedIndex) best = running;
    }
    return best;
  }

  /** Whether `machine` is part of the cluster, as its most advanced member knows it. */
  isMember({ memberId }: Machine): boolean {
    return this.#members.some(({ id }) => id === memberId);
  }

  /** Whether `machine` votes, as the most advanced member knows it. */
  isVoter({ memberId }: Machine): boolean {
    return this.#members.some(({ id, voter }) => id === memberId && voter);
  }

  /** Starts `machine` after a while. */
  restartLater(machine: Machine, meanMs: number): void {
    this.#site.schedule.after(this.#random.exponential(meanMs), "start", undefined, () => {
      if (!machine.isRemoved) this.start(machine);
    });
  }

  exited(machine: Machine, reason: ExitReason): void {
    this.#site.trace.happened(`exits: ${reason}`);
    if (reason === "removed") return;
    if (reason === "damaged") {
      this.#loseIncarnation(machine);
      machine.wipe();
    }
    this.restartLater(machine, this.#healed ? this.#electionMs / 2 : this.#electionMs * 2);
  }

  /** A machine joins: a new one, or one that was removed. */
  add(): boolean {
    const { machines, profile } = this.#site;
    const members = this.best?.node.configuration().members.length ?? 0;
    if (members === 0 || members >= profile.limits.membersMax) return false;
    const retired = machines.filter((machine) => machine.isRemoved);
    if (retired.length > 0 && this.#random.chance(0.5)) {
      const machine = this.#random.pick(retired);
      machine.wipe();
      this.start(machine);
      return true;
    }
    if (machines.length >= MACHINES_MAX) return false;
    this.start(this.#addMachine());
    return true;
  }

  /** A member is removed by name. */
  remove(): boolean {
    return this.#removeOne(
      (member) => !isReserved(member),
      (node, { name }, done) => node.removeMember(name, done),
    );
  }

  /** The members are changed by id, as etcd's clients do it. */
  changeById(): boolean {
    const isLearning = this.#members.some(({ learner }) => learner);
    if (isLearning && this.#random.chance(0.5)) return this.#promote();
    switch (this.#random.pick(["reserve", "reserve", "remove", "update"] as const)) {
      case "reserve":
        return this.#reserve();
      case "remove":
        return this.#removeOne(
          () => true,
          (node, { id }, done) => node.changeMembers({ kind: "remove", id }, done),
        );
      case "update":
        return this.#update();
    }
  }

  #removeOne(
    mayGo: (member: Member) => boolean,
    ask: (node: Node<Result>, member: Member, done: () => void) => void,
  ): boolean {
    const members = this.#members;
    const isSafe = members.every(({ id }) => !this.#lost.has(id));
    const candidates = members.filter(mayGo);
    const asked = this.#served();
    if (members.length < 2 || candidates.length === 0 || asked === undefined) return false;
    if (!isSafe || !this.#mayChange) return false;
    const member = this.#random.pick(candidates);
    ask(asked.running!.node, member, this.#changing(asked));
    return true;
  }

  /** Nobody moves, and nobody else is removed, until what is returned has been called, and some time longer. */
  #changing(asked: Process): () => void {
    const { schedule, profile } = this.#site;
    this.#changingUntilMs = Infinity;
    const settle = () => {
      // The leader may hold the wish for as long again before it drops it.
      this.#changingUntilMs = schedule.nowMs + 4 * profile.limits.requestTicks * profile.tickMs;
    };
    const forget = asked.onDeath(settle);
    return () => {
      forget();
      settle();
    };
  }

  /** A place is reserved, and most often a machine comes to take it. */
  #reserve(): boolean {
    const { machines, profile, trace } = this.#site;
    const count = this.#members.length;
    const asked = this.#served();
    if (count === 0 || count >= profile.limits.membersMax || asked === undefined) return false;
    if (machines.length >= MACHINES_MAX) return false;
    const machine = this.#addMachine();
    const learner = this.#random.chance(0.4);
    const wish: MemberWish = { kind: "add", peerUrls: [machine.url], learner };
    asked.running!.node.changeMembers(wish, (outcome) => {
      trace.happened(outcome.ok ? "places reserved" : "places refused");
      if (this.#random.chance(0.8)) this.restartLater(machine, this.#electionMs);
    });
    return true;
  }

  /** Some member's addresses are changed: a place's, or those of one that runs elsewhere. */
  #update(): boolean {
    const asked = this.#served();
    // Who is nowhere by the log has to find the others by it, so a learner, whose log may not have
    // begun, is left where it is.
    const known = this.#members.filter(({ assigned }) => !assigned);
    const voters = known.filter(({ voter }) => voter);
    if (asked === undefined || known.length < this.#members.length || voters.length === 0) {
      return false;
    }
    // Or the operator would send one that has just moved back to where it was (seed 865388166297).
    if (!this.#mayChange || this.#site.schedule.nowMs < this.#changingUntilMs) return false;
    const { id, peerUrls } = this.#random.pick(voters);
    const wish: MemberWish = { kind: "update", id, peerUrls: [NOWHERE, ...peerUrls] };
    const changed = this.#changing(asked);
    asked.running!.node.changeMembers(wish, (outcome) => {
      changed();
      if (outcome.ok) this.#site.trace.happened("addresses assigned");
    });
    return true;
  }

  #promote(): boolean {
    const asked = this.#served();
    const learners = this.#members.filter(({ learner }) => learner);
    if (asked === undefined || learners.length === 0) return false;
    const { id } = this.#random.pick(learners);
    asked.running!.node.changeMembers({ kind: "promote", id }, (outcome) => {
      if (outcome.ok) this.#site.trace.happened("learners promoted");
    });
    return true;
  }

  /** By the most advanced member. */
  get #members(): readonly Member[] {
    return this.best?.node.configuration().members ?? [];
  }

  /** A process that can be asked. */
  #served(): Process | undefined {
    const serving = this.#site.machines.filter(({ process }) => process?.running !== undefined);
    return serving.length === 0 ? undefined : this.#random.pick(serving).process;
  }

  /** A machine loses its disk, and joins again under its name. */
  wipe(): boolean {
    const machine = this.#expendable();
    if (machine === undefined || !this.#mayChange) return false;
    this.#loseIncarnation(machine);
    machine.wipe();
    this.restartLater(machine, this.#electionMs * 2);
    return true;
  }

  /** Whether all members run and agree who they are, and nobody's wish to change that waits. */
  get isQuiet(): boolean {
    return this.#site.schedule.nowMs >= this.#changingUntilMs && this.#isSettled;
  }

  /** A machine comes back under another address. */
  move(): boolean {
    if (!this.isQuiet) return false;
    const machine = this.#random.pick(this.#site.machines.filter((each) => this.isMember(each)));
    this.#hasMoved = true;
    machine.kill();
    machine.move();
    this.restartLater(machine, this.#electionMs);
    return true;
  }

  /** A bit of a machine's log or snapshot turns while it is down for a moment. */
  flipBit(): boolean {
    const machine = this.#expendable();
    if (machine === undefined) return false;
    machine.kill();
    const where = machine.damage((name) => /^(wal|snapshot)-\d/.test(name));
    this.#site.trace.line(this.#site.schedule.nowMs, machine.name, () => `bit flip in ${where}`);
    this.start(machine);
    return where !== undefined;
  }

  /** From now on machines are only started. */
  heal(): void {
    this.#healed = true;
    for (const machine of this.#site.machines) {
      if (!machine.isUp && !machine.isRemoved) this.start(machine);
    }
  }

  /** Whether the cluster can go on: a majority of every configuration has its disk. */
  get hasQuorum(): boolean {
    return this.#configurations().every(({ members }) => {
      const voters = members.filter(({ voter }) => voter);
      return 2 * voters.filter(({ id }) => !this.#lost.has(id)).length > voters.length;
    });
  }

  /**
   * Members that moved are found by those they know, and must be, before these
   * leave. Others may come, and lead (seed 84373576768).
   */
  get #mayChange(): boolean {
    return !this.#hasMoved || this.#isSettled;
  }

  /** Whether all members run, and each has it in its log where all of them are. */
  get #isSettled(): boolean {
    const members = this.#members.filter((member) => !isReserved(member));
    const here = this.#site.machines.filter((machine) => this.isMember(machine));
    return here.length > 0 && here.length === members.length && here.every(({ process }) => {
      const core = process?.running?.core;
      return core !== undefined && core.configurationIndex <= core.appliedIndex &&
        here.every(({ memberId, url }) =>
          core.configuration.members.some(({ id, peerUrls }) =>
            id === memberId && peerUrls.includes(url)
          )
        );
    });
  }

  get #electionMs(): number {
    const { limits, tickMs } = this.#site.profile;
    return limits.electionTicks * tickMs;
  }

  /** Starts `machine`, with the addresses of some others if it has to join. */
  start(machine: Machine): void {
    if (machine.isFounder) return machine.start([]);
    const others = this.#random.shuffled(this.#site.machines.filter((other) => other !== machine));
    const isServing = ({ process }: Machine) => process?.running !== undefined;
    const chosen = [...others.filter(isServing), ...others.filter((each) => !isServing(each))];
    machine.start(chosen.slice(0, 3).map(({ url }) => url));
  }

  /** A machine whose disk may go. */
  #expendable(): Machine | undefined {
    if (this.#site.schedule.nowMs < this.#changingUntilMs) return undefined;
    const candidates = this.#site.machines.filter((machine) => {
      const id = machine.process?.running?.core.id;
      return id !== undefined &&
        this.#configurations().every((configuration) => this.#survives(configuration, id));
    });
    return candidates.length === 0 ? undefined : this.#random.pick(candidates);
  }

  /** Every configuration that may come into effect. */
  #configurations(): Configuration[] {
    return this.#site.log.possibleConfigurations();
  }

  /**
   * Whether a majority of the voters keeps its disk without `id`, also once all
   * learners vote. A disk with a turned bit that nobody has read yet may be lost.
   */
  #survives(configuration: Configuration, id: MemberId): boolean {
    // Nobody is at a place that is reserved: it can't vote.
    const members = configuration.members.filter((member) => !isReserved(member));
    const suspects = this.#site.machines.filter(({ mayBeDamaged }) => mayBeDamaged);
    const isKept = (member: { readonly id: MemberId }) =>
      member.id !== id && !this.#lost.has(member.id) &&
      !suspects.some(({ memberId }) => memberId === member.id);
    const voters = members.filter(({ voter }) => voter);
    // A learner may become a voter before its loss is noticed, and before others do.
    const promoted = members.filter((member) => member.voter || member.id === id);
    return [voters, promoted, members]
      .every((all) => 2 * all.filter(isKept).length > all.length);
  }

  #loseIncarnation(machine: Machine): void {
    const id = machine.memberId;
    if (id !== undefined) this.#lost.add(id);
  }
}
