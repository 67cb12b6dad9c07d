/**
 * What a connection sends. All that one callback of the event loop brings is collected in
 * one buffer and written at once: a write costs more than making an answer. While a
 * write is under way, what comes meanwhile waits, and goes out together, too.
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** Most turns bring one small answer, and there may be thousands of connections … */
const SMALL_BYTES = 4 * 1024;
/** … and busy ones pay for each write. */
const LARGE_BYTES = 64 * 1024;
/** Buffers that are kept for the next turn; more are made when needed. */
const SPARE_MAX = 64;

const spareSmall: Buffer[] = [];
const spareLarge: Buffer[] = [];

function takeBuffer(isLarge: boolean): Buffer {
  return isLarge
    ? spareLarge.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES)
    : spareSmall.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES);
}

function giveBack(buffer: Buffer): void {
  if (buffer === WASTE) return;
  const spare = buffer.length === LARGE_BYTES ? spareLarge : spareSmall;
  if (spare.length < SPARE_MAX) spare.push(buffer);
}

interface Filled {
  readonly buffer: Buffer;
  readonly length: number;
}

/** Outputs with something to send once the callback that is running has ended. */
let dirty: Output[] = [];

function flushAll(): void {
  const outputs = dirty;
  dirty = [];
  for (const output of outputs) output.flush();
}

const EMPTY = Buffer.alloc(0);
/** Where everything goes that is made when it is too late. */
const WASTE = Buffer.alloc(LARGE_BYTES);

export class Output {
  readonly #socket: Socket;
  readonly #onWritten: () => void;
  /** Where `room` has promised room. */
  bytes: Buffer = EMPTY;
  #at = 0;
  #filled: Filled[] = [];
  #isDirty = false;
  #isClosed = false;
  /** The turn before had more than a small buffer takes. */
  #isBusy = false;
  #writes = 0;
  /** Made here and not yet taken by the system. */
  unsentBytes = 0;
  /** Changes when `bytes` is another buffer, with other contents. */
  generation = 0;

  /** `onWritten` is called whenever the system has taken something. */
  constructor(socket: Socket, onWritten: () => void) {
    this.#socket = socket;
    this.#onWritten = onWritten;
  }

  /** Where in `bytes` there is room for `count` bytes, 64 KiB at most; they count after `commit`. */
  room(count: number): number {
    if (this.#isClosed) return 0;
    if (this.#at + count > this.bytes.length) this.#exchange(count);
    return this.#at;
  }

  /** The first `count` bytes of the room have been filled. */
  commit(count: number): void {
    if (this.#isClosed) return;
    this.#at += count;
    this.unsentBytes += count;
    if (this.#isDirty) return;
    this.#isDirty = true;
    // Whatever else is answered by this callback, or by promises that it keeps, goes along.
    if (dirty.push(this) === 1) queueMicrotask(flushAll);
  }

  /** Writes what there is, unless a write is under way: then it follows that one. */
  flush(): void {
    this.#isDirty = false;
    if (this.#writes > 0 || this.#isClosed) return;
    if (this.#at > 0) this.#fill();
    this.#isBusy = this.#filled.length > 1 || this.#filled[0]?.buffer.length === LARGE_BYTES;
    const filled = this.#filled;
    if (filled.length === 0) return;
    this.#filled = [];
    this.#writes = filled.length;
    if (filled.length > 1) this.#socket.cork();
    for (const { buffer, length } of filled) {
      this.#socket.write(buffer.subarray(0, length), () => {
        giveBack(buffer);
        this.#written(length);
      });
    }
    if (filled.length > 1) this.#socket.uncork();
  }

  /** Writes the rest and ends this side of the socket. */
  end(): void {
    this.#writes = 0;
    this.flush();
    this.close();
    this.#socket.end();
  }

  /** Nothing goes out from here on. */
  close(): void {
    this.#isClosed = true;
    if (this.bytes !== EMPTY) giveBack(this.bytes);
    this.bytes = WASTE;
    this.generation++;
    for (const { buffer } of this.#filled) giveBack(buffer);
    this.#filled = [];
    this.#at = 0;
  }

  #written(length: number): void {
    this.unsentBytes -= length;
    this.#writes--;
    if (this.#isClosed) return;
    this.#onWritten();
    if (this.#writes === 0) this.flush();
  }

  /** Puts the buffer by, and takes none before there is something to fill in. */
  #fill(): void {
    this.#filled.push({ buffer: this.bytes, length: this.#at });
    this.bytes = EMPTY;
    this.#at = 0;
    this.generation++;
  }

  #exchange(count: number): void {
    const isLarge = this.#isBusy || this.#at > 0 || count > SMALL_BYTES;
    const small = this.bytes;
    if (this.#at > 0 && small.length === SMALL_BYTES) {
      // A first little part of a large turn: it stays at its place.
      this.bytes = takeBuffer(true);
      small.copy(this.bytes, 0, 0, this.#at);
      giveBack(small);
      if (this.#at + count <= LARGE_BYTES) return;
    }
    if (this.#at > 0) this.#fill();
    this.bytes = takeBuffer(isLarge);
  }
}
