/** A request body in chunks (RFC 9112 §7.1), as it comes. */
import { Buffer } from "node:buffer";
import { COLON, CR, FIELD, HEX, LF, OCTETS, SEMICOLON, TOKEN } from "./octets.ts";

/** Of a chunk's size; eight would still fit into 32 bits. */
const DIGITS_MAX = 8;
/** Of extensions and trailers together, which nobody reads. */
const IGNORED_BYTES_MAX = 4096;
/** The first buffer's size. */
const BUFFER_BYTES = 4096;

/** What is expected next; the same for every octet of it. */
type Place =
  | "size"
  | "extension"
  | "size end"
  | "data"
  | "data end"
  | "data line feed"
  | "trailer start"
  | "trailer name"
  | "trailer value"
  | "trailer end"
  | "last line feed"
  | "done";

/** How far the body is: `malformed` and `long` are final. */
export type ChunkedState = "more" | "done" | "malformed" | "long";

export class ChunkedBody {
  readonly #bytesMax: number;
  #place: Place = "size";
  #digits = 0;
  /** Of the chunk, what has not come. */
  #left = 0;
  #ignored = 0;
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #size = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes of the body that have come. */
  get size(): number {
    return this.#size;
  }

  /** The body so far. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  /**
   * Takes what has come; `at` tells where to begin. Returns how far the body is, and in
   * `end` where the next request begins when it is done.
   */
  take(bytes: Buffer, at: number): { readonly state: ChunkedState; readonly end: number } {
    let i = at;
    while (i < bytes.length && this.#place !== "done") {
      if (this.#place === "data") {
        i = this.#takeData(bytes, i);
        continue;
      }
      const next = this.#after(bytes[i++]!);
      if (next === undefined) return { state: "malformed", end: i };
      this.#place = next;
      if (this.#left > this.#bytesMax - this.#size) return { state: "long", end: i };
    }
    return { state: this.#place === "done" ? "done" : "more", end: i };
  }

  #takeData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#grow(this.#size + end - at);
    bytes.copy(this.#buffer, this.#size, at, end);
    this.#size += end - at;
    this.#left -= end - at;
    if (this.#left === 0) this.#place = "data end";
    return end;
  }

  #grow(size: number): void {
    if (size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.min(Math.max(size, 2 * size), this.#bytesMax));
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#buffer = larger;
  }

  /** The place behind `octet`; undefined where it may not stand. */
  #after(octet: number): Place | undefined {
    const place = this.#place;
    switch (place) {
      case "size":
        return this.#afterSize(octet);
      case "extension":
        if (octet === CR) return "size end";
        return this.#ignore(octet, FIELD, place);
      case "size end":
        if (octet !== LF) return undefined;
        this.#digits = 0;
        return this.#left === 0 ? "trailer start" : "data";
      case "data end":
        return octet === CR ? "data line feed" : undefined;
      case "data line feed":
        return octet === LF ? "size" : undefined;
      case "trailer start":
        if (octet === CR) return "last line feed";
        return this.#ignore(octet, TOKEN, "trailer name");
      case "trailer name":
        if (octet === COLON) return "trailer value";
        return this.#ignore(octet, TOKEN, place);
      case "trailer value":
        if (octet === CR) return "trailer end";
        return this.#ignore(octet, FIELD, place);
      case "trailer end":
        return octet === LF ? "trailer start" : undefined;
      case "last line feed":
        return octet === LF ? "done" : undefined;
      case "data":
      case "done":
        return undefined;
    }
  }

  #afterSize(octet: number): Place | undefined {
    if ((OCTETS[octet]! & HEX) !== 0) {
      this.#left = this.#left * 16 + hexValue(octet);
      return ++this.#digits > DIGITS_MAX ? undefined : "size";
    }
    if (this.#digits === 0) return undefined;
    if (octet === CR) return "size end";
    return octet === SEMICOLON ? "extension" : undefined;
  }

  #ignore(octet: number, allowed: number, next: Place): Place | undefined {
    const isAllowed = (OCTETS[octet]! & allowed) !== 0;
    return isAllowed && ++this.#ignored <= IGNORED_BYTES_MAX ? next : undefined;
  }
}

function hexValue(octet: number): number {
  return octet <= 0x39 ? octet - 0x30 : (octet | 0x20) - 0x61 + 10;
}
