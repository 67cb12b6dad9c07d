/** Replays exchanges that were recorded from etcd's JSON gateway, and tells every difference. */
import { eventsOf, Lines, revisionOf } from "./lines.ts";
import { isObject, type Json, type JsonObject, Patterns } from "./match.ts";

export interface Step {
  /** A path below `/v3/`, or a whole one. */
  readonly post?: string;
  readonly method?: string;
  readonly body?: Json;
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** 200 when left out. */
  readonly status?: number;
  readonly expect?: Json;
  /** What a body that is no JSON is. */
  readonly text?: string;
  readonly expectHeaders?: Readonly<Record<string, string>>;
  readonly timeout?: number;
  /** A stream by this name begins, with the messages of `body`. */
  readonly open?: string;
  /** Its next message. */
  readonly next?: string;
  /** Its next events, in however many messages, those of a revision in one. */
  readonly events?: string;
  /** Nothing comes. */
  readonly quiet?: string;
  readonly ms?: number;
  readonly ends?: string;
  readonly close?: string;
  readonly sleep?: number;
  /** Goes on at once; a later `join` has the answer. */
  readonly background?: string;
  readonly join?: string;
}

export interface Scenario {
  readonly scenario: string;
  readonly steps: readonly Step[];
}

interface Got {
  readonly status: number;
  readonly text: string;
  readonly json: Json | undefined;
  readonly headers: Headers;
}

const WAIT_MS = 20_000;

/** The scenarios of a file in `fixtures/http/v3/`. */
export function readScenarios(file: string): readonly Scenario[] {
  const url = new URL(`../../../../fixtures/http/v3/${file}`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}

/** Plays `scenario` on the server at `url`, which has no keys and no leases; returns the differences. */
export async function replay(url: string, { steps }: Scenario): Promise<readonly string[]> {
  const player = new Player(url);
  try {
    await player.begin();
    for (const [place, step] of steps.entries()) {
      const [name, what] = step.post === undefined ? Object.entries(step)[0]! : ["post", step.post];
      const found = await player.play(step);
      if (found.length > 0) {
        return found.map((line) => `step ${place + 1}, ${name} ${what}: ${line}`);
      }
    }
    return [];
  } finally {
    await player.end();
  }
}

class Player {
  readonly #url: string;
  readonly #patterns = new Patterns();
  readonly #streams = new Map<string, Lines>();
  readonly #background = new Map<string, Promise<Got>>();

  constructor(url: string) {
    this.#url = url;
  }

  /** Binds r0. */
  async begin(): Promise<void> {
    const { json } = await this.#send({ post: "kv/range", body: { key: "AA==" } });
    const header = isObject(json) ? json["header"] : undefined;
    this.#patterns.bind("r0", BigInt(String(isObject(header) ? header["revision"] : 0)));
  }

  async end(): Promise<void> {
    for (const stream of this.#streams.values()) await stream.close();
    await Promise.allSettled(this.#background.values());
  }

  /** Plays a step; returns what is different. */
  async play(step: Step): Promise<string[]> {
    const waitMs = step.timeout ?? WAIT_MS;
    if (step.sleep !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, step.sleep));
      return [];
    }
    if (step.open !== undefined) return this.#open(step.open, step);
    if (step.background !== undefined) {
      this.#background.set(step.background, this.#send(step));
      return [];
    }
    if (step.close !== undefined) {
      await this.#stream(step.close).close();
      return [];
    }
    if (step.quiet !== undefined) {
      const message = await this.#stream(step.quiet).next(step.ms ?? 300);
      return message === undefined ? [] : [`expected nothing, found ${JSON.stringify(message)}`];
    }
    if (step.ends !== undefined) {
      const message = await this.#stream(step.ends).next(waitMs);
      if (message === undefined && this.#stream(step.ends).isOver) return [];
      return [`expected the end, found ${JSON.stringify(message)}`];
    }
    if (step.next !== undefined) {
      const message = await this.#stream(step.next).next(waitMs);
      return this.#patterns.differences(step.expect, message);
    }
    if (step.events !== undefined) return await this.#events(step.events, step.expect, waitMs);
    const got = step.join === undefined
      ? await this.#send(step)
      : await this.#background.get(step.join)!;
    return this.#compare(step, got);
  }

  #compare(step: Step, { status, text, json, headers }: Got): string[] {
    const expected = step.status ?? 200;
    if (status !== expected) return [`expected ${expected}, found ${status}: ${text}`];
    return [
      ...step.expect === undefined ? [] : this.#patterns.differences(step.expect, json),
      ...step.text === undefined ? [] : this.#patterns.differences(step.text, text),
      ...Object.entries(step.expectHeaders ?? {}).flatMap(([name, value]) =>
        this.#patterns.differences(value, headers.get(name) ?? "", name)
      ),
    ];
  }

  #stream(name: string): Lines {
    const stream = this.#streams.get(name);
    if (stream === undefined) throw new Error(`Expected a stream that was opened, found "${name}"`);
    return stream;
  }

  #open(name: string, step: Step): string[] {
    const messages = Array.isArray(step.body) ? step.body : [];
    const body = step.raw ??
      messages.map((message: Json) => JSON.stringify(this.#patterns.fill(message))).join("\n");
    this.#streams.set(name, new Lines(this.#target(step), this.#headers(step), body));
    return [];
  }

  async #events(name: string, expected: Json | undefined, waitMs: number): Promise<string[]> {
    const wanted = Array.isArray(expected) ? expected.length : 0;
    const events: Json[] = [];
    while (events.length < wanted) {
      const message = await this.#stream(name).next(waitMs);
      if (message === undefined) return [`expected ${wanted} events, found ${events.length}`];
      const more = eventsOf(message);
      if (more.length === 0) return [`expected events, found ${JSON.stringify(message)}`];
      if (events.length > 0 && revisionOf(more[0]) === revisionOf(events.at(-1))) {
        return ["the events of one revision came in two messages"];
      }
      events.push(...more);
    }
    return this.#patterns.differences(expected, events);
  }

  async #send(step: Step): Promise<Got> {
    const method = step.method ?? "POST";
    const body = step.raw ?? JSON.stringify(this.#patterns.fill(step.body ?? {} as JsonObject));
    const response = await fetch(this.#target(step), {
      method,
      headers: this.#headers(step),
      redirect: "manual",
      ...(method === "POST" || method === "PUT" ? { body } : {}),
    });
    const text = await response.text();
    return { status: response.status, text, json: parse(text), headers: response.headers };
  }

  #target({ post = "" }: Step): string {
    return this.#url + (post.startsWith("/") ? post : `/v3/${post}`);
  }

  #headers({ headers = {} }: Step): Record<string, string> {
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, String(this.#patterns.fill(value))]),
    );
  }
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
