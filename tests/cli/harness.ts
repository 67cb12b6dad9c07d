/** Runs commands in the test's process, against real nodes in the same process. */
import { silentLogger } from "../../src/base/logger.ts";
import { runCli } from "../../src/cli/cli.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { parseFlags } from "../../src/config.ts";
import { Server } from "../../src/server.ts";
import { fixture } from "../cluster/client.ts";
import { freePort } from "../cluster/ports.ts";

export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface Typed {
  /** All of standard input. */
  readonly input?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  /** The next line of standard input. */
  readonly line?: string;
  /** What is typed where nothing of it shows; there is a keyboard then. */
  readonly secrets?: readonly string[];
  /** Gets standard output as it comes; what it throws, writing throws. */
  readonly onWrite?: (text: string) => void;
  /** Whether standard output is a screen. */
  readonly isScreen?: boolean;
}

/** For a command that neither asks nor says anything; with what a test wants instead. */
export function silentTerminal(instead: Partial<Terminal> = {}): Terminal {
  return {
    write: () => {},
    writeBytes: () => {},
    say: () => {},
    readAll: () => Promise.resolve(new Uint8Array(0)),
    readLine: () => Promise.resolve(undefined),
    readSecret: () => Promise.resolve(undefined),
    hasKeyboard: false,
    isScreen: false,
    isInteractive: false,
    columns: 80,
    environment: () => undefined,
    ...instead,
  };
}

/** Nothing may take so long, however busy the machine is. */
const PATIENCE_MS = 50_000;

/** What `work` resolves with. A test that waits without end says what for. */
export async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const problem = new Error(`Expected ${what} within ${PATIENCE_MS} ms`);
    timer = setTimeout(() => reject(problem), PATIENCE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs a command to its end. */
export async function etcd(args: readonly string[], typed: Typed = {}): Promise<Said> {
  const { input = "", environment = {}, onWrite, line, isScreen = false } = typed;
  const secrets = [...typed.secrets ?? []];
  let out = "";
  let err = "";
  const write = (text: string) => {
    out += text;
    onWrite?.(text);
  };
  const terminal = silentTerminal({
    write,
    writeBytes: (bytes) => write(new TextDecoder("latin1").decode(bytes)),
    say: (text) => void (err += text),
    readAll: () =>
      Promise.resolve(typeof input === "string" ? new TextEncoder().encode(input) : input),
    readLine: () => Promise.resolve(line),
    readSecret: (question) => {
      if (typed.secrets === undefined) return Promise.resolve(line);
      err += question;
      return Promise.resolve(secrets.shift());
    },
    hasKeyboard: typed.secrets !== undefined,
    isScreen,
    environment: (name) => environment[name],
  });
  return { status: await runCli(args, terminal), out, err };
}

/** A node that can stop and start again on its data. */
export class LocalNode implements AsyncDisposable {
  readonly clientPort = freePort();
  readonly #peerPort = freePort();
  readonly #directory: string;
  readonly #flags: readonly string[];
  #server: Server | undefined;

  private constructor(directory: string, flags: readonly string[]) {
    this.#directory = directory;
    this.#flags = flags;
  }

  static async start(...flags: string[]): Promise<LocalNode> {
    const node = new LocalNode(await Deno.makeTempDir({ prefix: "etcd-test-" }), flags);
    await node.start();
    return node;
  }

  get directory(): string {
    return this.#directory;
  }

  /** As `-peers` takes it. */
  get address(): string {
    return `127.0.0.1:${this.clientPort}`;
  }

  get peerAddress(): string {
    return `127.0.0.1:${this.#peerPort}`;
  }

  get waitingWatches(): number {
    return this.#server?.waitingWatches ?? 0;
  }

  async start(): Promise<void> {
    const addresses = ["-c", String(this.clientPort), "-s", String(this.#peerPort)];
    const flags = ["-d", this.#directory, ...addresses, ...this.#flags];
    const invocation = parseFlags(flags, () => undefined);
    if (invocation.kind !== "run") throw new Error(`Expected flags to run by, found "${flags}"`);
    this.#server = await Server.start(invocation.config, silentLogger);
  }

  async stop(): Promise<void> {
    await this.#server?.stop(0);
    this.#server = undefined;
  }

  /** Runs a command against this node. */
  etcd(args: readonly string[], typed?: Typed): Promise<Said> {
    return etcd([...args, "-peers", this.address], typed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** Flags of a node that demands client certificates, and of a client that has one. */
export const MUTUAL_TLS = {
  node: [
    ...["-clientCert", fixture("server.crt"), "-clientKey", fixture("server.key.insecure")],
    ...["-clientCAFile", fixture("ca.crt")],
  ],
  client: [
    ...["-cacert", fixture("ca.crt"), "-cert", fixture("client.crt")],
    ...["-key", fixture("client.key.insecure")],
  ],
} as const;
