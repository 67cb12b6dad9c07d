/**
 * `etcd watch -raw`: v3's watch of a key, or of all that begin with it, by the JSON gateway.
 * It goes on at another server from the revision after the last one it knows of.
 */
import type { Settings } from "../config/command_line.ts";
import type { Flag } from "../config/flags.ts";
import { type Client, connect, ServerError, unexpectedBody } from "./client.ts";
import { CommandError, EXIT, type Invocation } from "./command.ts";
import { type Fields, Gateway, GatewayError, isFields } from "./gateway.ts";
import { oneKey, type Range, underPrefix } from "./range.ts";
import { bytesOf, isKeyValue, keyOf, keyText, type KeyValue, revisionOf } from "./raw_keys.ts";
import { visible } from "./terminal.ts";
import { pause, PROBE_MS, RETRY_MS } from "./watch.ts";

/** gRPC's code for a server that can't be asked now. */
const UNAVAILABLE = 14;

/** `etcd watch -raw KEY` */
export async function runWatch({ settings, operands, terminal }: Invocation): Promise<number> {
  const key = keyOf(settings, operands[0]!);
  const range = settings.boolean("r") ? underPrefix(key) : oneKey(key);
  using client = await connect(settings, terminal);
  const follower = new RawFollower(
    client,
    range,
    settings.integer("timeout") * 1000,
    (reason, from) => terminal.say(`etcd watch: ${reason}: going on from revision ${from}\n`),
  );
  const first = settings.isGiven("index")
    ? BigInt(settings.integer("index"))
    : BigInt(revisionOf(await new Gateway(client).ask("kv/range", { ...range, limit: 1 }))) + 1n;
  for await (const event of follower.events(first)) {
    terminal.write(
      settings.text("o") === "json" ? `${JSON.stringify(event)}\n` : describe(settings, event),
    );
    if (settings.boolean("once")) break;
  }
  return EXIT.ok;
}

/** As the gateway gives it: a PUT has no type. */
interface RawEvent {
  readonly type?: string;
  readonly kv: KeyValue;
}

/** `7 SET foo "bar"` */
function describe(settings: Settings<Flag>, { type, kv }: RawEvent): string {
  const key = keyText(settings, bytesOf(kv.key));
  if (type === "DELETE") return `${kv.mod_revision} DELETE ${key}\n`;
  const value = new TextDecoder().decode(bytesOf(kv.value));
  return `${kv.mod_revision} SET ${key} ${visible(JSON.stringify(value))}\n`;
}

class RawFollower {
  readonly #client: Client;
  readonly #range: Range;
  readonly #patienceMs: number;
  readonly #onLost: (reason: string, from: bigint) => void;
  /** The first revision that has not been seen. */
  #from = 0n;

  constructor(
    client: Client,
    range: Range,
    patienceMs: number,
    onLost: (reason: string, from: bigint) => void,
  ) {
    this.#client = client;
    this.#range = range;
    this.#patienceMs = patienceMs;
    this.#onLost = onLost;
  }

  /** Every event from revision `first` on, in order, without an end. Throws `CommandError`. */
  async *events(first: bigint): AsyncGenerator<RawEvent, void> {
    this.#from = first;
    const { urls } = this.#client;
    let lostMs: number | undefined;
    for (let at = 0;; at = (at + 1) % urls.length) {
      let reason = "The server has ended the watch";
      try {
        for await (const event of this.#at(this.#client.at(urls[at]!))) {
          if (event === undefined) lostMs = undefined;
          else yield event;
        }
      } catch (error) {
        if (!(error instanceof CommandError) || !isPassing(error)) throw error;
        reason = error.message;
      }
      if (lostMs === undefined) {
        lostMs = performance.now();
        this.#onLost(reason, this.#from);
      } else if (performance.now() - lostMs > this.#patienceMs) {
        throw new CommandError(reason, EXIT.unreachable);
      }
      await pause(RETRY_MS);
    }
  }

  /** What one server tells until it is lost; undefined says that it is there. */
  async *#at(server: Client): AsyncGenerator<RawEvent | undefined, void> {
    const over = new AbortController();
    const probing = probe(server, over);
    const create_request = {
      ...this.#range,
      start_revision: String(this.#from),
      // So that a quiet key falls behind no compaction.
      progress_notify: true,
    };
    try {
      const told = new Gateway(server).stream("watch", { create_request }, over.signal);
      for await (const message of told) {
        yield undefined;
        refuseCancelled(message);
        yield* eventsOf(message);
        if (message.created !== true) this.#from = BigInt(revisionOf(message)) + 1n;
      }
    } finally {
      over.abort();
      await probing;
    }
  }
}

/** Aborts `over` when the server no longer answers: a cut cable says nothing. */
async function probe(server: Client, over: AbortController): Promise<void> {
  for (;;) {
    await pause(PROBE_MS, over.signal);
    if (over.signal.aborted) return;
    try {
      await server.ask({ method: "GET", path: "/livez", signal: over.signal });
    } catch {
      over.abort(new Error("it answers no more"));
    }
  }
}

function refuseCancelled({ canceled, cancel_reason: reason, compact_revision: first }: Fields) {
  if (canceled !== true) return;
  throw new CommandError(
    first === undefined
      ? String(reason ?? "The server has cancelled the watch")
      : `The history begins at revision ${first}: read the keys, and watch from there`,
  );
}

function eventsOf({ events = [] }: Fields): readonly RawEvent[] {
  if (Array.isArray(events) && events.every(isEvent)) return events;
  throw unexpectedBody(JSON.stringify(events));
}

function isEvent(value: unknown): value is RawEvent {
  return isFields(value) && isKeyValue(value.kv);
}

/** Whether another server, or the same one later, may do better. */
function isPassing(error: CommandError): boolean {
  if (error instanceof GatewayError) return error.code === UNAVAILABLE;
  return error.status === EXIT.unreachable || error instanceof ServerError && error.code >= 500;
}
