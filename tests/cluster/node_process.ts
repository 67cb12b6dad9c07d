/**
 * One node as a process of its own, run from source with the permissions of
 * `deno task start`: its signals, its log and its end.
 */
import { RUN_FLAGS } from "../../tools/node_flags.ts";
import { PATIENCE_MS } from "./wait.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Characters of a log that a failing test's message shows. */
const LOG_TAIL_LENGTH = 4_000;

/** A command line that has run to its end. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `main.ts` until it ends by itself; after a while it is killed, which `signal` then says. */
export async function runToEnd(flags: readonly string[]): Promise<Ended> {
  const child = command(flags, "piped").spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const { code, signal, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, signal, stdout: decode(stdout), stderr: decode(stderr) };
}

/** What a process is given beside its command line. */
export interface Surroundings {
  /** So many files and connections may it have open. */
  readonly descriptorsMax?: number;
  /** So large may its files be, in units of 512 or 1024 bytes. */
  readonly fileBlocksMax?: number;
  /** Variables beside the tests' own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A file or FIFO that gets its log instead of the test. */
  readonly logFile?: string;
}

export class NodeProcess {
  /** Settles when the process has ended and all it said has been read. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  #log = "";
  #hasEnded = false;
  /** Called at every piece of the log, and at the end. */
  readonly #listeners = new Set<() => void>();

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.ended = this.#read();
  }

  static spawn(flags: readonly string[], surroundings: Surroundings = {}): NodeProcess {
    return new NodeProcess(command(flags, "null", surroundings).spawn());
  }

  get pid(): number {
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** All that it has said so far. */
  get log(): string {
    return this.#log;
  }

  get logTail(): string {
    return this.#log.slice(-LOG_TAIL_LENGTH);
  }

  /** Sends a signal; does nothing when the process has ended. */
  signal(signal: Deno.Signal): void {
    if (this.#hasEnded) return;
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It ended between the look and the signal.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Kills it as a power failure would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /** Resolves once the log has a match, which may be there already; rejects when it ends without one. */
  says(pattern: RegExp, patienceMs = PATIENCE_MS): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        end();
      };
      const fail = (why: string) =>
        settle(() => reject(new Error(`Expected the log to say ${pattern}, ${why}`)));
      const look = () => {
        const match = pattern.exec(this.#log);
        if (match !== null) settle(() => resolve(match));
        else if (this.#hasEnded) fail(`but the process ended; its log:\n${this.logTail}`);
      };
      const timer = setTimeout(() => fail(`found none in ${patienceMs} ms`), patienceMs);
      this.#listeners.add(look);
      look();
    });
  }

  async #read(): Promise<Deno.CommandStatus> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#log += text;
      this.#tellListeners();
    }
    const status = await this.#child.status;
    this.#hasEnded = true;
    this.#tellListeners();
    return status;
  }

  #tellListeners(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function command(
  flags: readonly string[],
  stdout: "piped" | "null",
  { descriptorsMax, fileBlocksMax, environment = {}, logFile }: Surroundings = {},
): Deno.Command {
  // The developer's own settings must not reach the nodes.
  const own = Object.entries(Deno.env.toObject())
    .filter(([name]) => !name.startsWith("ETCD_"));
  // The runtime's own files must not be what is too large.
  const cache = fileBlocksMax === undefined ? [] : ["--no-code-cache"];
  const args = ["run", ...cache, ...RUN_FLAGS, MAIN, ...flags];
  const limit = [["-n", descriptorsMax], ["-f", fileBlocksMax]]
    .map(([what, max]) => max === undefined ? "" : `ulimit ${what} ${max} && `).join("");
  const log = logFile === undefined ? "" : ` 2>"$LOG_FILE"`;
  const isPlain = limit + log === "";
  return new Deno.Command(isPlain ? Deno.execPath() : "sh", {
    args: isPlain ? args : ["-c", `${limit}exec "$0" "$@"${log}`, Deno.execPath(), ...args],
    env: {
      ...Object.fromEntries(own),
      NO_COLOR: "1",
      ...(logFile === undefined ? {} : { LOG_FILE: logFile }),
      ...environment,
    },
    clearEnv: true,
    stdin: "null",
    stdout,
    stderr: "piped",
  });
}
