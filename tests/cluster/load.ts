/**
 * Clients at work while a cluster suffers: writers that note what they are told,
 * and a reader that holds every answer against it at once.
 */
import { type Answer, errorOf, eventOf, listingOf } from "./client.ts";
import type { EventBody } from "./client.ts";
import type { TestCluster } from "./harness.ts";
import type { TestNode } from "./test_node.ts";
import { type Fate, Ledger } from "./ledger.ts";
import { pause, until } from "./wait.ts";

/** Longer than an election; what a paused node holds up ends as unknown. */
const TIMEOUT_MS = 3_000;

/** A node that does not answer is not asked at full speed. */
const REST_MS = 10;

/** Keys of a load are under it. */
const ROOT = "/load";

export interface LoadOptions {
  /** Tells the keys of one load from those of others. */
  readonly name?: string;
  /** One for several loads, one after the other. */
  readonly ledger?: Ledger;
  readonly writers?: number;
  /** What a writer rests after each request: keeps the machine from being the bottleneck. */
  readonly paceMs?: number;
  /** Whom to ask, in turn; by default every node that is awake. */
  readonly nodes?: () => readonly TestNode[];
}

/** What one request came to. */
interface Outcome {
  readonly fate: Fate | "mismatch";
  readonly event?: EventBody;
}

export class Load {
  readonly ledger: Ledger;
  readonly #name: string;
  readonly #cluster: TestCluster;
  readonly #paceMs: number;
  readonly #nodes: () => readonly TestNode[];
  readonly #work: Promise<void>[];
  #stopped = false;
  #failure: unknown;
  /** Acknowledged writes of each writer. */
  readonly #acknowledged: number[] = [];

