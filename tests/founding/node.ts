/**
 * One node of the simulated formation: the real core, turn and judgement, with a disk that
 * keeps what was saved; of a cluster only who has joined and who votes.
 */
import { FoundingCore, type Step } from "../../src/founding/core.ts";
import { Turn } from "../../src/founding/turn.ts";
import type { Answer, Ask, Choice, Pledge } from "../../src/founding/types.ts";
import { judge, type Sighting, type Verdict } from "../../src/member/formation.ts";
import { quorumSize } from "../../src/raft/quorum.ts";
import type { World } from "./world.ts";

const LOOK_MS = 25;
const PATIENCE_MS = 150;

/** What survives a crash. */
interface Directory {
  readonly incarnation: number;
  pledge: Pledge | undefined;
  /** Of which it is for ever. */
  cluster: number | undefined;
  /** Of a founder, its log: who was given a place, and which of these vote. */
  readonly places: Map<string, number>;
  readonly voters: Set<string>;
}

export class SimNode {
  readonly name: string;
  readonly #world: World;
  disk: Directory | undefined;
  isUp = false;
  /** Of the process: what was begun by an earlier one ends with it. */
  #life = 0;
  #core: FoundingCore | undefined;
  #turn: Turn | undefined;
  /** Undefined while it enters a cluster. */
  #isOpen = false;
  #steps: (() => void)[] = [];
  #isSaving = false;
  #chosen: Choice | undefined;
  #onOutcome: ((outcome: Step["outcome"]) => void) | undefined;

  constructor(name: string, world: World) {
    this.name = name;
    this.#world = world;
  }

  describe(): string {
    const { pledge, cluster, incarnation } = this.disk ?? {};
    const accepted = pledge?.accepted?.choice;
    return `${this.name} ${this.isUp ? "up" : "down"} ${incarnation}, promised ` +
      `${pledge?.promised.round}.${pledge?.promised.proposer}, accepted ` +
      `${accepted?.founder}, of ${cluster}`;
  }

