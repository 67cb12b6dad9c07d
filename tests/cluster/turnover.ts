/**
 * Three members by etcd's flags, as processes of their own, while clients write: killed
 * (-9) and started again, or wiped and replaced as `etcdctl member remove` and `member add`
 * do it. What was acknowledged must be there in the end, at every member.
 */
import { askAt } from "../shell/flag_node.ts";
import { NodeProcess } from "./node_process.ts";
import { freePort } from "./ports.ts";
import { pause, until } from "./wait.ts";

export const NAMES = ["m1", "m2", "m3"] as const;

export type Name = typeof NAMES[number];

/** All six. */
export const ORDERS = NAMES.flatMap((first) =>
  NAMES.filter((name) => name !== first).map((second) =>
    [first, second, NAMES.find((name) => name !== first && name !== second)!] as const
  )
);

export interface Outcome {
  readonly kills: number;
  readonly replacements: number;
  readonly acknowledged: number;
  readonly unknown: number;
  /** Keys that a member lacks. */
  readonly lost: readonly string[];
}

const WRITERS = 4;
/** Acknowledged while a member is away, before it comes back. */
const WRITES_WHILE_AWAY = 50;
const ANSWER_MS = 5_000;

interface Place {
  readonly peer: string;
  readonly client: string;
  readonly directory: string;
}

interface Listed {
  readonly ID: string;
  readonly name?: string;
}

export class Turnover implements AsyncDisposable {
  readonly #root = Deno.makeTempDirSync({ prefix: "etcd-turnover-" });
  readonly #places = new Map<Name, Place>();
  readonly #nodes = new Map<Name, NodeProcess>();
  readonly #acknowledged = new Set<string>();
  #unknown = 0;
  #kills = 0;
  #replacements = 0;
  #isOver = false;
  #writing: Promise<unknown> = Promise.resolve();

  constructor() {
    for (const name of NAMES) {
      this.#places.set(name, {
        peer: `http://127.0.0.1:${freePort()}`,
        client: `http://127.0.0.1:${freePort()}`,
        directory: `${this.#root}/${name}`,
      });
    }
  }

  /** Starts all, each when the one before has looked around; writers begin when all serve. */
  async form(order: readonly Name[]): Promise<void> {
    for (const name of order) await this.#spawn(name, "new").says(/Waiting|Founded|Joined/);
    for (const name of order) await this.#serves(name);
    this.#writing = Promise.all(Array.from({ length: WRITERS }, (_, i) => this.#write(i)));
  }

  /** `kill -9`, and the same again on its data. */
  async kill(name: Name): Promise<void> {
    await this.#nodes.get(name)!.kill();
    this.#kills++;
    await this.#progress();
    this.#spawn(name, "new");
    await this.#serves(name);
  }

  /** `kill -9`, its data gone, removed and added by another member. */
  async replace(name: Name): Promise<void> {
    await this.#nodes.get(name)!.kill();
    this.#kills++;
    await Deno.remove(this.#place(name).directory, { recursive: true });
    await this.#progress();
    const asked = NAMES.find((other) => other !== name)!;
    const { members } = await this.#member(asked, "list", {});
    const dead = members!.find((member) => member.name === name)!;
    await this.#member(asked, "remove", { ID: dead.ID });
    await this.#member(asked, "add", { peerURLs: [this.#place(name).peer] });
    this.#spawn(name, "existing");
    await this.#serves(name);
    this.#replacements++;
  }

  /** Ends the writers, and looks for every key at every member. */
  async finish(): Promise<Outcome> {
    this.#isOver = true;
    await this.#writing;
    const lost: string[] = [];
    for (const name of NAMES) {
      const found = await this.#keys(name);
      for (const key of this.#acknowledged) if (!found.has(key)) lost.push(`${key} at ${name}`);
    }
    return {
      ...{ kills: this.#kills, replacements: this.#replacements, unknown: this.#unknown, lost },
      acknowledged: this.#acknowledged.size,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.#nodes.values()].map((node) => node.kill()));
    await this.#writing;
    await Deno.remove(this.#root, { recursive: true });
  }

  #spawn(name: Name, state: "new" | "existing"): NodeProcess {
    const { peer, client, directory } = this.#place(name);
    const cluster = [...this.#places].map(([name, { peer }]) => `${name}=${peer}`).join();
    const node = NodeProcess.spawn([
      ...["--name", name, "--data-dir", directory],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", cluster, "--initial-cluster-state", state],
    ]);
    this.#nodes.set(name, node);
    return node;
  }

  /** A linearizable read at that member, which votes. */
  async #serves(name: Name): Promise<void> {
    const node = this.#nodes.get(name)!;
    await until(`${name} to serve`, async () => {
      if (node.hasEnded) throw new Error(`It has ended:\n${node.logTail}`);
      return (await this.#ask(name, "kv/range", { key: btoa("a") })).status === 200;
    });
  }

  async #progress(): Promise<void> {
    const goal = this.#acknowledged.size + WRITES_WHILE_AWAY;
    try {
      await until("writes to go on", () => this.#acknowledged.size >= goal);
    } catch (cause) {
      const logs = [...this.#nodes].map(([name, { logTail }]) => `--- ${name}\n${logTail}`);
      throw new Error(logs.join("\n"), { cause });
    }
  }

  async #write(writer: number): Promise<void> {
    for (let number = 0; !this.#isOver; number++) {
      const name = NAMES[(writer + number) % NAMES.length]!;
      const key = `${writer}/${number}`;
      const { status } = await this.#ask(name, "kv/put", { key: btoa(key), value: btoa(key) });
      if (status === 200) {
        this.#acknowledged.add(key);
        continue;
      }
      this.#unknown++;
      // A member that is away refuses at once.
      await pause(5);
    }
  }

  async #keys(name: Name): Promise<Set<string>> {
    const all = { key: btoa("\0"), range_end: btoa("\0"), keys_only: true };
    const { status, text } = await this.#ask(name, "kv/range", all);
    if (status !== 200) throw new Error(`Expected the keys of ${name}, found ${text}`);
    const kvs: readonly { readonly key: string }[] = JSON.parse(text).kvs ?? [];
    return new Set(kvs.map(({ key }) => atob(key)));
  }

  async #member(asked: Name, what: string, message: object): Promise<{ members?: Listed[] }> {
    return await until(`member ${what}`, async () => {
      const { status, text } = await this.#ask(asked, `cluster/member/${what}`, message);
      return status === 200 && JSON.parse(text);
    });
  }

  #ask(name: Name, path: string, message: object) {
    return askAt(`${this.#place(name).client}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  }

  #place(name: Name): Place {
    return this.#places.get(name)!;
  }
}
