/** A header block that comes in several frames (RFC 9113 §6.10); nothing may come in between. */
import { Buffer } from "node:buffer";

/** Frames of one block: some clients cut at 1 KiB, and nobody sensible sends empty ones. */
const FRAMES_MAX = 32;

export interface OpenBlock {
  readonly streamId: number;
  /** Of the HEADERS frame. */
  readonly flags: number;
  readonly sinceMs: number;
}

/** The block of one connection that is under way. */
export class HeaderBlock {
  readonly #bytesMax: number;
  #open: OpenBlock | undefined;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** `bytesMax` counts what comes, compressed. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get open(): OpenBlock | undefined {
    return this.#open;
  }

  begin(open: OpenBlock): void {
    this.#open = open;
  }

  /** Keeps a copy of a part. False when the block is longer than allowed, or in too many parts. */
  add(bytes: Buffer, start: number, end: number): boolean {
    this.#parts.push(Buffer.from(bytes.subarray(start, end)));
    this.#bytes += end - start;
    return this.#bytes <= this.#bytesMax && this.#parts.length <= FRAMES_MAX;
  }

  /** The whole block; there is none under way from here on. */
  take(): Buffer {
    const whole = Buffer.concat(this.#parts);
    this.#open = undefined;
    this.#parts = [];
    this.#bytes = 0;
    return whole;
  }
}
