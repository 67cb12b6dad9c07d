/**
 * Users of all nodes at once: sets, test-and-sets, reads, deletes and keys with
 * a TTL, each noted with what came of it.
 */
import type { Answer, AskOptions } from "../cluster/client.ts";
import type { TestCluster } from "../cluster/harness.ts";
import type { TestNode } from "../cluster/test_node.ts";
import { pause } from "../cluster/wait.ts";
import { History, type Operation, type Outcome } from "../linearizability/history.ts";
import { outcomeOf } from "../linearizability/v1_outcome.ts";
import { SeededRandom } from "../sim/random.ts";
import { padded, unpadded } from "./padding.ts";
import type { ChaosUsers } from "./users.ts";

/** All keys of the load are under it. */
export const ROOT = "/chaos";

/** Kinds of keys, apart so that what may go by itself does not blur the others. */
const REGISTERS = `${ROOT}/registers`;
const REMOVED = `${ROOT}/removed`;
const BRIEF = `${ROOT}/brief`;
export const BULK = `${ROOT}/bulk`;
export const FRESH = `${ROOT}/fresh`;

const REGISTER_KEYS = 16;
const REMOVED_KEYS = 4;
const BRIEF_KEYS = 4;

const ODDITY_LENGTH = 500;

/** Longer than an election; what a paused node holds up ends as unknown. */
const TIMEOUT_MS = 4_000;
/** After a failure, so that a node that refuses at once is not asked at full speed. */
const REST_MS = 20;
/** Some users ask nodes that do not answer. */
const ASKS_ANY = 0.05;
/** Users have keys of their own that they mostly write, else no test-and-set would succeed. */
const WRITES_OWN = 0.6;

type Asked = Omit<Operation, "client" | "call" | "end" | "outcome"> & {
  readonly ttl?: number;
};

export interface LoadOptions {
  readonly seed: number;
  readonly users: number;
  /** What a user rests between two requests, on average. */
  readonly paceMs: number;
  /** Asks for stale reads and takes them for linearizable: a fault that has to be found. */
  readonly takesStale: boolean;
  /** Who may do what, and when nothing. */
  readonly authority: ChaosUsers;
}

export class ChaosLoad {
  readonly history = new History();
  /** Acknowledged values of keys that are written once. */
  readonly fresh = new Map<string, string>();
  readonly counts = new Map<string, number>();
  acknowledged = 0;
  /** Answers that no well-formed request may get. */
  readonly oddities: string[] = [];
  readonly #cluster: TestCluster;
  readonly #options: LoadOptions;
  readonly #users: Promise<void>[];
  #gate: PromiseWithResolvers<void> | undefined;
  #resting = 0;
  #stopped = false;
  readonly #waiting: { readonly afterMs: number; readonly tell: (ms: number) => void }[] = [];

  constructor(cluster: TestCluster, options: LoadOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#users = Array.from({ length: options.users }, (_, number) => this.#use(number));
  }