  start(): void {
    const { random, profile: { names, graceMs } } = this.#world;
    this.isUp = true;
    this.#life++;
    this.#steps = [];
    this.#isSaving = false;
    this.#chosen = undefined;
    this.#onOutcome = undefined;
    const disk = this.disk ??= {
      ...{ incarnation: this.#world.newId(), pledge: undefined, cluster: undefined },
      ...{ places: new Map(), voters: new Set() },
    };
    if (disk.cluster !== undefined) return this.#live();
    this.#core = new FoundingCore({
      own: { clusterId: this.#world.newId(), founder: disk.incarnation, name: this.name },
      others: names.filter((name) => name !== this.name),
      pledge: disk.pledge,
    });
    this.#turn = new Turn({
      rank: names.indexOf(this.name),
      graceMs,
      random: random.next,
    });
    this.#isOpen = true;
    this.#look();
  }

  crash(): void {
    this.isUp = false;
    this.#life++;
  }

  /** Loses the directory; false where there is data. */
  wipe(): boolean {
    if (this.disk === undefined || this.disk.cluster !== undefined) return false;
    this.disk = undefined;
    return true;
  }

  #after(ms: number, run: () => void): void {
    const life = this.#life;
    this.#world.after(ms, () => life === this.#life && run());
  }

  /** Asks another node; `back` is called with its answer if this process lives to hear it. */
  #ask<T>(
    to: string,
    ask: (node: SimNode, answer: (it: T) => void) => void,
    back: (it: T) => void,
  ) {
    const life = this.#life;
    this.#world.send(this.name, to, (node) => {
      ask(node, (it) => {
        this.#world.send(to, this.name, () => life === this.#life && back(it));
      });
    });
  }

  /** As `Founder` does it: one step at a time, and nothing leaves before it is saved. */
  #step<T extends { readonly save: Pledge | undefined }>(step: () => T, then: (it: T) => void) {
    const take = () => {
      if (!this.#isOpen) return this.#stepped();
      const taken = step();
      const { save } = taken;
      if (save === undefined) {
        then(taken);
        return this.#stepped();
      }
      this.#isSaving = true;
      this.#after(this.#saveMs(), () => {
        this.#isSaving = false;
        this.#world.saved(this.name, this.disk!.pledge, save);
        this.disk!.pledge = save;
        this.#core!.saved(save);
        then(taken);
        this.#stepped();
      });
    };
    if (this.#isSaving) this.#steps.push(take);
    else take();
  }

  #stepped(): void {
    if (!this.#isSaving) this.#steps.shift()?.();
  }

  #saveMs(): number {
    const { random, profile, isHealed } = this.#world;
    return isHealed ? 1 : random.skewed(1, profile.saveMaxMs);
  }

  #others(): readonly string[] {
    return this.#world.profile.names.filter((name) => name !== this.name);
  }

  #forming(name: string) {
    const { names } = this.#world.profile;
    return { name, token: "t", members: names.map((name) => ({ name, peerUrls: [name] })) };
  }

  #look(): void {
    const others = this.#others();
    const seen = new Map<string, Sighting>(
      others.map((name) => [name, { kind: "silent", cause: "" }]),
    );
    let open = others.length;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      this.#judged(judge(this.#forming(this.name), seen));
    };
    for (const name of others) {
      this.#ask<Sighting>(name, (node, answer) => answer(node.#resident()), (sighting) => {
        seen.set(name, sighting);
        if (--open === 0) end();
      });
    }
    this.#after(PATIENCE_MS, end);
  }

  #resident(): Sighting {
    const clusterId = this.disk?.cluster;
    if (clusterId !== undefined) return { kind: "cluster", clusterId };
    const memberId = this.disk?.incarnation;
    return { kind: "blank", forming: this.#forming(this.name), memberId };
  }

  #judged(verdict: Verdict): void {
    const turn = this.#turn!;
    switch (verdict.kind) {
      case "enter":
        return this.#closed(() => this.#enter(verdict.clusterId, verdict.urls));
      case "refuse":
        return this.crash();
      case "wait":
        turn.interrupted();
        return this.#lookLater();
      case "decide":
        if (this.#chosen !== undefined) return this.#lookLater();
        if (turn.remainingMs(this.#world.nowMs, this.#core!.mayBeChosen) > 0) {
          return this.#lookLater();
        }
        return this.#propose();
    }
  }

  #lookLater(): void {
    this.#after(LOOK_MS, () => this.#look());
  }

  #propose(): void {
    const end = (outcome: Step["outcome"]) => {
      if (this.#onOutcome !== end) return;
      this.#onOutcome = undefined;
      if (outcome?.kind !== "chosen") {
        this.#turn!.failed(this.#world.nowMs);
        return this.#lookLater();
      }
      const { choice } = outcome;
      this.#world.chosen(choice);
      if (choice.founder === this.disk!.incarnation) return this.#closed(() => this.#found(choice));
      this.#chosen = choice;
      this.#lookLater();
    };
    this.#onOutcome = end;
    this.#step(() => this.#core!.propose(), (step) => this.#proceed(step));
    this.#after(2 * PATIENCE_MS, () => end(undefined));
  }

  #proceed({ asks, outcome }: Step): void {
    if (outcome !== undefined) this.#onOutcome?.(outcome);
    for (const { name, ask } of asks) {
      this.#ask<Answer>(name, (node, answer) => node.#asked(ask, answer), (answer) => {
        const step = () => this.#core!.answered(name, answer);
        this.#step(step, (step) => this.#proceed(step));
      });
    }
  }

  #asked(ask: Ask, answer: (it: Answer) => void): void {
    if (this.disk!.cluster !== undefined) return;
    this.#step(() => this.#core!.asked(ask), (it) => answer(it.answer));
  }

  /** Takes part no longer; what it was about to save is over first. */
  #closed(then: () => void): void {
    this.#isOpen = false;
    if (!this.#isSaving) return then();
    this.#after(1, () => this.#closed(then));
  }

  #found({ clusterId }: Choice): void {
    this.#after(this.#saveMs(), () => {
      this.#world.founds(this.disk!.incarnation, clusterId);
      this.disk!.cluster = clusterId;
      this.disk!.voters.add(this.name);
      this.#live();
    });
  }

  #enter(clusterId: number, names: readonly string[]): void {
    const { incarnation } = this.disk!;
    let isOver = false;
    for (const name of names) {
      this.#ask<boolean>(
        name,
        (node, answer) => node.#joined(this.name, incarnation, answer),
        () => {
          if (isOver) return;
          isOver = true;
          this.#after(this.#saveMs(), () => {
            this.disk!.cluster = clusterId;
            this.#live();
          });
        },
      );
    }
    this.#after(PATIENCE_MS, () => {
      if (isOver) return;
      isOver = true;
      this.#isOpen = true;
      this.#look();
    });
  }

  /** A newcomer asks for its place; only the founder gives it. */
  #joined(name: string, incarnation: number, answer: (it: boolean) => void): void {
    const { places, voters } = this.disk!;
    if (!voters.has(this.name)) return;
    if ((places.get(name) ?? incarnation) !== incarnation) return;
    places.set(name, incarnation);
    answer(true);
  }

  /** Says again and again that it follows: the founder counts it then. */
  #live(): void {
    const { cluster, incarnation } = this.disk!;
    for (const name of this.#others()) {
      this.#world.send(this.name, name, (node) => node.#follows(this.name, incarnation, cluster!));
    }
    this.#after(2 * LOOK_MS, () => this.#live());
  }

  #follows(name: string, incarnation: number, clusterId: number): void {
    const { cluster, places, voters } = this.disk!;
    if (cluster !== clusterId || places.get(name) !== incarnation) return;
    voters.add(name);
    const quorum = quorumSize(this.#world.profile.names.length);
    if (voters.size >= quorum) this.#world.serves(clusterId);
  }
}
