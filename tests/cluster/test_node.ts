/** One node of a test: its name, directory and addresses, under which processes start and end again and again. */
import { fixture } from "./client.ts";
import { NodeProcess } from "./node_process.ts";
import { freePort } from "./ports.ts";

/** Characters of the logs that a failing test shows. */
const LOG_TAIL_LENGTH = 6_000;

export interface TestNodeOptions {
  readonly name: string;
  readonly directory: string;
  /** A pair of `fixtures/ca` for both ports, or none for plain HTTP. */
  readonly certificate: string | undefined;
  /** Where the peer port listens, if not at the address that is advertised. */
  readonly listenHost: string | undefined;
  /** Beside name, directory, addresses and certificates. */
  readonly flags: readonly string[];
  /** Variables of its processes, beside the tests' own. */
  readonly environment?: Readonly<Record<string, string>>;
}

export class TestNode {
  readonly name: string;
  readonly directory: string;
  clientPort = freePort();
  peerPort = freePort();
  readonly #flags: readonly string[];
  readonly #certificate: string | undefined;
  readonly #listenHost: string | undefined;
  readonly #environment: Readonly<Record<string, string>>;
  #process: NodeProcess | undefined;
  #isPaused = false;
  /** Logs of processes that came before. */
  #pastLog = "";

  constructor(options: TestNodeOptions) {
    this.name = options.name;
    this.directory = options.directory;
    this.#flags = options.flags;
    this.#certificate = options.certificate;
    this.#listenHost = options.listenHost;
    this.#environment = options.environment ?? {};
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.clientPort}`;
  }

  get peerUrl(): string {
    return `${this.#scheme}://${this.peerAddress}`;
  }

  /** As `-C` takes it. */
  get peerAddress(): string {
    return `127.0.0.1:${this.peerPort}`;
  }

  get process(): NodeProcess {
    if (this.#process === undefined) throw new Error(`"${this.name}" was never started`);
    return this.#process;
  }

  get isRunning(): boolean {
    return this.#process !== undefined && !this.#process.hasEnded;
  }

  /** Running, and not paused. */
  get isAwake(): boolean {
    return this.isRunning && !this.#isPaused;
  }

  get commandLine(): string[] {
    return [
      ...["-n", this.name, "-d", this.directory],
      ...["-c", `127.0.0.1:${this.clientPort}`, "-s", this.peerAddress],
      ...(this.#listenHost === undefined ? [] : ["-sl", this.#listenHost]),
      ...(this.#certificate === undefined ? [] : certificateFlags(this.#certificate)),
      ...this.#flags,
    ];
  }

  /** Starts a process and does not wait for it. */
  spawn(...flags: string[]): NodeProcess {
    if (this.isRunning) throw new Error(`"${this.name}" runs already`);
    this.#pastLog += this.#process?.log ?? "";
    this.#isPaused = false;
    this.#process = NodeProcess.spawn([...this.commandLine, ...flags], {
      environment: this.#environment,
    });
    return this.#process;
  }

  /** Starts a process and waits until it serves clients. */
  async start(...flags: string[]): Promise<void> {
    await this.spawn(...flags).says(/ Serving /);
  }

  kill(): Promise<void> {
    return this.process.kill();
  }

  /** Ends it in order; resolves with its exit status. */
  async stop(): Promise<number> {
    this.process.signal("SIGTERM");
    return (await this.process.ended).code;
  }

  pause(): void {
    this.#isPaused = true;
    this.process.signal("SIGSTOP");
  }

  resume(): void {
    this.#isPaused = false;
    this.process.signal("SIGCONT");
  }

  /** All that its processes said, this one and those before. */
  get wholeLog(): string {
    return this.#pastLog + (this.#process?.log ?? "");
  }

  /** What its processes said last, this one's and those before. */
  get logTail(): string {
    return this.wholeLog.slice(-LOG_TAIL_LENGTH);
  }

  get #scheme(): string {
    return this.#certificate === undefined ? "http" : "https";
  }
}

function certificateFlags(pair: string): string[] {
  return ["client", "server"].flatMap((port) => [
    `-${port}Cert=${fixture(`${pair}.crt`)}`,
    `-${port}Key=${fixture(`${pair}.key.insecure`)}`,
    `-${port}CAFile=${fixture("ca.crt")}`,
  ]);
}
