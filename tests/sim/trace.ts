/**
 * What a run leaves behind: a hash over everything that happened, counts of the
 * faults, and on demand the story in lines.
 */
import type { Fields, Logger } from "../../src/base/logger.ts";

export class Trace {
  /** Where lines go; undefined: nobody reads them, so none are made. */
  readonly #print: ((line: string) => void) | undefined;
  readonly #faults = new Map<string, number>();
  readonly #happenings = new Map<string, number>();
  #hash = 0x811c9dc5 | 0;

  constructor(print: ((line: string) => void) | undefined) {
    this.#print = print;
  }

  get isRead(): boolean {
    return this.#print !== undefined;
  }

  /** How often each kind of fault was injected. */
  get faults(): ReadonlyMap<string, number> {
    return this.#faults;
  }

  /** How often the members did what they do rarely: a check of rare paths means little without. */
  get happenings(): ReadonlyMap<string, number> {
    return this.#happenings;
  }

  /** Equal for two runs only if they went the same way. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  injected(fault: string): void {
    count(this.#faults, fault);
  }

  happened(what: string): void {
    count(this.#happenings, what);
  }

  mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193) ^ (value / 2 ** 32 | 0);
  }

  mixText(text: string): void {
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
  }

  /** A line of the story; `text` is made only when somebody reads it. */
  line(atMs: number, who: string, text: () => string): void {
    this.#print?.(`${atMs.toFixed(2).padStart(10)} ${who.padEnd(5)} ${text()}`);
  }

  /** What `who` says to its operator, in the story. */
  logger(who: string, nowMs: () => number): Logger {
    const say = (level: string) => (message: string, fields?: Fields) => {
      const rest = Object.entries(fields ?? {}).map(([key, value]) => ` ${key}=${value}`).join("");
      this.line(nowMs(), who, () => `${level} ${message}${rest}`);
    };
    return {
      error: say("ERROR"),
      warn: say("WARN"),
      info: say("info"),
      debug: say("debug"),
      trace: say("trace"),
    };
  }
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}
