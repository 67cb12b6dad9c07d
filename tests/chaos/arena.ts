/**
 * The cluster that suffers, and what can be done to its nodes and undone: every
 * node behind a proxy, on mutual TLS, with a library in front of its C library
 * where there is a compiler, some on a small disk of their own.
 */
import { TestCluster } from "../cluster/harness.ts";
import type { TestNode } from "../cluster/test_node.ts";
import { pause, until } from "../cluster/wait.ts";
import { pidDialling } from "./dialler.ts";
import { Preload, type Spoiling } from "./preload.ts";
import { SmallDisk } from "./small_disk.ts";

/** Rounds over the addresses of `-C`: a dead member's name is free after an election time-out. */
const JOIN_PATIENTLY = ["-r", "60"];
/** So that snapshots are taken and sent all the time, and watches seldom told that they come too late. */
const FLAGS = ["-snapCount", "400", "-m", "4000"];
const WATCH_MS = 100;

export interface ArenaOptions {
  readonly size: number;
  /** So many of them on small disks. */
  readonly smallDisks: number;
}

export class Arena implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly preload: Preload | undefined;
  readonly smallDisks = new Map<TestNode, SmallDisk>();
  /** What can't be done on this machine, and why. */
  readonly missing: string[] = [];
  /** Processes that ended and should not have. */
  readonly deaths: string[] = [];
  /** Milliseconds from the start of a process that had ended to its serving. */
  readonly restarts: number[] = [];
  /** Nodes whose end is the doing of a fault. */
  readonly #doomed = new Set<TestNode>();
  readonly #buried = new Set<number>();
  readonly #scratch: string;
  #ended = false;

  private constructor(cluster: TestCluster, scratch: string, preload: Preload | undefined) {
    this.cluster = cluster;
    this.#scratch = scratch;
    this.preload = preload;
  }

  static async open({ size, smallDisks }: ArenaOptions): Promise<Arena> {
    const scratch = await Deno.makeTempDir({ prefix: "etcd-chaos-" });
    const preload = await Preload.compile(scratch);
    const cluster: TestCluster = await TestCluster.prepare({
      size,
      tls: true,
      proxied: true,
      flags: FLAGS,
      ...(preload instanceof Preload && {
        environment: (name: string) => preload.environmentOf(name),
      }),
      dialler: async (port) => {
        const { running } = cluster;
        const pid = await pidDialling(port, running.map(({ process }) => process.pid));
        return running.find(({ process }) => process.pid === pid)?.name ?? "";
      },
    });
    const isLoaded = preload instanceof Preload;
    const arena = new Arena(cluster, scratch, isLoaded ? preload : undefined);
    if (Deno.build.os !== "linux") {
      arena.missing.push("partitions: only Linux tells who dials whom under TLS");
    }
    if (!isLoaded) arena.missing.push(`failed and slow syncs, clock jumps: ${preload}`);
    try {
      for (const node of cluster.nodes.slice(-smallDisks)) await arena.#mount(node);
      await cluster.start();
    } catch (error) {
      await arena[Symbol.asyncDispose]();
      throw error;
    }
    arena.#watchOver();
    return arena;
  }

  /** `node`'s processes suffer this from now on. */
  spoil({ name }: TestNode, spoiling: Spoiling): void {
    this.preload?.spoil(name, spoiling);
  }

  async kill(node: TestNode): Promise<void> {
    this.#doomed.add(node);
    await node.kill();
  }

  /** `node` may end by itself, until it is revived. */
  doom(node: TestNode): void {
    this.#doomed.add(node);
  }

  /** Starts it again; resolves with false when it refuses to, for which its log says why. */
  async revive(node: TestNode, ...flags: string[]): Promise<boolean> {
    if (!node.isRunning) {
      this.#doomed.add(node);
      const process = node.spawn(...flags);
      try {
        await process.says(/ Serving /);
      } catch (error) {
        if (process.hasEnded) return false;
        throw error;
      }
    }
    this.#doomed.delete(node);
    return true;
  }

  /** Starts it again, which it must not refuse: that is a death, and it joins again. */
  async restart(node: TestNode): Promise<void> {
    if (node.isRunning) {
      this.#doomed.delete(node);
      return;
    }
    const startMs = performance.now();
    if (await this.revive(node)) {
      this.restarts.push(performance.now() - startMs);
      return;
    }
    this.deaths.push(`"${node.name}" does not start again: ${node.process.logTail}`);
    await this.startAnew(node);
  }

  /** Removes all that it knows, and has it join again under its name. */
  async startAnew(node: TestNode): Promise<void> {
    if (node.isRunning) await this.kill(node);
    for await (const { name } of Deno.readDir(node.directory)) {
      await Deno.remove(`${node.directory}/${name}`, { recursive: true });
    }
    await until(`"${node.name}" to join again`, () => {
      const members = this.cluster.awake.filter((other) => other !== node);
      const addresses = members.map(({ peerAddress }) => peerAddress).join();
      return this.revive(node, "-C", addresses, ...JOIN_PATIENTLY);
    });
  }

  /** Ends every fault and starts what is down; what refuses to start is a death. */
  async heal(): Promise<void> {
    this.cluster.network!.heal();
    for (const node of this.cluster.nodes) {
      this.spoil(node, {});
      await this.smallDisks.get(node)?.clear();
      if (node.isRunning) node.resume();
    }
    await Promise.all(this.cluster.nodes.map((node) => this.restart(node)));
  }

  /** Resolves when all members have one digest, which they must have while nobody writes. */
  async converge(patienceMs: number): Promise<void> {
    await until("one digest on all members", async () => {
      const digests = await Promise.all(this.cluster.nodes.map((node) => this.#digest(node)));
      return new Set(digests).size === 1;
    }, patienceMs);
  }

  async digests(): Promise<string> {
    const { nodes } = this.cluster;
    const lines = nodes.map(async (node) =>
      `${node.name} ${await this.#digest(node).catch((error) => String(error))}`
    );
    return (await Promise.all(lines)).join("; ");
  }

  /** Writes down what the nodes said, into `directory`. */
  async keepLogs(directory: string): Promise<void> {
    for (const node of this.cluster.nodes) {
      await Deno.writeTextFile(`${directory}/${node.name}.log`, node.wholeLog);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    for (const node of this.cluster.nodes) if (node.isRunning) await node.kill();
    for (const disk of this.smallDisks.values()) await disk.unmount();
    await this.cluster[Symbol.asyncDispose]();
    await Deno.remove(this.#scratch, { recursive: true });
  }

  async #mount(node: TestNode): Promise<void> {
    const disk = await SmallDisk.mount(node.directory);
    if (disk instanceof SmallDisk) this.smallDisks.set(node, disk);
    else if (!this.missing.some((what) => what.startsWith("full disk"))) {
      this.missing.push(`full disk: ${disk}`);
    }
  }

  async #digest(node: TestNode): Promise<string> {
    const { status, body } = await this.cluster.client.ask(`${node.url}/admin/digest`);
    if (status !== 200) throw new Error(`Expected a digest, found ${status}: ${body}`);
    return body;
  }

  /** A node that ends without a fault that explains it is a failure, and is started again. */
  async #watchOver(): Promise<void> {
    while (!this.#ended) {
      await pause(WATCH_MS);
      for (const node of this.cluster.nodes) {
        if (node.isRunning || this.#doomed.has(node) || this.#ended) continue;
        const { pid, logTail } = node.process;
        if (this.#buried.has(pid)) continue;
        this.#buried.add(pid);
        this.deaths.push(`"${node.name}" ended by itself: ${logTail}`);
        await this.restart(node);
      }
    }
  }
}
