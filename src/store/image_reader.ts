/**
 * Builds a state from an image, a slice at a time, and proves it whole before it
 * gives it away. Must not touch the state that is in use. The format is in
 * `image_format.ts`.
 */
import { ByteReader, DecodeError } from "./bytes.ts";
import { Hasher } from "./hash.ts";
import { History } from "./history.ts";
import {
  BLOCK_BYTES_MAX,
  digestOf,
  END,
  EVENTS,
  HEAD,
  IMAGE_VERSION,
  ITEMS,
  readEvent,
  type StateHead,
} from "./image_format.ts";
import { checkRecord, keyAt } from "./record.ts";
import { Tree } from "./tree.ts";

/** An image that is damaged, cut short or of another version. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

export interface RestoredState {
  readonly head: StateHead;
  readonly history: History;
  readonly tree: Tree;
}

/** Takes an image in, portion by portion; of no more use after it threw. */
export class ImageReader {
  readonly #blocks = new BlockQueue();
  readonly #historyHash = new Hasher();
  readonly #history: History;
  readonly #tree = new Tree();
  #head: StateHead | undefined;
  /** Of the last block that was read; 0 before the first. */
  #kind = 0;

  /** Keeps the newest `historyMax` events, however many the image has. */
  constructor(historyMax: number) {
    this.#history = new History(historyMax);
  }

  /** The next bytes of the image, cut anywhere. Throws `ImageError`. */
  add(bytes: Uint8Array): void {
    asImageError(() => {
      this.#blocks.add(bytes);
      for (let block = this.#blocks.next(); block !== undefined; block = this.#blocks.next()) {
        this.#readBlock(block);
      }
    });
  }

  /** The state, after the last bytes. Throws `ImageError` when some are missing. */
  finish(): RestoredState {
    if (this.#head === undefined || this.#kind !== END || this.#blocks.size > 0) {
      throw new ImageError("Damaged image: expected an end block, found the end of the bytes");
    }
    return { head: this.#head, history: this.#history, tree: this.#tree };
  }

  #readBlock(block: Uint8Array): void {
    const reader = new ByteReader(block);
    const kind = reader.byte();
    this.#checkOrder(kind);
    this.#kind = kind;
    if (kind === HEAD || kind === EVENTS) this.#historyHash.bytes(block);
    switch (kind) {
      case HEAD:
        this.#readHead(reader);
        break;
      case EVENTS:
        while (!reader.atEnd) this.#readEvent(reader);
        break;
      case ITEMS:
        this.#readItems(block);
        return;
      case END:
        this.#readEnd(reader);
        break;
      default:
        throw new DecodeError(`Expected a block of kind 1 to 4, found ${kind}`);
    }
    reader.end();
  }

  /** One head, events, items, one end. */
  #checkOrder(kind: number): void {
    const last = this.#kind;
    const repeats = kind === last && (kind === EVENTS || kind === ITEMS);
    const first = last === 0;
    if ((kind === HEAD) === first && (kind > last || repeats)) return;
    throw new DecodeError(`Expected another block after one of kind ${last}, found kind ${kind}`);
  }

  #readHead(reader: ByteReader): void {
    const version = reader.byte();
    if (version !== IMAGE_VERSION) {
      throw new DecodeError(`Expected version ${IMAGE_VERSION}, found ${version}`);
    }
    const timeMs = reader.integer();
    const index = reader.integer();
    const appliedIndex = reader.integer();
    this.#head = { timeMs, index, appliedIndex };
    this.#history.clear(reader.integer());
  }

  #readEvent(reader: ByteReader): void {
    const event = readEvent(reader);
    const { newestIndex } = this.#history;
    if (event.index <= newestIndex) {
      throw new DecodeError(`Expected an event after ${newestIndex}, found ${event.index}`);
    }
    this.#history.push(event);
  }

  #readItems(block: Uint8Array): void {
    for (let at = 1; at < block.length;) {
      const end = checkRecord(block, at);
      const record = block.subarray(at, end);
      if (!this.#tree.append(record)) {
        throw new DecodeError(`Expected ascending keys, found "${keyAt(record, 0)}" too late`);
      }
      at = end;
    }
  }

  #readEnd(reader: ByteReader): void {
    expectHash("state", reader.text(), digestOf(this.#head!, this.#tree.hash));
    expectHash("history", reader.text(), this.#historyHash.finish().hex());
  }
}

/** Cuts bytes that come in any portions into blocks. */
class BlockQueue {
  #buffer: Uint8Array = new Uint8Array(0);
  /** What came after `#buffer`; joined only when a block needs it. */
  #later: Uint8Array[] = [];
  /** Bytes that wait. */
  size = 0;

  add(bytes: Uint8Array): void {
    this.#later.push(bytes);
    this.size += bytes.length;
  }

  /** The next block without its length, once it is there as a whole. */
  next(): Uint8Array | undefined {
    if (!this.#gather(4)) return undefined;
    const head = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, 4);
    const length = head.getUint32(0, true);
    if (length === 0 || length > BLOCK_BYTES_MAX) {
      throw new DecodeError(`Expected a block of up to ${BLOCK_BYTES_MAX} bytes, found ${length}`);
    }
    if (!this.#gather(4 + length)) return undefined;
    const block = this.#buffer.subarray(4, 4 + length);
    this.#buffer = this.#buffer.subarray(4 + length);
    this.size -= 4 + length;
    return block;
  }

  /** Whether the next `count` bytes are there, which are then in `#buffer`. */
  #gather(count: number): boolean {
    if (this.size < count) return false;
    if (this.#buffer.length < count) {
      this.#buffer = concat([this.#buffer, ...this.#later]);
      this.#later = [];
    }
    return true;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const filled = parts.filter((part) => part.length > 0);
  if (filled.length === 1) return filled[0]!;
  const whole = new Uint8Array(filled.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of filled) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function expectHash(what: string, stored: string, found: string): void {
  if (stored === found) return;
  throw new DecodeError(`Expected the hash "${stored}" of the ${what}, found "${found}"`);
}

function asImageError(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ImageError(`Damaged image: ${error.message}`, { cause: error });
  }
}
