/**
 * `etcd watch`: the events at a key or under it, each once and in order. Every
 * request asks for the first event after the last one that was seen, of any
 * server, so nothing is missed between two of them, however long that takes;
 * where the history does not reach back so far, the command ends and says so.
 */
import type { Flag } from "../config/flags.ts";
import type { Settings } from "../config/command_line.ts";
import { type Client, connect, ServerError } from "./client.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { encodeKey, type Item, parseItem, read } from "./items.ts";
import { onOneLine, visible } from "./terminal.ts";

const ELECTION = 301;
const UNAVAILABLE = 300;

/** A server that does not answer this often is taken for dead: a cut cable says nothing. */
const PROBE_MS = 5_000;
const RETRY_MS = 200;

/** `etcd watch KEY` */
export async function runWatch({ settings, operands, terminal }: Invocation): Promise<number> {
  using client = connect(settings);
  let since = await firstIndex(client, settings);
  const follower = new Follower(client, {
    path: `/v1/watch${encodeKey(operands[0]!)}`,
    patienceMs: settings.integer("timeout") * 1000,
    probeMs: PROBE_MS,
    onLost: (reason) => terminal.say(`etcd watch: ${reason}: going on from index ${since}\n`),
  });
  do {
    const body = await follower.next(since);
    const event = parseItem(body);
    terminal.write(settings.text("o") === "json" ? `${body}\n` : describe(event));
    since = event.index + 1;
  } while (!settings.boolean("once"));
  return EXIT.ok;
}

/** As asked for, else the one after all that was acknowledged before the command began. */
async function firstIndex(client: Client, settings: Settings<Flag>): Promise<number> {
  const given = settings.isGiven("index");
  // A small directory that is always there; every item tells the index of the whole store.
  const { found } = await read(client, "/_etcd/machines", given);
  if (given) return settings.integer("index");
  const [any] = found.kind === "directory" ? found.children : [found.item];
  if (any === undefined) throw new CommandError("Expected members in /_etcd/machines, found none");
  return any.index + 1;
}

/** `7 SET /foo "bar" ttl=5`: a value in quotes stays on its line, and so does a key that needs them. */
function describe({ index, action, key, value, ttl }: Item): string {
  const quoted = value === undefined ? "" : ` ${visible(JSON.stringify(value))}`;
  return `${index} ${action} ${onOneLine(key)}${quoted}${ttl === undefined ? "" : ` ttl=${ttl}`}\n`;
}

export interface FollowerOptions {
  /** `/v1/watch/KEY` */
  readonly path: string;
  /** How long servers may be out of reach before it gives up. */
  readonly patienceMs: number;
  /** How often the server is asked whether it lives while it has no event. */
  readonly probeMs: number;
  /** Told when a server is lost. */
  readonly onLost: (reason: string) => void;
}

/** Waits for one event after the other, at one server as long as that answers. */
export class Follower {
  readonly #client: Client;
  readonly #options: FollowerOptions;
  #server = 0;
  /** Whether the server was there while it was waited for. */
  #hasAnswered = false;

  constructor(client: Client, options: FollowerOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** The answer with the first event at index `since` or a higher one. Throws `CommandError`. */
  async next(since: number): Promise<string> {
    const { urls } = this.#client;
    const { path, patienceMs, onLost } = this.#options;
    let lostMs: number | undefined;
    for (;;) {
      const server = this.#client.at(urls[this.#server]!);
      this.#hasAnswered = false;
      try {
        return await this.#ask(server, `${path}?index=${since}`);
      } catch (error) {
        if (!(error instanceof CommandError) || !isPassing(error)) throw error;
        if (lostMs === undefined || this.#hasAnswered) {
          lostMs = performance.now();
          onLost(error.message);
        } else if (performance.now() - lostMs > patienceMs) throw error;
        this.#server = (this.#server + 1) % urls.length;
        await pause(RETRY_MS);
      }
    }
  }

  async #ask(server: Client, path: string): Promise<string> {
    const over = new AbortController();
    const probing = this.#probe(server, over);
    try {
      return await server.get({ method: "GET", path, timeoutMs: undefined, signal: over.signal });
    } finally {
      over.abort();
      await probing;
    }
  }

  /** Aborts `over` when the server no longer answers. */
  async #probe(server: Client, over: AbortController): Promise<void> {
    for (;;) {
      await pause(this.#options.probeMs, over.signal);
      if (over.signal.aborted) return;
      try {
        await server.ask({ method: "GET", path: "/livez", signal: over.signal });
        this.#hasAnswered = true;
      } catch {
        over.abort(new Error("it answers no more"));
      }
    }
  }
}

/** Whether another server, or the same one later, may do better. */
function isPassing(error: CommandError): boolean {
  if (!(error instanceof ServerError)) return error.status === EXIT.unreachable;
  return error.code === ELECTION || error.code === UNAVAILABLE || error.code >= 500;
}

/** Resolves after `ms`, or when `signal` is aborted. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal?.aborted) end();
    else signal?.addEventListener("abort", end);
  });
}
