/** Bodies that are made as the client takes them, one slice in memory. */
import { Buffer } from "node:buffer";
import { laterTurn } from "../../base/turns.ts";
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

/** Up to here a slice waits a turn for what follows: if that is the end, one write is enough. */
const SMALL_SLICE_BYTES = 4 * 1024;

/** A slice that was asked for. */
interface Asked {
  readonly slice: Promise<IteratorResult<string | Uint8Array>>;
  /** There is none; false as long as that is not known. */
  isEnd: boolean;
}

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
    let asked = this.#ask();
    for (;;) {
      const { done, value } = await asked.slice;
      if (sink.isGone) return this.cancel();
      if (done) break;
      const bytes = this.#framed(value);
      const isSmall = bytes !== undefined && bytes.length <= SMALL_SLICE_BYTES;
      if (isSmall) asked = this.#ask();
      else if (bytes !== undefined && !sink.write(bytes)) await sink.drained();
      // A socket that takes all at once never leaves the microtasks: others want their turn.
      await laterTurn();
      if (sink.isGone) return this.cancel();
      if (isSmall && asked.isEnd) return this.#end(sink, bytes);
      if (!isSmall) asked = this.#ask();
      else if (!sink.write(bytes)) await sink.drained();
    }
    this.#end(sink, NOTHING);
  }

  #ask(): Asked {
    const asked: Asked = { slice: Promise.resolve(this.#iterator.next()), isEnd: false };
    asked.slice.then(({ done }) => asked.isEnd = done === true, () => {});
    return asked;
  }

  /** Writes `bytes`, which are the last. */
  #end(sink: SliceSink, bytes: Buffer): void {
    this.#isOver = true;
    const last = this.#isChunked ? withLastChunk(bytes) : bytes;
    if (last.length > 0) sink.write(last);
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
    const isSmallText = typeof slice === "string" && slice.length <= SMALL_SLICE_BYTES;
    return this.#isChunked && isSmallText ? chunkOf(slice) : framed(slice, this.#isChunked);
  }
}

/** A copy of `slice`, as a chunk or as it is. */
function framed(slice: string | Uint8Array, isChunked: boolean): Buffer {
  const size = typeof slice === "string" ? Buffer.byteLength(slice) : slice.length;
  const head = isChunked ? `${size.toString(16)}\r\n` : "";
  const tail = isChunked ? "\r\n" : "";
  const bytes = Buffer.allocUnsafe(head.length + size + tail.length);
  bytes.write(head, "latin1");
  if (typeof slice === "string") bytes.write(slice, head.length);
  else bytes.set(slice, head.length);
  bytes.write(tail, head.length + size, "latin1");
  return bytes;
}

const LAST_CHUNK = Buffer.from("0\r\n\r\n");
const NOTHING = Buffer.alloc(0);

/** The small text that was framed last: ten thousand watches may be told the same. */
let latest: { readonly text: string; readonly chunk: Buffer; whole: Buffer | undefined } = {
  text: "",
  chunk: NOTHING,
  whole: LAST_CHUNK,
};

function chunkOf(text: string): Buffer {
  if (latest.text !== text) latest = { text, chunk: framed(text, true), whole: undefined };
  return latest.chunk;
}

function withLastChunk(bytes: Buffer): Buffer {
  if (bytes !== latest.chunk) return Buffer.concat([bytes, LAST_CHUNK]);
  return latest.whole ??= Buffer.concat([bytes, LAST_CHUNK]);
}

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
