/**
 * Encodes header blocks (RFC 7541). The first field of each name goes into the dynamic
 * table, and no other: from then on its value is one byte as long as it stays, and where it
 * changes its name still is. A table that changed with every answer would save nothing. Lists
 * that are passed again and again, as the same array, are bytes that are only copied.
 */
import { Buffer } from "node:buffer";
import {
  DynamicTable,
  ENTRY_OVERHEAD,
  fieldSize,
  STATIC_FIELDS,
  STATIC_NAMES,
} from "./hpack_table.ts";
import { huffmanLength, writeHuffman } from "./huffman.ts";
import type { Field, Fields } from "./stream.ts";

/** As much as a peer has to offer without being asked; what it offers beyond isn't used. */
const TABLE_BYTES_MAX = 4096;

/** A secret must not be guessed by what else is in the table (RFC 7541 §7.1.3). */
const NEVER_INDEXED: ReadonlySet<string> = new Set(["authorization", "cookie", "set-cookie"]);

/** How a literal begins: the pattern and the bits of its index (RFC 7541 §6.2). */
const INDEXED = { pattern: 0x40, bits: 6 } as const;
const UNINDEXED = { pattern: 0x00, bits: 4 } as const;
const NEVER = { pattern: 0x10, bits: 4 } as const;

/** `:status` fields of the static table. */
const STATUS_INDEXES: ReadonlyMap<number, number> = new Map(
  STATIC_FIELDS.flatMap(([name, value], i) =>
    name === ":status" ? [[Number(value), i + 1] as const] : []
  ),
);

/** The field of a name that is in the table. */
interface Entry {
  readonly value: string;
  /** How many went into the table before it. */
  readonly ordinal: number;
}

/** What is known of an array of fields. */
interface Known {
  /** Of the table, when `bytes` were made. */
  readonly version: number;
  /** Of the answers that they are the head of; undefined for trailers. */
  readonly status: number | undefined;
  readonly bytes: Uint8Array;
}

/** How many lists are remembered that have come once. */
const RECENT = 8;

/** The block that is being made. */
let scratch = Buffer.alloc(4096);

export class HpackEncoder {
  readonly #table = new DynamicTable(TABLE_BYTES_MAX);
  /** What is in it, by the name as it was passed. */
  readonly #entries = new Map<string, Entry>();
  /** How many have ever gone into it. */
  #inserted = 0;
  /** Lists that have come more than once. */
  readonly #known = new WeakMap<Fields, Known>();
  /** Those that came last: most of them never come again, and a `WeakMap` of all would cost more than it saves. */
  readonly #recent: (Fields | undefined)[] = new Array(RECENT).fill(undefined);
  #recentAt = 0;
  /** The smallest and the last size since the last block, which the next one has to tell. */
  #sizes: { smallest: number; last: number } | undefined;

  /** The peer allows a table of `bytes` (RFC 9113 §6.5.2). */
  allowTable(bytes: number): void {
    const last = Math.min(bytes, TABLE_BYTES_MAX);
    if (this.#sizes === undefined && last === this.#table.sizeMax) return;
    this.#sizes = { smallest: Math.min(last, this.#sizes?.smallest ?? last), last };
  }

  /**
   * The block of an answer's head, or of trailers when `status` is undefined. Valid until
   * the next call of any encoder; the peer has to get it, or its table is another than ours.
   */
  encode(status: number | undefined, fields: Fields): Uint8Array {
    const known = this.#known.get(fields);
    if (
      known !== undefined && known.version === this.#table.version && known.status === status &&
      this.#sizes === undefined
    ) return known.bytes;
    reserve(blockBytesMax(fields));
    const start = this.#sizes === undefined ? 0 : this.#resize(this.#sizes);
    const isKnown = known !== undefined || this.#recent.includes(fields);
    const end = this.#write(status, fields, start);
    if (isKnown) this.#learn(status, fields);
    else this.#recent[this.#recentAt++ % RECENT] = fields;
    return scratch.subarray(0, end);
  }

  /** Keeps what `fields` are from now on, when their place in the table is found. */
  #learn(status: number | undefined, fields: Fields): void {
    const start = scratch.length / 2;
    // Behind the block, which is still needed.
    const end = this.#write(status, fields, start);
    const bytes = new Uint8Array(scratch.subarray(start, end));
    this.#known.set(fields, { version: this.#table.version, status, bytes });
  }

