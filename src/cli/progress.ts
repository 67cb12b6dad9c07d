/** A line on a terminal that says how far long work has come; silent where nobody watches. */
import type { Terminal } from "./terminal.ts";

/** How often the line is drawn again, at most. */
const REDRAW_MS = 100;
const BAR_WIDTH = 24;

export interface ProgressOptions {
  /** What is being done: `Backing up`. */
  readonly label: string;
  /** Of the whole work, in `unit`; undefined when nobody knows. */
  readonly total: number | undefined;
  readonly unit: "bytes" | "items";
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/** One piece of long work. Call `finish()` before anything else is said. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #options: ProgressOptions;
  readonly #now: () => number;
  readonly #startMs: number;
  #drawnMs = -Infinity;
  #done = 0;

  constructor(terminal: Terminal, options: ProgressOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#startMs = this.#now();
  }

  /** Tells how much is done by now, all in all; cheap enough to be called at every piece. */
  update(done: number): void {
    this.#done = done;
    if (!this.#terminal.isInteractive) return;
    const nowMs = this.#now();
    if (nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#terminal.say(`\r\x1b[K${this.#line(nowMs).slice(0, this.#terminal.columns - 1)}`);
  }

  /** Takes the line away. */
  finish(): void {
    if (this.#drawnMs === -Infinity) return;
    this.#terminal.say("\r\x1b[K");
    this.#drawnMs = -Infinity;
  }

  #line(nowMs: number): string {
    const { label, total, unit } = this.#options;
    const seconds = (nowMs - this.#startMs) / 1000;
    const rate = seconds < 1 ? 0 : this.#done / seconds;
    const speed = rate === 0 ? "" : `, ${amount(rate, unit)}/s`;
    if (total === undefined || total <= 0) return `${label}: ${amount(this.#done, unit)}${speed}`;
    const part = Math.min(1, this.#done / total);
    const filled = Math.round(part * BAR_WIDTH);
    const bar = "#".repeat(filled) + "-".repeat(BAR_WIDTH - filled);
    const left = rate === 0 ? "" : `, ${Math.ceil((total - this.#done) / rate)} s left`;
    return `${label}: [${bar}] ${Math.floor(part * 100)} %, ${amount(this.#done, unit)} of ${
      amount(total, unit)
    }${speed}${left}`;
  }
}

/** `1 key`, `1,000 keys`. */
export function several(count: number, noun: string): string {
  return `${amount(count, "items")} ${noun}${count === 1 ? "" : "s"}`;
}

/** `1.5 MB`, or a number of items. */
export function amount(count: number, unit: "bytes" | "items"): string {
  if (unit === "items") return Math.round(count).toLocaleString("en");
  if (count < 1000) return `${Math.round(count)} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = count / 1000;
  let i = 0;
  for (; value >= 999.95 && i < units.length - 1; i++) value /= 1000;
  return `${value.toFixed(1)} ${units[i]}`;
}
