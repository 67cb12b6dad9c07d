/**
 * Histories of clients of an atomic store, from a seed: calls, effects and
 * returns in any order, keys that go by themselves, answers that get lost before
 * or after the effect. And the same with one fault planted, to prove that a
 * checker finds it.
 */
import { SeededRandom } from "../sim/random.ts";
import type { WatchedEvent } from "./by_index.ts";
import { History, type Operation, type Outcome } from "./history.ts";

export type Fault =
  /** A linearizable read answers from before an acknowledged write; its index tells. */
  | "stale read"
  /** The same, and its index lies. */
  | "stale read with a new index"
  /** An acknowledged write that never took effect. */
  | "lost write"
  /** A write that takes effect twice. */
  | "duplicated write"
  /** Two test-and-sets succeed on one value. */
  | "test-and-set that is not atomic";

export const FAULTS: readonly Fault[] = [
  "stale read",
  "stale read with a new index",
  "lost write",
  "duplicated write",
  "test-and-set that is not atomic",
];

export interface SimulationOptions {
  readonly seed: number;
  readonly operations: number;
  readonly keys: number;
  readonly clients: number;
  /** Share of requests whose answer is lost. */
  readonly lost: number;
  readonly fault?: Fault;
}

/** What one client waits for. */
interface Pending {
  readonly asked: Omit<Operation, "end" | "outcome">;
  readonly loses: "nothing" | "answer" | "request";
  outcome: Outcome | undefined;
}

interface Held {
  readonly value: string;
  readonly fades: boolean;
}

/** What was at a key before its newest change. */
interface Older {
  readonly held: Held;
  readonly index: number;
  /** When the newest change was acknowledged. */
  toldAt: number;
}

export interface SimulatedHistory {
  readonly operations: readonly Operation[];
  /** All changes, as a watcher of everything sees them. */
  readonly events: readonly WatchedEvent[];
  /** Whether the fault found its occasion. */
  readonly planted: boolean;
}

/** The same options give the same history. */
export function simulateClients(options: SimulationOptions): SimulatedHistory {
  const clients = new SimulatedClients(options);
  clients.run();
  return clients;
}

