/**
 * Clusters of real processes for tests: each node in a directory and on ports of
 * its own, all ended and removed with the test. A failing test shows what the
 * nodes logged last.
 */
import { messageOf } from "../../src/base/errors.ts";
import { Client, eventOf, listingOf } from "./client.ts";
import { Network } from "./proxy.ts";
import { TestNode } from "./test_node.ts";
import { until } from "./wait.ts";

/** Certificates of members; the fourth member takes the first again. */
const PAIRS = ["server", "server2", "server3"];

/** Another loopback address than the one that is advertised, for a node behind a proxy. */
const BEHIND_PROXY = Deno.build.os === "linux" ? "127.0.0.2" : "::1";

export interface ClusterOptions {
  readonly size: number;
  /** Mutual TLS on both ports of every node. */
  readonly tls?: boolean;
  /** A `Network` between the peer ports, which can be cut. */
  readonly proxied?: boolean;
  /** Flags of every node. */
  readonly flags?: readonly string[];
  /** Variables of the processes of the node of that name. */
  readonly environment?: (name: string) => Readonly<Record<string, string>>;
  /** Tells which node dials from a local port, where the handshake can't be read. */
  readonly dialler?: (port: number) => Promise<string>;
}

export class TestCluster implements AsyncDisposable {
  readonly client: Client;
  readonly network: Network | undefined;
  /** The members, and those that may become so. */
  readonly nodes: TestNode[] = [];
  readonly #forgotten: TestNode[] = [];
  /** The nodes' directories are in it, by name; removed at the end. */
  readonly directory: string;
  readonly #options: ClusterOptions;
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(directory: string, options: ClusterOptions) {
    this.directory = directory;
    this.#options = options;
    this.client = new Client(options.tls === true ? "client" : undefined);
    this.network = options.proxied === true ? new Network(options.dialler) : undefined;
    for (let number = 1; number <= options.size; number++) this.add(`node${number}`);
  }

  /** Starts nothing: for tests that do it by hand. */
  static async prepare(options: ClusterOptions): Promise<TestCluster> {
    return new TestCluster(await Deno.makeTempDir({ prefix: "etcd-test-" }), options);
  }

  /** Starts the first node, has the others join it, and waits until all vote. */
  async start(): Promise<void> {
    const [first, ...others] = this.nodes;
    await first!.start();
    await Promise.all(others.map((node) => node.start("-C", first!.peerAddress)));
    await this.untilWhole();
    await untilAllVote(first!, this.nodes.length);
  }

  /** One more node, not started. */
  add(name: string): TestNode {
    const { tls, flags = [] } = this.#options;
    const certificate = tls === true ? PAIRS[this.nodes.length % PAIRS.length]! : undefined;
    const listenHost = this.network === undefined ? undefined : BEHIND_PROXY;
    const directory = `${this.directory}/${name}`;
    const environment = this.#options.environment?.(name) ?? {};
    const node = new TestNode({ name, directory, certificate, listenHost, flags, environment });
    this.network?.listen(name, node.peerPort, { hostname: BEHIND_PROXY, port: node.peerPort });
    this.nodes.push(node);
    return node;
  }

  /** `node` is no member, or none any longer; it is still ended with the others. */
  forget(node: TestNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    this.#forgotten.push(node);
  }

  get running(): TestNode[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  get awake(): TestNode[] {
    return this.nodes.filter(({ isAwake }) => isAwake);
  }

  /** The node that leads, as `asked` says, and that is awake; waits for an election. */
  leader(asked?: TestNode): Promise<TestNode> {
    return until("a leader to be known", async () => {
      const node = asked ?? this.awake[0]!;
      const { status, body } = await this.client.ask(`${node.url}/leader`);
      return status === 200 && this.awake.find(({ peerUrl }) => peerUrl === body);
    });
  }

  /** The nodes that are awake and do not lead. */
  async followers(): Promise<TestNode[]> {
    const leader = await this.leader();
    return this.awake.filter((node) => node !== leader);
  }

  /** Waits until every running node `isPart` of the cluster. */
  async untilWhole(): Promise<void> {
    await Promise.all(
      this.running.map((node) =>
        until(`"${node.name}" to be healthy and to know all members`, () => this.isPart(node))
      ),
    );
  }

  /** Whether `node` serves linearizable reads and knows exactly the nodes of this cluster as members. */
  async isPart(node: TestNode): Promise<boolean> {
    const members = this.nodes.map(({ url }) => url).sort().join();
    const machines = await this.client.ask(`${node.url}/machines`);
    if (machines.body.split(",").sort().join() !== members) return false;
    return (await this.client.ask(`${node.url}/health`)).status === 200;
  }

  /** Waits until every running node has applied what the cluster has committed by now. */
  async untilEven(): Promise<void> {
    const index = await this.index(await this.leader());
    await Promise.all(
      this.running.map((node) =>
        until(`"${node.name}" to have applied index ${index}`, async () => {
          return await this.index(node, true) >= index;
        })
      ),
    );
  }

  /** The store's index, by a linearizable read or by what `node` knows. */
  async index(node: TestNode, stale = false): Promise<number> {
    const [any] = listingOf(await this.client.get(node.url, "/", { stale }));
    return any!.index;
  }

  /** Names and addresses as `node` tells them. */
  async members(node: TestNode): Promise<Map<string, string>> {
    const listing = listingOf(await this.client.get(node.url, "/_etcd/machines"));
    return new Map(listing.map(({ key, value = "" }) => [key.split("/").at(-1)!, value]));
  }

  /** A linearizable read of a file through `node`. */
  async value(node: TestNode, key: string): Promise<string | undefined> {
    return eventOf(await this.client.get(node.url, key)).value;
  }

  /** Calls `end` with the end of the cluster, however the test went. */
  atEnd(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = this.#ends.map((end) => end());
    const running = [...this.nodes, ...this.#forgotten].filter(({ isRunning }) => isRunning);
    await Promise.all(running.map((node) => node.kill()));
    await Promise.all(ends);
    await this.network?.close();
    this.client[Symbol.dispose]();
    await Deno.remove(this.directory, { recursive: true });
  }

  /** Runs `body`; what it throws comes with the logs of all nodes. */
  async explain<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      const logs = [...this.nodes, ...this.#forgotten].map((node) =>
        `--- ${node.name}\n${node.logTail}`
      ).join("\n");
      const message = messageOf(error);
      throw new Error(`${message}\n${logs}`, { cause: error });
    }
  }
}

/** Waits until `leader`, which has led since the newest member joined, has made voters of all `size` members. */
export async function untilAllVote(leader: TestNode, size: number): Promise<void> {
  await until(`"${leader.name}" to have made all ${size} members voters`, () => {
    const [, names = ""] =
      [...leader.process.log.matchAll(/ Members members=(.*) index=/g)].at(-1) ?? [];
    return names.split(",").length === size && !names.includes("(learner)");
  });
}
