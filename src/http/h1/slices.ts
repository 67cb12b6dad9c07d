/** Bodies that are made as the client takes them, one slice in memory. */
import { Buffer } from "node:buffer";
import { laterTurn } from "../../base/turns.ts";
import { WHOLE_BYTES_MAX } from "./answer.ts";
import { chunkOf, LAST_CHUNK } from "./chunk.ts";

/** Where slices go. */
export interface SliceSink {
  /** Nobody takes any longer. */
  readonly isGone: boolean;
  /** False: the next slice had better wait for `drained`. */
  write(bytes: Buffer): boolean;
  /** Resolves when what was written is taken, or nobody takes it. */
  drained(): Promise<void>;
}

type Slices = Iterable<string> | AsyncIterable<string | Uint8Array>;

/** One body under way. */
export class SlicedBody {
  readonly #iterator: Iterator<string> | AsyncIterator<string | Uint8Array>;
  readonly #isChunked: boolean;
  #isOver = false;

  /** With `isChunked` in chunks (RFC 9112 §7.1), else as it is. */
  constructor(slices: Slices, isChunked: boolean) {
    this.#isChunked = isChunked;
    this.#iterator = Symbol.asyncIterator in slices
      ? slices[Symbol.asyncIterator]()
      : slices[Symbol.iterator]();
  }

  /** Resolves when all is written, or the sink is gone. Rejects as the slices do. */
  async writeTo(sink: SliceSink): Promise<void> {
    for (;;) {
      const { done, value } = await this.#iterator.next();
      if (sink.isGone) return this.cancel();
      if (done) break;
      // An empty chunk would be the last one.
      if (value.length > 0 && !sink.write(this.#framed(value))) await sink.drained();
      // A socket that takes all at once never leaves the microtasks: others want their turn.
      await laterTurn();
      if (sink.isGone) return this.cancel();
    }
    this.#isOver = true;
    if (this.#isChunked) sink.write(LAST_CHUNK);
  }

  /** Lets go of the slices: they may hold much that has changed since. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      Promise.resolve(this.#iterator.return?.()).catch(() => {});
    } catch {
      // Nobody waits for these slices.
    }
  }

  #framed(slice: string | Uint8Array): Buffer {
    return this.#isChunked ? chunkOf(slice) : Buffer.from(slice);
  }
}

/** Bytes that are there already, in portions that show whether the client goes on reading. */
export async function* portionsOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += WHOLE_BYTES_MAX) {
    yield bytes.subarray(at, at + WHOLE_BYTES_MAX);
  }
}
