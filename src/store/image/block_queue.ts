/** Cuts the bytes of an image, which come in any portions, into its blocks. */
import { DecodeError } from "../../base/bytes.ts";
import { BLOCK_BYTES_MAX } from "./format.ts";

export class BlockQueue {
  #buffer: Uint8Array = new Uint8Array(0);
  /** What came after `#buffer`; joined only when a block needs it. */
  #later: Uint8Array[] = [];
  /** Bytes that wait. */
  size = 0;

  add(bytes: Uint8Array): void {
    this.#later.push(bytes);
    this.size += bytes.length;
  }

  /** The next block without its length, once it is there as a whole. Throws `DecodeError`. */
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
