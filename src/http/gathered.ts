/**
 * Bytes that come in pieces, kept in one buffer. A client may send single octets, and an
 * object for each would cost hundreds of times what is counted.
 */
import { Buffer } from "node:buffer";

const NOTHING = Buffer.alloc(0);

export class Gathered {
  #buffer = NOTHING;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** All so far; they don't change afterwards. */
  get bytes(): Buffer {
    return this.#size === 0 ? NOTHING : this.#buffer.subarray(0, this.#size);
  }

  /** Copies `piece` behind what is there. */
  append(piece: Uint8Array): void {
    const size = this.#size + piece.length;
    if (size > this.#buffer.length) {
      // The first piece is mostly the only one.
      const larger = Buffer.allocUnsafe(this.#size === 0 ? size : 2 * size);
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.#size);
    this.#size = size;
  }

  /** Lets go of all, which whoever has got it still has. */
  clear(): void {
    this.#buffer = NOTHING;
    this.#size = 0;
  }
}
