/** Bodies that are made as the client takes them, one slice in memory. */
import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers";
import type { Reply } from "../exchange.ts";
import { WHOLE_BYTES_MAX } from "./answer.ts";

/** Where slices go. */
export interface SliceSink {
  /** Nobody takes any longer. */
  readonly isGone: boolean;
  /** False: the next slice had better wait for `drained`. */
  write(bytes: Buffer): boolean;
  /** Resolves when what was written is taken, or nobody takes it. */
  drained(): Promise<void>;
}

type Slices = Exclude<Reply["body"], string | Uint8Array>;

/** One body under way. */
export class SlicedBody {
  readonly #iterator: Iterator<string> | AsyncIterator<string | Uint8Array>;
  readonly #isChunked: boolean;
  #isOver = false;

  /** With `isChunked` in chunks (RFC 9112 §7.1), else as it is. */
  constructor(slices: Slices, isChunked: boolean) {
    this.#isChunked = isChunked;
    const iterable = "portions" in slices ? slices.portions : slices;
    this.#iterator = Symbol.asyncIterator in iterable
      ? iterable[Symbol.asyncIterator]()
      : iterable[Symbol.iterator]();
  }

  /** Resolves when all is written, or the sink is gone. Rejects as the slices do. */
  async writeTo(sink: SliceSink): Promise<void> {
    for (;;) {
      const { done, value } = await this.#iterator.next();
      if (sink.isGone) return this.cancel();
      if (done) break;
      const bytes = this.#framed(value);
      if (bytes !== undefined && !sink.write(bytes)) await sink.drained();
      // A socket that takes all at once never leaves the microtasks: others want their turn.
      await new Promise((resolve) => setImmediate(resolve));
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

  /** Undefined for an empty slice, which would be the last chunk. */
  #framed(slice: string | Uint8Array): Buffer | undefined {
    if (slice.length === 0) return undefined;
    const size = typeof slice === "string" ? Buffer.byteLength(slice) : slice.length;
    const head = this.#isChunked ? `${size.toString(16)}\r\n` : "";
    const tail = this.#isChunked ? "\r\n" : "";
    const bytes = Buffer.allocUnsafe(head.length + size + tail.length);
    bytes.write(head, "latin1");
    if (typeof slice === "string") bytes.write(slice, head.length);
    else bytes.set(slice, head.length);
    bytes.write(tail, head.length + size, "latin1");
    return bytes;
  }
}

const LAST_CHUNK = Buffer.from("0\r\n\r\n");

/** Bytes that are there already, in portions that show whether the client goes on reading. */
export function portionsOf(bytes: Uint8Array): Slices {
  return {
    portions: (async function* () {
      for (let at = 0; at < bytes.length; at += WHOLE_BYTES_MAX) {
        yield bytes.subarray(at, at + WHOLE_BYTES_MAX);
      }
    })(),
  };
}
