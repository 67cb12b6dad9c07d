/**
 * Writes lines to something that may stop taking them, as a pipe does whose reader
 * is stuck: the caller never waits, the memory is bounded, and what was left out is
 * counted and told as soon as lines go through again.
 */

import { type Clock, systemClock } from "./clock.ts";

export interface LineWriterOptions {
  /** Takes some of the bytes at least; resolves with how many. One call at a time. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** Of the lines that wait behind the write that is under way. */
  readonly queueBytesMax: number;
  /** The line, with its line end, that tells how many others were left out. */
  readonly summary: (dropped: number) => string;
  /** How long to wait when a target that does not block has no room. */
  readonly retryMs: number;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

/** A write that takes this long has nobody who takes it. */
const STUCK_MS = 1_000;

/** Lines up to this length together stay whole when several processes share a pipe (PIPE_BUF, pipe(7)). */
const CHUNK_BYTES = 4096;

interface Line {
  readonly bytes: Uint8Array;
  /** Lines of the caller that it stands for. */
  readonly count: number;
}

export class LineWriter {
  readonly #options: LineWriterOptions;
  readonly #clock: Clock;
  #queue: Line[] = [];
  #queuedBytes = 0;
  #dropped = 0;
  #writing: Promise<void> | undefined;
  /** When the write that is under way began. */
  #sinceMs = 0;

  constructor(options: LineWriterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Whether nobody takes the lines: who writes by another way would wait, too. */
  get isStuck(): boolean {
    return this.#writing !== undefined && this.#clock.monotonicMs() - this.#sinceMs >= STUCK_MS;
  }

  /** Takes back all the lines that no write has begun on. */
  takeWaiting(): Uint8Array {
    return joined(this.#take(Infinity));
  }

  /** Queues a line with its line end, or counts it as left out. */
  write(line: string): void {
    const bytes = encoder.encode(line);
    // One that is longer than the queue still goes out when nothing waits.
    const isFull = this.#queuedBytes + bytes.length > this.#options.queueBytesMax;
    if (isFull && this.#queue.length > 0) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) this.#summarize();
    this.#push({ bytes, count: 1 });
    this.#writing ??= this.#run().finally(() => this.#writing = undefined);
  }

  /** Resolves when everything has gone out, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, timeoutMs));
    await Promise.race([this.#writing, late]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const { bytes, count } = this.#takeChunk();
      try {
        await this.#writeAll(bytes);
        if (this.#queue.length === 0 && this.#dropped > 0) this.#summarize();
      } catch {
        // The reader has gone, or the disk behind it is full: the next line tells of it.
        this.#dropped += count;
      }
    }
  }

  /** The lines that wait, as many as may go in one write. */
  #takeChunk(): Line {
    const lines = this.#take(CHUNK_BYTES);
    return { bytes: joined(lines), count: lines.reduce((sum, { count }) => sum + count, 0) };
  }

  /** The first line that waits, and more as long as they have `bytesMax` together. */
  #take(bytesMax: number): Line[] {
    let end = 0;
    let length = 0;
    for (const { bytes } of this.#queue) {
      if (end > 0 && length + bytes.length > bytesMax) break;
      length += bytes.length;
      end++;
    }
    this.#queuedBytes -= length;
    return this.#queue.splice(0, end);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      this.#sinceMs = this.#clock.monotonicMs();
      try {
        rest = rest.subarray(await this.#options.write(rest));
      } catch (error) {
        // Somebody else who shares the target has made it so that it does not block.
        if (!(error instanceof Deno.errors.WouldBlock)) throw error;
        await new Promise((resolve) => setTimeout(resolve, this.#options.retryMs));
      }
    }
  }

  #push(line: Line): void {
    this.#queue.push(line);
    this.#queuedBytes += line.bytes.length;
  }

  #summarize(): void {
    const count = this.#dropped;
    this.#dropped = 0;
    this.#push({ bytes: encoder.encode(this.#options.summary(count)), count });
  }
}

function joined(lines: readonly Line[]): Uint8Array {
  const all = new Uint8Array(lines.reduce((sum, { bytes }) => sum + bytes.length, 0));
  let offset = 0;
  for (const { bytes } of lines) {
    all.set(bytes, offset);
    offset += bytes.length;
  }
  return all;
}

const encoder = new TextEncoder();
