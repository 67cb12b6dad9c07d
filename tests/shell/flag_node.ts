/** A node in the test's process, made as the program makes it: from a command line and an environment. */
import { silentLogger } from "../../src/base/logger.ts";
import { type Config, parseFlags } from "../../src/config.ts";
import { Server } from "../../src/server.ts";
import { freePort } from "../cluster/ports.ts";

/** What a line means; throws when it can't be followed. */
export function configOf(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Config {
  const invocation = parseFlags(args, (name) => variables[name]);
  if (invocation.kind !== "run") throw new Error(JSON.stringify(invocation));
  return invocation.config;
}

export class FlagNode implements AsyncDisposable {
  readonly clientPort: number;
  readonly peerPort: number;
  readonly directory: string;
  readonly #server: Server;
  readonly #ownsDirectory: boolean;

  private constructor(config: Config, server: Server, ownsDirectory: boolean) {
    this.clientPort = config.client.listen.port;
    this.peerPort = config.peer.listen.port;
    this.directory = config.dataDirectory;
    this.#server = server;
    this.#ownsDirectory = ownsDirectory;
  }

  /** Its ports and its directory are its own, unless `args` name others. Rejects when it does not start. */
  static async start(...args: readonly string[]): Promise<FlagNode> {
    const directory = args.includes("-d") ? undefined : await Deno.makeTempDir();
    const own = [
      ...(directory === undefined ? [] : ["-d", directory]),
      ...(args.includes("-c") ? [] : ["-c", `${freePort()}`]),
      ...(args.includes("-s") ? [] : ["-s", `${freePort()}`]),
    ];
    const config = configOf([...own, ...args]);
    try {
      const server = await Server.start(config, silentLogger);
      return new FlagNode(config, server, directory !== undefined);
    } catch (error) {
      if (directory !== undefined) await Deno.remove(directory, { recursive: true });
      throw error;
    }
  }

  get peerAddress(): string {
    return `127.0.0.1:${this.peerPort}`;
  }

  /** One request at the client port; redirects are not followed. */
  async ask(path: string, init: RequestInit = {}): Promise<Asked> {
    return await askAt(`http://127.0.0.1:${this.clientPort}${path}`, init);
  }

  /** Sets a key; the index. */
  async set(key: string, value = "v"): Promise<number> {
    const body = new URLSearchParams({ value });
    return JSON.parse((await this.ask(`/v1/keys/${key}`, { method: "POST", body })).text).index;
  }

  async stop(): Promise<void> {
    await this.#server.stop(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#ownsDirectory) await Deno.remove(this.directory, { recursive: true });
  }
}

export interface Asked {
  /** 0 when nobody answers. */
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export async function askAt(
  url: string,
  init: RequestInit & { client?: Deno.HttpClient } = {},
): Promise<Asked> {
  try {
    const response = await fetch(url, { redirect: "manual", ...init });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch {
    return { status: 0, headers: new Headers(), text: "" };
  }
}

/** Addresses of this machine at which something listens at `port`, as the kernel tells. */
export function listenersAt(port: number): string[] {
  const found: string[] = [];
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of Deno.readTextFileSync(file).split("\n").slice(1)) {
      const [, local = "", , state] = line.trim().split(/\s+/);
      const [host = "", hex = ""] = local.split(":");
      if (state !== "0A" || parseInt(hex, 16) !== port) continue;
      // Little-endian words.
      const bytes = (host.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
      found.push(bytes.length === 4 ? bytes.reverse().join(".") : host);
    }
  }
  return found;
}
