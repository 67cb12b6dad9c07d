/**
 * HPACK: blocks, well made and not, against a decoder that is written for nothing but to be
 * plain; and what our encoder makes of lists of fields, against both.
 */
import { Buffer } from "node:buffer";
import { HpackDecoder, HpackError } from "../../src/http/h2/hpack_decoder.ts";
import { HpackEncoder } from "../../src/http/h2/hpack_encoder.ts";
import { STATIC_FIELDS } from "../../src/http/h2/hpack_table.ts";
import { writeHuffman } from "../../src/http/h2/huffman.ts";
import type { Field, Fields } from "../../src/http/h2/stream.ts";
import { SeededRandom } from "../sim/random.ts";
import { joined, mutated } from "./mutate.ts";
import { bytesOf, expectSame, type Subject, textOf } from "./subject.ts";

const LIST_BYTES_MAX = 4096;
const TABLE_BYTES_MAX = 4096;

const BITS = Array.from({ length: 256 }, (_, octet) => octet.toString(2).padStart(8, "0"));

/** Bits as text, to the octet that they stand for. */
const CODES = new Map<string, string>();
for (let octet = 0; octet < 256; octet++) {
  const text = String.fromCharCode(octet);
  const bytes = new Uint8Array(32);
  // Eight of them take as many bytes as one takes bits.
  const length = writeHuffman(text.repeat(8), bytes, 0);
  const bits = [...bytes].map((byte) => BITS[byte]!).join("");
  CODES.set(bits.slice(0, length), text);
}

/** Undefined when the block is no block. */
class PlainDecoder {
  #table: Field[] = [];
  #sizeMax = TABLE_BYTES_MAX;
  #bytes: Uint8Array = new Uint8Array(0);

  decode(block: Uint8Array): Field[] | undefined {
    this.#bytes = block;
    const fields: Field[] = [];
    try {
      for (let isFirst = true; this.#bytes.length > 0;) {
        const first = this.#bytes[0]!;
        if (first >> 5 === 1) {
          if (!isFirst) return undefined;
          this.#sizeMax = this.#integer(5);
          if (this.#sizeMax > TABLE_BYTES_MAX) return undefined;
          this.#shrink();
          continue;
        }
        isFirst = false;
        fields.push(this.#field(first));
      }
      return fields;
    } catch {
      return undefined;
    }
  }

  #field(first: number): Field {
    if (first >> 7 === 1) return this.#at(this.#integer(7));
    const isIndexed = first >> 6 === 1;
    const index = this.#integer(isIndexed ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#at(index)[0];
    const field: Field = [name, this.#string()];
    if (isIndexed) {
      this.#table.unshift(field);
      this.#shrink();
    }
    return field;
  }

  #shrink(): void {
    let left = this.#sizeMax;
    const count = this.#table.findIndex(([name, value]) =>
      (left -= name.length + value.length + 32) < 0
    );
    if (count >= 0) this.#table.length = count;
  }

  #at(index: number): Field {
    const { length } = STATIC_FIELDS;
    const field = index > length ? this.#table[index - length - 1] : STATIC_FIELDS[index - 1];
    if (field === undefined) throw new Error("no such index");
    return field;
  }

  #next(): number {
    const [byte] = this.#bytes;
    if (byte === undefined) throw new Error("the end");
    this.#bytes = this.#bytes.subarray(1);
    return byte;
  }

  #integer(bits: number): number {
    const mask = 2 ** bits - 1;
    let value = this.#next() % 2 ** bits;
    if (value < mask) return value;
    for (let factor = 1;; factor *= 128) {
      const byte = this.#next();
      value += (byte % 128) * factor;
      if (value > 2 ** 28 || factor > 2 ** 28) throw new Error("too large");
      if (byte < 128) return value;
    }
  }

  #string(): string {
    const isHuffman = (this.#bytes[0] ?? 0) >= 128;
    const length = this.#integer(7);
    if (length > this.#bytes.length) throw new Error("the end");
    const octets = this.#bytes.slice(0, length);
    this.#bytes = this.#bytes.subarray(length);
    if (!isHuffman) return String.fromCharCode(...octets);
    let text = "";
    let code = "";
    for (const bit of [...octets].map((octet) => BITS[octet]!).join("")) {
      code += bit;
      const found = CODES.get(code);
      if (found === undefined) continue;
      text += found;
      code = "";
    }
    if (code.length > 7 || code.includes("0")) throw new Error("padding");
    return text;
  }
}

const NAMES = [
  ":path",
  ":status",
  "content-type",
  "x",
  "grpc-status",
  "set-cookie",
  "a".repeat(90),
];
const VALUES = ["", "/", "200", "application/grpc", "v", "é\u00ff"];
const LONG_VALUES = ["b".repeat(300), "b".repeat(900), "c".repeat(5000)];