  /** Lets requests under way end, and starts none until `resume`. */
  async rest(): Promise<void> {
    this.#gate ??= Promise.withResolvers<void>();
    while (this.#resting < this.#options.users) await pause(REST_MS);
  }

  resume(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.resume();
    await Promise.all(this.#users);
  }

  /** Milliseconds from now to the first acknowledgement of a write that is asked from now on. */
  nextAcknowledged(): Promise<number> {
    const afterMs = performance.now();
    return new Promise((tell) => this.#waiting.push({ afterMs, tell }));
  }

  /** One operation through `node`, noted. */
  async ask(client: string, node: TestNode, asked: Asked): Promise<Outcome> {
    const { key, kind, value, expected, fades = false, ttl } = asked;
    const call = this.history.tick();
    const startMs = performance.now();
    const answer = await this.#send(node.url, key, kind, value, expected, ttl);
    const isShut = kind !== "stale" && this.#options.authority.isShut(startMs, performance.now());
    const isLook = kind === "read" || kind === "stale";
    const told = answer && this.#outcomeOf(kind, expected, answer);
    const outcome: Outcome = told ?? { type: isLook ? "refused" : "unknown" };
    if (isShut && (outcome.type === "ok" || outcome.type === "rejected")) {
      this.oddities.push(`${kind} of "${key}" is answered though nothing is permitted`);
    }
    this.history.add({
      ...{ client, key, kind, fades, call },
      ...(value !== undefined && { value }),
      ...(expected !== undefined && { expected }),
    }, outcome);
    const label = isLook ? kind : expected !== undefined ? "test-and-set" : ttl ? "ttl" : kind;
    this.#count(`${label} ${outcome.type}`);
    if (!isLook && outcome.type === "ok") this.#acknowledge(startMs);
    return outcome;
  }

  #outcomeOf(
    kind: Operation["kind"],
    expected: string | undefined,
    answer: Answer,
  ): Outcome | undefined {
    const sent = expected === undefined ? undefined : padded(expected);
    const outcome = outcomeOf(kind, sent, JSON.parse(answer.body));
    const found = outcome !== undefined && "found" in outcome ? outcome.found : undefined;
    const short = found === undefined ? undefined : unpadded(found);
    if (outcome === undefined || (found !== undefined && short === undefined)) {
      this.oddities.push(`${answer.status}: ${answer.body.slice(0, ODDITY_LENGTH)}`);
    }
    return short === undefined ? outcome : { ...outcome, found: short } as Outcome;
  }

  async #send(
    url: string,
    key: string,
    kind: Operation["kind"],
    value: string | undefined,
    expected: string | undefined,
    ttl: number | undefined,
  ): Promise<Answer | undefined> {
    const isStale = kind === "stale" || (kind === "read" && this.#options.takesStale);
    const path = `${url}/v1/keys${key}${isStale ? "?stale=true" : ""}`;
    const options: AskOptions = kind === "set"
      ? {
        method: "POST",
        form: {
          value: padded(value!),
          ...(expected !== undefined && { prevValue: padded(expected) }),
          ...(ttl !== undefined && { ttl: String(ttl) }),
        },
      }
      : { method: kind === "remove" ? "DELETE" : "GET" };
    try {
      const { headers } = this.#options.authority;
      return await this.#cluster.client.ask(path, { ...options, headers, timeoutMs: TIMEOUT_MS });
    } catch {
      // Killed, paused or cut off; even a refused connection proves nothing, see the cluster tests.
      return undefined;
    }
  }

  async #use(number: number): Promise<void> {
    const random = new SeededRandom(this.#options.seed, 100 + number);
    const name = `u${number}`;
    const known = new Map<string, string>();
    for (let round = 1; !this.#stopped; round++) {
      await this.#passGate();
      const node = this.#choose(random);
      const asked = this.#plan(random, name, round, known);
      const outcome = node === undefined ? undefined : await this.ask(name, node, asked);
      if (outcome !== undefined) remember(known, asked, outcome);
      if (outcome?.type === "ok" && asked.key.startsWith(FRESH)) {
        this.fresh.set(asked.key, asked.value!);
      }
      const failed = outcome === undefined || outcome.type === "refused" ||
        outcome.type === "unknown";
      await pause(random.exponential(this.#options.paceMs) + (failed ? REST_MS : 0));
    }
  }

  async #passGate(): Promise<void> {
    while (this.#gate !== undefined && !this.#stopped) {
      this.#resting++;
      await this.#gate.promise;
      this.#resting--;
    }
  }

  #choose(random: SeededRandom): TestNode | undefined {
    const { nodes, awake } = this.#cluster;
    const choice = random.chance(ASKS_ANY) ? nodes : awake;
    return choice.length === 0 ? undefined : random.pick(choice);
  }

  #plan(random: SeededRandom, name: string, round: number, known: Map<string, string>): Asked {
    const value = `${name}-${round}`;
    const of = (root: string, keys: number) => `${root}/${random.integer(1, keys)}`;
    const register = random.chance(WRITES_OWN)
      ? `${REGISTERS}/${1 + Number(name.slice(1)) % REGISTER_KEYS}`
      : of(REGISTERS, REGISTER_KEYS);
    const any = random.weighted(
      [[register, 8], [of(REMOVED, REMOVED_KEYS), 2], [of(BRIEF, BRIEF_KEYS), 1]] as const,
    );
    const kinds = [
      ...[["set", 4], ["large", 0.5], ["fresh", 3], ["testAndSet", 5], ["remove", 1]] as const,
      ...[["brief", 1], ["read", 6], ["stale", 1]] as const,
    ];
    switch (random.weighted(kinds)) {
      case "set":
        return { key: random.chance(0.9) ? register : of(REMOVED, 4), kind: "set", value };
      case "large":
        return { key: register, kind: "set", value: `${value}L` };
      case "fresh":
        return { key: `${FRESH}/${name}/${round}`, kind: "set", value };
      case "testAndSet": {
        const key = random.chance(0.8) ? register : of(REMOVED, REMOVED_KEYS);
        return { key, kind: "set", value, expected: known.get(key) ?? "nobody's" };
      }
      case "remove":
        return { key: of(REMOVED, REMOVED_KEYS), kind: "remove" };
      case "brief": {
        const key = of(BRIEF, BRIEF_KEYS);
        return { key, kind: "set", value, fades: true, ttl: random.integer(1, 3) };
      }
      case "read":
        return { key: any, kind: "read" };
      case "stale":
        return { key: any, kind: "stale" };
    }
  }

  #acknowledge(startMs: number): void {
    this.acknowledged++;
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const { afterMs, tell } = this.#waiting[i]!;
      if (startMs < afterMs) continue;
      this.#waiting.splice(i, 1);
      tell(performance.now() - afterMs);
    }
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

function remember(known: Map<string, string>, asked: Asked, outcome: Outcome): void {
  const isWrite = asked.kind === "set" && outcome.type === "ok";
  const value = isWrite ? asked.value : "found" in outcome ? outcome.found : undefined;
  if (value !== undefined) known.set(asked.key, value);
}
