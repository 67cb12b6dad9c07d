/** What the codecs that are written by hand share. */
import { type WireReader, wrongWireType } from "./wire_reader.ts";
import { bigVarintSize, delimitedSize, varintSize, type WireWriter } from "./wire_writer.ts";

/**
 * The proto names of a message's fields by number. A tag that no case has taken is
 * of another wire type if its field is here, else of a field that nobody knows.
 */
export type FieldNames = Readonly<Record<number, string>>;

/** Steps over a field that no case has taken; throws when it is a known one. */
export function otherField(reader: WireReader, tag: number, names: FieldNames): void {
  const name = names[Math.floor(tag / 8)];
  if (name !== undefined) wrongWireType(tag, name);
  reader.skip(tag);
}

/** Moves the reader's end to that of the message whose length comes next; returns the old one. */
export function enter(reader: WireReader): number {
  const outer = reader.end;
  const length = reader.length();
  reader.end = reader.offset + length;
  return outer;
}

// Sizes of fields whose tag is one byte. What is zero or left out takes nothing.

/** A byte string or bytes. */
export function bytesFieldSize(value: { readonly length: number } | undefined): number {
  return value === undefined || value.length === 0 ? 0 : 1 + delimitedSize(value.length);
}

/** A number. */
export function numberFieldSize(value: number | undefined): number {
  return value === undefined || value === 0 ? 0 : 1 + varintSize(value);
}

/** A bigint. */
export function idFieldSize(value: bigint | undefined): number {
  return value === undefined || value === 0n ? 0 : 1 + bigVarintSize(value);
}

/** A flag. */
export function flagFieldSize(value: boolean | undefined): number {
  return value === true ? 2 : 0;
}

/** A message of `size` bytes that is there, even if it is empty. */
export function messageFieldSize(size: number): number {
  return 1 + delimitedSize(size);
}

// The same fields, written.

/** A byte string. */
export function writeKeyField(writer: WireWriter, tag: number, value: string | undefined): void {
  if (value === undefined || value === "") return;
  writer.byte(tag);
  writer.varint(value.length);
  writer.latin1(value);
}

/** Bytes. */
export function writeBytesField(
  writer: WireWriter,
  tag: number,
  value: Uint8Array | undefined,
): void {
  if (value === undefined || value.length === 0) return;
  writer.byte(tag);
  writer.varint(value.length);
  writer.raw(value);
}

/** A number. */
export function writeNumberField(
  writer: WireWriter,
  tag: number,
  value: number | undefined,
): void {
  if (value === undefined || value === 0) return;
  writer.byte(tag);
  writer.varint(value);
}

/** A bigint. */
export function writeIdField(writer: WireWriter, tag: number, value: bigint | undefined): void {
  if (value === undefined || value === 0n) return;
  writer.byte(tag);
  writer.bigVarint(value);
}

/** A flag. */
export function writeFlagField(writer: WireWriter, tag: number, value: boolean | undefined): void {
  if (value !== true) return;
  writer.byte(tag);
  writer.byte(1);
}
