/**
 * Everything that changes at the source from a revision on, in order. What nobody has
 * taken yet waits here up to a bound, and beyond it at the source.
 */
import { CommandError, EXIT } from "../command.ts";
import type { Fields, GatewayPort } from "../gateway.ts";
import {
  bytesOf,
  encoded,
  fieldsOf,
  FIRST_KEY,
  type Item,
  itemOf,
  listOf,
  numberOf,
  textOf,
} from "./items.ts";

export interface SourceChange {
  readonly isDeletion: boolean;
  /** Of a deletion only the key counts. */
  readonly item: Item;
  readonly revision: number;
}

/** Changes in their order. */
export interface Batch {
  readonly changes: readonly SourceChange[];
  /** Every change up to this revision is in this batch or one before; undefined: as before. */
  readonly upTo: number | undefined;
}

/** The watch is over, and what comes after has to be learnt in another way: the keys are to be read again. */
export class WatchLostError extends CommandError {}

/** What waits here. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
/** A message is shorter: the source cuts it into fragments. In JSON. */
const LINE_LENGTH_MAX = 64 * 1024 * 1024;

/** Begins to watch when it is made; close it. */
export class SourceWatch {
  readonly #end = new AbortController();
  #waiting: SourceChange[] = [];
  #waitingBytes = 0;
  /** Of what waits: every change up to it is there, or was taken before. */
  #upTo: number | undefined;
  #failure: CommandError | undefined;
  /** Of whoever waits for a batch, and of the reader, who waits for room. */
  #arrived = () => {};
  #taken = () => {};
  readonly #over: Promise<void>;

  /** Watches all keys from `revision` on. */
  constructor(gateway: GatewayPort, revision: number) {
    this.#over = this.#read(gateway, revision).catch((error) => {
      this.#failure = error instanceof CommandError
        ? error
        : new WatchLostError(`The watch of the source ended: ${error}`, EXIT.unreachable);
      this.#arrived();
    });
  }

  /** All that has come since; undefined when nothing has. Throws why the watch is over. */
  take(): Batch | undefined {
    if (this.#waiting.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      return undefined;
    }
    const batch = { changes: this.#waiting, upTo: this.#upTo };
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#upTo = undefined;
    this.#taken();
    return batch;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when there may be something to take, or after a time. */
  async arrival(ms: number): Promise<void> {
    if (this.isWaiting || this.#failure !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#arrived = resolve;
    await promise;
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    this.#end.abort(new Error("The watch is no longer needed"));
    this.#taken();
    await this.#over;
  }

  async #read(gateway: GatewayPort, revision: number): Promise<void> {
    const request = {
      key: encoded(FIRST_KEY),
      range_end: encoded(FIRST_KEY),
      start_revision: String(revision),
      fragment: true,
    };
    const { signal } = this.#end;
    const stream = await gateway.open("watch", { create_request: request }, signal);
    for await (const line of linesOf(stream)) {
      const { changes, upTo } = batchOf(line);
      if (changes.length === 0) continue;
      for (const change of changes) {
        this.#waiting.push(change);
        this.#waitingBytes += bytesOf(change.item);
      }
      this.#upTo = upTo ?? this.#upTo;
      this.#arrived();
      while (this.#waitingBytes > WAITING_BYTES_MAX && !signal.aborted) {
        await new Promise<void>((resolve) => this.#taken = resolve);
      }
    }
    throw new WatchLostError("The source has ended the watch", EXIT.unreachable);
  }
}

/** What a message has. Throws why there will be no other one. */
function batchOf(line: string): Batch {
  let message: Fields;
  try {
    message = JSON.parse(line);
  } catch {
    throw new CommandError(`Expected JSON in the watch, found "${line.slice(0, 80)}"`);
  }
  const result = fieldsOf(message, "result");
  if (message.error !== undefined) {
    const { message: text } = fieldsOf(message, "error");
    throw new WatchLostError(`The source has ended the watch: ${text}`, EXIT.unreachable);
  }
  if (result.canceled === true) throw canceled(result);
  const changes = listOf(result, "events").map(changeOf);
  return { changes, upTo: result.fragment === true ? undefined : changes.at(-1)?.revision };
}

function canceled(result: Fields): CommandError {
  const compacted = numberOf(result, "compact_revision");
  if (compacted > 0) {
    return new WatchLostError(
      `The source was compacted at ${compacted} before all changes were read`,
      EXIT.unreachable,
    );
  }
  return new CommandError(`The source refuses the watch: ${textOf(result, "cancel_reason")}`);
}

function changeOf(event: Fields): SourceChange {
  const kv = fieldsOf(event, "kv");
  return {
    isDeletion: event.type === "DELETE",
    item: itemOf(kv),
    revision: numberOf(kv, "mod_revision"),
  };
}

async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let length = 0;
  for await (const portion of stream) {
    const [first, ...others] = decoder.decode(portion, { stream: true }).split("\n");
    parts.push(first!);
    length += first!.length;
    for (const other of others) {
      const line = parts.join("");
      if (line.trim() !== "") yield line;
      parts = [other];
      length = other.length;
    }
    if (length > LINE_LENGTH_MAX) {
      throw new CommandError(
        `Expected lines of at most ${LINE_LENGTH_MAX} characters in the watch`,
      );
    }
  }
}