class SimulatedClients implements SimulatedHistory {
  readonly #history = new History();
  readonly events: WatchedEvent[] = [];
  planted = false;
  readonly #options: SimulationOptions;
  readonly #random: SeededRandom;
  readonly #state = new Map<string, Held>();
  readonly #older = new Map<string, Older>();
  readonly #pending: (Pending | undefined)[];
  /** Requests whose client gave up and that may still take effect. */
  readonly #ghosts: Pending[] = [];
  #asked = 0;
  #index = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed, 900);
    this.#pending = Array.from({ length: options.clients }, () => undefined);
  }

  get operations(): readonly Operation[] {
    return this.#history.operations;
  }

  run(): void {
    const { operations, clients } = this.#options;
    while (this.#asked < operations || this.#pending.some((pending) => pending !== undefined)) {
      if (this.#ghosts.length > 0 && this.#random.chance(0.02)) this.#haunt();
      if (this.#random.chance(0.01)) this.#fade();
      this.#move(this.#random.integer(0, clients - 1));
    }
  }

  /** The next phase of one client: call, effect, return. */
  #move(client: number): void {
    const pending = this.#pending[client];
    if (pending === undefined) {
      if (this.#asked < this.#options.operations) this.#pending[client] = this.#call(client);
    } else if (pending.outcome === undefined) {
      pending.outcome = { type: "unknown" };
      if (pending.loses === "request") {
        this.#ghosts.push(pending);
        this.#return(client, pending);
      } else pending.outcome = this.#take(pending.asked);
    } else {
      if (pending.loses === "answer") pending.outcome = { type: "unknown" };
      this.#return(client, pending);
    }
  }

  #call(client: number): Pending {
    const number = ++this.#asked;
    const key = `/k${this.#random.integer(1, this.#options.keys)}`;
    const base = { client: `c${client}`, key, call: this.#history.tick() };
    const loses = this.#random.chance(this.#options.lost)
      ? this.#random.pick(["answer", "request"] as const)
      : "nothing";
    const value = `v${number}`;
    const kinds = [["set", 3], ["cas", 3], ["ttl", 0.3], ["remove", 0.5], ["read", 4]] as const;
    switch (this.#random.weighted(kinds)) {
      case "set":
        return { asked: { ...base, kind: "set", value }, loses, outcome: undefined };
      case "ttl":
        return { asked: { ...base, kind: "set", value, fades: true }, loses, outcome: undefined };
      case "cas": {
        const expected = this.#state.get(key)?.value ?? "none";
        return { asked: { ...base, kind: "set", value, expected }, loses, outcome: undefined };
      }
      case "remove":
        return { asked: { ...base, kind: "remove" }, loses, outcome: undefined };
      case "read":
        return { asked: { ...base, kind: "read" }, loses, outcome: undefined };
    }
  }

  #return(client: number, { asked, outcome }: Pending): void {
    this.#pending[client] = undefined;
    this.#history.add(asked, outcome!);
    const older = this.#older.get(asked.key);
    const tells = asked.kind !== "read" && outcome?.type === "ok" &&
      outcome.index === (older?.index ?? 0) + 1;
    if (older !== undefined && tells) older.toldAt = this.#history.tick();
  }

  #haunt(): void {
    const [ghost] = this.#ghosts.splice(this.#random.integer(0, this.#ghosts.length - 1), 1);
    if (this.#random.chance(0.5)) this.#take(ghost!.asked);
  }

  #fade(): void {
    const key = `/k${this.#random.integer(1, this.#options.keys)}`;
    const held = this.#state.get(key);
    if (held?.fades === true) this.#change(key, undefined);
  }

  /** Takes effect. */
  #take(asked: Pending["asked"]): Outcome {
    const { kind, key, value, expected, fades = false, call } = asked;
    const held = this.#state.get(key);
    const older = this.#older.get(key);
    const fault = this.planted || this.#asked < this.#options.operations / 2
      ? undefined
      : this.#options.fault;
    if (kind === "read") {
      const isStale = (fault === "stale read" || fault === "stale read with a new index") &&
        older !== undefined && older.toldAt < call;
      if (isStale) {
        this.planted = true;
        const index = fault === "stale read" ? older.index : this.#index;
        return { type: "ok", found: older.held.value, index };
      }
      if (held === undefined) return { type: "rejected", found: undefined };
      return { type: "ok", found: held.value, index: this.#index };
    }
    if (kind === "remove" && held === undefined) return { type: "rejected", found: undefined };
    if (expected !== undefined && held?.value !== expected) {
      const wins = fault === "test-and-set that is not atomic" && older?.held.value === expected;
      if (!wins) return { type: "rejected", found: held?.value };
      this.planted = true;
      this.#change(key, { value: value!, fades });
      return { type: "ok", found: expected, index: this.#index };
    }
    if (fault === "lost write" && kind === "set" && held !== undefined && !held.fades) {
      this.planted = true;
      return { type: "ok", found: held.value, index: ++this.#index };
    }
    if (fault === "duplicated write" && older !== undefined && kind === "set") {
      this.planted = true;
      this.#change(key, { value: value!, fades: false });
      const index = this.#index;
      this.#change(key, older.held);
      return { type: "ok", found: held?.value, index };
    }
    this.#change(key, kind === "set" ? { value: value!, fades } : undefined);
    return { type: "ok", found: held?.value, index: this.#index };
  }

  #change(key: string, next: Held | undefined): void {
    const held = this.#state.get(key);
    const index = ++this.#index;
    this.events.push({ index, key, value: next?.value, prevValue: held?.value });
    if (held !== undefined) {
      this.#older.set(key, { held, index: index - 1, toldAt: Infinity });
    }
    if (next === undefined) this.#state.delete(key);
    else this.#state.set(key, next);
  }
}
