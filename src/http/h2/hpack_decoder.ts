/** Decodes header blocks (RFC 7541). What a block may cost is bounded by its length and the list's. */
import { Buffer } from "node:buffer";
import { DynamicTable, fieldSize, STATIC_FIELDS } from "./hpack_table.ts";
import { readHuffman } from "./huffman.ts";
import type { Field } from "./stream.ts";

/** A block can't be decoded: no later one of its connection can be, either (RFC 9113 §4.3). */
export class HpackError extends Error {
  override readonly name = "HpackError";
}

export interface DecodedBlock {
  /** In their order; without those that would make the list too long. */
  readonly fields: readonly Field[];
  /** Whether the list is longer than allowed (RFC 9113 §6.5.2). */
  readonly isTooLong: boolean;
}

/** What we allow the peer's encoder: the protocol's default (RFC 9113 §6.5.2). */
const DECODER_TABLE_BYTES = 4096;

/** Above that nothing sensible is meant: neither a length nor an index. */
const INTEGER_MAX = 2 ** 28;

/**
 * The strings of a shorter block are cut out of its text, which is made once: a call for
 * each would take longer than all the rest. A string that was cut out keeps the whole text
 * alive, so those of longer blocks, and of the table, are made by themselves.
 */
const TEXT_BYTES_MAX = 1024;

/** Octets of the string that is being decoded. */
let scratch = Buffer.alloc(4096);

/** The decoder of one connection: what a block means hangs on those before it. */
export class HpackDecoder {
  readonly #table = new DynamicTable(DECODER_TABLE_BYTES);
  readonly #listBytesMax: number;
  #bytes: Buffer = scratch;
  #start = 0;
  #at = 0;
  #end = 0;
  /** The block, a unit for each octet; undefined when it is longer than `TEXT_BYTES_MAX`. */
  #text: string | undefined;

  /** `listBytesMax`: as RFC 9113 §6.5.2 counts a list, 32 bytes a field more than its octets. */
  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  /** Changes whenever the same bytes may mean something else from now on. */
  get version(): number {
    return this.#table.version;
  }

  /** Decodes a whole block; `text` is the same in Latin-1, if it is at hand. Throws `HpackError`. */
  decode(bytes: Buffer, start: number, end: number, text?: string): DecodedBlock {
    this.#bytes = bytes;
    this.#start = this.#at = start;
    this.#end = end;
    this.#text = text ??
      (end - start <= TEXT_BYTES_MAX ? bytes.toString("latin1", start, end) : undefined);
    const fields: Field[] = [];
    let left = this.#listBytesMax;
    let mayResize = true;
    while (this.#at < end) {
      const first = bytes[this.#at]!;
      if ((first & 0xe0) === 0x20) {
        if (!mayResize) throw new HpackError("A table size update stands behind a field");
        this.#resize();
        continue;
      }
      mayResize = false;
      const field = first >= 0x80 ? this.#field(this.#integer(7)) : this.#literal(first);
      left -= fieldSize(field);
      if (left >= 0) fields.push(field);
    }
    return { fields, isTooLong: left < 0 };
  }

  #resize(): void {
    const size = this.#integer(5);
    if (size > DECODER_TABLE_BYTES) {
      throw new HpackError(
        `Expected a table of at most ${DECODER_TABLE_BYTES} bytes, found ${size}`,
      );
    }
    this.#table.resize(size);
  }

  #literal(first: number): Field {
    const isIndexed = (first & 0x40) !== 0;
    if (isIndexed) this.#text = undefined;
    const index = this.#integer(isIndexed ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#field(index)[0];
    const field: Field = [name, this.#string()];
    if (isIndexed) this.#table.insert(field);
    return field;
  }

  #field(index: number): Field {
    const field = index <= STATIC_FIELDS.length
      ? STATIC_FIELDS[index - 1]
      : this.#table.at(index - STATIC_FIELDS.length - 1);
    if (field === undefined) throw new HpackError(`No field has the index ${index}`);
    return field;
  }

  /** RFC 7541 §5.1; `bits` of the next byte are the prefix. */
  #integer(bits: number): number {
    const mask = (1 << bits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0;; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (value > INTEGER_MAX || shift > 28) throw new HpackError("An integer is too large");
      if (byte < 0x80) return value;
    }
  }

  /** RFC 7541 §5.2. One unit of the text for each octet. */
  #string(): string {
    const isHuffman = this.#at < this.#end && this.#bytes[this.#at]! >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw new HpackError("A string is longer than its block");
    this.#at = end;
    if (!isHuffman) {
      return this.#text?.slice(start - this.#start, end - this.#start) ??
        this.#bytes.toString("latin1", start, end);
    }
    if (scratch.length < length * 2) scratch = Buffer.alloc(length * 2);
    const count = readHuffman(this.#bytes, start, end, scratch);
    if (count < 0) throw new HpackError("A string is no Huffman code");
    return scratch.toString("latin1", 0, count);
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new HpackError("The block ends in the middle of a field");
    return this.#bytes[this.#at++]!;
  }
}
