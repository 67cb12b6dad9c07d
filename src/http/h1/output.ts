/**
 * Where answers are put together. One buffer serves the connections of a port in
 * turn, so that an answer costs no allocation, and all that a connection is answered
 * in one turn of the event loop leaves by one write.
 */
import { Buffer } from "node:buffer";

const SLAB_BYTES = 64 * 1024;

/** Whose bytes are in the buffer. */
export interface OutputOwner {
  /** Sends what `take` returns, at once. */
  flush(): void;
}

export class Output {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** Of the owner's bytes. */
  #start = 0;
  #end = 0;
  #owner: OutputOwner | undefined;

  /** A place for at least `bytesMax` bytes behind what `owner` has written: `written` says how many it took. */
  room(owner: OutputOwner, bytesMax: number): Buffer {
    if (this.#owner !== owner) {
      this.#owner?.flush();
      this.#owner = owner;
    }
    if (this.#end + bytesMax > this.#slab.length) {
      owner.flush();
      // What was written lives in the old one until the sockets have taken it.
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytesMax));
      this.#start = this.#end = 0;
      this.#owner = owner;
    }
    return this.#slab.subarray(this.#end);
  }

  /** So many bytes were put in the place that `room` gave. */
  written(bytes: number): void {
    this.#end += bytes;
  }

  /** Bytes of `owner` that wait for `take`. */
  sizeOf(owner: OutputOwner): number {
    return this.#owner === owner ? this.#end - this.#start : 0;
  }

  /** What `owner` has written; undefined when it is nothing. The bytes don't change afterwards. */
  take(owner: OutputOwner): Buffer | undefined {
    if (this.#owner !== owner) return undefined;
    this.#owner = undefined;
    if (this.#end === this.#start) return undefined;
    const bytes = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return bytes;
  }
}
