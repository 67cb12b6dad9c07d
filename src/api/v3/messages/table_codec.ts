/**
 * Any message's bytes, by its table. Messages that have a codec of their own go
 * through that unless `handCodecs` says otherwise, as tests do.
 */
import { MessageError } from "./message_error.ts";
import { enumNumber, enumValue } from "./scalars.ts";
import type { Element, HandCodec, Lengths, MessageType, TableField } from "./table.ts";
import { deeper, LENGTH, VARINT, type WireReader, wrongWireType } from "./wire_reader.ts";
import { delimitedSize, varintSize, type WireWriter } from "./wire_writer.ts";

/** A message of which only its table is known. */
export type Loose = Readonly<Record<string, unknown>>;
type Building = Record<string, unknown>;
type Member = { readonly kind: string; readonly value: unknown };

/** Which codec a message in a message gets. */
export type Choose = (type: MessageType<object>) => HandCodec<object>;

/** A codec for `type` that goes by its table alone. */
export function tableCodec(type: MessageType<object>, choose: Choose): HandCodec<object> {
  return {
    read: (reader, depth, previous) => read(type, reader, depth, previous as Loose, choose),
    measure: (message, lengths) => measure(type, message as Loose, lengths, choose),
    write: (message, writer, lengths) => write(type, message as Loose, writer, lengths, choose),
  };
}

function read(
  type: MessageType<object>,
  reader: WireReader,
  depth: number,
  previous: Loose | undefined,
  choose: Choose,
): Loose {
  let message: Building = { ...(previous ?? type.empty) };
  while (reader.offset < reader.end) {
    const tag = reader.tag();
    const field = type.byNumber.get(Math.floor(tag / 8));
    if (field === undefined) {
      reader.skip(tag);
    } else if (field.repeated) {
      append(message, field, tag, reader, depth, choose);
    } else if (field.oneof === undefined) {
      const before = message[field.property];
      message[field.property] = readElement(field, tag, reader, depth, before, choose);
    } else {
      // The last member that is sent wins, and is not merged with one before: as in Go, and so
      // that a transaction in a thousand pieces is not copied a thousand times.
      const value = readElement(field, tag, reader, depth, undefined, choose);
      const member = { kind: field.property, value };
      if (type.isUnion) message = member;
      else message[field.oneof] = member;
    }
  }
  return message;
}

function append(
  message: Building,
  field: TableField,
  tag: number,
  reader: WireReader,
  depth: number,
  choose: Choose,
): void {
  // The list of an empty message is shared: the first element begins one that is not.
  let list = message[field.property] as unknown[];
  if (list.length === 0) message[field.property] = list = [];
  if (tag % 8 === LENGTH && wireTypeOf(field.element) === VARINT) {
    within(reader, () => {
      while (reader.offset < reader.end) list.push(readValue(field.element, reader));
    });
  } else {
    list.push(readElement(field, tag, reader, depth, undefined, choose));
  }
}

function readElement(
  { element, name }: TableField,
  tag: number,
  reader: WireReader,
  depth: number,
  previous: unknown,
  choose: Choose,
): unknown {
  if (tag % 8 !== wireTypeOf(element)) wrongWireType(tag, name);
  if (element.type !== "message") return readValue(element, reader);
  const codec = choose(element.message());
  return within(reader, () => codec.read(reader, deeper(depth), previous as object | undefined));
}

function readValue(element: Element, reader: WireReader): unknown {
  switch (element.type) {
    case "scalar":
      return element.scalar.read(reader);
    case "enum":
      return enumValue(element.enumeration, reader.int32());
    case "message":
      throw new MessageError("proto: a message can't be packed");
  }
}

/** Runs `read` with the reader's end moved to that of the bytes whose length comes next. */
function within<T>(reader: WireReader, read: () => T): T {
  const outer = reader.end;
  reader.end = reader.length() + reader.offset;
  const value = read();
  reader.end = outer;
  return value;
}

function wireTypeOf(element: Element): number {
  switch (element.type) {
    case "scalar":
      return element.scalar.wireType;
    case "enum":
      return VARINT;
    case "message":
      return LENGTH;
  }
}

/** The values of a field that go onto the wire; those that are zero do not. */
export function presentValues(
  type: MessageType<object>,
  field: TableField,
  message: Loose,
): readonly unknown[] {
  if (field.repeated) return (message[field.property] ?? []) as readonly unknown[];
  if (field.oneof === undefined) {
    const value = message[field.property];
    return value === undefined || isZero(field.element, value) ? [] : [value];
  }
  const member = (type.isUnion ? message : message[field.oneof]) as Member | undefined;
  return member?.kind === field.property ? [member.value] : [];
}

function isZero(element: Element, value: unknown): boolean {
  switch (element.type) {
    case "scalar":
      return element.scalar.isZero(value);
    case "enum":
      return enumNumber(element.enumeration, value as string | number) === 0;
    case "message":
      return false;
  }
}

function measure(
  type: MessageType<object>,
  message: Loose,
  lengths: Lengths,
  choose: Choose,
): number {
  let size = 0;
  for (const field of type.fields) {
    const values = presentValues(type, field, message);
    if (values.length === 0) continue;
    const tagSize = varintSize(field.number * 8);
    if (isPacked(field)) {
      size += tagSize + delimitedSize(packedSize(field.element, values));
      continue;
    }
    for (const value of values) {
      size += tagSize + elementSize(field.element, value, lengths, choose);
    }
  }
  return size;
}

function elementSize(
  element: Element,
  value: unknown,
  lengths: Lengths,
  choose: Choose,
): number {
  switch (element.type) {
    case "scalar":
      return element.scalar.size(value);
    case "enum":
      return varintSize(enumNumber(element.enumeration, value as string | number));
    case "message": {
      const place = lengths.open();
      const size = choose(element.message()).measure(value as object, lengths);
      lengths.close(place, size);
      return delimitedSize(size);
    }
  }
}

/** Proto3 packs lists of numbers. */
function isPacked({ repeated, element }: TableField): boolean {
  return repeated && wireTypeOf(element) === VARINT;
}

function packedSize(element: Element, values: readonly unknown[]): number {
  return values.reduce<number>((sum, value) => sum + packedValueSize(element, value), 0);
}

function packedValueSize(element: Element, value: unknown): number {
  return element.type === "scalar"
    ? element.scalar.size(value)
    : element.type === "enum"
    ? varintSize(enumNumber(element.enumeration, value as string | number))
    : 0;
}

function write(
  type: MessageType<object>,
  message: Loose,
  writer: WireWriter,
  lengths: Lengths,
  choose: Choose,
): void {
  for (const field of type.fields) {
    const values = presentValues(type, field, message);
    if (values.length === 0) continue;
    const { element, number } = field;
    if (isPacked(field)) {
      writer.varint(number * 8 + LENGTH);
      writer.varint(packedSize(element, values));
      for (const value of values) writeElement(element, value, writer, lengths, choose);
      continue;
    }
    for (const value of values) {
      writer.varint(number * 8 + wireTypeOf(element));
      writeElement(element, value, writer, lengths, choose);
    }
  }
}

function writeElement(
  element: Element,
  value: unknown,
  writer: WireWriter,
  lengths: Lengths,
  choose: Choose,
): void {
  switch (element.type) {
    case "scalar":
      return element.scalar.write(writer, value);
    case "enum":
      return writer.varint(enumNumber(element.enumeration, value as string | number));
    case "message":
      writer.varint(lengths.take());
      return choose(element.message()).write(value as object, writer, lengths);
  }
}
