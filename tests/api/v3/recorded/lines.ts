/** A stream of the gateway: its lines as they come. */
import { isObject, type Json } from "./match.ts";

export class Lines {
  readonly #abort = new AbortController();
  readonly #queue: Json[] = [];
  readonly #ended: Promise<void>;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(url: string, headers: Record<string, string>, body: string) {
    this.#ended = this.#read(url, headers, body).catch(() => {}).finally(() => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  /** No line waits, and none will come. */
  get isOver(): boolean {
    return this.#isOver && this.#queue.length === 0;
  }

  /** The next message; undefined when the stream ends or nothing comes for so long. */
  async next(waitMs: number): Promise<Json | undefined> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake?.();
    }, waitMs);
    while (this.#queue.length === 0 && !this.#isOver && !isLate) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    clearTimeout(timer);
    return this.#queue.shift();
  }

  /** Leaves. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#ended;
  }

  async #read(url: string, headers: Record<string, string>, body: string): Promise<void> {
    const { signal } = this.#abort;
    const response = await fetch(url, { method: "POST", headers, body, signal });
    let rest = "";
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#queue.push(JSON.parse(line));
      this.#wake?.();
    }
  }
}

/** The events of a watch's message. */
export function eventsOf(message: Json): readonly Json[] {
  const result = isObject(message) ? message["result"] : undefined;
  const events = isObject(result) ? result["events"] : undefined;
  return Array.isArray(events) ? events : [];
}

/** By which revisions are told apart. */
export function revisionOf(event: Json | undefined): Json | undefined {
  const kv = isObject(event) ? event["kv"] : undefined;
  return isObject(kv) ? kv["mod_revision"] : undefined;
}