  #resize({ smallest, last }: { smallest: number; last: number }): number {
    this.#sizes = undefined;
    let at = 0;
    if (smallest < last) {
      this.#table.resize(smallest);
      at = writeInteger(0x20, 5, smallest, at);
    }
    this.#table.resize(last);
    // What no longer fits is gone, the oldest first.
    const gone = this.#inserted - this.#table.count;
    for (const [name, { ordinal }] of this.#entries) {
      if (ordinal < gone) this.#entries.delete(name);
    }
    return writeInteger(0x20, 5, last, at);
  }

  #write(status: number | undefined, fields: Fields, at: number): number {
    if (status !== undefined) at = writeStatus(status, at);
    for (const field of fields) at = this.#writeField(field, at);
    return at;
  }

  #writeField(field: Field, at: number): number {
    const [name, value] = field;
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      const place = STATIC_FIELDS.length + this.#inserted - entry.ordinal;
      if (entry.value === value) return writeInteger(0x80, 7, place, at);
      const index = STATIC_NAMES.get(name) ?? place;
      return writeString(value, writeInteger(UNINDEXED.pattern, UNINDEXED.bits, index, at));
    }
    const isSecret = NEVER_INDEXED.has(name);
    // Nothing is ever driven out: then the places of the rest stay as they are.
    const isInserted = !isSecret && fieldSize(field) <= this.#table.sizeMax - this.#table.size;
    const { pattern, bits } = isSecret ? NEVER : isInserted ? INDEXED : UNINDEXED;
    const index = STATIC_NAMES.get(name) ?? 0;
    at = writeInteger(pattern, bits, index, at);
    if (index === 0) at = writeString(name, at);
    at = writeString(value, at);
    if (isInserted) this.#insert(name, value);
    return at;
  }

  #insert(name: string, value: string): void {
    this.#table.insert([clean(name), clean(value)]);
    this.#entries.set(name, { value, ordinal: this.#inserted++ });
  }
}

/** An upper bound, with room for integers, for size updates and for the status. */
function blockBytesMax(fields: Fields): number {
  let bytes = 32;
  for (const [name, value] of fields) bytes += name.length + value.length + ENTRY_OVERHEAD;
  return bytes;
}

/** Room for a block of `bytes`, twice: `#learn` makes a second one behind it. */
function reserve(bytes: number): void {
  if (scratch.length < bytes * 2) scratch = Buffer.alloc(bytes * 4);
}

function writeStatus(status: number, at: number): number {
  const index = STATUS_INDEXES.get(status);
  if (index !== undefined) return writeInteger(0x80, 7, index, at);
  at = writeInteger(UNINDEXED.pattern, UNINDEXED.bits, STATIC_NAMES.get(":status")!, at);
  return writeString(`${status}`, at);
}

/** RFC 7541 §5.1 */
function writeInteger(pattern: number, bits: number, value: number, at: number): number {
  const mask = (1 << bits) - 1;
  if (value < mask) {
    scratch[at] = pattern | value;
    return at + 1;
  }
  scratch[at++] = pattern | mask;
  for (value -= mask; value >= 0x80; value = Math.floor(value / 0x80)) {
    scratch[at++] = value & 0x7f | 0x80;
  }
  scratch[at++] = value;
  return at;
}

/** Shorter strings go as they are: their Huffman code takes longer than the few bytes that it saves. */
const HUFFMAN_FROM = 24;

function writeString(text: string, at: number): number {
  const octets = clean(text);
  if (octets.length < HUFFMAN_FROM) {
    scratch[at++] = octets.length;
    // The runtime takes far longer for a short text.
    for (let i = 0; i < octets.length; i++) scratch[at++] = octets.charCodeAt(i);
    return at;
  }
  const length = huffmanLength(octets);
  if (length < octets.length) {
    return writeHuffman(octets, scratch, writeInteger(0x80, 7, length, at));
  }
  at = writeInteger(0, 7, octets.length, at);
  return at + scratch.write(octets, at, "latin1");
}

/** What no field may have (RFC 9113 §8.2.1), and what is no octet. */
const UNCLEAN = /[^\t\x20-\x7e\x80-\xff]/;

/** Characters that no field may have become question marks: nobody adds a field through a value. */
function clean(text: string): string {
  return UNCLEAN.test(text) ? text.replaceAll(new RegExp(UNCLEAN, "g"), "?") : text;
}
