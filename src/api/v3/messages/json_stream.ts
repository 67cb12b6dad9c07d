/**
 * The messages of a gateway stream's body, which come one after another, in
 * pieces of any size: finds where each ends. Blanks between them mean nothing.
 */
import { MessageError } from "./message_error.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;
const OPENING = new Set([OPENING_BRACE, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Cuts a body into messages. Only objects are messages; whether one is JSON is not looked at here. */
export class JsonStream {
  readonly #messageBytesMax: number;
  /** Grows by doubling, so that a message in tiny pieces is not copied with each of them. */
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  #length = 0;
  /** Where the search goes on. */
  #at = 0;
  #depth = 0;
  #inString = false;

  /** `messageBytesMax` bounds what is kept of a message that has not ended. */
  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /**
   * The messages that end within `piece`. Throws `MessageError` when one is
   * larger than it may be, or begins with anything but a brace; the stream is of
   * no use after that.
   */
  push(piece: Uint8Array): Uint8Array[] {
    this.#append(piece);
    const messages: Uint8Array[] = [];
    let start = 0;
    while (this.#at < this.#length) {
      if (this.#depth === 0) {
        start = this.#skipBlanks();
        if (start === this.#length) break;
      }
      const isWhole = this.#findEnd();
      if (this.#at - start > this.#messageBytesMax) throw new MessageError("message is too large");
      if (!isWhole) break;
      messages.push(this.#bytes.slice(start, this.#at));
      start = this.#at;
    }
    this.#bytes.copyWithin(0, start, this.#length);
    this.#length -= start;
    this.#at -= start;
    return messages;
  }

  /** Whether a message has begun that has not ended. */
  get isInMessage(): boolean {
    return this.#depth > 0;
  }

  #append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  #skipBlanks(): number {
    while (this.#at < this.#length && BLANKS.has(this.#bytes[this.#at]!)) this.#at++;
    const first = this.#bytes[this.#at];
    if (this.#at < this.#length && first !== OPENING_BRACE) {
      throw new MessageError(
        `invalid character '${String.fromCharCode(first!)}' looking for beginning of message`,
      );
    }
    return this.#at;
  }

  /** Moves behind the message that has begun; false when it goes on beyond what is there. */
  #findEnd(): boolean {
    const bytes = this.#bytes;
    const length = this.#length;
    for (let at = this.#at; at < length; at++) {
      const byte = bytes[at]!;
      if (this.#inString) {
        // What a backslash escapes may be in the next piece: then it is looked at again.
        if (byte === BACKSLASH && at + 1 === length) return this.#pause(at);
        if (byte === BACKSLASH) at++;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (OPENING.has(byte)) {
        this.#depth++;
      } else if (CLOSING.has(byte) && --this.#depth === 0) {
        this.#at = at + 1;
        return true;
      }
    }
    return this.#pause(length);
  }

  #pause(at: number): false {
    this.#at = at;
    return false;
  }
}
