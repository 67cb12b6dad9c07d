/**
 * What a run leaves behind: a hash over everything that happened, counts of the
 * faults, and on demand the story in lines.
 */
import type { Fields, Logger } from "../../src/base/logger.ts";

export class Trace {
  /** Where lines go; undefined: nobody reads them, so none are made. */
  readonly #print: ((line: string) => void) | undefined;
  readonly #counts = new Map<string, number>();
  #hash = 0x811c9dc5 | 0;

  constructor(print: ((line: string) => void) | undefined) {
    this.#print = print;
  }

  get isRead(): boolean {
    return this.#print !== undefined;
  }

  /** How often each kind of thing was counted. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Equal for two runs only if they went the same way. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  count(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
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