  constructor(cluster: TestCluster, options: LoadOptions = {}) {
    const { writers = 4, paceMs = 10, nodes = () => cluster.awake } = options;
    this.ledger = options.ledger ?? new Ledger();
    this.#name = options.name ?? "w";
    this.#cluster = cluster;
    this.#paceMs = paceMs;
    this.#nodes = nodes;
    const workers = Array.from({ length: writers }, (_, number) => this.#write(number));
    this.#work = [...workers, this.#read()].map((work) => work.catch((e) => this.#failure ??= e));
    cluster.atEnd(() => this.#end());
  }

  /** Resolves when `count` more writes have been acknowledged; rejects if a client was told what can't be. */
  async progress(count = 30): Promise<void> {
    const goal = this.ledger.acknowledged + count;
    await until(`${count} more acknowledged writes`, () => {
      return this.#failure !== undefined || this.ledger.acknowledged >= goal;
    });
    this.#check();
  }

  /** Resolves when every writer has gone on: none waits for a node that was killed before. */
  async settle(): Promise<void> {
    const goals = this.#acknowledged.map((count) => count + 3);
    await until("every writer to go on", () => {
      return this.#failure !== undefined ||
        this.#acknowledged.every((count, writer) => count >= goals[writer]!);
    });
    this.#check();
  }

  /** Ends the clients. */
  async stop(): Promise<void> {
    await this.#end();
    this.#check();
  }

  /** Ends the clients and holds the ledger against every running node, by linearizable and by stale reads. */
  async verify(): Promise<void> {
    await this.stop();
    await this.#cluster.untilEven();
    for (const node of this.#cluster.running) {
      for (const stale of [false, true]) {
        const problems = this.ledger.problemsOf(await this.#files(node, ROOT, stale));
        if (problems.length === 0) continue;
        const kind = stale ? "stale" : "linearizable";
        throw new Error(
          `${problems.length} problems by ${kind} reads of "${node.name}": ${
            problems.slice(0, 5).join("; ")
          }`,
        );
      }
    }
  }

  async #end(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#work);
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Blind writes of keys of their own, of one key, and a chain of test-and-sets, in turn. */
  async #write(number: number): Promise<void> {
    const { ledger } = this;
    const writer = this.#name + number;
    const register = `${ROOT}/registers/${writer}`;
    const chain = `${ROOT}/chains/${writer}`;
    this.#acknowledged[number] = 0;
    for (let round = 1; !this.#stopped && this.#failure === undefined; round++) {
      const node = this.#choose(number + round);
      const value = `${writer}-${round}`;
      let outcome: Outcome = { fate: "refused" };
      if (node !== undefined && round % 3 === 0) {
        outcome = await this.#exchange(node, chain, value);
      } else if (node !== undefined) {
        const isFresh = round % 3 === 1;
        const key = isFresh ? `${ROOT}/fresh/${writer}-${round}` : register;
        outcome = await this.#set(node, key, value);
        const fate = fateOf(outcome);
        if (isFresh) ledger.wroteFresh(key, value, fate, outcome.event);
        else ledger.overwrote(key, value, fate);
      }
      const isAcknowledged = outcome.fate === "acknowledged";
      if (isAcknowledged) this.#acknowledged[number]!++;
      await pause(isAcknowledged ? this.#paceMs : this.#paceMs + REST_MS);
    }
  }

  async #exchange(node: TestNode, key: string, value: string): Promise<Outcome> {
    const { ledger } = this;
    const prevValue = ledger.valueOf(key);
    const outcome = await this.#set(node, key, value, prevValue);
    if (outcome.fate === "mismatch") await this.#follow(node, key);
    else if (prevValue === undefined) ledger.overwrote(key, value, outcome.fate);
    else ledger.exchanged(key, value, outcome.fate);
    return outcome;
  }

  /** A request that got lost was executed after all: goes on from what is there. */
  async #follow(node: TestNode, key: string): Promise<void> {
    const before = this.ledger.newestIndex;
    const answer = await this.#ask(() => this.#cluster.client.get(node.url, key));
    if (answer?.status !== 200) return;
    const { value = "", index } = eventOf(answer);
    this.ledger.saw(index, before);
    this.ledger.moved(key, value);
  }

  async #set(node: TestNode, key: string, value: string, prevValue?: string): Promise<Outcome> {
    const before = this.ledger.newestIndex;
    const options = {
      timeoutMs: TIMEOUT_MS,
      ...(prevValue === undefined ? {} : { prevValue }),
    };
    const answer = await this.#ask(() => {
      return this.#cluster.client.set(node.url, key, value, options);
    });
    if (answer === undefined) return { fate: "unknown" };
    if (answer.status !== 200) return judge(answer);
    const event = eventOf(answer);
    // An entry of its own: above everything acknowledged before it was sent.
    this.ledger.saw(event.index, before + 1);
    return { fate: "acknowledged", event };
  }

  /** Reads registers through one node after the other; each answer must hold what was acknowledged before. */
  async #read(): Promise<void> {
    for (let round = 0; !this.#stopped && this.#failure === undefined; round++) {
      await pause(this.#paceMs);
      const node = this.#choose(round);
      if (node === undefined) continue;
      const before = this.ledger.newestIndex;
      const answer = await this.#ask(() => {
        return this.#cluster.client.ask(`${node.url}/v1/keys${ROOT}/registers/${this.#name}0`, {
          timeoutMs: TIMEOUT_MS,
        });
      });
      if (answer?.status === 200) this.ledger.saw(eventOf(answer).index, before);
      else if (answer !== undefined && answer.status !== 404) judge(answer);
    }
  }

  #choose(number: number): TestNode | undefined {
    const nodes = this.#nodes();
    return nodes[number % nodes.length];
  }

  /**
   * Undefined when no answer came: the node was killed, paused or cut off. Even a
   * refused connection proves nothing: `fetch` may have sent the request before,
   * on a connection that it kept and that broke.
   */
  async #ask(send: () => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await send();
    } catch {
      return undefined;
    }
  }

  /** All files under `path`. */
  async #files(node: TestNode, path: string, stale: boolean): Promise<Map<string, string>> {
    const files = new Map<string, string>();
    const answer = await this.#cluster.client.get(node.url, path, { stale });
    if (answer.status === 404) return files;
    for (const { key, dir, value = "" } of listingOf(answer)) {
      if (dir !== true) files.set(key, value);
      else for (const [below, text] of await this.#files(node, key, stale)) files.set(below, text);
    }
    return files;
  }
}

function fateOf({ fate }: Outcome): Fate {
  if (fate === "mismatch") throw new Error("A blind write was compared with something");
  return fate;
}

/** What an error says of the request; throws when no client should ever get such an error here. */
function judge(answer: Answer): Outcome {
  const { errorCode, cause } = errorOf(answer);
  if (errorCode === 101) return { fate: "mismatch" };
  if (errorCode !== 300 && errorCode !== 301) {
    throw new Error(`Unexpected answer ${answer.status}: ${answer.body}`);
  }
  return { fate: cause.includes("nothing was") ? "refused" : "unknown" };
}
