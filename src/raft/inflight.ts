/**
 * The appends under way to one peer, oldest first: a sliding window bounded in
 * messages and in bytes, so that a slow peer costs a fixed amount of memory.
 */
import { assert } from "../base/assert.ts";

export class Inflight {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  /** Rings of the last index in each message, and of its bytes. */
  readonly #lastIndexes: number[] = [];
  readonly #sizes: number[] = [];
  #head = 0;
  #count = 0;
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    assert(messagesMax > 0, "A peer needs room for a message");
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= this.#messagesMax || this.#bytes >= this.#bytesMax;
  }

  /** A message with entries up to `lastIndex` has left. */
  add(lastIndex: number, bytes: number): void {
    assert(!this.isFull, "No append may leave while the window is full");
    const at = (this.#head + this.#count) % this.#messagesMax;
    this.#lastIndexes[at] = lastIndex;
    this.#sizes[at] = bytes;
    this.#count++;
    this.#bytes += bytes;
  }

  /** Everything up to `index` has arrived. */
  free(index: number): void {
    while (this.#count > 0 && this.#lastIndexes[this.#head]! <= index) {
      this.#bytes -= this.#sizes[this.#head]!;
      this.#head = (this.#head + 1) % this.#messagesMax;
      this.#count--;
    }
  }

  clear(): void {
    this.#head = 0;
    this.#count = 0;
    this.#bytes = 0;
  }
}
