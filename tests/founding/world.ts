/**
 * Nodes of one `--initial-cluster` in simulated time, on a network that loses, repeats, delays
 * and cuts off, with crashes and wiped directories; and what must hold after every step.
 */
import type { Choice, Pledge } from "../../src/founding/types.ts";
import { quorumSize } from "../../src/raft/quorum.ts";
import { SeededRandom } from "../sim/random.ts";
import { SimNode } from "./node.ts";

/** What a seed does to the nodes. Times are in milliseconds. */
interface Profile {
  readonly names: readonly string[];
  /** Named, and never started. */
  readonly absent: ReadonlySet<string>;
  readonly lossMax: number;
  readonly repeats: number;
  readonly delayMaxMs: number;
  /** Whether most messages take long, and not only some. */
  readonly isSlow: boolean;
  readonly saveMaxMs: number;
  /** From one node's turn to propose to the next one's. */
  readonly graceMs: number;
  /** From one fault to the next, on average. */
  readonly faultEveryMs: number;
  /** Of crashes that also lose the directory; only nodes without data are wiped. */
  readonly wipes: number;
  readonly chaosMs: number;
}

const HEALED_MS = 20_000;

/** A property does not hold. */
export class FoundingViolation extends Error {
  override readonly name = "FoundingViolation";
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class World {
  readonly random: SeededRandom;
  readonly profile: Profile;
  readonly nodes: readonly SimNode[];
  nowMs = 0;
  steps = 0;
  isHealed = false;
  wiped = 0;
  /** Clusters of which a majority of those named votes. */
  readonly served = new Set<number>();
  /** By the incarnation that founded it. */
  readonly founded = new Map<number, number>();
  readonly #quorum: number;
  readonly #events: Event[] = [];
  readonly #cut = new Set<string>();
  /** By ballot: who has accepted, on disk. */
  readonly #accepted = new Map<string, Set<string>>();
  readonly #decided = new Map<string, Choice>();
  #order = 0;
  #ids = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed, 17);
    this.profile = makeProfile(this.random);
    this.#quorum = quorumSize(this.profile.names.length);
    this.nodes = this.profile.names.map((name) => new SimNode(name, this));
  }

  newId(): number {
    // In no order, or the ballots of later incarnations would always be the higher ones.
    return this.random.integer(1, 1000) * 1000 + ++this.#ids;
  }

