/**
 * The kinds of values that fields hold, and their bytes. How the v3 API's types
 * are held in memory is decided here, once for all messages:
 *
 * - `key`: bytes that the store orders and maps by, as a string of one character
 *   (0 to 255) a byte, a *byte string*;
 * - `bytes`: any other bytes, as a view of what was received;
 * - `int64`, `uint64`: revisions, counts, sizes, as a number that is exact within
 *   ±(2^53 - 1) and stays at that bound beyond it;
 * - `id`, `unsignedId`: leases, members, clusters, as a bigint of all 64 bits;
 * - `watchId`: chosen by clients and echoed, so every one of 64 bits is kept: a
 *   number while it is exact, a bigint beyond. Equal ids are equal keys of a `Map`.
 */
import { MessageError } from "./message_error.ts";
import { LENGTH, VARINT, type WireReader } from "./wire_reader.ts";
import {
  bigVarintSize,
  delimitedSize,
  textSize,
  varintSize,
  type WireWriter,
} from "./wire_writer.ts";

export type ScalarKind =
  | "key"
  | "bytes"
  | "string"
  | "bool"
  | "int64"
  | "uint64"
  | "uint32"
  | "id"
  | "unsignedId"
  | "watchId";

export type WatchId = number | bigint;

/** One kind of value: its bytes without the tag. */
export interface Scalar<V> {
  readonly kind: ScalarKind;
  readonly wireType: typeof VARINT | typeof LENGTH;
  /** What a message without the field has; it is not written. */
  readonly zero: V;
  isZero(value: V): boolean;
  read(reader: WireReader): V;
  size(value: V): number;
  write(writer: WireWriter, value: V): void;
}

/** No bytes; shared, since nobody can write into them. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A string of one character a byte. */
export const KEY: Scalar<string> = {
  kind: "key",
  wireType: LENGTH,
  zero: "",
  isZero: (value) => value === "",
  read: (reader) => reader.latin1(),
  size: (value) => delimitedSize(value.length),
  write(writer, value) {
    writer.varint(value.length);
    writer.latin1(value);
  },
};

/** Bytes; a view of the input when they were read. */
export const BYTES: Scalar<Uint8Array> = {
  kind: "bytes",
  wireType: LENGTH,
  zero: NO_BYTES,
  isZero: (value) => value.length === 0,
  read: (reader) => reader.view(),
  size: (value) => delimitedSize(value.length),
  write(writer, value) {
    writer.varint(value.length);
    writer.raw(value);
  },
};

/** UTF-8. */
export const STRING: Scalar<string> = {
  kind: "string",
  wireType: LENGTH,
  zero: "",
  isZero: (value) => value === "",
  read: (reader) => reader.text(),
  size: (value) => delimitedSize(textSize(value)),
  write(writer, value) {
    writer.varint(textSize(value));
    writer.text(value);
  },
};

/** `true` or `false`. */
export const BOOL: Scalar<boolean> = {
  kind: "bool",
  wireType: VARINT,
  zero: false,
  isZero: (value) => !value,
  read: (reader) => reader.bool(),
  size: () => 1,
  write: (writer, value) => writer.varint(value ? 1 : 0),
};

/** A signed number; at ±(2^53 - 1) it stands for anything beyond as well. */
export const INT64: Scalar<number> = number("int64", (reader) => reader.int64());

/** A number of at most 2^53 - 1, which stands for anything beyond as well. */
export const UINT64: Scalar<number> = number("uint64", (reader) => reader.uint64());

/** 32 bits without a sign. */
export const UINT32: Scalar<number> = number("uint32", (reader) => reader.uint32());

/** All 64 bits, signed. */
export const ID: Scalar<bigint> = bigNumber("id", (reader) => reader.bigInt64());

/** All 64 bits, without a sign. */
export const UNSIGNED_ID: Scalar<bigint> = bigNumber("unsignedId", (reader) => reader.bigUint64());

/** All 64 bits, signed; see the top of this file. */
export const WATCH_ID: Scalar<WatchId> = {
  kind: "watchId",
  wireType: VARINT,
  zero: 0,
  isZero: (value) => value === 0,
  read(reader) {
    const start = reader.offset;
    const value = reader.int64();
    if (Math.abs(value) < Number.MAX_SAFE_INTEGER) return value;
    reader.offset = start;
    return watchId(reader.bigInt64());
  },
  size: (value) => typeof value === "number" ? varintSize(value) : bigVarintSize(value),
  write(writer, value) {
    if (typeof value === "number") writer.varint(value);
    else writer.bigVarint(value);
  },
};

/** The one form of an id: a number while that is exact. */
export function watchId(value: bigint): WatchId {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Names of an enum by their numbers, and its full name for messages. */
export interface EnumType<N extends string> {
  readonly name: string;
  readonly names: readonly N[];
}

/**
 * A value of an enum: its name, or the number when no name is known for it, so
 * that whoever handles the message can refuse it.
 */
export type Enum<N extends string> = N | number;

/** The names of an enum, from 0 up without a gap. */
export function enumType<const N extends string>(name: string, names: readonly N[]): EnumType<N> {
  return { name, names };
}

/** The name of `number`, or the number itself when it has none. */
export function enumValue<N extends string>(type: EnumType<N>, number: number): Enum<N> {
  return type.names[number] ?? number;
}

/** The number of a value. */
export function enumNumber<N extends string>(type: EnumType<N>, value: Enum<N>): number {
  if (typeof value === "number") return value;
  const number = type.names.indexOf(value);
  if (number < 0) throw new MessageError(`unknown value "${value}" for enum ${type.name}`);
  return number;
}

function number(kind: ScalarKind, read: (reader: WireReader) => number): Scalar<number> {
  return {
    kind,
    wireType: VARINT,
    zero: 0,
    isZero: (value) => value === 0,
    read,
    size: varintSize,
    write: (writer, value) => writer.varint(value),
  };
}

function bigNumber(kind: ScalarKind, read: (reader: WireReader) => bigint): Scalar<bigint> {
  return {
    kind,
    wireType: VARINT,
    zero: 0n,
    isZero: (value) => value === 0n,
    read,
    size: bigVarintSize,
    write: (writer, value) => writer.bigVarint(value),
  };
}