function anyField(random: SeededRandom): Field {
  // Long ones are rare: the plain decoder takes a millisecond for one.
  const value = random.chance(0.995) ? random.pick(VALUES) : random.pick(LONG_VALUES);
  return [random.pick(NAMES), value];
}

function integer(pattern: number, bits: number, value: number): Uint8Array {
  const mask = (1 << bits) - 1;
  if (value < mask) return Uint8Array.of(pattern | value);
  const bytes = [pattern | mask];
  let left = value - mask;
  for (; left >= 128; left >>= 7) bytes.push(left & 127 | 128);
  return Uint8Array.of(...bytes, left);
}

function string(text: string, random: SeededRandom): Uint8Array {
  const isHuffman = random.chance(0.5);
  const bytes = new Uint8Array(text.length * 4 + 4);
  const length = isHuffman ? writeHuffman(text, bytes, 0) : Buffer.from(text, "latin1").copy(bytes);
  return joined(integer(isHuffman ? 0x80 : 0, 7, length), bytes.subarray(0, length));
}

/** One field in any of the ways that there are. */
function anyRepresentation(random: SeededRandom): Uint8Array {
  if (random.chance(0.5)) return integer(0x80, 7, random.skewed(1, 90));
  const [name, value] = anyField(random);
  const [pattern, bits] = random.pick([[0x40, 6], [0x40, 6], [0x00, 4], [0x10, 4]] as const);
  if (random.chance(0.5)) {
    return joined(integer(pattern, bits, random.skewed(1, 70)), string(value, random));
  }
  return joined(integer(pattern, bits, 0), string(name, random), string(value, random));
}

function anyBlock(random: SeededRandom): Uint8Array {
  const resizes = random.chance(0.1) ? [integer(0x20, 5, random.skewed(0, 5000))] : [];
  const fields = Array.from({ length: random.skewed(1, 8) }, () => anyRepresentation(random));
  const block = joined(...resizes, ...fields);
  return random.chance(0.1) ? mutated(block, random) : block;
}

/** Blocks, one a line of hex. */
export const hpack: Subject = {
  name: "hpack blocks",
  promise: "the fields that a plain decoder finds, or none",
  make(random) {
    const blocks = Array.from({ length: random.skewed(1, 12) }, () => anyBlock(random).toHex());
    return bytesOf(blocks.join("\n"));
  },
  check([input]) {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    const plain = new PlainDecoder();
    for (const line of textOf(input!).split("\n")) {
      if (!/^([0-9a-f]{2})*$/.test(line)) return;
      const block = Buffer.from(line, "hex");
      const expected = plain.decode(block);
      const found = decodeWith(decoder, block);
      if (expected === undefined || found === undefined) {
        return expectSame(found, expected, "The block");
      }
      expectSame(found.fields, kept(expected), "The fields");
      expectSame(found.isTooLong, kept(expected).length < expected.length, "Their length");
    }
  },
};

function decodeWith(decoder: HpackDecoder, block: Buffer) {
  try {
    return decoder.decode(block, 0, block.length);
  } catch (error) {
    if (error instanceof HpackError) return undefined;
    throw error;
  }
}

/** As many as fit in a list. */
function kept(fields: readonly Field[]): readonly Field[] {
  let left = LIST_BYTES_MAX;
  return fields.filter(([name, value]) => (left -= name.length + value.length + 32) >= 0);
}

/** Lists that are sent again and again among others, and sizes of the peer's table. */
export const hpackLists: Subject = {
  name: "hpack lists",
  promise: "lists come out as they went in, by both decoders",
  make(random) {
    return bytesOf(`${random.integer(0, 2 ** 31)}`);
  },
  check([input]) {
    const random = new SeededRandom(Number.parseInt(textOf(input!), 10) || 0);
    const known: Fields[] = Array.from({ length: random.skewed(1, 12) }, () => anyList(random));
    const [encoder, decoder, plain] = [
      new HpackEncoder(),
      new HpackDecoder(2 ** 20),
      new PlainDecoder(),
    ];
    for (let i = 0; i < 15; i++) {
      if (random.chance(0.05)) encoder.allowTable(random.pick([0, 64, 200, 4096, 2 ** 32 - 1]));
      const list = random.chance(0.8) ? random.pick(known) : anyList(random);
      const status = random.chance(0.5) ? random.pick([200, 404, 499]) : undefined;
      const block = Buffer.from(encoder.encode(status, list));
      const expected = status === undefined ? list : [[":status", `${status}`], ...list];
      expectSame(decoder.decode(block, 0, block.length).fields, expected, "The fields");
      expectSame(plain.decode(block), expected, "The fields, by the plain decoder");
    }
  },
};

function anyList(random: SeededRandom): Fields {
  return Array.from({ length: random.skewed(1, 4) }, () => anyField(random));
}
