/**
 * `etcd watch`: the events at a key or under it, each once and in order. Every
 * request asks for the first event after the last one that was seen, of any
 * server, so nothing is missed between two of them, however long that takes;
 * where the history does not reach back so far, the command ends and says so.
 *
 * The history keeps the events of all keys. So that a quiet key does not fall out
 * of it, the server is asked now and then whether anything has happened to that key,
 * and says up to which index nothing has; a server that stops in order says so, too.
 */
import type { Flag } from "../config/flags.ts";
import type { Settings } from "../config/command_line.ts";
import { type Client, connect, ServerError } from "./client.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { encodeKey, type Item, parseItem, read } from "./items.ts";
import { onOneLine, visible } from "./terminal.ts";

const ELECTION = 301;
const UNAVAILABLE = 300;

/**
 * A server that does not answer this often is taken for dead: a cut cable says
 * nothing. It is asked more often while the cluster writes so much that the history
 * would be over.
 */
export const PROBE_MS = 5_000;
const PROBE_MS_MIN = 100;
/** Of the events that every server keeps by default, 1024. */
const BEHIND_MAX = 256;
/** A server that stops answers its watches last: their answers may follow a probe that failed. */
const PARTING_MS = 1_000;
/** Before the next server is asked. */
export const RETRY_MS = 200;

/** `etcd watch KEY` */
export async function runWatch({ settings, operands, terminal }: Invocation): Promise<number> {
  using client = await connect(settings, terminal);
  let since = await firstIndex(client, settings);
  const follower = new Follower(client, {
    path: `/v1/watch${encodeKey(operands[0]!)}`,
    patienceMs: settings.integer("timeout") * 1000,
    probeMs: PROBE_MS,
    onLost: (reason, from) => terminal.say(`etcd watch: ${reason}: going on from index ${from}\n`),
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
  /** Told when a server is lost; `from` is the first index that may hold an event. */
  readonly onLost: (reason: string, from: number) => void;
}

/** Waits for one event after the other, at one server as long as that answers. */
export class Follower {
  readonly #client: Client;
  readonly #options: FollowerOptions;
  #server = 0;
  /** Nothing has happened from the index that was asked for up to this one. */
  #from = 0;
  /** Whether the server was there while it was waited for. */
  #hasAnswered = false;
  #probeMs = PROBE_MS_MIN;

  constructor(client: Client, options: FollowerOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** The answer with the first event at index `since` or a higher one. Throws `CommandError`. */
  async next(since: number): Promise<string> {
    const { urls } = this.#client;
    const { patienceMs, onLost } = this.#options;
    this.#from = since;
    let lostMs: number | undefined;
    for (;;) {
      const server = this.#client.at(urls[this.#server]!);
      this.#hasAnswered = false;
      try {
        return await this.#ask(server);
      } catch (error) {
        if (!(error instanceof CommandError) || !isPassing(error)) throw error;
        if (error instanceof ServerError) this.#nothingUpTo(error.index);
        if (lostMs === undefined || this.#hasAnswered) {
          lostMs = performance.now();
          onLost(error.message, this.#from);
        } else if (performance.now() - lostMs > patienceMs) throw error;
        this.#server = (this.#server + 1) % urls.length;
        await pause(RETRY_MS);
      }
    }
  }

  async #ask(server: Client): Promise<string> {
    const over = new AbortController();
    const found = Promise.withResolvers<string>();
    const probing = this.#probe(server, over, found.resolve);
    const path = `${this.#options.path}?index=${this.#from}`;
    const request = { method: "GET", path, timeoutMs: undefined, signal: over.signal } as const;
    try {
      return await Promise.race([server.get(request), found.promise]);
    } finally {
      over.abort();
      await probing;
    }
  }

  /** Aborts `over` when the server no longer answers; `found` gets an event that the watch has not brought. */
  async #probe(server: Client, over: AbortController, found: (body: string) => void) {
    for (;;) {
      await pause(this.#probeMs, over.signal);
      if (over.signal.aborted) return;
      try {
        await server.ask({ method: "GET", path: "/livez", signal: over.signal });
        this.#hasAnswered = true;
      } catch {
        await pause(PARTING_MS, over.signal);
        over.abort(new Error("it answers no more"));
        return;
      }
      const passed = await this.#look(server, over.signal, found);
      this.#probeMs = passed > BEHIND_MAX
        ? Math.max(this.#probeMs / 2, PROBE_MS_MIN)
        : Math.min(this.#probeMs * 2, this.#options.probeMs);
    }
  }

  /** How many indexes have gone by without an event since the last look. */
  async #look(
    server: Client,
    signal: AbortSignal,
    found: (body: string) => void,
  ): Promise<number> {
    const before = this.#from;
    const path = `${this.#options.path}?index=${before}&wait=false`;
    try {
      const { status, body, index } = await server.ask({ method: "GET", path, signal });
      if (status === 200) found(body);
      if (status === 204) this.#nothingUpTo(index);
    } catch {
      // One of an older version waits instead. The watch goes on without.
    }
    return this.#from - before;
  }

  #nothingUpTo(index: number | undefined): void {
    this.#from = Math.max(this.#from, (index ?? 0) + 1);
  }
}

/** Whether another server, or the same one later, may do better. */
function isPassing(error: CommandError): boolean {
  if (!(error instanceof ServerError)) return error.status === EXIT.unreachable;
  return error.code === ELECTION || error.code === UNAVAILABLE || error.code >= 500;
}

/** Resolves after `ms`, or when `signal` is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
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