  after(ms: number, run: () => void): void {
    const event = { atMs: this.nowMs + ms, order: this.#order++, run };
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, events[parent]!)) break;
      events[at] = events[parent]!;
      at = parent;
    }
    events[at] = event;
  }

  /** Carries a message, or loses or repeats it. */
  send(from: string, to: string, deliver: (node: SimNode) => void): void {
    const { lossMax, repeats } = this.profile;
    const { random } = this;
    const times = this.isHealed || !random.chance(repeats) ? 1 : 2;
    for (let i = 0; i < times; i++) {
      if (!this.isHealed && random.chance(lossMax)) continue;
      const ms = this.isHealed ? random.between(1, 5) : this.#delayMs();
      this.after(ms, () => {
        const node = this.nodes.find(({ name }) => name === to)!;
        if (node.isUp && !this.#cut.has(pairOf(from, to))) deliver(node);
      });
    }
  }

  #delayMs(): number {
    const { delayMaxMs, isSlow } = this.profile;
    return isSlow ? this.random.between(1, delayMaxMs) : this.random.skewed(1, delayMaxMs);
  }

  /** Runs the seed. Throws `FoundingViolation`. */
  run(): void {
    const { chaosMs, absent } = this.profile;
    for (const node of this.nodes) {
      if (!absent.has(node.name)) this.after(this.random.between(0, 600), () => node.start());
    }
    this.#faultLater();
    this.#runUntil(() => this.nowMs >= chaosMs);
    this.isHealed = true;
    this.#cut.clear();
    const gone = this.#gone();
    for (const node of this.nodes) {
      if (absent.has(node.name)) continue;
      if (gone.has(node.name)) node.crash();
      else if (!node.isUp) node.start();
    }
    const endMs = this.nowMs + HEALED_MS;
    this.#runUntil(() => this.served.size > 0 || this.nowMs >= endMs);
    const mustForm = this.wiped === 0 && !this.#dependsOn(gone);
    if (mustForm && this.served.size === 0) throw this.#violation("a cluster is formed");
  }

  /** Those who never come back: never so many that a majority of those named is missing. */
  #gone(): ReadonlySet<string> {
    const { names, absent } = this.profile;
    const room = names.length - absent.size - this.#quorum;
    const started = names.filter((name) => !absent.has(name));
    const gone = new Set<string>();
    while (gone.size < room && this.random.chance(0.3)) gone.add(this.random.pick(started));
    return gone;
  }

  /** Whether it may be that one of `gone` was chosen: then nobody else may found. */
  #dependsOn(gone: ReadonlySet<string>): boolean {
    const lost = new Set(
      this.nodes.filter(({ name }) => gone.has(name)).map(({ disk }) => disk?.incarnation),
    );
    return [...this.founded.keys()].some((founder) => lost.has(founder)) ||
      this.nodes.some(({ disk }) => lost.has(disk?.pledge?.accepted?.choice.founder));
  }

  /** On the disk of `name`. */
  saved(name: string, before: Pledge | undefined, pledge: Pledge): void {
    if (before !== undefined && pledge.promised.round < before.promised.round) {
      throw this.#violation("a promise is kept");
    }
    const { accepted } = pledge;
    if (accepted === undefined || accepted === before?.accepted) return;
    this.#wipeSoon(name);
    const { ballot: { round, proposer }, choice } = accepted;
    const key = `${round}.${proposer}.${choice.clusterId}.${choice.founder}`;
    const names = this.#accepted.get(key) ?? new Set();
    this.#accepted.set(key, names.add(name));
    if (names.size < this.#quorum) return;
    this.#decided.set(`${choice.clusterId}.${choice.founder}`, choice);
    if (this.wiped === 0 && this.#decided.size > 1) throw this.#violation("one is decided");
  }

  /** A node has learned that `choice` is final. */
  chosen(choice: Choice): void {
    if (!this.#decided.has(`${choice.clusterId}.${choice.founder}`)) {
      throw this.#violation("what is chosen was decided");
    }
  }

  founds(founder: number, clusterId: number): void {
    this.chosen({ founder, clusterId, name: "" });
    if (this.founded.has(founder)) throw this.#violation("an incarnation founds once");
    this.founded.set(founder, clusterId);
    if (this.wiped === 0 && this.founded.size > 1) throw this.#violation("one founds");
  }

  serves(clusterId: number): void {
    this.served.add(clusterId);
    if (this.served.size > 1) throw this.#violation("one cluster serves");
  }

  #violation(property: string): FoundingViolation {
    const { names, absent, wipes } = this.profile;
    return new FoundingViolation(
      `${property}: does not hold at step ${this.steps}, ${Math.round(this.nowMs)} ms; ` +
        `${names.length} nodes, absent ${[...absent].join()}, wipes ${wipes}, ` +
        this.nodes.map((node) => node.describe()).join("; "),
    );
  }

  #runUntil(isOver: () => boolean): void {
    while (!isOver()) {
      const event = this.#next();
      if (event === undefined) return;
      this.nowMs = event.atMs;
      this.steps++;
      event.run();
    }
  }

  #next(): Event | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === undefined || last === undefined || events.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1]!, events[child]!)) child++;
      if (!isBefore(events[child]!, last)) break;
      events[at] = events[child]!;
      at = child;
    }
    events[at] = last;
    return first;
  }

  #faultLater(): void {
    this.after(this.random.exponential(this.profile.faultEveryMs), () => {
      if (this.isHealed) return;
      this.#fault();
      this.#faultLater();
    });
  }

  #fault(): void {
    const { random } = this;
    const { absent, wipes } = this.profile;
    if (random.chance(0.4)) {
      this.#cut.clear();
      if (random.chance(0.3)) return;
      const side = new Set(this.nodes.filter(() => random.chance(0.5)));
      for (const one of this.nodes) {
        for (const other of this.nodes) {
          if (side.has(one) !== side.has(other)) this.#cut.add(pairOf(one.name, other.name));
        }
      }
      return;
    }
    const node = random.pick(this.nodes);
    if (absent.has(node.name)) return;
    this.#crash(node, random.chance(wipes));
  }

  #crash(node: SimNode, wipes: boolean): void {
    node.crash();
    if (wipes && node.wipe()) this.wiped++;
    this.after(this.random.exponential(100), () => node.isUp || this.isHealed || node.start());
  }

  /** What a node forgets when it has just accepted a founder is what others count on. */
  #wipeSoon(name: string): void {
    const { wipes } = this.profile;
    if (this.isHealed || wipes === 0 || !this.random.chance(wipes / 2)) return;
    const node = this.nodes.find((node) => node.name === name)!;
    this.after(this.random.between(0, 40), () => this.isHealed || this.#crash(node, true));
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || one.atMs === other.atMs && one.order < other.order;
}

function pairOf(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}

function makeProfile(random: SeededRandom): Profile {
  const count = random.chance(0.6) ? 3 : 5;
  const names = Array.from({ length: count }, (_, i) => `m${i + 1}`);
  const absent = new Set<string>();
  if (random.chance(0.5)) {
    if (random.chance(0.6)) absent.add("m1");
    while (absent.size < count - quorumSize(count) && random.chance(0.4)) {
      absent.add(random.pick(names));
    }
  }
  const isCalm = random.chance(0.2);
  return {
    names,
    absent,
    lossMax: isCalm ? 0 : random.between(0, 0.3),
    repeats: random.between(0, 0.3),
    delayMaxMs: random.skewed(2, 400),
    isSlow: random.chance(0.5),
    saveMaxMs: random.skewed(1, 100),
    // With hardly any they all propose against each other.
    graceMs: random.chance(0.5) ? 300 : random.between(1, 60),
    faultEveryMs: isCalm ? Infinity : random.between(30, 400),
    wipes: random.chance(0.3) ? random.between(0.1, 0.8) : 0,
    chaosMs: random.between(300, 2_500),
  };
}
